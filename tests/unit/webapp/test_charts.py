"""Figures are drawn to scale and hold no markup of others; turns lie where they were said."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from controlplane.contracts.identifiers import new_id
from controlplane.models.call import CallTurn
from webapp.call.timeline import moments
from webapp.charts import Plot, Segment, Series, gauge, lanes, plot, scale

pytestmark = pytest.mark.unit

BEGAN = datetime(2026, 11, 27, 18, 38, tzinfo=UTC)


@pytest.mark.parametrize("most", [0, 1, 2, 2.5, 3, 5, 8, 11, 18, 42, 99.5, 100, 312, 4_096, 10**7])
def test_an_axis_has_few_round_marks_and_holds_the_most(most: float) -> None:
    marks = scale(most)
    assert marks[0] == 0
    assert marks[-1] >= most
    assert 3 <= len(marks) <= 5
    assert len({after - before for before, after in pairwise(marks)}) == 1


def test_bars_are_as_high_as_their_values() -> None:
    drawn = plot(
        Plot(
            series=[Series("b1", [2, 0]), Series("b2", [1, 0])],
            labels=["12 h", "<b>"],
            usual=[1, 2],
            now=0.5,
        )
    )
    assert 'class="b1" x="7%" width="36%" y="33.333%" height="66.667%"' in drawn
    assert 'class="b2" x="7%" width="36%" y="0%" height="33.333%"' in drawn
    assert drawn.count('class="ghost"') == 1, "what is usual shows where today is below it"
    assert 'x1="25%"' in drawn
    assert "&lt;b&gt;" in drawn
    assert "<b>" not in drawn
    assert 'width="50%"' in gauge(3, 6)
    assert 'width="100%"' in gauge(9, 6, label="<")


def turn(role: str, second: float, text: str, **columns: object) -> CallTurn:
    at = BEGAN + timedelta(seconds=second)
    return CallTurn(id=new_id(), role=role, text=text, at=at, **columns)


def test_turns_lie_in_the_order_they_began_whenever_they_were_recorded() -> None:
    placed = moments(
        BEGAN,
        [
            turn("caller", 15.5, "Une quatre fromages"),  # known after the answer began
            turn("tool", 14.9, "ok"),
            turn("agent", 20, "Très bien.", heard_ms=5_000, unheard="Et avec ?"),
            turn("caller", 21, "Non"),
            turn("agent", 0.2, "D’une autre horloge", heard_ms=9_000),
        ],
    )
    assert [each.from_ms for each in placed] == sorted(each.from_ms for each in placed)
    assert all(0 <= each.from_ms <= each.to_ms for each in placed)
    first = moments(BEGAN, [turn("caller", 15.5, "Bonjour"), turn("agent", 20, "", heard_ms=5_000)])
    assert (first[0].to_ms, first[1].from_ms) == (15_000, 15_000)


def test_lanes_link_to_turns_and_show_what_was_cut() -> None:
    said = Segment(
        who="agent", anchor="t-1", name='IA "0:05"', from_ms=5_000, to_ms=10_000, lost_to_ms=12_500
    )
    drawn = lanes(20_000, [said], [6_000], label="Déroulé")
    assert 'href="#t-1"' in drawn
    assert 'class="agent" x="25%" width="25%"' in drawn
    assert 'class="lost" x="50%" width="12.5%"' in drawn
    assert 'class="tool" x="30%"' in drawn
    assert '"0:05""' not in drawn
    assert lanes(0, [], [], label="")
