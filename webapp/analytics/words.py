"""Why calls led to nothing, in words of the restaurant."""

from typing import Final

from webapp.words import N_, _

REFUSALS: Final = {
    "closed": N_("Le restaurant était fermé"),
    "orders_paused": N_("Les commandes étaient en pause"),
    "hours_unconfirmed": N_("Jour férié sans horaires confirmés"),
    "not_taking_orders": N_("Le restaurant ne prenait pas de commandes"),
    "slot_full": N_("La cuisine ne pouvait plus rien promettre"),
    "not_available_then": N_("Plat pas servi à cette heure"),
    "sold_out": N_("Plat épuisé"),
    "option_sold_out": N_("Option épuisée"),
    "too_few_left": N_("Plus assez de portions"),
    "off_menu": N_("Plat retiré de la carte"),
    "unknown_dish": N_("Plat introuvable sur la carte"),
    "unknown_option": N_("Option introuvable sur la carte"),
    "outside_every_zone": N_("Zone de livraison trop loin"),
    "under_minimum": N_("Minimum de livraison pas atteint"),
    "unknown_person": N_("Personne demandée introuvable"),
    "orders_unavailable": N_("Prise de commande en panne"),
}
SHOWN: Final = frozenset(REFUSALS)
"""Other codes are between the assistant and its tools: no caller is lost by them."""


def refusal(code: str) -> str:
    return _(REFUSALS[code])
