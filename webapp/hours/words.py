"""Hours, exceptions and refusals in the words of the restaurant's people."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, time
from itertools import groupby
from typing import Final

from controlplane.contracts.opening import HolidayHours, OpeningException, OpeningKind
from controlplane.restaurants.errors import Refused
from controlplane.restaurants.hour_windows import Window
from controlplane.restaurants.setup_errors import (
    DatesReversed,
    DateTaken,
)
from webapp import show
from webapp.refusals import refused_setup
from webapp.words import N_, _

KIND_NAMES: Final = {
    OpeningKind.PICKUP: N_("À emporter"),
    OpeningKind.ON_SITE: N_("Sur place"),
    OpeningKind.DELIVERY: N_("Livraison"),
    OpeningKind.RESERVATION: N_("Réservations"),
}
DAY_NAMES: Final = (
    N_("Lundi"),
    N_("Mardi"),
    N_("Mercredi"),
    N_("Jeudi"),
    N_("Vendredi"),
    N_("Samedi"),
    N_("Dimanche"),
)
HOLIDAY_HOURS: Final = {
    HolidayHours.AS_USUAL: N_("Ouvert comme d’habitude, sauf si vous dites autre chose"),
    HolidayHours.TO_CONFIRM: N_("À confirmer : l’IA le dit tant que vous n’avez pas répondu"),
    HolidayHours.CLOSED: N_("Fermé tous les jours fériés"),
}


def refused(error: Refused) -> str:
    """Say what a rule did not take, and what to do."""
    match error:
        case DateTaken(first=first):
            return _(
                "Un jour particulier couvre déjà cette date, à partir du %(day)s. Supprimez-le"
                " d’abord.",
                day=show.day(first),
            )
        case DatesReversed(most=most):
            return _(
                "La dernière date vient avant la première, ou plus de %(most)s jours après."
                " Corrigez-la.",
                most=most,
            )
        case _:
            return refused_setup(error)


def wall_clock(at: time) -> str:
    """Spell 18:30 as "18 h 30", in English as "18:30"."""
    return show.clock(at)


def span(window: Window) -> str:
    """Spell a window as "18 h 30 – 0 h 30"."""
    opens, closes = window
    if opens == closes == time():
        return _("24 h sur 24")
    return f"{wall_clock(opens)}{show.NO_BREAK}– {wall_clock(closes)}"


def spans(windows: Iterable[Window]) -> str:
    """Spell a day's windows one after the other; "Fermé" without any."""
    return ", ".join(span(window) for window in windows) or _("Fermé")


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecialDay:
    """The exceptions that were made together: their dates, their hours, for which kinds."""

    first: date
    last: date
    label: str
    spoken: str
    kinds: tuple[OpeningKind, ...]
    windows: tuple[Window, ...]

    @property
    def dates(self) -> str:
        if self.first == self.last:
            return show.day(self.first)
        return _("%(first)s au %(last)s", first=show.day(self.first), last=show.day(self.last))

    @property
    def hours(self) -> str:
        return spans(self.windows)

    @property
    def for_kinds(self) -> str:
        """Name the kinds it is for; empty when it is for all."""
        return ", ".join(_(KIND_NAMES[kind]) for kind in self.kinds if kind in KIND_NAMES)


def special_days(exceptions: Sequence[OpeningException]) -> list[SpecialDay]:
    """Put the windows of one exception together, in the order of their dates."""
    return [
        SpecialDay(
            first=first,
            last=last or first,
            label=label,
            spoken=spoken,
            kinds=kinds,
            windows=tuple((one.opens, one.closes) for one in rows if one.opens and one.closes),
        )
        for (first, last, kinds, label, spoken), rows in groupby(
            sorted(exceptions, key=_order), key=_made_together
        )
    ]


def _made_together(
    one: OpeningException,
) -> tuple[date, date | None, tuple[OpeningKind, ...], str, str]:
    return one.date, one.last_date, one.kinds, one.label, one.spoken


def _order(one: OpeningException) -> tuple[date, date, tuple[OpeningKind, ...], time]:
    return one.date, one.last_date or one.date, one.kinds, one.opens or time()
