"""What the menu's forms hold, as entries of a menu; what cannot be read is said field by field."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from controlplane.restaurants.menu_document import (
    CategoryEntry,
    GroupEntry,
    ItemEntry,
    OptionEntry,
    WindowEntry,
)
from controlplane.restaurants.menu_edits import PlacedDish
from controlplane.restaurants.menu_files import cells
from webapp.forms import Form
from webapp.words import N_, _

BLANK_OPTIONS: Final = 3
"""Lines that are offered for further choices; one without a name is none."""
MOST_OPTIONS: Final = 300
"""With six fields each they are as many as a form may send."""
_PRICE: Final = N_("Ce prix ne se lit pas. Écrivez un montant comme 12,50.")
_EXTRA: Final = N_("Ce supplément ne se lit pas. Écrivez un montant comme 1,50, ou −1,00.")
_RATE: Final = N_("Choisissez un taux de TVA de la liste.")
_WHOLE: Final = N_("Écrivez un nombre entier, de 0 à 99.")
_HOURS: Final = N_("Ces heures ne se lisent pas. Écrivez par exemple lun-ven 11:30-14:30.")
_ALLERGENS: Final = N_("Cet allergène est inconnu. Cochez ceux de la liste.")
_UNDECLARED: Final = N_("Confirmez que la liste est complète, ou décochez les allergènes.")
_FIELD_OF: Final = {
    "price_cents": "price",
    "vat_rate_bp": "vat",
    "kitchen_points": "points",
    "price_delta_cents": "price",
    "allergens": "allergen",
}
_SENTENCES: Final = {
    "string_too_short": N_("Ce champ ne peut pas rester vide."),
    "string_too_long": N_("Ce texte est trop long : %(max_length)s caractères au plus."),
    "too_long": N_("Il y en a trop : %(max_length)s au plus."),
    "greater_than_equal": N_("Pas moins de %(ge)s."),
    "less_than_equal": N_("Pas plus de %(le)s."),
}
_OTHERWISE: Final = N_("Ce texte contient un caractère illisible. Retapez-le.")
_ALCOHOL: Final = N_("L’alcool est toujours à 20 % de TVA (8,5 % outre-mer).")
_LIMITS: Final = N_(
    "Le minimum, les choix offerts et les choix servis d’office ne dépassent pas le maximum."
)

Parsed = TypeVar("Parsed")
Entry = TypeVar("Entry", ItemEntry, CategoryEntry, GroupEntry, OptionEntry)


def dish_values(dish: PlacedDish) -> dict[str, str]:
    """What a dish's form shows of it."""
    entry = dish.entry
    return {
        "name": entry.name,
        "category": dish.category,
        "price": price_typed(entry.price_cents),
        "vat": str(entry.vat_rate_bp),
        "description": entry.description,
        "spoken_name": entry.spoken_name,
        "aliases": ", ".join(entry.aliases),
        "station": entry.station,
        "points": str(entry.kitchen_points),
        "ingredients": ", ".join(entry.ingredients),
        "available": cells.written_windows(entry.available),
        **({"alcohol": "1"} if entry.alcohol else {}),
        **({"set_menu": "1"} if entry.set_menu else {}),
        **({"active": "1"} if entry.active else {}),
        **({"declared": "1"} if entry.allergens is not None else {}),
    }


def dish_form(dish: PlacedDish) -> Form:
    """A form that shows the dish as it is."""
    many = {
        "allergen": tuple(map(str, dish.entry.allergens or ())),
        "group": dish.entry.option_groups,
    }
    return Form(values=dish_values(dish), many=many)


def read_dish(form: Form) -> PlacedDish | None:
    """The dish that was typed; None, with the form's errors, when it is none."""
    values = {
        "name": form.text("name"),
        "spoken_name": form.text("spoken_name"),
        "aliases": _listed(form.text("aliases")),
        "description": " ".join(form.text("description").split()),
        "price_cents": _parsed(form, "price", cells.price_cents, _PRICE),
        "vat_rate_bp": _parsed(form, "vat", _rate, _RATE),
        "active": form.ticked("active"),
        "allergens": _allergens(form),
        "alcohol": form.ticked("alcohol"),
        "set_menu": form.ticked("set_menu"),
        "station": form.text("station"),
        "kitchen_points": _parsed(form, "points", cells.choices, _WHOLE),
        "ingredients": _listed(form.text("ingredients")),
        "option_groups": form.all("group"),
        "available": _windows(form),
    }
    entry = _entry(form, ItemEntry, values)
    return PlacedDish(form.text("category"), entry) if entry else None


def category_form(entry: CategoryEntry) -> Form:
    return Form(values={"name": entry.name, "available": cells.written_windows(entry.available)})


def read_category(form: Form) -> CategoryEntry | None:
    """The category that was typed, without its dishes; None, with errors, when it is none."""
    return _entry(form, CategoryEntry, {"name": form.text("name"), "available": _windows(form)})


def group_form(entry: GroupEntry) -> Form:
    """A form that shows the group and its options, each under a number."""
    values = {
        "name": entry.name,
        "min": str(entry.min),
        "max": str(entry.max),
        "free": str(entry.free),
    }
    for at, option in enumerate(entry.options):
        values |= {
            f"o{at}-name": option.name,
            f"o{at}-price": price_typed(option.price_delta_cents)
            if option.price_delta_cents
            else "",
            f"o{at}-spoken": option.spoken_name,
            f"o{at}-aliases": ", ".join(option.aliases),
            f"o{at}-category": option.category,
            **({f"o{at}-default": "1"} if option.default else {}),
        }
    return Form(values=values)


def option_numbers(form: Form) -> list[int]:
    """The numbers of the options that the form shows: those typed, and blank ones."""
    typed = [at for at in range(MOST_OPTIONS) if form.text(f"o{at}-name")]
    first = typed[-1] + 1 if typed else 0
    return [*typed, *range(first, min(first + BLANK_OPTIONS, MOST_OPTIONS))]


def read_group(form: Form) -> GroupEntry | None:
    """The group that was typed; an option without a name is taken away."""
    options = list(_options(form))
    values = {
        "name": form.text("name"),
        "options": tuple(options),
        **{limit: _parsed(form, limit, cells.choices, _WHOLE) for limit in ("min", "max", "free")},
    }
    return _entry(form, GroupEntry, values)


def price_typed(cents: int) -> str:
    """1250 → "12,50", as it is typed again."""
    sign = "−" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100},{abs(cents) % 100:02d}"


def _options(form: Form) -> Iterator[OptionEntry]:
    for at in range(MOST_OPTIONS):
        if not form.text(f"o{at}-name"):
            continue
        values = {
            "name": form.text(f"o{at}-name"),
            "spoken_name": form.text(f"o{at}-spoken"),
            "aliases": _listed(form.text(f"o{at}-aliases")),
            "price_delta_cents": _parsed(form, f"o{at}-price", _extra_cents, _EXTRA),
            "default": form.ticked(f"o{at}-default"),
            "category": form.text(f"o{at}-category"),
        }
        option = _entry(form, OptionEntry, values, prefix=f"o{at}-")
        if option is not None:
            yield option


def _rate(text: str) -> int:
    rate = int(text)
    if rate not in cells.RATES_BP:
        raise ValueError(text)
    return rate


def _extra_cents(text: str) -> int:
    plain = text.replace("−", "-")
    return cells.price_cents(plain, may_be_negative=True) if plain else 0


def _allergens(form: Form) -> tuple[str, ...] | None:
    """A list is declared as a whole, or nothing is known."""
    ticked = form.all("allergen")
    if ticked and not form.ticked("declared"):
        form.fail("declared", _(_UNDECLARED))
    return ticked if form.ticked("declared") else None


def _windows(form: Form) -> tuple[WindowEntry, ...] | None:
    return _parsed(form, "available", cells.windows, _HOURS)


def _listed(text: str) -> tuple[str, ...]:
    return cells.listed(text.replace(",", "|"))


def _parsed(form: Form, field: str, parse: Callable[[str], Parsed], sentence: str) -> Parsed | None:
    try:
        return parse(form.text(field))
    except ValueError:
        form.fail(field, _(sentence))
        return None


def _entry(
    form: Form, kind: type[Entry], values: Mapping[str, Any], *, prefix: str = ""
) -> Entry | None:
    """The entry, when all of the form is right; what is wrong with it is said beside the rest."""
    try:
        entry = kind.model_validate(values)
    except ValidationError as error:
        for fault in error.errors(include_url=False, include_input=False):
            field, said = _fault(kind, fault)
            form.fail(f"{prefix}{field}", said)
        return None
    return None if form.errors else entry


def _fault(kind: type[Entry], fault: ErrorDetails) -> tuple[str, str]:
    """The field to look at, and what to say of it. A fault of several has no place."""
    place = fault["loc"]
    if not place:
        return ("vat", _(_ALCOHOL)) if kind is ItemEntry else ("max", _(_LIMITS))
    field = str(place[0])
    return _FIELD_OF.get(field, field), _said(fault["type"], fault.get("ctx", {}))


def _said(fault: str, context: Mapping[str, Any]) -> str:
    if fault == "enum":
        return _(_ALLERGENS)
    return _(_SENTENCES[fault], **context) if fault in _SENTENCES else _(_OTHERWISE)
