"""Draws figures as SVG on the server: bars by the hour or the day, a gauge, the lanes of a call.

Coordinates are percents, so that a drawing is as wide as its page and its type keeps its size. It
is hidden from screen readers: the page says the finding and has the numbers in a table beside it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil, log10
from typing import Final

from markupsafe import Markup, escape

_MOST_LABELS: Final = 16
"""So many fit beside each other on a telephone, every other one hidden there."""
_NARROW_LABELS: Final = 8
_SHORT_LABEL: Final = 4


@dataclass(frozen=True, slots=True)
class Series:
    """One tone's bars; `tone` is a class of the stylesheet, `b1` to `b4`."""

    tone: str
    values: Sequence[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """Bars above labels, the series of one place stacked; `usual` is drawn as an outline behind."""

    series: Sequence[Series]
    labels: Sequence[str]
    usual: Sequence[float] = ()
    now: float | None = None
    """A line is drawn there, in places from the left."""
    unit: str = ""
    short: bool = False
    gap: float = 0.28
    """The part of a place that stays empty."""

    @property
    def totals(self) -> list[float]:
        return [sum(each.values[at] for each in self.series) for at in range(len(self.labels))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """Somebody speaks, from and to so many ms into the call; `lost_to_ms`: what of it was cut."""

    who: str
    anchor: str
    name: str
    """Readers hear it: who, and at what time of the call."""
    from_ms: int
    to_ms: int
    lost_to_ms: int | None = None


def percent(part: float, whole: float) -> str:
    """Spell a part of a whole as SVG takes it: "12.5%"."""
    return f"{part / whole * 100:.3f}".rstrip("0").rstrip(".") + "%"


def scale(most: float) -> list[int]:
    """Return the marks of an axis: 0 and two or three round ones, the last at or above `most`."""
    if most <= 2:
        return [0, 1, 2]
    magnitude = 10 ** int(log10(most / 2))
    step = next(
        each * magnitude for each in (1, 2, 5, 10) if most <= 3 * each * magnitude + magnitude / 10
    )
    return [step * n for n in range(ceil(most / step) + 1)]


def plot(drawn: Plot) -> Markup:
    """Draw it in three parts: the marks of the axis, the bars, the labels under them."""
    marks = scale(max([*drawn.totals, *drawn.usual, 0]))
    top = marks[-1]
    places = len(drawn.labels)
    cls = "chart short" if drawn.short else "chart"
    height = [(mark, percent(top - mark, top)) for mark in marks]
    names = _joined(
        Markup('<text x="100%" dx="-8" y="{}" dy="4" text-anchor="end">{}{}</text>').format(
            y, mark, drawn.unit
        )
        for mark, y in height
    )
    lines = _joined(
        Markup('<line class="{}" x1="0" x2="100%" y1="{}" y2="{}"/>').format(
            "grid" if mark else "axis", y, y
        )
        for mark, y in height
    )
    bars = _joined(_bars(drawn, at, top) for at in range(places))
    if drawn.now is not None:
        x = percent(drawn.now, places)
        bars += Markup('<line class="now" x1="{}" x2="{}" y1="0" y2="100%"/>').format(x, x)
    return Markup(
        '<div class="plot" aria-hidden="true"><svg class="{} plot-y" focusable="false">{}</svg>'
        '<svg class="{}" focusable="false">{}{}</svg>'
        '<svg class="chart plot-x" focusable="false">{}</svg></div>'
    ).format(cls, names, cls, lines, bars, _labels(drawn.labels))


def _bars(drawn: Plot, at: int, top: int) -> Markup:
    """Draw the bars of one place, from the axis up; the usual is what it exceeds them by."""
    places, done = len(drawn.labels), drawn.totals[at]
    x, width = percent(at + drawn.gap / 2, places), percent(1 - drawn.gap, places)
    bar = Markup('<rect class="{}" x="{}" width="{}" y="{}" height="{}" rx="2"/>')
    bars, base = [], 0.0
    usual = drawn.usual[at] if drawn.usual else 0
    if usual > done:
        bars.append(
            bar.format("ghost", x, width, percent(top - usual, top), percent(usual - done, top))
        )
    for each in drawn.series:
        if value := each.values[at]:
            base += value
            bars.append(
                bar.format(each.tone, x, width, percent(top - base, top), percent(value, top))
            )
    return _joined(bars)


def _labels(labels: Sequence[str]) -> Markup:
    """Where there are many, every other one is left out on telephones, and some everywhere."""
    places = len(labels)
    shown_each = ceil(places / _MOST_LABELS)
    narrow = places > _NARROW_LABELS or any(len(each) > _SHORT_LABEL for each in labels)
    return _joined(
        Markup('<text{} x="{}" y="14" text-anchor="middle">{}</text>').format(
            Markup(' class="every-other"') if narrow and at // shown_each % 2 else "",
            percent(at + 0.5, places),
            label,
        )
        for at, label in enumerate(labels)
        if at % shown_each == 0
    )


def gauge(value: float, most: float, *, tone: str = "", label: str = "") -> Markup:
    """Draw how much of `most` there is. Without a label it is hidden from readers."""
    hidden = Markup('aria-hidden="true"')
    about = Markup('role="img" aria-label="{}"').format(label) if label else hidden
    return Markup(
        '<svg class="bar{}" {} focusable="false"><rect class="bar-bg" width="100%" height="100%"/>'
        '<rect class="bar-fill" width="{}" height="100%"/></svg>'
    ).format(f" is-{tone}" if tone else "", about, percent(min(value, most), most or 1))


def lanes(
    duration_ms: int, segments: Iterable[Segment], tools_ms: Iterable[int], *, label: str
) -> Markup:
    """Draw who spoke when, on a lane each, and the tools used under them; each bar is a link."""
    whole = max(duration_ms, 1_000)
    drawn = [
        Markup('<rect class="track" width="100%" y="{}" height="26" rx="4"/>').format(y)
        for y in (2, 32)
    ]
    drawn += [_tick(at, whole) for at in range(0, whole, _step_ms(whole))]
    for each in segments:
        drawn.append(_segment(each, whole))
    drawn += [
        Markup('<rect class="tool" x="{}" width="5" y="64" height="12" rx="1.5"/>').format(
            percent(min(at, whole), whole)
        )
        for at in tools_ms
    ]
    return Markup(
        '<svg class="lanes" role="group" aria-label="{}" focusable="false">{}</svg>'
    ).format(label, _joined(drawn))


def _step_ms(whole: int) -> int:
    return next((s * 1_000 for s in (5, 15, 30, 60, 120) if whole <= s * 7_000), 300_000)


def _tick(at: int, whole: int) -> Markup:
    x = percent(at, whole)
    return Markup(
        '<line class="grid" x1="{}" x2="{}" y1="0" y2="78"/><text x="{}" dx="3" y="98">{}:{:02d}'
        "</text>"
    ).format(x, x, x, at // 60_000, at // 1_000 % 60)


def _segment(each: Segment, whole: int) -> Markup:
    y = 6 if each.who == "caller" else 36
    start, end = percent(each.from_ms, whole), min(each.to_ms, whole)
    drawn = Markup(
        '<a href="#{}" aria-label="{}">'
        '<rect class="{}" x="{}" width="{}" y="{}" height="18" rx="3"/></a>'
    ).format(each.anchor, each.name, each.who, start, percent(max(end - each.from_ms, 1), whole), y)
    if each.lost_to_ms is None:
        return drawn
    cut, lost = percent(end, whole), max(min(each.lost_to_ms, whole) - end, 1)
    return drawn + Markup(
        '<rect class="lost" x="{}" width="{}" y="{}" height="18" rx="3"/>'
        '<rect class="cutmark" x="{}" width="2" y="{}" height="24"/>'
    ).format(cut, percent(lost, whole), y, cut, y - 3)


def _joined(parts: Iterable[Markup]) -> Markup:
    return Markup("").join(escape(part) for part in parts)
