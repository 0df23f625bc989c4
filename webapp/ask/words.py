"""Rules and their part in a decision, in the words of the restaurant's people."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from controlplane.contracts.opening import OpeningKind
from controlplane.restaurants.decision import Answer, RuleType
from controlplane.restaurants.rules_in_order import Part, Step
from webapp import show
from webapp.hours.words import spans
from webapp.words import N_, _


class Want(StrEnum):
    """Says what the caller asks for."""

    PICKUP = "pickup"
    DELIVERY = "delivery"
    TABLE = "table"


KIND_OF: Final = {
    Want.PICKUP: OpeningKind.PICKUP,
    Want.DELIVERY: OpeningKind.DELIVERY,
    Want.TABLE: OpeningKind.RESERVATION,
}
WANTS: Final = {
    Want.PICKUP: N_("une commande à emporter"),
    Want.DELIVERY: N_("une livraison"),
    Want.TABLE: N_("une table"),
}
_PARTS: Final = {
    Part.PASSES: N_("passe"),
    Part.DECIDES: N_("décide"),
    Part.SKIPPED: N_("pas lue"),
}
SERVES_THE_SENTENCE: Final = N_("sert à la phrase")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One rule as the page lists it; `path` is where it is changed, empty when nowhere here."""

    cls: str
    name: str
    sub: str
    badge: str
    tone: str = ""
    path: str = ""


def line(step: Step) -> Line:
    """Put one rule's part into words."""
    name, sub = _said(step)
    if step.part is Part.SKIPPED:
        sub = _("aurait dit : %(words)s", words=sub)
    return Line(
        cls={Part.DECIDES: "decides", Part.SKIPPED: "skipped"}.get(step.part, ""),
        name=name,
        sub=sub,
        badge=_(_PARTS[step.part]),
        path=_path(step) if step.part is Part.DECIDES else "",
    )


def kitchen_line(answer: Answer, ready: datetime | None) -> Line:
    """Say what pacing and the kitchen's load make of an order that the hours allow."""
    if ready is None:
        sub = _("aucun créneau libre dans l’heure qui suit")
    else:
        minutes = round((ready - answer.at).total_seconds() / 60)
        sub = _("prête à %(clock)s, soit %(minutes)s min", clock=show.clock(ready), minutes=minutes)
    return Line(
        cls="decides" if ready is None else "",
        name=_("Cadence et charge de la cuisine"),
        sub=sub,
        badge=_(SERVES_THE_SENTENCE),
        tone="voice",
        path="/config/kitchen" if ready is None else "",
    )


def reopening_line(answer: Answer) -> Line | None:
    """Say when it is possible again, which callers are told."""
    again = answer.following.at
    if answer.open or again is None:
        return None
    return Line(
        cls="",
        name=_("Reprise"),
        sub=moment(again),
        badge=_(SERVES_THE_SENTENCE),
        tone="voice",
    )


def moment(at: datetime) -> str:
    """Spell an instant of the restaurant's zone as "jeudi 24 décembre 2026 à 20 h 15"."""
    day = show.day(at.date())
    return _("%(day)s %(year)s à %(clock)s", day=day, year=at.year, clock=show.clock(at))


def _said(step: Step) -> tuple[str, str]:
    """Name the rule, and say what it says of the instant."""
    hours = spans(step.windows)
    match step.answer.rule.type, step.part:
        case RuleType.STATUS, Part.DECIDES:
            return _("Restaurant pas en service"), _("aucune commande n’est prise")
        case RuleType.BUSY, Part.DECIDES | Part.SKIPPED:
            return _("Pause de la cuisine"), _("les commandes sont suspendues")
        case RuleType.EXCEPTION, Part.DECIDES | Part.SKIPPED:
            if step.label:
                return _("Jour particulier « %(name)s »", name=step.label), hours
            return _("Jour particulier"), hours
        case RuleType.HOLIDAY, Part.DECIDES | Part.SKIPPED:
            return _("Jour férié"), _("fermé les jours fériés")
        case RuleType.UNCONFIRMED, Part.DECIDES | Part.SKIPPED:
            return _("Jour férié"), _("horaires à confirmer")
        case RuleType.WEEK, Part.DECIDES | Part.SKIPPED:
            return _("Horaires du %(day)s", day=show.weekday(step.answer.date)), hours
        case RuleType.NO_HOURS, Part.DECIDES | Part.SKIPPED:
            return _("Aucun horaire saisi"), _("ce service n’est pas proposé")
        case _:
            return _passed(min(step.types), step.answer)


def _passed(asked: RuleType, answer: Answer) -> tuple[str, str]:
    """Name a rule that was asked and let the instant pass."""
    match asked:
        case RuleType.STATUS:
            return _("Restaurant en service"), _("ni fermé ni en pause")
        case RuleType.BUSY:
            if answer.delay_minutes:
                late = _("coup de feu : + %(minutes)s min", minutes=answer.delay_minutes)
                return _("Cuisine"), late
            return _("Cuisine"), _("aucune pause à ce moment-là")
        case RuleType.EXCEPTION:
            return _("Jours particuliers"), _("aucun ce jour-là")
        case _:
            return _("Jours fériés"), _("rien de changé ce jour-là")


def _path(step: Step) -> str:
    """Where the rule that decided is changed."""
    match step.answer.rule.type:
        case RuleType.EXCEPTION:
            return f"/config/hours/exceptions/{step.answer.date}"
        case RuleType.BUSY:
            return "/kitchen"
        case RuleType.HOLIDAY | RuleType.UNCONFIRMED:
            return "/config/hours#holidays"
        case RuleType.WEEK:
            kind, day = step.answer.kind, step.answer.date.weekday()
            return f"/config/hours/{kind}/days/{day}"
        case RuleType.NO_HOURS:
            return f"/config/hours?kind={step.answer.kind}"
        case _:
            return ""
