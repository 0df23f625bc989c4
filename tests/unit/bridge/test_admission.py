"""Who is refused before a worker hears of them, and who never is."""

import pytest

from controlplane.bridge.calls.admission import MAX_CALLERS, Admission, Refusal
from controlplane.bridge.calls.call_policy import CallPolicy
from controlplane.contracts.hangup_causes import HangupCause
from controlplane.contracts.identifiers import new_id

pytestmark = pytest.mark.unit

RESTAURANT = new_id()
CALLER, OTHER, OWNER = "+33639980123", "+33639980124", "+33199005678"
POLICY = CallPolicy(blocked=frozenset({OTHER, OWNER}), own_numbers=frozenset({OWNER}))


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def admission(clock: Clock) -> Admission:
    return Admission(calls=6, at_once=3, clock=clock)


def refuse(admission: Admission, number: str | None, *, at_once: int = 0) -> Refusal | None:
    return admission.refuse(RESTAURANT, number, policy=POLICY, at_once=at_once)


def test_a_blocked_number_is_rejected_elsewhere_it_is_not(admission: Admission) -> None:
    refusal = refuse(admission, OTHER)
    assert refusal is Refusal.BLOCKED
    assert refusal.cause is HangupCause.CALL_REJECTED
    assert admission.refuse(new_id(), OTHER, policy=CallPolicy(), at_once=0) is None


def test_the_seventh_call_in_five_minutes_is_busy_then_the_way_is_free(
    admission: Admission, clock: Clock
) -> None:
    for _ in range(6):
        assert refuse(admission, CALLER) is None
        clock.now += 10
    refusal = refuse(admission, CALLER)
    assert refusal is Refusal.TOO_OFTEN
    assert refusal.cause is HangupCause.USER_BUSY
    assert admission.refuse(new_id(), CALLER, policy=POLICY, at_once=0) is None
    clock.now = 1_000.0 + 300
    assert refuse(admission, CALLER) is None
    assert refuse(admission, CALLER) is Refusal.TOO_OFTEN


def test_the_fourth_at_once_is_busy(admission: Admission) -> None:
    assert refuse(admission, CALLER, at_once=2) is None
    assert refuse(admission, CALLER, at_once=3) is Refusal.TOO_MANY_AT_ONCE


def test_without_limits_nobody_is_too_many() -> None:
    admission = Admission(calls=0, at_once=0)
    assert {refuse(admission, CALLER, at_once=9) for _ in range(50)} == {None}


@pytest.mark.parametrize("number", [None, OWNER])
def test_hidden_callers_and_the_restaurants_own_are_never_refused(
    admission: Admission, number: str | None
) -> None:
    assert {refuse(admission, number, at_once=9) for _ in range(50)} == {None}


def test_a_flood_of_numbers_fills_no_memory(admission: Admission) -> None:
    for n in range(MAX_CALLERS + 100):
        assert refuse(admission, f"+336{n:08}") is None
    assert len(admission._calls) == MAX_CALLERS
