"""What went elsewhere without us is given back at its carrier's pace, and kept while its owner
cannot be told.
"""

from typing import Any, cast

import pytest

from controlplane.bridge.gateways.accounts import Accounts
from controlplane.bridge.gateways.differences import Differences
from controlplane.bridge.gateways.gateway_steps import GatewaySteps, OwnerNotToldError
from controlplane.bridge.gateways.gateway_worker import GatewayWorker
from controlplane.bridge.gateways.handover import Successor
from controlplane.bridge.gateways.next_step import Step
from controlplane.bridge.gateways.register_pace import RegisterPace

pytestmark = pytest.mark.unit

NAME = "chez-luigi-3f9a1c2b"


class Elsewhere:
    """A gateway this bridge has, and another one owns; it stands for all that the worker asks."""

    def __init__(self, *, redis: bool = True) -> None:
        self.redis = redis
        self.done: list[object] = []
        self.owner: Successor | None = Successor("bridge-1", "sip-carrier", 20)

    def step(self, _name: str) -> Step:
        removed = any(isinstance(one, tuple) for one in self.done)
        return Step.NOTHING if removed else Step.REMOVE

    def to_be_made_again(self, _name: str) -> None:
        return None

    def successor(self, _name: str) -> Successor | None:
        return self.owner

    def wait(self, carrier_id: str, per_second: int) -> None:
        self.done.append(f"{carrier_id} at {per_second}")

    def remove(self, name: str, *, owner: str | None) -> None:
        if owner is not None and not self.redis:
            raise OwnerNotToldError
        self.done.append((name, owner))


def worker(world: Any) -> GatewayWorker:
    return GatewayWorker(
        NAME,
        differences=cast("Differences", world),
        steps=cast("GatewaySteps", world),
        accounts=cast("Accounts", world),
        pace=cast("RegisterPace", world),
    )


def test_it_waits_for_its_carriers_turn_and_the_owner_is_named() -> None:
    world = Elsewhere()
    worker(world).run()
    assert world.done == ["sip-carrier at 20", (NAME, "bridge-1")]


def test_what_nobody_owns_goes_at_once() -> None:
    world = Elsewhere()
    world.owner = None
    worker(world).run()
    assert world.done == [(NAME, None)]


def test_it_is_kept_while_its_owner_cannot_be_told() -> None:
    world = Elsewhere(redis=False)
    with pytest.raises(OwnerNotToldError):
        worker(world).run()
    assert world.done == ["sip-carrier at 20"]
