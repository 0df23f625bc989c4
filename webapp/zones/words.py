"""Delivery zones in the words of the restaurant's people."""

from controlplane.restaurants.delivery_zones import Area, Circle, Postcodes, Zone
from controlplane.restaurants.errors import Refused
from controlplane.restaurants.setup_errors import ZoneNameTaken
from webapp import show
from webapp.refusals import refused_setup
from webapp.words import _


def where(area: Area) -> str:
    """Say by what a zone is bounded."""
    match area:
        case Postcodes(postcodes=codes):
            return ", ".join(sorted(codes))
        case Circle(radius_m=radius):
            return _("à %(metres)s m au plus", metres=radius)
        case _:
            return _("tracé sur la carte")


def conditions(zone: Zone) -> str:
    """Say what delivering there takes: "2,50 € · dès 20,00 € · 20 min"."""
    fee = show.price(zone.fee_cents) if zone.fee_cents else _("gratuit")
    least = _("dès %(price)s", price=show.price(zone.minimum_cents))
    way = _("%(minutes)s min", minutes=zone.delay_minutes)
    return " · ".join((fee, least, way))


def refused(error: Refused) -> str:
    """Say what a rule did not take, and what to do."""
    match error:
        case ZoneNameTaken():
            return _("Une autre zone porte ce nom. Choisissez-en un autre.")
        case _:
            return refused_setup(error)
