"""The voice lint finds what goes wrong on the telephone and names the fix; good menus pass."""

import time

import pytest

from controlplane.local.demo.menu import MENU, OPTION_GROUPS
from controlplane.restaurants.menu_document import (
    CategoryEntry,
    GroupEntry,
    ItemEntry,
    MenuDocument,
    OptionEntry,
)
from controlplane.restaurants.menu_sentences import typeset
from controlplane.restaurants.voice_lint.findings import Finding, Rule, Severity
from controlplane.restaurants.voice_lint.lint import CONFUSABLE, lint_menu
from controlplane.restaurants.voice_lint.sayable import unsayable_parts, written_out
from controlplane.restaurants.voice_lint.sounds import distance, sounds_of

pytestmark = pytest.mark.unit


def item(name: str, price_cents: int = 1_000, **more: object) -> ItemEntry:
    told = {"name": name, "price_cents": price_cents, "allergens": [], **more}
    return ItemEntry.model_validate(told)


def menu(
    *items: ItemEntry, groups: tuple[GroupEntry, ...] = (), **more: tuple[ItemEntry, ...]
) -> MenuDocument:
    categories = {"Pizzas": items, **more}
    return MenuDocument(
        categories=tuple(CategoryEntry(name=name, items=has) for name, has in categories.items()),
        option_groups=groups,
    )


def only(found: tuple[Finding, ...]) -> Finding:
    assert len(found) == 1, [finding.message for finding in found]
    return found[0]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Margherita", "Marguerite"),
        ("Végétarienne", "Végétalienne"),
        ("Pizza Reine", "Pizza Rennes"),
        ("Thé", "Taie"),
        ("Pâté", "Pâtes"),
        ("Coca", "Cola"),
        ("Gnocchi", "Niokis"),
        ("Beignet", "Baignée"),
        ("Naan", "Nan"),
        ("Vin blanc", "Vin banc"),
        ("Poulet", "Poulpe"),
        ("Sicilien", "Sissiliin"),
    ],
)
def test_names_that_sound_alike_are_confusable(one: str, other: str) -> None:
    assert distance(sounds_of(one), sounds_of(other)) <= CONFUSABLE
    assert only(lint_menu(menu(item(one), item(other)))).rule is Rule.CONFUSABLE


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Reine", "Royale"),
        ("Saumon", "Saumon fumé"),
        ("Coca-Cola", "Coca-Cola Zéro"),
        ("Menu 1", "Menu 2"),
        ("Eau plate", "Eau gazeuse"),
        ("Orientale", "Occidentale"),
        ("Quatre saisons", "Quatre jambons"),
        ("Nem porc", "Nem bœuf"),
    ],
)
def test_names_that_are_told_apart_are_not(one: str, other: str) -> None:
    assert lint_menu(menu(item(one), item(other))) == ()


def test_the_distance_is_one_of_words_in_any_order_and_of_both_ways() -> None:
    one, other = sounds_of("Pizza bacon miel"), sounds_of("Miel bacon pizzas")
    assert distance(one, other) == distance(other, one) == 0
    assert distance((), sounds_of("Reine")) == 1


def test_what_is_said_is_compared_not_what_is_written() -> None:
    said = item("Marguerite", spoken_name="la pizza aux fleurs de courgette")
    assert lint_menu(menu(item("Margherita"), said)) == ()


@pytest.mark.parametrize(
    ("text", "parts", "full"),
    [
        ("Gde frite", ("Gde",), "grande frite"),
        ("Kebab supp. frites", ("supp.",), "Kebab supplément frites"),
        ("Omelette champ.", ("champ.",), "Omelette champignons"),
        ("PDT sautées", ("PDT",), "pommes de terre sautées"),
        ("Burger w/ bacon", ("w/",), None),
        ("Tacos 🌶", ("🌶",), None),
        ("Salade*", ("*",), None),
        ("Frt mx", ("Frt", "mx"), None),
    ],
)
def test_what_nobody_can_say_is_found_and_written_out(
    text: str, parts: tuple[str, ...], full: str | None
) -> None:
    assert unsayable_parts(text) == parts
    assert written_out(text) == full
    found = only(lint_menu(menu(item(text))))
    assert found.rule is Rule.UNSAYABLE
    assert typeset(full or "comme vous le diriez") in found.message


@pytest.mark.parametrize(
    "text",
    ["Coca 33 cl", "Burger BBQ XL", "Mozza", "1/2 poulet", "Fish & chips", "Bœuf", "Coca 1,5 L"],
)
def test_what_people_say_is_left_alone(text: str) -> None:
    assert unsayable_parts(text) == ()


def test_an_abbreviation_with_a_spoken_name_is_said_in_full() -> None:
    assert lint_menu(menu(item("Gde frite", spoken_name="grande frite"))) == ()


def test_an_option_is_said_too() -> None:
    group = GroupEntry(name="Suppléments", options=(OptionEntry(name="Supp. œuf"),))
    found = only(lint_menu(menu(item("Reine", option_groups=["Suppléments"]), groups=(group,))))
    assert (found.place, found.rule) == ("Suppléments › Supp. œuf", Rule.UNSAYABLE)


def test_homonyms_across_categories() -> None:
    found = only(lint_menu(menu(item("Margherita"), Menus=(item("MARGHERITA", 1_450),))))
    assert (found.rule, found.place) == (Rule.HOMONYM, "Pizzas › Margherita")
    assert "«\N{NO-BREAK SPACE}Menus\N{NO-BREAK SPACE}»" in found.message


def test_a_name_of_two_dishes_is_found() -> None:
    shared = item("Royale", aliases=["la reine"])
    found = only(lint_menu(menu(item("Reine"), shared)))
    assert (found.rule, found.place) == (Rule.SHARED_NAME, "Pizzas › Royale")
    two = menu(item("Calzone", aliases=["chausson"]), item("Soufflée", aliases=["chausson"]))
    assert only(lint_menu(two)).rule is Rule.SHARED_NAME
    assert lint_menu(menu(item("Reine", aliases=["reine", "la reine"]))) == ()


def test_a_group_that_demands_what_it_does_not_offer_is_an_error() -> None:
    dough = GroupEntry(name="Pâte", min=1, max=1)
    found = only(lint_menu(menu(item("Reine", option_groups=["Pâte"]), groups=(dough,))))
    assert (found.rule, found.severity) == (Rule.NO_OPTION, Severity.ERROR)
    assert lint_menu(menu(item("Reine"), groups=(dough,))) == ()


def test_a_group_whose_options_nobody_may_choose() -> None:
    sauces = GroupEntry(name="Sauces", min=0, max=0, options=(OptionEntry(name="blanche"),))
    found = only(lint_menu(menu(item("Kebab", option_groups=["Sauces"]), groups=(sauces,))))
    assert found.rule is Rule.NEVER_CHOSEN


def test_a_price_of_zero_is_found_unless_a_demanded_choice_has_the_price() -> None:
    size = GroupEntry(
        name="Taille", min=1, options=(OptionEntry(name="XL", price_delta_cents=900),)
    )
    sized = item("Tacos", 0, option_groups=["Taille"])
    assert lint_menu(menu(sized, groups=(size,))) == ()
    optional = size.model_copy(update={"min": 0})
    assert only(lint_menu(menu(sized, groups=(optional,)))).rule is Rule.PRICE_ZERO
    assert only(lint_menu(menu(item("Reine", 0)))).rule is Rule.PRICE_ZERO


def test_unknown_allergens_are_one_finding_for_the_whole_menu() -> None:
    unknown = [item(name, allergens=None) for name in ("Reine", "Thon")]
    found = only(lint_menu(menu(unknown[0], item("Eau"), unknown[1])))
    assert (found.rule, found.place) == (Rule.UNKNOWN_ALLERGENS, "Pizzas › Reine")
    assert "2 plat(s) sur 3" in found.message


def test_errors_come_first_and_dishes_off_sale_are_not_looked_at() -> None:
    dough = GroupEntry(name="Pâte", min=1)
    found = lint_menu(menu(item("Pdt", 0, option_groups=["Pâte"]), groups=(dough,)))
    assert [finding.severity for finding in found] == ["error", "warning", "warning"]
    assert lint_menu(menu(item("Pdt", 0, active=False))) == ()


def test_defaults_and_free_choices_that_cannot_be() -> None:
    salad = OptionEntry(name="salade", default=True)
    group = GroupEntry(name="Crudités", max=2, free=1, options=(salad,))
    kebab = item("Kebab", option_groups=["Crudités"])
    assert only(lint_menu(menu(kebab, groups=(group,)))).rule is Rule.NOTHING_TO_GIVE
    as_rows_may_be = group.model_copy(update={"max": 1, "free": 0, "options": (salad, salad)})
    stored = MenuDocument.model_construct(
        categories=menu(kebab).categories, option_groups=(as_rows_may_be,)
    )
    assert only(lint_menu(stored)).rule is Rule.TOO_MANY_DEFAULTS


def test_a_set_menu_says_what_it_is_made_of_at_what_price() -> None:
    midi = item("Midi", 1_500, set_menu=True, option_groups=["Plat"])
    wanted = OptionEntry(name="steak", category="plats")
    group = GroupEntry(name="Plat", min=1, options=(wanted,))
    steak, sides = item("Steak", 1_200), OptionEntry(name="Frites")
    assert lint_menu(menu(midi, groups=(group,), Plats=(steak,))) == ()
    with_sides = group.model_copy(update={"options": (wanted, sides)})
    found = only(lint_menu(menu(midi, groups=(with_sides,), Plats=(steak,))))
    assert (found.rule, found.severity) == (Rule.SET_MENU, Severity.WARNING)
    for nothing in (
        group.model_copy(update={"min": 0}),
        with_sides.model_copy(update={"options": (sides,)}),
    ):
        found = only(lint_menu(menu(midi, groups=(nothing,), Plats=(steak,))))
        assert (found.rule, found.severity) == (Rule.SET_MENU, Severity.ERROR)


def test_the_demo_menu_has_no_error() -> None:
    document = MenuDocument(
        categories=tuple(
            CategoryEntry(
                name=category.name,
                items=tuple(
                    item(
                        dish.name,
                        dish.price_cents,
                        spoken_name=dish.spoken,
                        aliases=dish.aliases,
                        option_groups=category.groups,
                    )
                    for dish in category.dishes
                ),
            )
            for category in MENU
        ),
        option_groups=tuple(
            GroupEntry(
                name=group.name,
                min=group.min_select,
                max=group.max_select,
                options=tuple(
                    OptionEntry(name=c.name, spoken_name=c.spoken, price_delta_cents=c.delta_cents)
                    for c in group.choices
                ),
            )
            for group in OPTION_GROUPS
        ),
    )
    found = lint_menu(document)
    assert [finding for finding in found if finding.severity is Severity.ERROR] == []


def test_three_hundred_dishes_are_linted_in_no_time() -> None:
    names = [f"{dish} {what} {how}" for dish in _DISHES for what in _WITH for how in _MADE]
    dishes = menu(*map(item, names[:300]))
    began = time.process_time()
    lint_menu(dishes)
    assert time.process_time() - began < 5


_DISHES = "Pizza Burger Salade Kebab Tacos Wrap Panini Omelette Sandwich Gratin".split()
_WITH = "poulet bœuf saumon chèvre jambon thon".split()
_MADE = "grillé nature épicé maison piquant".split()
