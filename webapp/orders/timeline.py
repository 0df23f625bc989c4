"""An order's story, the newest first: its steps and who took them, allergies, SMS, paper. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from controlplane.restaurants.notify import NotificationKind
from webapp.orders.queries import EventRead, NoticeRead, OrderRead
from webapp.orders.words import ACTORS, REASONS, STEPS, TONES, UNSENT
from webapp.words import _


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that happened."""

    at: datetime
    title: str
    detail: str = ""
    tone: str = ""


def timeline(order: OrderRead) -> list[Entry]:
    """Put together what is known of the order."""
    entries = [
        *(_step(event) for event in order.events),
        *_allergies(order),
        *(_notice(notice) for notice in order.notices),
        *(
            Entry(at=one.at, title=_("Bon imprimé"), detail=one.printer, tone="ok")
            for one in order.printed
        ),
    ]
    return sorted(entries, key=lambda entry: entry.at, reverse=True)


def _step(event: EventRead) -> Entry:
    who = event.name or _(ACTORS.get(event.actor, "")) if event.actor in ACTORS else event.name
    because = _(REASONS[event.reason]) if event.reason else ""
    detail = " · ".join(filter(None, [who or "", because]))
    return Entry(
        at=event.at, title=_(STEPS[event.to_status]), detail=detail, tone=TONES[event.to_status]
    )


def _allergies(order: OrderRead) -> Iterator[Entry]:
    for one in order.allergies:
        yield Entry(at=one.created_at, title=_("Allergie signalée : %(words)s", words=one.words))
        if one.acknowledged_at is not None:
            yield Entry(
                at=one.acknowledged_at,
                title=_("Allergie lue"),
                detail=_(ACTORS[one.acknowledged_by])
                if one.acknowledged_by in ACTORS
                else one.acknowledged_by or "",
                tone="ok",
            )


def _notice(notice: NoticeRead) -> Entry:
    at = notice.settled_at or notice.created_at
    match notice.kind:
        case NotificationKind.ORDER_PLACED:
            title = _("Confirmation par SMS")
        case NotificationKind.ORDER_CANCELLED:
            title = _("SMS d’annulation")
        case _:
            title = _("Alerte au restaurant : commande pas encore vue")
    match notice.state:
        case "sent":
            return Entry(at=at, title=title, detail=_("envoyée"), tone="ok")
        case "pending":
            return Entry(at=at, title=title, detail=_("en cours d’envoi"), tone="work")
        case "suppressed":
            why = UNSENT.get(notice.reason or "")
            detail = _("non envoyée : %(why)s", why=_(why)) if why else _("non envoyée")
            return Entry(at=at, title=title, detail=detail, tone="wait")
        case _:
            return Entry(at=at, title=title, detail=_("échec de l’envoi"), tone="bad")
