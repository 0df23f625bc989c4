"""A registration that moves between two bridges: there is a binding at every instant, and one at
the end. The controller's part is played by the test; what counts is what the registrar saw.
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import pytest
from redis.asyncio import Redis

from controlplane.local.launch.services import LocalServices
from controlplane.local.launch.simulator import SimulatorServer
from freeswitch.simulator.registrar import Registrar
from tests.integration.binding_watch import BindingWatch
from tests.integration.bridge_under_test import (
    ACCOUNT_PASSWORD,
    SWITCHES,
    Bridge,
    open_bridges,
    tell,
)
from tests.waiting import until

pytestmark = pytest.mark.integration

OLD, NEW = "bridge-a", "bridge-b"
RATE = 100
"""REGISTERs a second: nothing here is about the pace."""


@dataclass
class Pair:
    """Two bridges and what they share."""

    old: Bridge
    new: Bridge

    def row(self, name: str) -> tuple[str | None, str | None, int, str, int]:
        return self.old.query(
            "SELECT bridge_id, former_bridge_id, epoch, state, state_epoch FROM sip_registration"
            " WHERE gateway_name = %s",
            name,
        )[0]

    def events(self, name: str) -> list[tuple[str, str, int]]:
        return self.old.query(
            "SELECT e.bridge_id, e.event, e.epoch FROM sip_registration_event e"
            " JOIN sip_registration r ON r.id = e.registration_id"
            " WHERE r.gateway_name = %s ORDER BY e.id",
            name,
        )


@pytest.fixture(scope="module", params=SWITCHES)
def pair(
    request: pytest.FixtureRequest,
    services: LocalServices,
    migrated_template: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("moves")
    opening = open_bridges(request.param, services, migrated_template, folder, OLD, NEW)
    with opening as bridges:
        yield Pair(bridges[OLD], bridges[NEW])


@pytest.fixture(params=[False, True], ids=["rfc3261", "one-binding"])
async def registrar(request: pytest.FixtureRequest) -> AsyncIterator[Registrar]:
    registrar = Registrar({}, one_binding=request.param)
    yield registrar
    registrar.close()


async def placed(
    pair: Pair, registrar: Registrar, redis: Redis, slug: str, **carrier: object
) -> str:
    """A restaurant registered by the old bridge; `carrier`: its columns."""
    name = f"{slug}-{time.monotonic_ns():x}"
    registrar.set_password(name, ACCOUNT_PASSWORD)
    host, port = await registrar.open()
    carrier = {"registrar": f"{host}:{port}", "registers_per_second": RATE, **carrier}
    pair.old.place(name, bridge_id=OLD, **carrier)  # type: ignore[arg-type]  # a test's builder
    await tell(redis, OLD)
    await until(lambda: pair.row(name)[3:] == ("REGED", 1))
    return name


def move(pair: Pair, name: str) -> None:
    """What the controller writes."""
    pair.old.query(
        "UPDATE sip_registration SET former_bridge_id = bridge_id, bridge_id = %s,"
        " epoch = epoch + 1, placed_at = now() WHERE gateway_name = %s",
        NEW,
        name,
    )


def host_of(contact: str) -> str:
    found = re.search(r"@([^;>]+)", contact)
    assert found
    return found[1]


async def test_moved_without_a_hole(pair: Pair, registrar: Registrar, redis: Redis) -> None:
    """
    1. Registered by the old bridge; the controller moves it.
    2. The new bridge registers, and reports; the old one gives its binding back, and says so.
    3. One binding is left, the new one's, and there was one at every instant.
    """
    name = await placed(pair, registrar, redis, "move")
    await asyncio.to_thread(move, pair, name)
    async with BindingWatch(registrar, name) as watch:
        await tell(redis, OLD, NEW)
        await until(lambda: pair.row(name)[1] is None)
        await until(
            lambda: (
                [host_of(one) for one in registrar.contacts(name)] == [pair.new.switch.sip_address]
            )
        )
    assert pair.row(name) == (NEW, None, 2, "REGED", 2)
    assert pair.old.gateways() == set()
    assert name in pair.new.gateways()
    if registrar._one_binding:  # drops the new one with the old, until it is registered again
        by_tick = isinstance(pair.new.switch, SimulatorServer)  # it cannot be hastened
        assert watch.longest_gap_s < (4.0 if by_tick else 0.5)
    else:
        assert watch.longest_gap_s == 0.0
        assert watch.most == 2
    told = [event for event in pair.events(name) if event[1] in ("REGED", "released")]
    assert told == [(OLD, "REGED", 1), (NEW, "REGED", 2), (OLD, "released", 2)]


@pytest.mark.parametrize("registrar", [False], indirect=True, ids=["rfc3261"])
async def test_kept_while_the_new_bridge_cannot_register(
    pair: Pair, registrar: Registrar, redis: Redis
) -> None:
    """The registrar answers nothing to the new bridge until it is told to: the old one stays."""
    name = await placed(pair, registrar, redis, "kept")
    kept = registrar.contacts(name)
    registrar.answer_with(503, name)
    move(pair, name)
    await tell(redis, OLD, NEW)
    await until(lambda: pair.row(name)[3] == "FAIL_WAIT")
    assert registrar.contacts(name) == kept
    assert pair.row(name)[:3] == (NEW, OLD, 2)
    assert name in pair.old.gateways()
    registrar.answer_with(None, name)
    pair.new.switch.api(f"sofia profile external register {name}")
    await until(lambda: pair.row(name)[1] is None)
    await until(
        lambda: [host_of(one) for one in registrar.contacts(name)] == [pair.new.switch.sip_address]
    )


@pytest.mark.parametrize("registrar", [True], indirect=True, ids=["one-binding"])
async def test_the_un_register_of_a_bridge_that_was_called_lost_is_made_good(
    pair: Pair, registrar: Registrar, redis: Redis
) -> None:
    """
    1. The old bridge is called lost, and lives: its registration is another's already.
    2. It finds it owns nothing and un-REGISTERs; this carrier drops the new binding with it.
    3. The new bridge registers again at once, not at its next refresh.
    """
    name = await placed(pair, registrar, redis, "lost")
    pair.old.query(
        "UPDATE sip_registration SET bridge_id = %s, epoch = epoch + 1, placed_at = now()"
        " WHERE gateway_name = %s",
        NEW,
        name,
    )
    await tell(redis, NEW)
    await until(lambda: pair.row(name)[3:] == ("REGED", 2))
    await tell(redis, OLD)
    await until(lambda: name not in pair.old.gateways())
    await until(
        lambda: [host_of(one) for one in registrar.contacts(name)] == [pair.new.switch.sip_address]
    )


@pytest.mark.parametrize("registrar", [False], indirect=True, ids=["rfc3261"])
async def test_an_account_refused_everywhere_is_left_alone_by_the_former_bridge_too(
    pair: Pair, registrar: Registrar, redis: Redis
) -> None:
    """
    1. In the middle of a move the carrier begins to refuse the account: its owner gives up.
    2. So does the old bridge at its next refresh, instead of asking until the account is locked.
    """
    name = await placed(pair, registrar, redis, "locked", max_auth_failures=1)
    registrar.answer_with(403, name)
    move(pair, name)
    await tell(redis, OLD, NEW)
    await until(lambda: pair.row(name)[3] == "SUSPENDED")
    assert name in pair.old.gateways()  # its binding is good until it is refused as well
    assert pair.row(name)[1] == OLD
    pair.old.switch.api(f"sofia profile external register {name}")
    await until(lambda: name not in pair.old.gateways())
    await until(lambda: pair.row(name)[1] is None)
