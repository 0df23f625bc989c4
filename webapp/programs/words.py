"""What the page of programs says: scopes, events, what became of them, why one is refused."""

from collections.abc import Mapping
from typing import Final

from controlplane.models.api_token import ApiScope
from controlplane.models.event_outbox import OutboxTopic
from controlplane.models.webhook import DeliveryState
from controlplane.restaurants.api_errors import AddressFault, EndpointRefused
from controlplane.restaurants.errors import RestaurantError
from controlplane.restaurants.setup_errors import TooManyOf
from webapp.programs.queries import Delivery
from webapp.words import N_, _

SCOPES: Final[Mapping[ApiScope, str]] = {
    ApiScope.ORDERS_READ: N_("Lire les commandes"),
    ApiScope.ORDERS_WRITE: N_("Prendre des commandes et les faire avancer"),
    ApiScope.MENU_READ: N_("Lire le menu"),
    ApiScope.RESERVATIONS_READ: N_("Lire les réservations"),
    ApiScope.RESERVATIONS_WRITE: N_("Réserver et changer des réservations"),
    ApiScope.CUSTOMERS_READ: N_("Lire les clients et leurs numéros"),
    ApiScope.CALLS_READ: N_("Lire la liste des appels, sans ce qui s’y est dit"),
}
TOPICS: Final[Mapping[str, str]] = {
    OutboxTopic.ORDER_PLACED: N_("Une commande est prise"),
    OutboxTopic.ORDER_STATUS_CHANGED: N_("Une commande avance"),
    OutboxTopic.RESERVATION_CHANGED: N_("Une réservation change"),
}
STATES: Final[Mapping[DeliveryState, tuple[str, str]]] = {
    DeliveryState.PENDING: (N_("À envoyer"), "wait"),
    DeliveryState.DELIVERED: (N_("Reçu"), "ok"),
    DeliveryState.FAILED: (N_("Abandonné"), "bad"),
}
ANSWERS: Final[Mapping[str, str]] = {
    "unreachable": N_("aucune réponse à cette adresse"),
    "slow": N_("pas de réponse en dix secondes"),
    "forbidden": N_("l’adresse mène à un réseau privé"),
    "secret_unreadable": N_(
        "la clé de signature ne se lit plus : retirez l’adresse et remettez-la"
    ),
    "removed": N_("l’adresse a été retirée"),
}
FAULTS: Final[Mapping[AddressFault, str]] = {
    AddressFault.NOT_A_URL: N_(
        "Ce n’est pas une adresse. Écrivez-la comme https://caisse.fr/alloresto."
    ),
    AddressFault.NOT_HTTPS: N_("L’adresse doit commencer par https://."),
    AddressFault.WITH_PASSWORD: N_("Retirez le nom et le mot de passe : la signature suffit."),
    AddressFault.NOT_PUBLIC: N_("Cette adresse est d’un réseau privé : internet n’y arrive pas."),
}


def answered(delivery: Delivery) -> str:
    """Say what the last attempt met: a reason in words, or the HTTP status for support."""
    if not delivery.last_answer:
        return ""
    if delivery.last_answer in ANSWERS:
        return _(ANSWERS[delivery.last_answer])
    return _("réponse HTTP %(status)s", status=delivery.last_answer)


def refused(error: RestaurantError) -> str:
    """Say why a token or an address is not taken."""
    match error:
        case EndpointRefused():
            return _(FAULTS[error.fault])
        case TooManyOf():
            return _("Vous en avez déjà %(most)s : retirez-en un d’abord.", most=error.most)
    raise error
