"""The period that figures are of, which its URL names, and the one before that they are compared
with. Pure.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from webapp.words import N_


class Span(StrEnum):
    """How long a period is, as the URL says it. All end with yesterday: today is not over."""

    YESTERDAY = "yesterday"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


NAMES = {
    Span.YESTERDAY: N_("Hier"),
    Span.WEEK: N_("7 jours"),
    Span.MONTH: N_("30 jours"),
    Span.YEAR: N_("12 mois"),
}
COMPARED = {
    Span.YEAR: N_("sans comparaison : les appels ne sont pas gardés si longtemps"),
    Span.YESTERDAY: N_("comparé au même jour de la semaine d’avant"),
    Span.WEEK: N_("comparé à la semaine d’avant"),
    Span.MONTH: N_("comparé aux 30 jours d’avant"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """`first` and `last` are days of the restaurant's calendar, both within it. `before` are those
    of the period it is compared with, None where there is none.
    """

    span: Span
    first: date
    last: date
    before: tuple[date, date] | None

    @property
    def by_month(self) -> bool:
        """Whether its figures are drawn by the month."""
        return self.span is Span.YEAR

    def buckets(self) -> list[date]:
        """Return what figures are drawn by: its days, or the first days of its months."""
        days = (self.last - self.first).days + 1
        found = [self.first + timedelta(days=n) for n in range(days)]
        return sorted({day.replace(day=1) for day in found}) if self.by_month else found

    def bucket(self, day: date) -> date:
        return day.replace(day=1) if self.by_month else day


def period_of(span: Span, today: date) -> Period:
    """Return the period that ended yesterday."""
    last = today - timedelta(days=1)
    match span:
        case Span.YESTERDAY:
            first = last
        case Span.WEEK:
            first = last - timedelta(days=6)
        case Span.MONTH:
            first = last - timedelta(days=29)
        case Span.YEAR:
            months = last.year * 12 + last.month - 12  # from the month after last year's
            first = date(months // 12, months % 12 + 1, 1)
            return Period(span=span, first=first, last=last, before=None)
    back = timedelta(days=max(7, (last - first).days + 1))
    return Period(span=span, first=first, last=last, before=(first - back, last - back))
