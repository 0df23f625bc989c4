"""A call's state changes only as the table allows, whatever comes in whatever order."""

import itertools
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from controlplane.bridge.calls.call_state import (
    NEXT,
    CallState,
    GreetingState,
    StreamState,
    step,
)
from controlplane.bridge.calls.incoming_call import IncomingCall
from tests.unit.bridge.test_incoming_call import call

pytestmark = pytest.mark.unit

STATES: list[CallState | GreetingState | StreamState] = [*CallState, *GreetingState, *StreamState]
REFUSED = "alloresto_bridge_call_state_changes_refused_total"
LIVING = [state for state in CallState if state is not CallState.ENDED]


def standing(call: IncomingCall) -> tuple[StrEnum, ...]:
    return (call.state, call.greeting, call.stream)


def refused() -> float:
    """Changes refused since the process began."""
    return REGISTRY.get_sample_value(REFUSED) or 0.0


@given(st.lists(st.sampled_from(STATES), max_size=30))
def test_every_change_is_in_the_table_and_every_refusal_is_counted(
    changes: list[CallState | GreetingState | StreamState],
) -> None:
    one = call()
    for change in changes:
        before, counted = standing(one), refused()
        one.becomes(change)
        moved = [(was, now) for was, now in zip(before, standing(one), strict=True) if was != now]
        assert all(now is change and now in NEXT[was] for was, now in moved)
        ignored = change in CallState and before[0] is CallState.ENDED
        assert (refused() > counted) is (not moved and change not in before and not ignored)


@given(st.lists(st.sampled_from(STATES), max_size=30))
def test_the_end_and_the_end_of_the_greeting_are_final(
    changes: list[CallState | GreetingState | StreamState],
) -> None:
    one = call()
    one.becomes(GreetingState.OVER)
    one.becomes(CallState.ENDED)
    for change in changes:
        one.becomes(change)
    assert (one.state, one.parked, one.ours) == (CallState.ENDED, True, False)


@given(st.lists(st.sampled_from(STATES), max_size=30))
def test_the_three_are_independent(
    changes: list[CallState | GreetingState | StreamState],
) -> None:
    """Each ends where its own changes alone would have brought it."""
    together = call()
    for change in changes:
        together.becomes(change)
    for kind, ended in zip(
        (CallState, GreetingState, StreamState), standing(together), strict=True
    ):
        alone = call()
        for change in changes:
            if isinstance(change, kind):
                alone.becomes(change)
        assert ended in standing(alone)


def test_the_table_knows_every_state_and_mixes_no_two_kinds() -> None:
    assert set(NEXT) == set(STATES)
    assert all(type(now) is type(new) for now, news in NEXT.items() for new in news)
    assert all(now not in news for now, news in NEXT.items())


@pytest.mark.parametrize("kind", [CallState, GreetingState, StreamState])
def test_every_state_can_be_reached(kind: type[StrEnum]) -> None:
    reached, edge = set(), {next(iter(kind))}
    while edge:
        reached |= edge
        edge = set(itertools.chain.from_iterable(NEXT[state] for state in edge)) - reached
    assert reached == set(kind)


@pytest.mark.parametrize("state", LIVING)
def test_what_freeswitch_tells_is_never_refused(state: CallState) -> None:
    """A human may pick up late, and a caller may hang up at any time."""
    assert step(state, CallState.WITH_HUMAN) is CallState.WITH_HUMAN
    assert step(state, CallState.ENDED) is CallState.ENDED


def test_what_comes_after_the_end_is_no_mistake() -> None:
    counted = refused()
    assert step(CallState.ENDED, CallState.WAY_OUT) is CallState.ENDED
    assert refused() == counted


def test_nobody_picked_up_only_if_somebody_was_rung() -> None:
    for state in CallState:
        one = call()
        one.state = state
        one.ringing_ended()
        assert one.state is (CallState.WITH_US if state is CallState.RINGING else state)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ([], "greeting"),
        ([GreetingState.OVER], "waiting"),
        ([StreamState.ATTACHED], "agent"),
        ([StreamState.ATTACHED, CallState.RINGING], "ringing"),
        ([CallState.RINGING, CallState.WITH_HUMAN], "human"),
        ([GreetingState.OVER, CallState.WAY_OUT], "way out"),
        ([StreamState.ATTACHED, CallState.ENDED], "ended"),
    ],
)
def test_an_admin_is_told_where_a_call_stands(
    changes: list[CallState | GreetingState | StreamState], told: str
) -> None:
    one = call()
    for change in changes:
        one.becomes(change)
    assert one.standing == told
