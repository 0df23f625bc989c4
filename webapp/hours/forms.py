"""Hours as they are typed: windows of two times, dates, and what is wrong with them."""

from collections.abc import Iterable, Sequence
from datetime import time
from typing import Final

from controlplane.contracts.opening import OpeningKind
from controlplane.restaurants.hour_windows import Window
from webapp.forms import Form
from webapp.words import _

WINDOWS: Final = 3
"""A form has room for breakfast, lunch and dinner; more is rare, and a command away."""


def read_windows(form: Form) -> list[Window]:
    """Return the windows that are filled in; of a half one the form says what is missing."""
    windows = []
    for n in range(WINDOWS):
        opens, closes = form.text(f"opens-{n}"), form.text(f"closes-{n}")
        if not opens and not closes:
            continue
        for name, text in ((f"opens-{n}", opens), (f"closes-{n}", closes)):
            if read_time(text) is None:
                form.fail(name, _("Donnez l’heure d’ouverture et celle de fermeture."))
        begins, ends = read_time(opens), read_time(closes)
        if begins is not None and ends is not None:
            windows.append((begins, ends))
    return sorted(windows)


def windows_typed(windows: Iterable[Window]) -> dict[str, str]:
    """Return the values with which a form shows these windows."""
    typed: dict[str, str] = {}
    for n, (opens, closes) in enumerate(windows):
        typed |= {f"opens-{n}": f"{opens:%H:%M}", f"closes-{n}": f"{closes:%H:%M}"}
    return typed


def read_days(form: Form, day: int) -> list[int]:
    """Return the weekday of the form, and those that are to have its hours too."""
    others = {int(text) for text in form.all("also") if text in set("0123456")}
    return sorted({day, *others})


def read_seen(form: Form, day: int) -> list[Window]:
    """Return the windows of a weekday as the form showed them, spelt like `11:30-14:30`."""
    spans = (text.partition("-") for text in form.text(f"seen-{day}").split() if "-" in text)
    pairs = ((read_time(opens), read_time(closes)) for opens, _dash, closes in spans)
    return [(opens, closes) for opens, closes in pairs if opens is not None and closes is not None]


def read_kinds(form: Form) -> tuple[OpeningKind, ...]:
    """Return the kinds that are ticked; none for all of them, as rules take it."""
    ticked = tuple(kind for kind in OpeningKind if str(kind) in form.all("kinds"))
    return ticked if len(ticked) < len(KINDS) else ()


def read_time(text: str) -> time | None:
    """Return the time that a browser sends, to the minute; None when it is none."""
    try:
        return time.fromisoformat(text).replace(second=0, microsecond=0, tzinfo=None)
    except ValueError:
        return None


KINDS: Final[Sequence[OpeningKind]] = (
    OpeningKind.PICKUP,
    OpeningKind.ON_SITE,
    OpeningKind.DELIVERY,
    OpeningKind.RESERVATION,
)
"""The kinds that restaurants set here; the assistant answers around the clock."""
