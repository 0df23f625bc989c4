"""A change of the menu that is worked on: what others saved of the same entry is never overwritten,
names stay distinct, and nothing is left that names what is not there.
"""

from typing import Final
from uuid import UUID

import pytest

from controlplane.restaurants.menu_changes import ChangeKind, changes_between
from controlplane.restaurants.menu_document import (
    CategoryEntry,
    GroupEntry,
    ItemEntry,
    MenuDocument,
    OptionEntry,
)
from controlplane.restaurants.menu_edits import (
    NEW,
    PlacedDish,
    WorkingMenu,
    category_mark,
    mark_of,
    move_category,
    move_dish,
    put_category,
    put_dish,
    put_group,
    remove_category,
    remove_dish,
    remove_group,
)
from controlplane.restaurants.menu_errors import (
    CategoryHasDishes,
    DishOffered,
    EntryChanged,
    NameTaken,
    NotInMenu,
)
from controlplane.restaurants.menu_import import moves

pytestmark = pytest.mark.unit

REINE, CHIANTI, LUNCH = UUID(int=1), UUID(int=2), UUID(int=3)
DRINK: Final = GroupEntry(
    name="Boisson", min=1, options=(OptionEntry(name="Chianti", category="Vins"),)
)
MENU: Final = WorkingMenu(
    MenuDocument(
        categories=(
            CategoryEntry(name="Pizzas", items=(ItemEntry(name="Reine", price_cents=1_250),)),
            CategoryEntry(
                name="Vins",
                items=(
                    ItemEntry(name="Chianti", price_cents=500, vat_rate_bp=2_000, alcohol=True),
                ),
            ),
            CategoryEntry(
                name="Menus",
                items=(
                    ItemEntry(
                        name="Midi", price_cents=1_500, set_menu=True, option_groups=("Boisson",)
                    ),
                ),
            ),
        ),
        option_groups=(DRINK,),
    ),
    {REINE: ("Pizzas", "Reine"), CHIANTI: ("Vins", "Chianti"), LUNCH: ("Menus", "Midi")},
)


def dish(name: str, *, category: str = "Pizzas", price_cents: int = 1_250) -> PlacedDish:
    return PlacedDish(category, ItemEntry(name=name, price_cents=price_cents))


def test_what_somebody_else_saved_of_the_same_dish_is_shown_and_kept() -> None:
    seen = MENU.dish(REINE).mark
    theirs = put_dish(MENU, REINE, dish("Reine", price_cents=1_300), seen=seen)
    with pytest.raises(EntryChanged) as refused:
        put_dish(theirs, REINE, dish("Reine", price_cents=1_400), seen=seen)
    assert refused.value.theirs == theirs.dish(REINE)
    mine = put_dish(theirs, REINE, dish("Reine", price_cents=1_400), seen=theirs.dish(REINE).mark)
    assert mine.dish(REINE).entry.price_cents == 1_400
    gone = remove_dish(theirs, REINE, seen=theirs.dish(REINE).mark)
    with pytest.raises(EntryChanged) as refused:
        put_dish(gone, REINE, dish("Reine"), seen=seen)
    assert refused.value.theirs is None
    other = put_dish(theirs, UUID(int=9), dish("Calzone"), seen=NEW)
    assert [item.name for item in other.category("Pizzas").items] == ["Reine", "Calzone"]


def test_a_dish_that_is_called_otherwise_or_moves_stays_the_same_dish() -> None:
    chianti = MENU.dish(CHIANTI)
    wine = chianti.entry.model_copy(update={"name": "Chianti classico"})
    renamed = put_dish(MENU, CHIANTI, PlacedDish("Vins", wine), seen=chianti.mark)
    assert renamed.dish_ids[CHIANTI] == ("Vins", "Chianti classico")
    assert renamed.group("Boisson").options[0].name == "Chianti classico"
    moved = put_category(
        renamed,
        "Vins",
        CategoryEntry(name="Vins rouges"),
        seen=category_mark(renamed.category("Vins")),
    )
    assert moved.dish(CHIANTI).category == "Vins rouges"
    assert moved.group("Boisson").options[0].category == "Vins rouges"
    assert not moved.document.unknown_components()
    found = changes_between(
        MENU.document, moved.document, moved=moves(MENU.dish_ids, moved.dish_ids)
    )
    [change] = [one for one in found if one.name == "Chianti classico" and one.owner != "Boisson"]
    assert [detail.field for detail in change.details] == ["owner", "name"]
    assert not [one for one in found if one.kind is ChangeKind.REMOVED and one.owner == "Vins"]


def test_what_something_still_needs_is_not_removed() -> None:
    with pytest.raises(DishOffered) as refused:
        remove_dish(MENU, CHIANTI, seen=MENU.dish(CHIANTI).mark)
    assert refused.value.groups == ("Boisson",)
    with pytest.raises(CategoryHasDishes):
        remove_category(MENU, "Pizzas")
    without = remove_group(MENU, "Boisson", seen=mark_of(DRINK))
    assert without.dish(LUNCH).entry.option_groups == ()
    empty = remove_dish(without, CHIANTI, seen=without.dish(CHIANTI).mark)
    assert [one.name for one in remove_category(empty, "Vins").document.categories] == [
        "Pizzas",
        "Menus",
    ]


def test_names_stay_distinct_and_known_however_they_are_written() -> None:
    with pytest.raises(NameTaken):
        put_dish(MENU, UUID(int=9), dish("REINE "), seen=NEW)
    with pytest.raises(NameTaken):
        put_category(MENU, "", CategoryEntry(name="pizza"), seen=NEW)
    with pytest.raises(NotInMenu):
        put_dish(MENU, UUID(int=9), dish("Calzone", category="Plats"), seen=NEW)
    unknown = OptionEntry(name="Barolo", category="Vins")
    with pytest.raises(NotInMenu):
        put_group(
            MENU,
            "Boisson",
            DRINK.model_copy(update={"options": (unknown,)}),
            seen=mark_of(DRINK),
        )
    named = put_group(
        MENU, "Boisson", DRINK.model_copy(update={"name": "Verre"}), seen=mark_of(DRINK)
    )
    assert named.dish(LUNCH).entry.option_groups == ("Verre",)


def test_the_order_is_the_restaurants() -> None:
    two = put_dish(MENU, UUID(int=9), dish("Calzone"), seen=NEW)
    swapped = move_dish(two, REINE, up=False)
    assert [item.name for item in swapped.category("Pizzas").items] == ["Calzone", "Reine"]
    assert move_dish(swapped, REINE, up=False) == swapped
    first = move_category(MENU, "Vins", up=True)
    assert [one.name for one in first.document.categories] == ["Vins", "Pizzas", "Menus"]
