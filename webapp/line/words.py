"""A line's state in plain words: what it is, and what the restaurant's people can do about it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from controlplane.contracts.gateway_states import GatewayState
from controlplane.contracts.sip_credentials import InvalidGateway
from controlplane.registrations.report import AccountReport, Standing
from controlplane.registrations.sip_codes import ACCOUNT_REFUSED, SILENT, meaning
from controlplane.restaurants.errors import RestaurantError
from controlplane.restaurants.set_account import PasswordMissing, UnknownCarrier
from webapp import show
from webapp.refusals import refused_setup
from webapp.words import N_, _

FIELDS: Final = {
    "username": N_("Cet identifiant contient un caractère qu’aucun opérateur ne donne."),
    "domain": N_("Ce qui suit le @ n’est pas un nom de domaine. Recopiez-le."),
    "auth_username": N_("Cet identifiant d’authentification est trop long ou illisible."),
    "password": N_("Ce mot de passe est vide, trop long, ou contient « : » ou « < »."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What the page says of the line; `advice` is empty when there is nothing to do."""

    tone: str
    title: str
    sentence: str
    advice: str = ""


def standing(account: AccountReport, now: datetime) -> Said:
    """Say how the line stands at `now`, an instant of the restaurant's zone."""
    match account.state:
        case Standing.PAUSED:
            return Said(
                tone="done",
                title=_("En attente"),
                sentence=_("La ligne s’enregistre quand le restaurant est mis en service."),
                advice=_("Terminez la mise en route."),
            )
        case GatewayState.SUSPENDED:
            return Said(
                tone="bad",
                title=_("Compte refusé"),
                sentence=_(
                    "L’opérateur a refusé le compte %(count)s fois (%(code)s). Nous n’insistons"
                    " plus : il le bloquerait.",
                    count=account.auth_failures,
                    code=account.last_sip_code,
                ),
                advice=_("Comparez l’identifiant et le mot de passe avec ceux de l’opérateur."),
            )
        case _ if account.registered and not account.bridge_silent:
            since = account.state_at
            when = show.since(since, now=now) if since else ""
            return Said(
                tone="ok",
                title=_("Ligne active"),
                sentence=_("Les appels arrivent. Enregistrée %(when)s.", when=when),
            )
        case _ if account.last_sip_code in ACCOUNT_REFUSED:
            return Said(
                tone="bad",
                title=_("Compte refusé"),
                sentence=_(
                    "L’opérateur refuse l’identifiant ou le mot de passe (%(code)s).",
                    code=account.last_sip_code,
                ),
                advice=_("Comparez-les avec ceux de l’opérateur, puis enregistrez-les ici."),
            )
        case GatewayState.UNRESOLVED | GatewayState.INVALID:
            return Said(
                tone="bad",
                title=_("Ligne arrêtée"),
                sentence=_("Le serveur de l’opérateur est introuvable, ou le compte illisible."),
                advice=_("Prévenez-nous : cela ne se règle pas d’ici."),
            )
        case _ if account.problem is not None:
            return _in_trouble(account)
    return Said(
        tone="wait",
        title=_("Connexion en cours"),
        sentence=_("La ligne s’enregistre chez l’opérateur. Cela prend moins d’une minute."),
    )


def refused(error: RestaurantError | InvalidGateway) -> tuple[str, str]:
    """Return the field that a rule did not take, and what to do."""
    match error:
        case InvalidGateway(field=field):
            return field, _(FIELDS.get(field, FIELDS["username"]))
        case PasswordMissing():
            return "password", _("Donnez le mot de passe du compte.")
        case UnknownCarrier():
            return "carrier", _("Choisissez un opérateur de la liste.")
        case _:
            return "", refused_setup(error)


def _in_trouble(account: AccountReport) -> Said:
    silent = account.last_sip_code is None or meaning(account.last_sip_code) is SILENT
    return Said(
        tone="bad",
        title=_("Ligne coupée"),
        sentence=_("L’opérateur ne répond pas.")
        if silent
        else _("L’opérateur répond par une erreur (%(code)s).", code=account.last_sip_code),
        advice=_("Nous réessayons sans arrêt. Si cela dure, appelez l’opérateur."),
    )
