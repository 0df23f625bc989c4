"""What is said of one call: tools in plain words, what was wrong, why a request was refused."""

from dataclasses import dataclass
from typing import Final

from controlplane.contracts.call_requests import RequestRefusal
from controlplane.models.call_case import CaseKind
from controlplane.restaurants.call_errors import (
    AskedAlready,
    BridgeSilent,
    CallRefused,
    TooManyCases,
    UnknownTurn,
)
from controlplane.restaurants.errors import RestaurantError
from controlplane.restaurants.setup_errors import WordsRefused
from webapp.words import N_, _


@dataclass(frozen=True, slots=True)
class Tool:
    """How a tool's use is shown; `refused` when it did not do what it was asked."""

    icon: str
    words: str
    refused: str


TOOLS: Final = {
    "look_up_menu": Tool("search", N_("Carte consultée"), N_("Pas trouvé sur la carte")),
    "add_item": Tool("plus", N_("Panier : plat ajouté"), N_("Panier : plat refusé")),
    "change_item": Tool("undo", N_("Panier : plat changé"), N_("Panier : changement refusé")),
    "remove_item": Tool("minus", N_("Panier : plat retiré"), N_("Panier : rien à retirer")),
    "read_back": Tool("check", N_("Commande récapitulée"), N_("Récapitulatif impossible")),
    "place_order": Tool("order", N_("Commande passée"), N_("Commande non passée")),
    "transfer_to_human": Tool("transfer", N_("Demande de transfert"), N_("Transfert impossible")),
    "take_message": Tool("voice", N_("Message proposé"), N_("Message impossible")),
    "hang_up": Tool("hangup", N_("Fin de l’appel"), N_("Fin de l’appel refusée")),
}
OTHER_TOOL: Final = Tool("info", N_("Outil utilisé"), N_("Outil refusé"))
OK: Final = "ok"

KINDS: Final = (
    (CaseKind.DISH, N_("Mauvais plat ou option")),
    (CaseKind.PRICE, N_("Mauvais prix")),
    (CaseKind.TIME, N_("Mauvaise heure")),
    (CaseKind.MISHEARD, N_("A mal compris")),
    (CaseKind.NO_HUMAN, N_("Aurait dû passer quelqu’un")),
    (CaseKind.TONE, N_("Le ton")),
    (CaseKind.OTHER, N_("Autre chose")),
)

REFUSALS: Final = {
    RequestRefusal.GONE: N_("Cet appel est terminé."),
    RequestRefusal.NOT_WITH_ASSISTANT: N_(
        "Le client n’est pas avec l’IA en ce moment : il écoute l’accueil, patiente, ou parle déjà "
        "à quelqu’un."
    ),
    RequestRefusal.NOT_ALLOWED: N_(
        "Ce numéro ne peut pas être appelé. Vérifiez les numéros de transfert."
    ),
}


def tool_of(name: str | None) -> Tool:
    return TOOLS.get(name or "", OTHER_TOOL)


def kind_words(kind: str) -> str:
    """Say what was wrong."""
    return _(dict(KINDS)[CaseKind(kind)])


def why_refused(error: RestaurantError) -> str:
    """Say what happened, and what to do."""
    match error:
        case WordsRefused(most=most):
            return _(
                "Ce texte est trop long ou contient des caractères illisibles. "
                "Écrivez au plus %(most)s caractères.",
                most=most,
            )
        case UnknownTurn():
            return _("Cette phrase n’est plus là. Signalez l’appel entier.")
        case TooManyCases(most=most):
            return _(
                "Cet appel a déjà %(most)s erreurs signalées. Il n’en faut pas plus : elles sont "
                "toutes prises en compte.",
                most=most,
            )
        case CallRefused(reason=reason):
            return _(REFUSALS[reason])
        case AskedAlready():
            return _(
                "Quelqu’un vient de demander quelque chose pour cet appel. Attendez un instant."
            )
        case BridgeSilent(taken=True):
            return _(
                "Nous ne savons pas si c’est fait : la ligne n’a pas confirmé. Regardez où en est "
                "l’appel avant de recommencer."
            )
        case BridgeSilent():
            return _("La ligne n’a pas répondu à temps : rien n’est fait. Réessayez.")
        case _:
            raise error
