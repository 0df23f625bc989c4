"""One response after the other: no state outlasts its deadline, and what is dead stays unheard."""

import itertools
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiworker.realtime.response_cycle import Ended, ResponseCycle
from aiworker.realtime.response_state import DEADLINES, NEXT, Remedy, ResponseState

pytestmark = pytest.mark.unit

LONG: Final = max(deadline.seconds for deadline in DEADLINES.values())


def requested(now: float = 1.0) -> ResponseCycle:
    cycle = ResponseCycle()
    cycle.want(now)
    assert cycle.ask(now)
    return cycle


def mend(cycle: ResponseCycle, now: float, *, heard_until: float = 0.0) -> bool:
    """Go on after the deadline that must have passed; say whether the session is worth it."""
    deadline = cycle.overdue(now, heard_until=heard_until)
    assert deadline is not None
    return cycle.mend(deadline, now)


# --- One at a time -------------------------------------------------------------------------------


def test_however_many_want_a_response_one_is_asked_for() -> None:
    cycle = requested()
    cycle.want(2.0)
    assert not cycle.ask(2.0)
    cycle.created("r1", 2.0)
    assert cycle.done("r1", 2.5) is Ended.EMPTY
    assert cycle.ask(3.0)
    assert not cycle.ask(3.0)


def test_done_of_a_response_never_created_frees_the_way() -> None:
    cycle = requested()
    assert cycle.done("r9", 1.1) is Ended.EMPTY
    assert not cycle.in_flight


def test_done_of_an_older_response_does_not() -> None:
    cycle = requested()
    cycle.created("r2", 1.1)
    assert cycle.done("r1", 1.2) is Ended.NOTHING
    assert cycle.in_flight


def test_done_twice_is_done_once() -> None:
    cycle = requested()
    cycle.speaks("r1", 1.1)
    assert cycle.done("r1", 1.2) is Ended.ANSWERED
    cycle.want(1.3)
    cycle.ask(1.3)
    assert cycle.done("r1", 1.4) is Ended.NOTHING
    assert cycle.state is ResponseState.REQUESTED


def test_the_server_has_one_in_flight_already() -> None:
    cycle = requested()
    cycle.occupied(1.1, cycle.request_id)
    assert not cycle.ask(1.2)
    cycle.done("theirs", 1.3)
    assert cycle.ask(1.3)


def test_what_the_server_has_in_flight_may_be_what_was_asked_for_before() -> None:
    cycle = requested()
    assert mend(cycle, 4.0)
    assert cycle.ask(4.0)
    cycle.occupied(4.1, cycle.request_id)
    assert cycle.speaks("r1", 4.2)
    assert cycle.done("r1", 5.0) is Ended.ANSWERED
    assert not cycle.ask(5.0), "the caller was answered"


def test_a_request_that_is_refused_is_made_again_a_little_later() -> None:
    cycle = requested()
    assert cycle.refused(1.1, "something else", after_seconds=0.3)
    assert cycle.state is ResponseState.REQUESTED
    assert cycle.refused(1.1, cycle.request_id, after_seconds=0.3)
    assert not cycle.ask(1.3)
    assert cycle.ask(1.5)
    assert not cycle.refused(1.6, cycle.request_id, after_seconds=0.3), "a second time"


# --- Interrupted ---------------------------------------------------------------------------------


def test_one_interrupted_before_its_id_is_known_is_dead_when_it_is() -> None:
    cycle = requested()
    assert cycle.cancel(1.1)
    assert not cycle.alive
    assert cycle.created("r1", 1.2), "and it is cancelled by its name"
    assert not cycle.speaks("r1", 1.3)
    assert cycle.in_flight, "until the server says that it is done"
    assert cycle.done("r1", 1.4) is Ended.NOTHING
    assert not cycle.speaks("r1", 1.5)


def test_a_response_is_cancelled_once() -> None:
    cycle = requested()
    cycle.created("r1", 1.1)
    assert cycle.cancel(1.2)
    assert not cycle.cancel(1.3)


def test_a_response_given_up_is_not_said_on_top_of_the_next() -> None:
    cycle = requested()
    cycle.created("slow", 1.1)
    assert mend(cycle, 8.0)
    mend(cycle, 10.0)
    assert cycle.ask(10.0)
    assert not cycle.speaks("slow", 10.1)
    assert cycle.done("slow", 10.2) is Ended.NOTHING
    assert cycle.state is ResponseState.REQUESTED
    assert cycle.speaks("next", 10.3)


def test_what_is_not_active_cannot_be_cancelled_and_is_over() -> None:
    cycle = requested()
    cycle.speaks("r1", 1.1)
    cycle.cancel(1.2)
    cycle.want(1.3)
    cycle.not_active(1.4)
    assert cycle.ask(1.4)


# --- Late and lost -------------------------------------------------------------------------------


def test_the_response_that_speaks_is_the_one() -> None:
    cycle = requested()
    cycle.created("lost", 1.1)
    assert cycle.speaks("r1", 1.2)
    assert not cycle.created("late", 1.3)
    assert cycle.active == "r1"


def test_a_healthy_slow_response_is_waited_for() -> None:
    cycle = requested()
    cycle.created("r1", 1.2)
    assert cycle.overdue(6.2, heard_until=0.0) is None


def test_audio_that_stops_is_missed_when_all_that_came_was_heard() -> None:
    cycle = requested()
    cycle.speaks("r1", 1.2)
    assert cycle.overdue(9.0, heard_until=9.0) is None
    assert mend(cycle, 12.1, heard_until=9.0)
    assert cycle.state is ResponseState.CANCELLED
    assert cycle.wanted


def test_a_response_whose_end_is_lost_is_over() -> None:
    cycle = requested()
    cycle.speaks("r1", 1.2)
    cycle.item_over("r1", 1.3)
    cycle.want(1.4)
    assert mend(cycle, 2.4)
    assert cycle.ask(2.4)
    assert cycle.done("r1", 9.0) is Ended.NOTHING
    assert cycle.state is ResponseState.REQUESTED


@pytest.mark.parametrize("state", [s for s in ResponseState if s is not ResponseState.IDLE])
def test_every_state_but_idle_has_a_deadline_and_a_way_out(state: ResponseState) -> None:
    assert DEADLINES[state].reason
    assert NEXT[state] - {state}


def test_a_session_that_gives_nothing_twice_is_given_up() -> None:
    cycle = requested()
    assert mend(cycle, 4.0)
    assert cycle.ask(4.0)
    assert not mend(cycle, 7.0)


def test_a_caller_who_speaks_meanwhile_does_not_hide_a_dead_session() -> None:
    cycle = requested()
    cycle.cancel(2.0)
    assert mend(cycle, 3.5)
    cycle.want(4.0)
    cycle.ask(4.0)
    cycle.cancel(5.0)
    assert not mend(cycle, 6.5)


# --- Whatever happens ----------------------------------------------------------------------------

IDS: Final = st.sampled_from(["r1", "r2", "r3", None])
EVENTS: Final = st.lists(
    st.tuples(
        st.sampled_from(
            "want ask cancel created speaks calls item_over done occupied refused inactive".split()
        ),
        IDS,
        st.floats(0.0, 3.0),
    ),
    max_size=30,
)


def happen(cycle: ResponseCycle, what: str, response: str | None, now: float) -> None:
    name = response or "r0"
    match what:
        case "want":
            cycle.want(now)
        case "ask":
            cycle.ask(now)
        case "cancel":
            cycle.cancel(now)
        case "created":
            cycle.created(name, now)
        case "speaks":
            dead = not cycle.alive and cycle.in_flight and cycle.active == name
            heard = cycle.speaks(name, now)
            assert not (dead and heard and cycle.state is ResponseState.CANCELLED)
        case "calls":
            cycle.calls(response, now)
        case "item_over":
            cycle.item_over(response, now)
        case "done":
            cycle.done(response, now)
        case "occupied":
            cycle.occupied(now, response or cycle.request_id)
        case "refused":
            cycle.refused(now, cycle.request_id, after_seconds=0.3)
        case "inactive":
            cycle.not_active(now)


@given(EVENTS)
def test_after_any_events_a_wanted_response_is_asked_for_in_bounded_time(
    events: list[tuple[str, str | None, float]],
) -> None:
    cycle, now = ResponseCycle(), 1.0
    for what, response, seconds in events:
        now += seconds
        happen(cycle, what, response, now)
    cycle.want(now)
    asked = cycle.request_id
    for step in itertools.count():
        assert step < 20 * LONG
        if cycle.ask(now) and cycle.request_id != asked:
            break
        now += 0.2
        deadline = cycle.overdue(now, heard_until=0.0)
        if deadline is not None:
            cycle.mend(deadline, now)


def test_a_remedy_that_leaves_waits_for_nothing() -> None:
    leaving = {state for state, one in DEADLINES.items() if one.remedy is Remedy.LEAVE}
    assert leaving == {ResponseState.WHOLE, ResponseState.CANCELLED}
