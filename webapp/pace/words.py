"""Pacing rules and the kitchen's pace, in the words of the restaurant's people."""

from typing import Final

from controlplane.contracts.opening import KitchenUnit, OpeningKind
from controlplane.models.pacing import PacingRule, PacingUnit
from controlplane.restaurants.errors import Refused
from controlplane.restaurants.setup_errors import PacesNothing
from webapp import show
from webapp.hours.words import DAY_NAMES, KIND_NAMES, span
from webapp.refusals import refused_setup
from webapp.words import N_, _, ngettext

UNIT_NAMES: Final = {
    PacingUnit.ORDERS: N_("commandes"),
    PacingUnit.ITEMS: N_("plats"),
    PacingUnit.CENTS: N_("euros"),
}
KITCHEN_UNITS: Final = {
    KitchenUnit.POINTS: N_("chaque point de plat en cours"),
    KitchenUnit.ORDERS: N_("chaque commande en cours"),
}


def most(rule: PacingRule) -> str:
    """Spell how much a slot takes: "12 commandes", "150,00 €"."""
    match PacingUnit(rule.unit):
        case PacingUnit.ORDERS:
            return ngettext("%(num)s commande", "%(num)s commandes", rule.most) % {"num": rule.most}
        case PacingUnit.ITEMS:
            return ngettext("%(num)s plat", "%(num)s plats", rule.most) % {"num": rule.most}
        case PacingUnit.COVERS:
            return ngettext("%(num)s couvert", "%(num)s couverts", rule.most) % {"num": rule.most}
        case PacingUnit.CENTS:
            return show.price(rule.most)


def binds(rule: PacingRule) -> str:
    """Spell when a rule binds, and for what: "À emporter · Vendredi, Samedi · 18 h 30 – 22 h"."""
    kinds = [_(KIND_NAMES[OpeningKind(kind)]) for kind in rule.kinds if kind in KIND_NAMES]
    days = [_(DAY_NAMES[day]) for day in rule.weekdays] or [_("Tous les jours")]
    hours = span((rule.opens, rule.closes)) if rule.opens and rule.closes else _("À toute heure")
    return " · ".join((", ".join(kinds), ", ".join(days), hours))


def refused(error: Refused) -> str:
    """Say what a rule did not take, and what to do."""
    match error:
        case PacesNothing():
            return _("Choisissez au moins un service : à emporter, sur place ou livraison.")
        case _:
            return refused_setup(error)
