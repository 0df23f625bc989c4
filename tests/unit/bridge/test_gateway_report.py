"""When an account is suspended, and the only ways out of that."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.bridge.gateways.gateway_report import Report, RowState
from controlplane.contracts.gateway_states import GatewayState

pytestmark = pytest.mark.unit

FORGIVEN = "forgiven"
"""The account has changed, or an admin asked for another try."""
REFUSED = "refused"
TOLD = sorted(state for state in GatewayState if state is not GatewayState.SUSPENDED)


def report(state: GatewayState, *, refused: bool = False) -> Report:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return Report(gateway_name="pizza-0a1b2c3d", epoch=1, state=state, at=at, refused=refused)


def after(row: RowState, what: GatewayState | str) -> RowState:
    if what == FORGIVEN:
        return RowState(state=row.state, auth_failures=0, max_auth_failures=row.max_auth_failures)
    if what == REFUSED:
        return row.after(report(GatewayState.FAIL_WAIT, refused=True))
    return row.after(report(GatewayState(what)))


@given(
    st.integers(1, 10), st.lists(st.sampled_from([FORGIVEN, REFUSED, REFUSED, *TOLD]), max_size=40)
)
def test_one_refusal_too_many_suspends_and_a_binding_or_forgiveness_ends_it(
    most: int, events: list[GatewayState | str]
) -> None:
    row = RowState(state=GatewayState.DOWN, auth_failures=0, max_auth_failures=most)
    in_a_row = 0
    for what in events:
        before, row = row, after(row, what)
        in_a_row = 0 if what in (FORGIVEN, GatewayState.REGED) else in_a_row + (what == REFUSED)
        assert row.auth_failures == in_a_row
        assert row.suspended is (in_a_row >= most)
        if before.suspended and not row.suspended:
            assert what in (FORGIVEN, GatewayState.REGED)
        if not row.suspended and what not in (FORGIVEN, REFUSED):
            assert row.state is what


def test_a_lowered_limit_suspends_at_the_next_refusal() -> None:
    row = RowState(state=GatewayState.FAIL_WAIT, auth_failures=3, max_auth_failures=2)
    assert after(row, GatewayState.TRYING).state is GatewayState.TRYING
    assert after(row, REFUSED).state is GatewayState.SUSPENDED


def test_a_raised_limit_ends_the_suspension_at_the_next_report() -> None:
    """The bridge tries again as soon as it hears of the new limit: nobody is to read otherwise."""
    suspended = RowState(state=GatewayState.SUSPENDED, auth_failures=3, max_auth_failures=3)
    raised = replace(suspended, max_auth_failures=5)
    assert after(suspended, GatewayState.TRYING).state is GatewayState.SUSPENDED
    assert after(raised, GatewayState.TRYING).state is GatewayState.TRYING
    assert after(after(raised, REFUSED), REFUSED).state is GatewayState.SUSPENDED
