"""What the pages of customers say: of consents, and of what an erasure left and why."""

from typing import Final

from controlplane.models.consent import ConsentPurpose, ConsentSource, ConsentState
from controlplane.restaurants import erase_caller as kept
from controlplane.restaurants.errors import (
    AmbiguousNumber,
    NotANumber,
    NotBlocked,
    OwnNumber,
    RestaurantError,
)
from webapp.words import N_, _

PURPOSES: Final[dict[ConsentPurpose, str]] = {
    ConsentPurpose.OFFERS: N_("Recevoir des offres par SMS"),
    ConsentPurpose.MEMORY: N_("Être reconnu et se voir proposer ses habitudes"),
    ConsentPurpose.RECORDING: N_("Enregistrement des appels"),
}
STATES: Final[dict[ConsentState, tuple[str, str]]] = {
    ConsentState.GRANTED: (N_("Accepté"), "ok"),
    ConsentState.REFUSED: (N_("Refusé"), "bad"),
    ConsentState.WITHDRAWN: (N_("Retiré"), "done"),
}
SOURCES: Final[dict[ConsentSource, str]] = {
    ConsentSource.CALL: N_("au téléphone"),
    ConsentSource.WEB: N_("sur le site"),
    ConsentSource.STAFF: N_("auprès de l’équipe"),
}
TABLES: Final[dict[str, str]] = {
    "call": N_("Appels"),
    "call_case": N_("Appels signalés faux"),
    "call_turn": N_("Paroles des appels"),
    "faq_gap": N_("Questions sans réponse"),
    "voice_message": N_("Messages vocaux"),
    "task": N_("Tâches et rappels"),
    "notification": N_("SMS et e-mails"),
    "order_allergy": N_("Allergies"),
    "order_delivery": N_("Adresses de livraison"),
    "order": N_("Commandes"),
    "reservation": N_("Réservations"),
    "customer": N_("Fiche client"),
    "blocked_caller": N_("Numéro bloqué"),
    "transfer_target": N_("Numéros de votre équipe"),
    "escalation_step": N_("Alertes de votre équipe"),
    "restaurant": N_("Votre propre numéro"),
    "redis": N_("Données en cours de traitement"),
}
WHY_KEPT: Final[dict[str, str]] = {
    kept.IN_PROGRESS: N_("un appel est en cours : effacez de nouveau quand il sera terminé"),
    kept.TO_BE_MADE: N_("une commande est en préparation : effacez de nouveau une fois remise"),
    kept.FOUND_BY: N_("une commande est en préparation : effacez de nouveau une fois remise"),
    kept.TO_COME: N_("une réservation est à venir : effacez de nouveau une fois passée ou annulée"),
    kept.WITHOUT_CALLER: N_("heures, issue et coût des appels, sans numéro ni paroles"),
    kept.WHAT_WAS_SOLD: N_(
        "ce qui a été vendu est gardé dix ans (Code de commerce, art. L123-22), sans nom, numéro,"
        " adresse ni remarque"
    ),
    kept.BLOCKED: N_("ce numéro est bloqué : débloquez-le pour l’oublier"),
    kept.OWN_PEOPLE: N_("numéro du restaurant ou de son équipe, pas d’un client"),
}


def why_kept(why: str) -> str:
    """Say in the visitor's language why rows stay."""
    return " ; ".join(_(WHY_KEPT[each]) for each in why.split("; ") if each in WHY_KEPT)


def refused(error: RestaurantError) -> str:
    """Say what is wrong with a number."""
    match error:
        case OwnNumber():
            return _("C’est le numéro du restaurant ou de son équipe : il ne se bloque pas.")
        case NotBlocked():
            return _("Ce numéro n’est pas bloqué.")
        case NotANumber() | AmbiguousNumber():
            return _("Ce numéro n’existe pas. Écrivez-le comme 06 39 98 01 23.")
        case _:
            return _("Ce n’est pas possible.")
