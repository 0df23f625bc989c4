"""The caller's turn ends and is answered once, whichever of its events is lost, late or doubled."""

import pytest

from aiworker.conversation.caller_turn import (
    COMMIT_SECONDS,
    LONGEST_SECONDS,
    QUIET_SECONDS,
    CallerTurn,
    Floor,
    Lapse,
)

pytestmark = pytest.mark.unit

SPOKE = 5.0
"""The caller spoke until then."""


def speaking(item: str | None = "a") -> CallerTurn:
    turn = CallerTurn()
    assert turn.started(item, 4.0)
    return turn


def overdue(turn: CallerTurn, now: float, *, voiced_ms: int = 800) -> Lapse | None:
    return turn.overdue(now, voiced_at=SPOKE, voiced_ms=voiced_ms)


def test_a_turn_is_answered_once() -> None:
    turn = speaking()
    turn.stopped("a", 5.5, voiced_at=SPOKE)
    assert turn.committed("a", 5.6, voiced_at=SPOKE)
    assert (turn.floor, turn.silent_since) == (Floor.FREE, SPOKE)
    assert not turn.committed("a", 5.7, voiced_at=SPOKE)
    assert not turn.started("a", 5.8)
    turn.stopped("a", 5.9, voiced_at=SPOKE)
    assert turn.floor is Floor.FREE


def test_a_turn_whose_beginning_was_lost_is_answered() -> None:
    turn = CallerTurn()
    turn.stopped("a", 5.5, voiced_at=SPOKE)
    assert turn.committed("a", 5.6, voiced_at=SPOKE)
    assert CallerTurn().committed("b", 5.6, voiced_at=SPOKE)


def test_a_turn_that_nobody_ends_is_ended_by_the_caller_s_silence() -> None:
    turn = speaking()
    assert overdue(turn, SPOKE + QUIET_SECONDS) is None
    now = SPOKE + QUIET_SECONDS + 0.1
    assert overdue(turn, now) is Lapse.UNENDED
    turn.close(now, voiced_at=SPOKE)
    assert overdue(turn, now + COMMIT_SECONDS) is None
    assert overdue(turn, now + COMMIT_SECONDS + 0.1) is Lapse.UNCOMMITTED
    assert turn.lapse() == "a"
    assert turn.floor is Floor.FREE


def test_what_this_side_ended_may_become_an_item_of_another_name() -> None:
    turn = speaking()
    turn.close(7.0, voiced_at=SPOKE)
    turn.lapse()
    assert not turn.committed("other", 8.0, voiced_at=SPOKE), "it was answered"
    assert turn.committed("next", 9.0, voiced_at=SPOKE)


def test_a_noise_is_no_turn_unless_it_becomes_an_item() -> None:
    turn = speaking()
    turn.stopped("a", 5.5, voiced_at=SPOKE)
    assert overdue(turn, 6.5, voiced_ms=80) is Lapse.NOISE
    turn.forget()
    assert turn.floor is Floor.FREE
    assert turn.committed("a", 7.0, voiced_at=SPOKE)


def test_nobody_speaks_for_ever() -> None:
    turn = speaking()
    late = 4.0 + LONGEST_SECONDS + 0.1
    assert turn.overdue(late, voiced_at=late, voiced_ms=3_000) is Lapse.UNENDED


def test_the_end_of_the_turn_before_does_not_end_this_one() -> None:
    turn = speaking("a")
    assert turn.started("b", 6.0)
    turn.stopped("a", 6.1, voiced_at=SPOKE)
    assert turn.floor is Floor.CALLER
    assert turn.committed("a", 6.2, voiced_at=SPOKE)
    assert turn.floor is Floor.CALLER
