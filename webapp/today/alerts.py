"""What is wrong now, and the one button that mends it: the first thing of the day's page. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from controlplane.contracts.gateway_states import GatewayState
from controlplane.contracts.restaurant_config import RestaurantStatus
from controlplane.registrations.report import UNREGISTERED_PATIENCE
from controlplane.registrations.sip_codes import ACCOUNT_REFUSED
from webapp.queries import Frame
from webapp.show import clock, since
from webapp.today.queries import Today
from webapp.words import N_, _, ngettext

UNTAKEN_AFTER: Final = timedelta(seconds=90)
"""A kitchen's tablet has rung for so long by then."""

_SILENT: Final = N_("L’opérateur ne répond pas. Nous réessayons sans arrêt.")
_REFUSED: Final = N_("L’opérateur refuse le compte : vérifiez l’identifiant et le mot de passe.")
_SUSPENDED: Final = N_(
    "L’opérateur a refusé le compte plusieurs fois. Nous n’insistons plus, pour qu’il ne le bloque "
    "pas : corrigez le mot de passe."
)
_INVALID: Final = N_("Un réglage du compte est impossible à utiliser.")
_STARTING: Final = N_("L’inscription chez l’opérateur est en cours.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """`link` is a path of the restaurant; without one, nobody at the restaurant can mend it."""

    tone: str
    icon: str
    title: str
    sentence: str
    link: str = ""
    button: str = ""


def alerts(
    frame: Frame, today: Today, silent_printers: Sequence[str], now: datetime
) -> list[Alert]:
    """Return what is wrong, the worst first. `now` is in the restaurant's zone."""
    found = [
        *_line(frame, today, now),
        *_untaken(today, now),
        *_expired(today),
        *_printers(silent_printers),
        *_paused(frame),
    ]
    return sorted(found, key=lambda each: each.tone != "bad")


def _line(frame: Frame, today: Today, now: datetime) -> Iterator[Alert]:
    """A line that is down for longer than a failover takes: calls do not reach the AI."""
    if frame.status != RestaurantStatus.LIVE or frame.line_state in (None, GatewayState.REGED):
        return
    down_since = frame.line_since
    if down_since is not None and now - down_since <= UNREGISTERED_PATIENCE:
        return
    title = _("La ligne n’est pas enregistrée : vos appels n’arrivent pas à l’IA")
    if down_since is not None:
        title = _(
            "La ligne n’est plus enregistrée %(since)s : vos appels n’arrivent pas à l’IA",
            since=_down(down_since, now),
        )
    yield Alert(
        tone="bad",
        icon="alert",
        title=title,
        sentence=_why(GatewayState.read(frame.line_state), today.line_code),
        link="/config/line",
        button=_("Voir la ligne"),
    )


def _down(down_since: datetime, now: datetime) -> str:
    here = down_since.astimezone(now.tzinfo)
    if here.date() == now.date():
        return _("depuis %(clock)s", clock=clock(here))
    return _("(%(since)s)", since=since(here, now=now))


def _why(state: GatewayState, code: int | None) -> str:
    """Say why in plain words, with the carrier's own code for its support."""
    if state is GatewayState.SUSPENDED:
        said = _(_SUSPENDED)
    elif state is GatewayState.INVALID:
        said = _(_INVALID)
    elif code in ACCOUNT_REFUSED:
        said = _(_REFUSED)
    elif state.asking or code in (None, 200):
        said = _(_STARTING)
    else:
        said = _(_SILENT)
    return said if code in (None, 200) else f"{said} ({code})"


def _untaken(today: Today, now: datetime) -> Iterator[Alert]:
    oldest = today.oldest_untaken_at
    if not today.untaken or oldest is None or now - oldest < UNTAKEN_AFTER:
        return
    title = ngettext(
        "%(n)s commande n’a pas encore été prise en cuisine",
        "%(n)s commandes n’ont pas encore été prises en cuisine",
        today.untaken,
    ) % {"n": today.untaken}
    sentence = _(
        "La plus ancienne, n° %(number)s, attend depuis %(minutes)s min.",
        number=today.oldest_untaken,
        minutes=int((now - oldest).total_seconds() // 60),
    )
    yield Alert(
        tone="bad" if now - oldest > 2 * UNTAKEN_AFTER else "wait",
        icon="timer",
        title=title,
        sentence=sentence,
        link="/kitchen",
        button=_("Ouvrir la cuisine"),
    )


def _expired(today: Today) -> Iterator[Alert]:
    if today.expired:
        yield Alert(
            tone="bad",
            icon="order",
            title=ngettext(
                "%(n)s commande a expiré : personne ne l’a prise",
                "%(n)s commandes ont expiré : personne ne les a prises",
                today.expired,
            )
            % {"n": today.expired},
            sentence=_("Rappelez leurs clients : c’est noté dans « À faire »."),
            link="/tasks",
            button=_("Voir qui rappeler"),
        )


def _printers(silent: Sequence[str]) -> Iterator[Alert]:
    if silent:
        yield Alert(
            tone="wait",
            icon="print",
            title=ngettext("%(names)s n’imprime pas", "%(names)s n’impriment pas", len(silent))
            % {"names": ", ".join(silent)},
            sentence=_("Papier, capot ou réseau : les tickets attendent et sortiront ensuite."),
        )


def _paused(frame: Frame) -> Iterator[Alert]:
    if frame.busy_level == "paused":
        yield Alert(
            tone="wait",
            icon="rush",
            title=_("Les commandes sont en pause"),
            sentence=_("L’IA dit aux clients que la cuisine ne prend plus de commandes."),
        )
    if frame.status == RestaurantStatus.PAUSED:
        yield Alert(
            tone="wait",
            icon="alert",
            title=_("Le restaurant est en pause"),
            sentence=_("L’IA ne prend pas d’appels tant que la pause dure."),
        )
