"""What is asked of a gateway's commands outlives no later command, and what its registrar granted
outlives the event socket.
"""

from collections.abc import Callable
from typing import cast

import pytest

from controlplane.bridge.gateways import gateways as gateways_module
from controlplane.bridge.gateways.gateways import GatewayNotChanged, Gateways
from controlplane.bridge.gateways.register_messages import RegisterAnswer
from controlplane.esl.client import EslClient

pytestmark = pytest.mark.unit

NAME = "pizza-0a1b2c3d"
STATUS = f"external::{NAME}\t gateway\t sip:pizza@carrier.example\tREGED\n"


class Deaf:
    """A FreeSWITCH with one gateway, which does nothing it is told to."""

    def api(self, command: str) -> str:
        match command.split():
            case ["sofia", "status"]:
                return STATUS
            case [*_, "gwlist", "up"]:
                return NAME
            case ["sofia_gateway_data", *_]:
                return "1"
        return ""

    def send_event(self, name: str) -> None:
        pass

    def on(self, name: str, handler: Callable[..., None]) -> None:
        pass


@pytest.fixture
def gateways() -> Gateways:
    """Those of that FreeSWITCH, learnt."""
    found = Gateways(
        cast("EslClient", Deaf()),
        profile="external",
        on_state=lambda _: None,
        on_surprise=lambda: None,
    )
    found.learn()
    return found


def due_in_s(gateways: Gateways) -> float | None:
    gateway = gateways.get(NAME)
    assert gateway is not None
    return gateway.due_in_s


def test_a_binding_to_be_kept_after_all_is_renewed_again(
    gateways: Gateways, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its registration came back to this bridge before it had given it back."""
    monkeypatch.setattr(gateways_module, "DOWN_DEADLINE_S", 0.0)
    with pytest.raises(GatewayNotChanged):
        gateways.unregister(NAME)
    gateways.register(NAME, epoch=3)
    gateways.heard(NAME, RegisterAnswer(asked_s=60, status=200, granted_s=60))
    assert due_in_s(gateways) == pytest.approx(48, abs=0.1)


def test_an_agent_that_lost_the_event_socket_has_nobody_register_for_it(
    gateways: Gateways,
) -> None:
    """A carrier of 1,800 s bindings would see them all renewed at each loss."""
    assert due_in_s(gateways) == pytest.approx(30, abs=0.1), "an agent that starts knows nothing"
    gateways.heard(NAME, RegisterAnswer(asked_s=1_800, status=200, granted_s=1_800))
    gateways.learn()
    assert due_in_s(gateways) == pytest.approx(1_775, abs=0.1)
