"""The rules that may decide of an instant, each with its sentence for the restaurant's people."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final

from controlplane.contracts.opening import (
    WEEKDAYS,
    Busy,
    HolidayHours,
    OpeningException,
    OpeningKind,
    OpeningWindow,
)
from controlplane.contracts.restaurant_config import RestaurantStatus
from controlplane.restaurants.calendar_words import (
    DAYS,
    written_clock,
    written_date,
    written_hours,
)
from controlplane.restaurants.decision import Possibility, Rule, RuleType

KIND_NAMES: Final = {
    OpeningKind.ON_SITE: "service sur place",
    OpeningKind.PICKUP: "vente à emporter",
    OpeningKind.DELIVERY: "livraison",
    OpeningKind.RESERVATION: "réservations",
    OpeningKind.AI_ANSWERING: "réponse par l’assistant",
}
_STATUS_NAMES: Final = {
    RestaurantStatus.ONBOARDING: "pas encore ouvert",
    RestaurantStatus.LIVE: "en activité",
    RestaurantStatus.PAUSED: "en pause",
    RestaurantStatus.CLOSED: "fermé définitivement",
}

UNKNOWN: Final = Possibility(
    None, "Aucune reprise n’est connue\u00a0: un message peut être laissé au restaurant."
)


def next_at(at: datetime | None) -> Possibility:
    """Name the next instant at which it is possible, or say that none is known."""
    if at is None:
        return UNKNOWN
    return Possibility(at, f"Possible à partir du {_moment(at)}.")


def status_rule(status: RestaurantStatus) -> Rule:
    return Rule(RuleType.STATUS, status, f"Le restaurant est {_STATUS_NAMES[status]}.")


def busy_rule(busy: Busy, until: datetime | None) -> Rule:
    """`until` is the pause's end in the restaurant's zone."""
    end = f" jusqu’au {_moment(until)}" if until else ""
    by = f" (par {busy.by})" if busy.by else ""
    return Rule(RuleType.BUSY, busy.level, f"Les commandes sont suspendues{end}{by}.")


def exception_rule(
    exceptions: Sequence[OpeningException], kind: OpeningKind, day: date, hours: str
) -> Rule:
    """All exceptions of the day decide together; their labels are told."""
    labels = ", ".join(dict.fromkeys(one.label for one in exceptions if one.label))
    named = f" ({labels})" if labels else ""
    sentence = f"Exception du {written_date(day)}{named}, {KIND_NAMES[kind]}\u00a0: {hours}."
    return Rule(RuleType.EXCEPTION, f"{kind}:{day.isoformat()}", sentence)


def holiday_rule(name: str, holiday_hours: HolidayHours, day: date) -> Rule:
    confirmed = holiday_hours is HolidayHours.CLOSED
    hours = "fermé" if confirmed else "horaires à confirmer"
    sentence = f"Jour férié du {written_date(day)} ({name})\u00a0: {hours}."
    rule_type = RuleType.HOLIDAY if confirmed else RuleType.UNCONFIRMED
    return Rule(rule_type, day.isoformat(), sentence)


def week_rule(windows: Sequence[OpeningWindow], kind: OpeningKind, day: date) -> Rule:
    hours = written_hours((window.opens, window.closes) for window in windows)
    sentence = f"Horaires du {DAYS[day.weekday()]}, {KIND_NAMES[kind]}\u00a0: {hours}."
    return Rule(RuleType.WEEK, f"{kind}:{WEEKDAYS[day.weekday()]}", sentence)


def no_hours_rule(kind: OpeningKind) -> Rule:
    if kind is OpeningKind.AI_ANSWERING:
        sentence = "Sans horaires saisis, l’assistant répond à toute heure."
    else:
        sentence = f"Aucun horaire n’est saisi, {KIND_NAMES[kind]}\u00a0: ce n’est pas proposé."
    return Rule(RuleType.NO_HOURS, kind, sentence)


def pacing_rule(key: str, *, most: str, slot_minutes: int) -> Rule:
    """`most` is an amount with its unit, such as "12 commandes"."""
    sentence = f"Cadence de la cuisine\u00a0: {most} par créneau de {slot_minutes}\u00a0minutes."
    return Rule(RuleType.PACING, key, sentence)


def availability_rule(key: str, name: str, week: str) -> Rule:
    """`name` is a dish's or a category's, `week` the windows in which it may be had."""
    return Rule(RuleType.AVAILABILITY, key, f"{name}\u00a0: {week}.")


def _moment(at: datetime) -> str:
    return f"{written_date(at.date())} à {written_clock(at.time())}"
