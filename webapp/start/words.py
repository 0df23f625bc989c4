"""The steps of setting up, in the words of the restaurant's people."""

from typing import Final

from controlplane.restaurants.errors import Refused
from controlplane.restaurants.going_live import SetUp
from controlplane.restaurants.setup_errors import NotReady
from webapp.refusals import refused_setup
from webapp.words import N_, _

STEP_NAMES: Final = {
    SetUp.RESTAURANT: N_("Votre restaurant"),
    SetUp.MENU: N_("Votre carte"),
    SetUp.OPENING: N_("Vos horaires"),
    SetUp.VOICE: N_("L’accueil"),
    SetUp.LINE: N_("Votre ligne"),
    SetUp.LIVE: N_("La mise en service"),
    SetUp.CALL: N_("Un vrai appel"),
}
STEP_WHY: Final = {
    SetUp.RESTAURANT: N_("Ce que l’IA dit de vous, et le téléphone qui sonne si elle ne peut pas."),
    SetUp.MENU: N_("L’IA ne vend que ce qui est à la carte."),
    SetUp.OPENING: N_("Sans horaires, l’IA dit que le restaurant est fermé."),
    SetUp.VOICE: N_("La première phrase que chaque appelant entend."),
    SetUp.LINE: N_("Le compte SIP par lequel les appels arrivent."),
    SetUp.LIVE: N_("La ligne s’enregistre, et l’IA répond aux appels."),
    SetUp.CALL: N_("Appelez votre ligne d’un autre téléphone, et commandez."),
}


def refused(error: Refused) -> str:
    """Say what a rule did not take, and what to do."""
    match error:
        case NotReady(missing=()):
            return _("Le restaurant est fermé définitivement : écrivez-nous pour le rouvrir.")
        case NotReady(missing=missing):
            names = ", ".join(_(STEP_NAMES[SetUp(step)]) for step in missing)
            return _("Il manque encore : %(names)s. Faites ces étapes d’abord.", names=names)
        case _:
            return refused_setup(error)
