"""Prompts, transfers and answers in the words of the restaurant's people."""

from typing import Final

from controlplane.contracts.phone_numbers import UnsafeReason
from controlplane.contracts.prompts import PromptKind
from controlplane.models.transfer_target import TransferMode
from controlplane.restaurants.errors import NameRefused, NeverDialled, Refused
from controlplane.restaurants.prompt_errors import SentenceRefused
from webapp.refusals import refused_setup
from webapp.words import N_, _

PROMPT_NAMES: Final = {
    PromptKind.GREETING: N_("Phrase d’accueil"),
    PromptKind.BUSY: N_("Quand personne ne peut répondre"),
    PromptKind.LEAVE_MESSAGE: N_("Avant de laisser un message"),
}
PROMPT_HINTS: Final = {
    PromptKind.GREETING: N_("Laissez vide : « Bonjour, ici » et le nom du restaurant."),
    PromptKind.BUSY: N_("Laissez vide pour la phrase standard. Votre téléphone sonne ensuite."),
    PromptKind.LEAVE_MESSAGE: N_("Laissez vide pour la phrase standard. Un bip suit."),
}
MODE_NAMES: Final = {
    TransferMode.WARM: N_("Annoncé, accepté par la touche 1"),
    TransferMode.BLIND: N_("Direct"),
}
_NEVER: Final = {
    UnsafeReason.OUR_LINE: N_("C’est une ligne où l’IA répond : l’appel tournerait en rond."),
}


def refused(error: Refused | SentenceRefused) -> str:
    """Say what a rule did not take, and what to do."""
    match error:
        case SentenceRefused():
            return _(
                "Cette phrase ne peut pas être dite. Écrivez une phrase de 200 caractères au plus,"
                " sans crochets ni chevrons."
            )
        case NeverDialled(reason=reason):
            never = N_("Ce numéro n’est jamais composé : urgence, surtaxé ou hors de France.")
            return _(_NEVER.get(reason, never))
        case NameRefused():
            return _("Ce nom ne peut pas être dit. Écrivez quelques mots, comme « la patronne ».")
        case _:
            return refused_setup(error)
