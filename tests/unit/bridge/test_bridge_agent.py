"""What the bridge agent does when one of its parts fails in a way nobody thought of."""

import time
from dataclasses import replace
from pathlib import Path

import pytest

from controlplane.bridge import bridge_agent
from controlplane.bridge.bridge_agent import BridgeAgent
from controlplane.bridge.gateways.next_step import Step
from controlplane.contracts.gateway_states import GatewayState
from controlplane.settings import BridgeSettings
from tests.accounts import SECRET_KEYS
from tests.unit.bridge.test_next_step import OWNED, UP

pytestmark = pytest.mark.unit


class Unthought(Exception):
    pass


def fails(*_: object) -> None:
    raise Unthought


@pytest.fixture
def agent(tmp_path: Path) -> BridgeAgent:
    """Connected to nothing."""
    return BridgeAgent(
        BridgeSettings(
            database_url="postgresql://nobody@127.0.0.1:1/none",
            redis_url="redis://127.0.0.1:1",
            esl_password="not-connected",
            gateway_folder=tmp_path,
            sounds_folder=tmp_path,
            secret_keys=SECRET_KEYS,
        )
    )


def test_a_call_that_cannot_be_resumed_keeps_no_gateway_from_being_looked_at(
    agent: BridgeAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A FreeSWITCH that was started anew has none: all would be thought registered."""
    asked: list[None] = []
    monkeypatch.setattr(bridge_agent, "resume_calls", fails)
    monkeypatch.setattr(agent._media, "wait_connected", lambda _: None)
    monkeypatch.setattr(agent._registrar, "connected", lambda: asked.append(None))
    with pytest.raises(Unthought):
        agent._freeswitch_connected(agent._control)
    assert asked == [None]


@pytest.mark.parametrize(("due_in_s", "step"), [(1.0, Step.NOTHING), (0.0, Step.REGISTER_AGAIN)])
def test_a_gateway_registers_when_it_is_due(
    agent: BridgeAgent, due_in_s: float, step: Step
) -> None:
    """FreeSWITCH's own wait grows without a bound, and keeps no carrier's pace."""
    registrar = agent._registrar
    waiting = replace(UP, state=GatewayState.FAIL_WAIT, register_at=time.monotonic() + due_in_s)
    registrar._accounts._rows[UP.name] = OWNED
    registrar.gateways._known[UP.name] = waiting
    registrar._workers.stop()  # it has nobody to ask
    registrar._register_due()
    assert registrar._differences.step(UP.name) is step


def test_gateways_that_could_not_be_learnt_are_asked_for_at_the_next_turn(
    agent: BridgeAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without them the former bridge of a move would say that it holds no binding."""
    monkeypatch.setattr(agent._registrar.gateways, "learn", fails)
    for _ in range(2):
        with pytest.raises(Unthought):
            agent._registrar.reconcile()
