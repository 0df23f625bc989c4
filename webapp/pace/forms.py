"""The kitchen's pace and its pacing rules as they are typed."""

from typing import Final

from controlplane.contracts.opening import ORDER_KINDS, KitchenPace, KitchenUnit, OpeningKind
from controlplane.models.pacing import PacingUnit
from controlplane.restaurants.set_pacing import Pace
from webapp.forms import Form
from webapp.hours.forms import read_time
from webapp.words import _

SLOTS: Final = (5, 10, 15, 20, 30, 60)
LONGEST_MINUTES: Final = 240
MOST_SECONDS: Final = 3_600
MOST_OF_A_SLOT: Final = 1_000_000


def read_pace(form: Form) -> KitchenPace | None:
    """Return the pace; None when the form says what is wrong with it."""
    least = read_number(form, "least_minutes", at_most=LONGEST_MINUTES, at_least=1)
    most = read_number(form, "most_minutes", at_most=LONGEST_MINUTES, at_least=1)
    seconds = read_number(form, "seconds_per_unit", at_most=MOST_SECONDS)
    if least is not None and most is not None and least > most:
        form.fail("most_minutes", _("Le temps le plus long est plus court que le plus bref."))
    unit = form.text("unit")
    if form.errors or least is None or most is None or seconds is None:
        return None
    return KitchenPace(
        least_minutes=least,
        most_minutes=most,
        seconds_per_unit=seconds,
        unit=KitchenUnit(unit) if unit in set(KitchenUnit) else KitchenUnit.POINTS,
    )


def read_seen(form: Form) -> KitchenPace | None:
    """Return the pace as the form showed it; None when it does not say."""
    try:
        return KitchenPace.model_validate_json(form.text("seen"))
    except ValueError:
        return None


def read_rule(form: Form) -> Pace | None:
    """Return the pacing rule; None when the form says what is wrong with it."""
    unit = form.text("unit")
    units = PacingUnit(unit) if unit in set(PacingUnit) else PacingUnit.ORDERS
    most = read_number(form, "most", at_most=MOST_OF_A_SLOT, at_least=1)
    slot = form.text("slot_minutes")
    opens, closes = read_time(form.text("opens")), read_time(form.text("closes"))
    if (opens is None) != (closes is None):
        form.fail("opens", _("Donnez les deux heures, ou aucune."))
    if slot not in set(map(str, SLOTS)):
        form.fail("slot_minutes", _("Choisissez la durée d’un créneau."))
    if form.errors or most is None:
        return None
    return Pace(
        kinds=frozenset(kind for kind in ORDER_KINDS if str(kind) in form.all("kinds")),
        unit=units,
        most=most * 100 if units is PacingUnit.CENTS else most,
        slot_minutes=int(slot),
        weekdays=frozenset(int(day) for day in form.all("weekdays") if day in set("0123456")),
        window=(opens, closes) if opens is not None and closes is not None else None,
    )


def read_number(form: Form, name: str, *, at_most: int, at_least: int = 0) -> int | None:
    """Return a whole number of the form; None when the form says what is wrong with it."""
    text = form.text(name)
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
    if number is None or not at_least <= number <= at_most:
        form.fail(
            name,
            _("Écrivez un nombre entier de %(least)s à %(most)s.", least=at_least, most=at_most),
        )
        return None
    return number


KINDS: Final = (OpeningKind.PICKUP, OpeningKind.ON_SITE, OpeningKind.DELIVERY)
