"""A dish with hours of its own, or of its category, is had in them: at the instant it is for, with
the rule that refuses it and the next possibility; callers, logs and the voice lint say the same.
"""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.contracts.opening import OpeningWindow
from controlplane.contracts.restaurant_config import MenuItem
from controlplane.restaurants.availability import (
    availability_words,
    check_available,
    next_available,
)
from controlplane.restaurants.errors import NotAvailable
from controlplane.restaurants.menu_document import WEEK, ItemEntry, WindowEntry
from controlplane.restaurants.menu_files.cells import windows
from controlplane.restaurants.voice_lint.findings import Finding, Rule, Severity
from controlplane.restaurants.voice_lint.lint import lint_menu
from tests.small_menu import CHEESES, CONFIG
from tests.unit.aiworker.one_order import Talk
from tests.unit.restaurants.test_voice_lint import item, menu, only

pytestmark = pytest.mark.unit

PARIS = ZoneInfo("Europe/Paris")


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """A moment of November 2026 in Paris; Friday is the 27th."""
    return datetime(2026, 11, day, hour, minute, tzinfo=PARIS)


def weekly(*entries: str) -> tuple[OpeningWindow, ...]:
    """As a cell has them: "lun-ven 11:30-14:30"."""
    return tuple(one for entry in entries for window in windows(entry) for one in window.weekly())


def dish(*own: str, category: str = "") -> MenuItem:
    return CHEESES.model_copy(
        update={"available": weekly(*own), "category_available": weekly(category)}
    )


LUNCH = dish("lun-ven 11:30-14:30")


@pytest.mark.parametrize(
    ("had", "wanted", "following"),
    [
        (LUNCH, at(27, 11, 29), at(27, 11, 30)),
        (LUNCH, at(27, 14, 30), at(30, 11, 30)),  # over the week-end
        (LUNCH, at(28, 12), at(30, 11, 30)),
        (dish("ven 22:00-2:00"), at(28, 2), datetime(2026, 12, 4, 22, tzinfo=PARIS)),
        (dish(category="sam 12-15"), at(27, 12), at(28, 12)),
        (dish("sam 11-13", category="sam 12-15"), at(28, 11), at(28, 12)),
        (
            dish("sam 11-13", category="sam 12-15"),
            at(28, 14),
            datetime(2026, 12, 5, 12, tzinfo=PARIS),
        ),
        (dish("lun 11-13", category="mar 11-13"), at(27, 12), None),
    ],
)
def test_it_is_refused_with_its_rule_and_the_next_possibility(
    had: MenuItem, wanted: datetime, following: datetime | None
) -> None:
    with pytest.raises(NotAvailable) as refused:
        check_available(had, wanted)
    assert refused.value.following.at == following
    assert refused.value.following.sentence
    assert refused.value.rule.id == f"availability:{had.id}"
    if following is not None:
        check_available(had, following)


@pytest.mark.parametrize(
    ("had", "wanted"),
    [
        (CHEESES, at(27, 3)),
        (LUNCH, at(27, 11, 30)),
        (LUNCH, at(27, 14, 29)),
        (dish("ven 22:00-2:00"), at(28, 1, 59)),
        (dish("0:00-0:00"), at(29, 23, 59)),
        (dish("sam 11-13", category="sam 12-15"), at(28, 12, 30)),
    ],
)
def test_it_is_had_in_its_windows(had: MenuItem, wanted: datetime) -> None:
    check_available(had, wanted)
    assert next_available(had, wanted) == wanted


WINDOWS = st.lists(
    st.builds(
        WindowEntry,
        days=st.lists(st.sampled_from(WEEK), min_size=1, max_size=3, unique=True).map(tuple),
        opens=st.times(),
        closes=st.times(),
    ),
    max_size=3,
)


@given(WINDOWS, WINDOWS, st.integers(0, 366 * 24 * 60))
def test_no_instant_before_the_next_possibility_is_one(
    own: list[WindowEntry], of_category: list[WindowEntry], minutes: int
) -> None:
    update = {
        "available": tuple(one for entry in own for one in entry.weekly()),
        "category_available": tuple(one for entry in of_category for one in entry.weekly()),
    }
    had = CHEESES.model_copy(update=update)
    wanted = (datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)).astimezone(PARIS)
    following = next_available(had, wanted)
    horizon = wanted + timedelta(days=8)
    between = min(following or horizon, horizon) - wanted
    for part in range(4):
        if following is None or between * part / 4 + wanted < following:
            assert next_available(had, wanted + between * part / 4) == following


def test_its_hours_are_written_as_french_has_them() -> None:
    assert availability_words(CHEESES) == ""
    both = dish("lun-ven 11:30-14:30 | sam, dim 12h-15h", category="8-23")
    assert availability_words(both).replace("\u00a0", " ") == (
        "de 8 h à 23 h, et du lundi au vendredi de 11 h 30 à 14 h 30 ; "
        "samedi et dimanche de 12 h à 15 h"
    )


@pytest.mark.parametrize(
    ("cell", "days", "opens", "closes"),
    [
        ("lun-ven 11:30-14:30", WEEK[:5], time(11, 30), time(14, 30)),
        ("du lundi au vendredi de 11 h 30 à 14 h 30", WEEK[:5], time(11, 30), time(14, 30)),
        ("Samedi et dimanche 12h-15h", WEEK[5:], time(12), time(15)),
        ("sam-lun 18:00-2:00", (WEEK[0], *WEEK[5:]), time(18), time(2)),
        ("lun, mer 12-14", (WEEK[0], WEEK[2]), time(12), time(14)),
        ("18:00 – 24:00", WEEK, time(18), time(0)),
        ("tous les jours 7h15-11h", WEEK, time(7, 15), time(11)),
    ],
)
def test_people_write_windows_in_many_ways(
    cell: str, days: tuple[object, ...], opens: time, closes: time
) -> None:
    assert windows(cell) == (WindowEntry(days=days, opens=opens, closes=closes),)


@pytest.mark.parametrize(
    "cell", ["midi", "lun-ven", "lun 25:30-26:00", "lun 12:75-13", "foo 12-14"]
)
def test_a_window_nobody_can_read_is_refused_with_what_to_write(cell: str) -> None:
    with pytest.raises(ValueError, match=r"horaire illisible|heure n'existe pas|jour inconnu"):
        windows(cell)


def lint(own: str, of_category: str) -> tuple[Finding, ...]:
    document = menu(item("Formule midi", available=windows(own)))
    category = document.categories[0].model_copy(update={"available": windows(of_category)})
    return lint_menu(document.model_copy(update={"categories": (category,)}))


def test_the_voice_lint_finds_a_dish_open_while_its_category_is_closed() -> None:
    assert lint("lun-ven 12-14", "lun-sam 11:30-14:30") == ()
    assert lint("sam 23-1", "sam 20-0 | dim 0-2") == ()
    found = only(lint("lun-dim 12-14", "lun-ven 11:30-14:30"))
    assert (found.rule, found.severity) == (Rule.CATEGORY_CLOSED, Severity.WARNING)
    assert "Élargissez" in found.message
    assert only(lint("dim 12-14", "lun-ven 11:30-14:30")).severity is Severity.ERROR
    assert (
        lint_menu(
            menu(ItemEntry(name="Reine", price_cents=1, allergens=(), available=windows("8-9")))
        )
        == ()
    )


async def test_a_caller_is_told_at_once_and_again_when_time_has_passed() -> None:
    """Ordered at 14:05 it is ready at 14:25, ordered at 14:15 it would be at 14:35."""
    config = CONFIG.model_copy(update={"menu": (LUNCH, *CONFIG.menu[3:])})
    talk = Talk(config)
    talk.context.now = lambda: at(27, 14, 5)
    assert (await talk.call("add_item", dish="quatre fromages"))["status"] == "ok"
    assert (await talk.call("read_back"))["status"] == "ok"
    talk.context.now = lambda: at(27, 14, 15)
    for tool, arguments in (
        ("read_back", {}),
        ("add_item", {"dish": "quatre fromages"}),
    ):
        told = await talk.call(tool, **arguments)
        assert (told["error"], told["spoken"]) == (
            "not_available_then",
            "À cette heure-là, nous ne servons pas Quatre fromages. "
            "Ce sera possible à partir de lundi à onze heures trente.",
        )
    shown = (await talk.call("look_up_menu", query="quatre fromages"))["items"][0]
    assert "du lundi au vendredi" in shown["available"]
