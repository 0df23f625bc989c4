"""What pages of reservations say: where each is, what comes next, and why something was refused."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from controlplane.models.reservation import ReservationSource, ReservationStatus
from controlplane.restaurants.errors import RestaurantError
from controlplane.restaurants.reservation_errors import (
    CannotBeTold,
    KeyOfAnotherReservation,
    NotDueYet,
    NotGranted,
    ReservationStatusRefused,
    StayRefused,
    UnknownTable,
)
from controlplane.restaurants.reservation_rows import HOLD_EXPIRY
from controlplane.restaurants.reservation_rules import Refusal, Rule
from webapp import show
from webapp.reservations.queries import Booking, Event
from webapp.words import N_, _

_S = ReservationStatus
STATES: Final[Mapping[ReservationStatus, tuple[str, str]]] = {
    _S.WAITLISTED: (N_("En attente d’une table"), "wait"),
    _S.HOLD: (N_("En cours de prise"), "wait"),
    _S.CONFIRMED: (N_("Confirmée"), "work"),
    _S.RECONFIRMED: (N_("Reconfirmée"), "work"),
    _S.ARRIVED: (N_("Arrivés"), "ok"),
    _S.SEATED: (N_("À table"), "ok"),
    _S.FINISHED: (N_("Partis"), "done"),
    _S.CANCELLED: (N_("Annulée"), "done"),
    _S.NO_SHOW: (N_("Pas venus"), "done"),
}
"""Each state's word and tone."""
LATE: Final = (N_("En retard"), "bad")
STEPS: Final[Mapping[ReservationStatus, str]] = {
    _S.SEATED: N_("Ils sont à table"),
    _S.ARRIVED: N_("Ils sont arrivés"),
    _S.FINISHED: N_("Ils sont partis"),
    _S.RECONFIRMED: N_("Ils ont reconfirmé"),
    _S.NO_SHOW: N_("Ils ne sont pas venus"),
    _S.CANCELLED: N_("Annuler la réservation"),
}
"""What the staff press, the usual step first."""
ENDINGS: Final = (_S.NO_SHOW, _S.CANCELLED)
"""These are asked about before they are done: they never reopen."""
SOURCES: Final[Mapping[str, str]] = {
    ReservationSource.VOICE: N_("Prise par l’IA au téléphone"),
    ReservationSource.WEB: N_("Prise en ligne"),
    ReservationSource.STAFF: N_("Prise par l’équipe"),
    ReservationSource.WALK_IN: N_("Clients de passage"),
}


def state(booking: Booking) -> tuple[str, str]:
    """Return a booking's word and tone: who is late is told before what they booked."""
    word, tone = LATE if booking.late else STATES[booking.status]
    return _(word), tone


def steps(booking: Booking) -> list[tuple[ReservationStatus, str]]:
    """Return what the staff may press, the usual one first."""
    return [(to, _(words)) for to, words in STEPS.items() if to in booking.next]


def who(booking: Booking) -> str:
    """Return the guest's name, or what stands for it."""
    if booking.name:
        return booking.name
    walked_in = booking.source == ReservationSource.WALK_IN
    return _("De passage") if walked_in else _("Sans nom")


def tables(names: tuple[str, ...]) -> str:
    """Return "T2", or "T3 et T4 réunies"; what the restaurant calls its tables is left alone."""
    if len(names) < 2:
        return "".join(names)
    return _("%(first)s et %(last)s réunies", first=", ".join(names[:-1]), last=names[-1])


def happened(event: Event) -> str:
    """Return what an event was."""
    if event.to_status == event.from_status and event.before is None:
        return _("Nom, numéro ou remarques changés")
    if event.to_status == event.from_status:
        return _("Heure, couverts ou table changés")
    if event.to_status == _S.CANCELLED and event.actor == HOLD_EXPIRY:
        return _("Table rendue : l’appel s’est terminé sans confirmation")
    return _(STATES[ReservationStatus(event.to_status)][0])


def by(event: Event) -> str:
    """Return who did it."""
    if event.user_name:
        return event.user_name
    kind = event.actor.partition(":")[0]
    return {"admin": _("AlloResto"), "api": _("un logiciel relié")}.get(kind, "")


def refused(error: RestaurantError, zone: ZoneInfo) -> str:
    """Say what a rule refused, and what to do: one table of all errors that staff can meet."""
    match error:
        case NotGranted():
            return of_rule(error.refusal)
        case NotDueYet():
            at = show.clock(error.starts_at.astimezone(zone))
            return _("Ils sont attendus à %(clock)s : attendez cette heure.", clock=at)
        case StayRefused():
            return _("Une table se garde jusqu’à douze heures après l’arrivée. Changez l’heure.")
        case UnknownTable():
            return _("Cette table n’est plus en service. Choisissez-en une autre.")
        case CannotBeTold(already=True):
            return _("Le SMS est déjà parti une fois. Appelez ces clients.")
        case CannotBeTold():
            return _("Aucun SMS ne peut atteindre ces clients. Appelez-les.")
        case KeyOfAnotherReservation():
            return _("Ce formulaire a déjà servi pour une autre réservation. Ouvrez-en un nouveau.")
        case ReservationStatusRefused():
            return _(
                "Entre-temps, cette réservation est passée à « %(state)s ». Rien n’a été changé.",
                state=_(STATES[ReservationStatus(error.current)][0]),
            )
    raise error


def of_rule(refusal: Refusal) -> str:
    """Name the rule that leaves no table: of those that bind the staff there are three."""
    match refusal.rule:
        case Rule.COVERS_A_SLOT:
            return _(
                "Il arrive déjà assez de monde à cette heure : %(n)s couverts à la fois au plus.",
                n=refusal.limit,
            )
        case Rule.COVERS:
            return _("Le service est complet : %(n)s couverts au plus.", n=refusal.limit)
        case _:
            return _("Aucune table qui convient n’est libre à cette heure.")


def short_moment(at: datetime, today: datetime) -> str:
    """Return "20 h 30", and "samedi 28 novembre, 0 h 15" on another day."""
    if at.date() == today.date():
        return show.clock(at)
    return f"{show.day(at.date(), today=today.date())}, {show.clock(at)}"
