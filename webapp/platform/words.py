"""How the back office says where a line, a bridge or a restaurant stands: words and a tone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from controlplane.contracts.gateway_states import GatewayState
from controlplane.contracts.heartbeats import BridgeHeartbeat, DrainStep
from controlplane.contracts.restaurant_config import RestaurantStatus
from controlplane.registrations.admin_requests import Bridge
from controlplane.registrations.report import AccountReport, Standing
from webapp.words import N_, _, ngettext

Shown = tuple[str, str]
"""Words, and the tone that goes with them (`bad`, `wait`, `work`, `ok`, `done`)."""

LINE: Final[Mapping[GatewayState | Standing, Shown]] = {
    Standing.PAUSED: (N_("Restaurant pas en service"), "done"),
    Standing.UNPLACED: (N_("Sur aucun pont"), "bad"),
    Standing.STARTING: (N_("Démarre"), "work"),
    GatewayState.REGED: (N_("Active"), "ok"),
    GatewayState.SUSPENDED: (N_("Arrêtée après des refus"), "bad"),
    GatewayState.FAILED: (N_("Refusée"), "bad"),
    GatewayState.FAIL_WAIT: (N_("Refusée, nouvel essai bientôt"), "bad"),
    GatewayState.TIMEOUT: (N_("Opérateur muet"), "wait"),
    GatewayState.UNRESOLVED: (N_("Nom introuvable (DNS)"), "wait"),
    GatewayState.INVALID: (N_("Compte mal écrit"), "bad"),
}
COMING: Final[Shown] = (N_("S’enregistre"), "work")
RESTAURANTS: Final[Mapping[str, Shown]] = {
    RestaurantStatus.LIVE: (N_("En service"), "ok"),
    RestaurantStatus.ONBOARDING: (N_("Mise en route"), "work"),
    RestaurantStatus.PAUSED: (N_("En pause"), "wait"),
    RestaurantStatus.CLOSED: (N_("Fermé"), "done"),
}
DRAINS: Final[Mapping[DrainStep, str]] = {
    DrainStep.MOVING: N_("Déplace ses lignes"),
    DrainStep.CLOSED: N_("Finit ses appels"),
    DrainStep.STOPPING: N_("S’arrête"),
}


def line(account: AccountReport) -> Shown:
    words, tone = LINE.get(account.state, COMING)
    if account.registered and account.former_bridge is not None:
        return _("Active, se déplace"), "work"
    return _(words), tone


def restaurant(status: str) -> Shown:
    words, tone = RESTAURANTS[status]
    return _(words), tone


def bridge(known: Bridge, beat: BridgeHeartbeat | None, *, heard: bool) -> Shown:
    """`heard` is false while Redis is away: then only Postgres speaks of the bridge."""
    if beat is not None and beat.drain is not None:
        return _(DRAINS[beat.drain]), "work"
    if known.lost or (heard and beat is None):
        return _("Muet"), "bad"
    if known.draining:
        return _("Se vide"), "work"
    if beat is not None and not (beat.sip_answers and beat.postgres_answers):
        return _("Ne répond plus en SIP ou à la base"), "bad"
    if known.held >= known.capacity:
        return _("Plein"), "wait"
    return _("En service"), "ok"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Lines that stand badly for one reason: one cause is one row, however many lines it has."""

    code: str
    title: str
    detail: str
    tone: str
    query: str
    """The list of lines shows them at `?q=`."""


MOST_TROUBLES: Final = 20


def troubles(accounts: Sequence[AccountReport]) -> list[Trouble]:
    """Group what needs a person by carrier and last code, the largest group first."""
    groups: dict[tuple[str, int | None, str], list[AccountReport]] = {}
    for account in accounts:
        if account.problem is not None:
            key = (account.carrier, account.last_sip_code, account.state)
            groups.setdefault(key, []).append(account)
    ordered = sorted(groups.values(), key=len, reverse=True)[:MOST_TROUBLES]
    return [_trouble(group) for group in ordered]


def _trouble(group: list[AccountReport]) -> Trouble:
    first = group[0]
    words, tone = line(first)
    alone = len(group) == 1
    title = (
        first.restaurant
        if alone
        else ngettext(
            "%(count)s ligne de l’opérateur %(carrier)s",
            "%(count)s lignes de l’opérateur %(carrier)s",
            len(group),
        )
        % {"count": len(group), "carrier": first.carrier}
    )
    outage = first.carrier_refuses_since is not None
    cause = _("Presque toutes ses lignes sont refusées : la panne est chez lui.") if outage else ""
    return Trouble(
        code=str(first.last_sip_code or "–"),
        title=title,
        detail=f"{words}. {cause}".strip(),
        tone=tone,
        query=first.gateway if alone else first.carrier,
    )
