"""What the kitchen's templates say of a ticket at one moment, in the visitor's language."""

from datetime import datetime
from typing import Any, Final

from controlplane.models.order import OrderType
from webapp import show
from webapp.kitchen.state import PAUSE
from webapp.kitchen.ticket import Lane, Ticket, iso
from webapp.words import N_, _

_TONES: Final = {
    Lane.NEW: "placed",
    Lane.ACCEPTED: "accepted",
    Lane.PREPARING: "preparing",
    Lane.READY: "ready",
    Lane.OVER: "over",
}
"""The stylesheet's name of a lane's ticket."""
_ICONS: Final = {OrderType.PICKUP: "bag", OrderType.DELIVERY: "scooter", OrderType.ON_SITE: "plate"}
_LANES: Final = (
    (Lane.NEW, N_("Nouvelles"), "bad"),
    (Lane.ACCEPTED, N_("Acceptées"), "wait"),
    (Lane.PREPARING, N_("En préparation"), "work"),
    (Lane.READY, N_("Prêtes"), "ok"),
)
_EMPTY: Final = {
    Lane.NEW: N_("Aucune nouvelle commande. Elles s’affichent ici toutes seules."),
    Lane.ACCEPTED: N_("Rien n’attend d’être commencé."),
    Lane.PREPARING: N_("Rien n’est en préparation."),
    Lane.READY: N_("Rien n’attend son client."),
}
_WITHOUT: Final = ("sans ", "pas de ", "pas d’")


def lanes() -> list[tuple[Lane, str, str]]:
    """Return the columns with their names and the tones of their counters."""
    return [(lane, _(name), tone) for lane, name, tone in _LANES]


def empty_lane(lane: Lane) -> str:
    return _(_EMPTY[lane])


def tone(ticket: Ticket) -> str:
    return _TONES[ticket.lane]


def type_icon(ticket: Ticket) -> str:
    return _ICONS[ticket.order_type]


def left(ticket: Ticket, now: datetime) -> str:
    """Say how long until it is due, and of what is made how long it has been waiting."""
    if ticket.lane is Lane.READY:
        return _("depuis %(minutes)s min", minutes=_minutes(ticket.moved or ticket.placed, now))
    return show.until(ticket.ready, now=now)


def rings(ticket: Ticket, now: datetime) -> str:
    return _("sonne, %(minutes)s min", minutes=_minutes(ticket.placed, now))


def waits(ticket: Ticket, now: datetime) -> str:
    return _("attend %(minutes)s min", minutes=_minutes(ticket.accepted or ticket.placed, now))


def without(option: str) -> bool:
    """Whether the option leaves something out, which is read before anything else."""
    return option.casefold().replace("'", "’").startswith(_WITHOUT)


def back(until: datetime, now: datetime) -> str:
    """Say when what is sold out is there again: an hour of today's, or a day."""
    if until.date() == now.date():
        return show.clock(until)
    return _("%(day)s %(clock)s", day=show.day(until.date()), clock=show.clock(until))


def paces() -> list[tuple[str, str]]:
    """Return what the kitchen may say of its pace, by what the button sends."""
    return [("0", _("Normal")), ("15", _("+ 15")), ("30", _("+ 30")), (PAUSE, _("Pause"))]


def _minutes(since: datetime, now: datetime) -> int:
    return max(0, int((now - since).total_seconds() // 60))


SAYS: Final[dict[str, Any]] = {
    each.__name__: each
    for each in (back, empty_lane, iso, lanes, left, paces, rings, tone, type_icon, waits, without)
}
"""What every template of the kitchen may say."""
