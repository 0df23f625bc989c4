"""Hours drawn as SVG: one strip a day, its windows in percent, so that it may be any width."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import time
from typing import Final, Self

from markupsafe import Markup

from controlplane.restaurants.hour_windows import Window
from webapp.words import _

FIRST: Final = 9
LAST: Final = 27
"""Most open between 9 in the morning and 3 at night; `Scale.around` begins earlier for others."""
STEP: Final = 3


@dataclass(frozen=True, slots=True)
class Scale:
    """A strip shows the hours from `first` to `LAST`, counted from midnight; 27 is 3 at night."""

    first: int = FIRST

    @classmethod
    def around(cls, windows: Iterable[Window]) -> Self:
        """Begin early enough for the earliest of these windows, at a multiple of three hours."""
        opens = min((window[0].hour for window in windows), default=FIRST)
        return cls(min(FIRST, opens // STEP * STEP))

    def strip(
        self, windows: Iterable[Window], label: str, *, mark: time | None = None, cls: str = "open"
    ) -> Markup:
        """Draw one day's windows, and a line at `mark`; `label` says them to those who hear."""
        drawn = Markup("").join(self._window(window, cls) for window in windows)
        return Markup(
            '<svg class="week" role="img" aria-label="{}" focusable="false">'
            '<rect class="closed" width="100%" height="100%"/>{}{}</svg>'
        ).format(label, drawn, self._mark(mark))

    def axis(self) -> Markup:
        """Draw the hours under the strips."""
        hours = Markup("").join(self._hour(hour) for hour in range(self.first, LAST + 1, STEP))
        return Markup(
            '<svg class="week-axis" aria-hidden="true" focusable="false">{}</svg>'
        ).format(hours)

    def _window(self, window: Window, cls: str) -> Markup:
        begins, ends = hours_of(window)
        left = max(begins, self.first)
        right = min(ends, LAST)
        return Markup('<rect class="{}" x="{}" width="{}" height="100%"/>').format(
            cls, self._percent(left), _percent((right - left) / (LAST - self.first))
        )

    def _mark(self, at: time | None) -> Markup:
        if at is None:
            return Markup("")
        x = self._percent(_at(at) if _at(at) >= self.first else _at(at) + 24)
        return Markup('<line class="mark" x1="{}" x2="{}" y1="0" y2="100%"/>').format(x, x)

    def _hour(self, hour: int) -> Markup:
        anchor = "start" if hour == self.first else "end" if hour == LAST else "middle"
        return Markup('<text x="{}" y="14" text-anchor="{}">{}</text>').format(
            self._percent(hour), anchor, _("%(hour)s h", hour=hour % 24)
        )

    def _percent(self, hour: float) -> str:
        return _percent((hour - self.first) / (LAST - self.first))


def hours_of(window: Window) -> tuple[float, float]:
    """When a window begins and ends, in hours from its day's midnight: past 24 after the next."""
    opens, closes = (_at(at) for at in window)
    return opens, closes if closes > opens else closes + 24


def _at(at: time) -> float:
    return at.hour + at.minute / 60


def _percent(part: float) -> str:
    return f"{100 * part:.3f}".rstrip("0").rstrip(".") + "%"
