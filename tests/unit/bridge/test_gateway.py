"""A gateway hears of FreeSWITCH's state machine only what the table of transitions allows, and
knows how long FreeSWITCH will wait before it tries again.
"""

from collections import deque
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.bridge.gateways.gateway import Gateway, retry_wait_s
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
            elif gateway.registered:
                last, refusals = 200, 0
        assert (gateway.sip_code, gateway.failures) == (last, refusals)


@pytest.mark.parametrize(
    ("code", "failures", "seconds"),
    [
        (503, 5, 30),
        (908, 5, 30),
        (403, 1, 30),
        (403, 3, 90),
        (408, 2, 60),
        (500, 49, 300),
        (None, 0, 30),
    ],
)
def test_the_next_attempt_is_freeswitchs(code: int | None, failures: int, seconds: int) -> None:
    assert retry_wait_s(Gateway("x", sip_code=code, failures=failures)) == seconds
