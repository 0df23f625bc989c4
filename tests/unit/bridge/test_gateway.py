"""A gateway hears of FreeSWITCH's state machine only what the table of transitions allows, and
knows when it is to REGISTER next.
"""

from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.bridge.gateways.gateway import Gateway, retry_wait_s
from controlplane.bridge.gateways.register_messages import RegisterAnswer
from controlplane.contracts.gateway_states import GatewayState

pytestmark = pytest.mark.unit


@dataclass
class SofiaGateway:
    """`sofia_reg_check_gateway` and `sofia_reg_handle_sip_r_register`, whose clocks are the test's:
    what is due at a tick, and when answers come, is up to it.
    """

    state: GatewayState = GatewayState.UNREGED
    up: bool = False
    unanswered: int = 0
    told: deque[tuple[GatewayState, int | None, bool]] = field(default_factory=deque)

    def tick(self, *, due: bool) -> None:
        match self.state:
            case GatewayState.REGISTER:
                self.up = True
                self._tell(GatewayState.REGED)
            case GatewayState.UNREGISTER:
                self.up, self.unanswered = False, 0
                self._tell(GatewayState.DOWN)
            case GatewayState.UNREGED:
                self.unanswered += 1
                self._tell(GatewayState.TRYING)
            case GatewayState.TIMEOUT:
                self.unanswered = 0
                self._tell(GatewayState.FAILED)
            case GatewayState.FAILED:
                self.up = False
                self._tell(GatewayState.FAIL_WAIT)
            case GatewayState.TRYING if due:
                self._tell(GatewayState.TIMEOUT)
            case GatewayState.FAIL_WAIT | GatewayState.REGED if due:
                self._tell(GatewayState.UNREGED)

    def answer(self, code: int) -> None:
        if self.unanswered:
            self.unanswered -= 1
            accepted = code == 200
            self._tell(GatewayState.REGISTER if accepted else GatewayState.FAILED, code)

    def command(self, state: GatewayState) -> None:
        """`register` and `unregister` tell nothing before the next tick."""
        self.state = state

    def _tell(self, state: GatewayState, code: int | None = None) -> None:
        if state is not self.state:
            self.state = state
            self.told.append((state, code, self.up))


STEPS = ["tick", "tick when due", "200", "403", "register", "unregister", "hear", "hear"]


@given(st.lists(st.sampled_from(STEPS), max_size=60))
def test_freeswitch_tells_nothing_but_legal_transitions(steps: list[str]) -> None:
    """Whatever answers, and commands of ours or of an admin, cross what FreeSWITCH tells."""
    sofia, gateway = SofiaGateway(), Gateway("pizza-0a1b2c3d")
    for step in steps:
        match step:
            case "tick" | "tick when due":
                sofia.tick(due=step == "tick when due")
            case "200" | "403":
                sofia.answer(int(step))
            case "register":
                gateway.state = GatewayState.TRYING
                sofia.command(GatewayState.UNREGED)
            case "unregister":
                sofia.command(GatewayState.UNREGISTER)
            case "hear" if sofia.told:
                state, code, up = sofia.told.popleft()
                if not gateway.is_refresh(state, up=up):
                    assert state.may_follow(gateway.state), (gateway.state, state)
                    gateway.enter(state, sip_code=code)


@given(st.lists(st.sampled_from(["tick", "tick when due", "200", "403"]), max_size=60))
def test_what_is_remembered_of_answers_is_the_last_one(codes: list[str]) -> None:
    sofia, gateway, last, refusals = SofiaGateway(), Gateway("pizza-0a1b2c3d"), None, 0
    for step in codes:
        if step.startswith("tick"):
            sofia.tick(due=step == "tick when due")
        else:
            sofia.answer(int(step))
        while sofia.told:
            state, code, _ = sofia.told.popleft()
            if gateway.enter(state, sip_code=code):
                last, refusals = gateway.sip_code, refusals + 1
            elif gateway.state.registered:
                last, refusals = 200, 0
        assert (gateway.sip_code, gateway.failures) == (last, refusals)


@pytest.mark.parametrize(
    ("code", "failures", "had_binding", "seconds"),
    [
        (503, 1, True, 1),
        (503, 1, False, 2),
        (503, 2, False, 4),
        (503, 50, False, 30),
        (908, 3, False, 8),
        (408, 1, True, 1),
        (480, 1, True, 1),
        (600, 1, True, 1),
        (404, 1, True, 1),  # a refresh: given back by FreeSWITCH, and it may well pass
        (404, 1, False, 30),
        (404, 2, False, 60),
        (403, 1, True, 30),  # the binding is kept
        (403, 49, False, 300),
    ],
)
def test_how_long_it_waits_after_a_refusal(
    code: int, failures: int, *, had_binding: bool, seconds: float
) -> None:
    gateway = Gateway("x", sip_code=code, failures=failures)
    assert retry_wait_s(gateway, had_binding=had_binding) == seconds


def up() -> Gateway:
    return Gateway("x", state=GatewayState.REGED)


def test_a_failed_refresh_is_tried_again_once_the_binding_is_given_back() -> None:
    gateway = up()
    assert gateway.due_in_s is None
    assert gateway.enter(GatewayState.FAILED, sip_code=500)
    assert gateway.due_in_s == pytest.approx(1, abs=0.1)
    gateway.hear(RegisterAnswer(asked_s=0, status=200))
    assert gateway.due_in_s == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize("first", ["event", "answer"])
@pytest.mark.parametrize(("retry_after_s", "seconds"), [(20, 20), (3_600, 300), (None, 1)])
def test_retry_after_is_honoured_within_bounds(
    first: str, retry_after_s: int | None, seconds: float
) -> None:
    """FreeSWITCH's event and its copy of the answer come in any order."""
    gateway = up()
    answer = RegisterAnswer(asked_s=60, status=503, retry_after_s=retry_after_s)
    if first == "answer":
        gateway.hear(answer)
    gateway.enter(GatewayState.FAILED, sip_code=503)
    if first == "event":
        gateway.hear(answer)
    assert gateway.due_in_s == pytest.approx(seconds, abs=0.1)
    gateway.enter(GatewayState.FAIL_WAIT, sip_code=None)
    assert gateway.retry_at
    assert (gateway.retry_at - datetime.now(UTC)).total_seconds() == pytest.approx(seconds, abs=0.5)


def test_what_an_un_register_is_answered_takes_no_retry_after_back() -> None:
    gateway = up()
    gateway.enter(GatewayState.FAILED, sip_code=503)
    gateway.hear(RegisterAnswer(asked_s=60, status=503, retry_after_s=20))
    gateway.hear(RegisterAnswer(asked_s=0, status=503))
    assert gateway.due_in_s == pytest.approx(20, abs=0.1)


def test_a_retry_after_says_nothing_of_a_binding_granted_since() -> None:
    """Another REGISTER was sent before its time: after a move, say."""
    gateway = up()
    gateway.hear(RegisterAnswer(asked_s=3_600, status=503, retry_after_s=300))
    gateway.hear(RegisterAnswer(asked_s=3_600, status=200, granted_s=60))
    assert gateway.due_in_s == pytest.approx(48, abs=0.1)


@pytest.mark.parametrize(
    ("granted_s", "seconds"), [(20, 16), (60, 48), (300, 275), (3_600, 3_575), (1, 5)]
)
def test_a_binding_is_renewed_before_its_end_whatever_freeswitch_believes(
    granted_s: int, seconds: float
) -> None:
    gateway = up()
    gateway.hear(RegisterAnswer(asked_s=3_600, status=200, granted_s=granted_s))
    assert gateway.registered
    assert gateway.due_in_s == pytest.approx(seconds, abs=0.1)


def test_the_un_register_of_freeswitchs_own_is_no_registration() -> None:
    """Its 200 shows as REGED, and the registrar has nothing."""
    gateway = up()
    gateway.enter(GatewayState.FAILED, sip_code=408)
    gateway.hear(RegisterAnswer(asked_s=0, status=200))
    gateway.enter(GatewayState.REGED, sip_code=None)
    assert not gateway.registered
    assert gateway.due_in_s is not None
    gateway.hear(RegisterAnswer(asked_s=60, status=200, granted_s=60))
    assert gateway.registered


def test_without_copies_a_200_after_a_failure_is_not_believed_either() -> None:
    gateway = up()
    for state, code in ((GatewayState.FAILED, 408), (GatewayState.REGISTER, 200)):
        gateway.enter(state, sip_code=code)
    gateway.enter(GatewayState.REGED, sip_code=None)
    assert not gateway.registered
    assert gateway.due_in_s == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize("code", [404, 408])
def test_copies_that_come_before_the_events_they_tell_of_make_nobody_wait(code: int) -> None:
    """On a loaded machine FreeSWITCH's copies overtake its events."""
    gateway = up()
    gateway.hear(RegisterAnswer(asked_s=60, status=code))
    gateway.hear(RegisterAnswer(asked_s=0, status=200))
    for state in (GatewayState.UNREGED, GatewayState.TRYING):
        assert gateway.is_refresh(state, up=True)
    gateway.enter(GatewayState.FAILED, sip_code=code)
    assert gateway.due_in_s == pytest.approx(1, abs=0.1)


def test_a_registrar_that_grants_nothing_is_asked_less_and_less() -> None:
    gateway, waits = up(), []
    for _ in range(7):
        gateway.hear(RegisterAnswer(asked_s=60, status=200, granted_s=0))
        assert not gateway.registered
        waits.append(round(gateway.due_in_s or 0))
    assert waits == [2, 4, 8, 16, 30, 30, 30]


@pytest.mark.parametrize("ending", ["giving_back", "deleting"])
def test_what_is_given_back_is_not_renewed(ending: str) -> None:
    gateway = up()
    setattr(gateway, ending, True)
    gateway.hear(RegisterAnswer(asked_s=0, status=200))
    assert gateway.due_in_s is None


def test_a_registrar_that_closes_after_each_answer_is_noticed() -> None:
    gateway = up()
    for _ in range(6):
        gateway.hear(RegisterAnswer(asked_s=60, status=200, granted_s=60))
    assert gateway.hurried == 5
