"""A delivery zone as it is typed. Money is typed in euros, and kept in cents."""

import re
from decimal import Decimal
from typing import Final
from uuid import UUID

from pydantic import ValidationError

from controlplane.restaurants.delivery_zones import Area, Circle, Postcodes, Zone
from webapp.forms import Form
from webapp.pace.forms import read_number
from webapp.words import _

_EUROS: Final = re.compile(r"[0-9]{1,4}(?:[.,][0-9]{1,2})?")
_POSTCODE: Final = re.compile(r"[0-9]{5}")
LONGEST_WAY: Final = 240


def read_zone(form: Form, zone_id: UUID, *, area: Area | None = None) -> Zone | None:
    """Return the zone; None when the form says what is wrong with it.

    A drawn outline is kept as it is: `area` is what the zone has, None for a new one.
    """
    fee = read_euros(form, "fee")
    minimum = read_euros(form, "minimum")
    delay = read_number(form, "delay_minutes", at_most=LONGEST_WAY)
    bounded = _area(form, area)
    if not form.text("name"):
        form.fail("name", _("Donnez un nom à la zone : l’IA le dit aux clients."))
    if form.errors or fee is None or minimum is None or delay is None or bounded is None:
        return None
    return Zone(
        id=zone_id,
        name=form.text("name"),
        area=bounded,
        fee_cents=fee,
        minimum_cents=minimum,
        delay_minutes=delay,
    )


def read_seen(form: Form) -> Zone | None:
    """Return the zone as the form showed it; None when it does not say."""
    try:
        return Zone.model_validate_json(form.text("seen"))
    except ValidationError:
        return None


def typed(zone: Zone) -> dict[str, str]:
    """Return the values with which a form shows a zone."""
    return {
        "name": zone.name,
        "fee": euros(zone.fee_cents),
        "minimum": euros(zone.minimum_cents),
        "delay_minutes": str(zone.delay_minutes),
        **_typed_area(zone.area),
    }


def euros(cents: int) -> str:
    """Spell 250 as "2,50", as an amount is typed."""
    return f"{cents // 100},{cents % 100:02d}"


def read_euros(form: Form, name: str) -> int | None:
    """Return an amount in cents; None when the form says what is wrong with it."""
    text = form.text(name).replace("€", "").strip()
    if not _EUROS.fullmatch(text):
        form.fail(name, _("Écrivez un montant comme 2,50."))
        return None
    return int(Decimal(text.replace(",", ".")) * 100)


def _area(form: Form, area: Area | None) -> Area | None:
    match area:
        case Postcodes() | None:
            return _postcodes(form)
        case Circle(latitude=latitude, longitude=longitude):
            radius = read_number(form, "radius_m", at_most=100_000, at_least=50)
            if radius is None:
                return None
            return Circle(latitude=latitude, longitude=longitude, radius_m=radius)
        case _:
            return area


def _postcodes(form: Form) -> Postcodes | None:
    codes = re.split(r"[\s,;]+", form.text("postcodes"))
    wrong = [code for code in codes if not _POSTCODE.fullmatch(code)]
    if wrong:
        form.fail("postcodes", _("Écrivez des codes postaux de cinq chiffres, séparés d’espaces."))
        return None
    return Postcodes(postcodes=frozenset(codes))


def _typed_area(area: Area) -> dict[str, str]:
    match area:
        case Postcodes(postcodes=codes):
            return {"postcodes": " ".join(sorted(codes))}
        case Circle(radius_m=radius):
            return {"radius_m": str(radius)}
        case _:
            return {}
