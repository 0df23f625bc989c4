"""What a bridge's registrations survive: the agent killed in the middle of a move, FreeSWITCH
killed, Postgres and Redis away, a registrar started anew, a night of refreshes.
"""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from redis.asyncio import Redis

from controlplane.contracts import redis_keys
from controlplane.contracts.heartbeats import BridgeHeartbeat
from controlplane.database import libpq_url
from controlplane.local.launch.freeswitch import FreeSwitchServer, find_freeswitch
from controlplane.local.launch.services import LocalServices
from controlplane.local.launch.simulator import SimulatorServer
from freeswitch.simulator.registrar import Registrar
from tests.databases import query
from tests.integration.bridge_under_test import (
    ACCOUNT_PASSWORD,
    LOOK,
    SWITCHES,
    Bridge,
    open_bridges,
    run_bridge,
    tell,
)
from tests.integration.switch_under_test import Server
from tests.waiting import DEADLINE_S, elapse, until

pytestmark = pytest.mark.integration

OLD, NEW = "bridge-a", "bridge-b"
MANY = 100


@dataclass
class Fleet:
    """Two bridges whose processes die and are started again, as a supervisor does it."""

    bridges: dict[str, Bridge]
    undo: contextlib.ExitStack
    folder: Path
    database_url: str
    redis_url: str

    def start_agent(self, name: str) -> None:
        self.bridges[name] = self.undo.enter_context(
            run_bridge(
                self.bridges[name].switch,
                database_url=self.database_url,
                redis_url=self.redis_url,
                folder=self.folder,
                bridge_id=name,
            )
        )

    def kill_agent(self, name: str) -> None:
        os.kill(self.bridges[name].agent.pid, signal.SIGKILL)
        self.bridges[name].agent.stop()

    def restart_switch(self, name: str) -> None:
        """kill -9, and another one on the same ports."""
        old = self.bridges[name].switch
        os.kill(old.process.pid, signal.SIGKILL)
        old.stop()
        same = {
            "runtime_folder": old.runtime_folder,
            "ports": old.ports,
            "esl_password": old.esl_password,
            "sounds_folder": old.sounds_folder,
        }
        new: Server
        if isinstance(old, SimulatorServer):
            new = SimulatorServer(time_factor=0.1, **same)  # type: ignore[arg-type]
        else:
            program = find_freeswitch()
            assert program is not None
            new = FreeSwitchServer(program, **same)  # type: ignore[arg-type]
        self.undo.enter_context(new)
        self.bridges[name].switch = new

    def query(self, statement: str, *values: object) -> list[tuple[object, ...]]:
        return query(self.database_url, statement, *values)

    def row(self, name: str) -> tuple[object, ...]:
        return self.query(
            "SELECT bridge_id, former_bridge_id, state, state_epoch FROM sip_registration"
            " WHERE gateway_name = %s",
            name,
        )[0]

    @contextlib.contextmanager
    def database_away(self) -> Iterator[None]:
        """Nobody gets in, and who was in is thrown out."""
        database = psycopg.conninfo.conninfo_to_dict(libpq_url(self.database_url))["dbname"]
        server = psycopg.conninfo.make_conninfo(libpq_url(self.database_url), dbname="postgres")
        allow = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
        with psycopg.connect(server, autocommit=True) as connection:
            name = sql.Identifier(str(database))
            connection.execute(allow.format(name, sql.SQL("false")))
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                (database,),
            )
            try:
                yield
            finally:
                connection.execute(allow.format(name, sql.SQL("true")))


@pytest.fixture(scope="module", params=SWITCHES)
def fleet(
    request: pytest.FixtureRequest,
    services: LocalServices,
    migrated_template: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Fleet]:
    folder = tmp_path_factory.mktemp("faults")
    opening = open_bridges(request.param, services, migrated_template, folder, OLD, NEW)
    with opening as bridges, contextlib.ExitStack() as undo:
        yield Fleet(bridges, undo, folder, bridges[OLD].database_url, services.redis_url)


@pytest.fixture
async def registrar(fleet: Fleet, redis: Redis) -> AsyncIterator[Registrar]:
    registrar = Registrar({})
    yield registrar
    fleet.query("UPDATE sip_registration SET bridge_id = NULL, former_bridge_id = NULL")
    await tell(redis, OLD, NEW)
    await until(lambda: not any(bridge.gateways() for bridge in fleet.bridges.values()))
    registrar.close()


async def placed(
    fleet: Fleet, registrar: Registrar, redis: Redis, count: int, *, rate: int = 100
) -> list[str]:
    """`count` restaurants registered by the old bridge."""
    host, port = await registrar.open()
    names = [f"r{n}-{uuid4().hex[:8]}" for n in range(count)]
    for name in names:
        registrar.set_password(name, ACCOUNT_PASSWORD)
        fleet.bridges[OLD].place(
            name,
            registrar=f"{host}:{port}",
            bridge_id=OLD,
            carrier_id=names[0],
            registers_per_second=rate,
        )
    await tell(redis, OLD, NEW)
    await until_registered(fleet, registrar, names, OLD)
    return names


async def until_registered(
    fleet: Fleet, registrar: Registrar, names: list[str], bridge: str
) -> None:
    """In Postgres, and at the registrar with this bridge's binding alone."""
    true = (
        "SELECT count(*) FROM sip_registration WHERE gateway_name = ANY(%s) AND bridge_id = %s"
        " AND former_bridge_id IS NULL AND state = 'REGED' AND state_epoch = epoch"
    )
    await until(lambda: fleet.query(true, names, bridge) == [(len(names),)])
    ours = f"@{fleet.bridges[bridge].switch.sip_address};"
    await until(
        lambda: all(
            len(found := registrar.contacts(name)) == 1 and ours in found[0] for name in names
        )
    )


async def never_unbound(registrar: Registrar, names: list[str]) -> None:
    """Until cancelled; fails at the first look without a binding."""
    while True:
        assert all(registrar.contacts(name) for name in names), "nobody would have been called"
        await elapse(0.01, because="it looks until it is cancelled")


async def test_agents_killed_in_the_middle_of_a_move(
    fleet: Fleet, registrar: Registrar, redis: Redis
) -> None:
    """
    1. A move is written; both agents are killed at once, before the new one can have reported.
    2. Their successors finish it. There is a binding all the time.
    """
    names = await placed(fleet, registrar, redis, 3)
    watch = asyncio.create_task(never_unbound(registrar, names))
    fleet.query(
        "UPDATE sip_registration SET former_bridge_id = bridge_id, bridge_id = %s,"
        " epoch = epoch + 1, placed_at = now() WHERE gateway_name = ANY(%s)",
        NEW,
        names,
    )
    await redis.publish(redis_keys.bridge_assignments(NEW), LOOK)
    await until(lambda: fleet.bridges[NEW].gateways())
    for name in (NEW, OLD):
        await asyncio.to_thread(fleet.kill_agent, name)
    for name in (OLD, NEW):
        fleet.start_agent(name)
    await until_registered(fleet, registrar, names, NEW)
    watch.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await watch


async def test_freeswitch_killed_and_started_again(
    fleet: Fleet, registrar: Registrar, redis: Redis
) -> None:
    """It registers nobody by itself; the agent registers all, once each."""
    names = await placed(fleet, registrar, redis, 5)
    before = len(registrar.accepted)
    await asyncio.to_thread(fleet.restart_switch, OLD)
    await until(lambda: len({user for _, user, _ in registrar.accepted[before:]}) == 5)
    assert len(registrar.accepted) - before == 5
    await until_registered(fleet, registrar, names, OLD)


async def test_what_postgres_did_not_hear_is_made_good(
    fleet: Fleet, registrar: Registrar, redis: Redis
) -> None:
    (name,) = await placed(fleet, registrar, redis, 1)
    with fleet.database_away():
        registrar.answer_with(503)
        fleet.bridges[OLD].switch.api(f"sofia profile external register {name}")
        log = fleet.bridges[OLD].log
        await until(lambda: [one for one in log("gateway_state") if one["state"] == "FAIL_WAIT"])
        await until(lambda: any(one["loop"] == "reports" for one in log("loop_turn_failed")))
    await until(lambda: fleet.row(name)[2] == "FAIL_WAIT")
    registrar.answer_with(None)
    fleet.bridges[OLD].switch.api(f"sofia profile external register {name}")
    await until_registered(fleet, registrar, [name], OLD)


async def test_a_registrar_started_anew_gets_its_bindings_again(
    fleet: Fleet, registrar: Registrar, redis: Redis
) -> None:
    """It has forgotten bindings and nonces; the next refresh brings them back."""
    names = await placed(fleet, registrar, redis, 3)
    port = registrar.port
    registrar.close()
    await elapse(0, because="the loop closes the socket at its next turn")
    await registrar.open(port=port)
    assert not any(registrar.contacts(name) for name in names)
    for name in names:  # what FreeSWITCH does by itself before the expiry
        fleet.bridges[OLD].switch.api(f"sofia profile external register {name}")
    await until_registered(fleet, registrar, names, OLD)


async def test_a_thousand_refreshes_write_nothing(
    fleet: Fleet, registrar: Registrar, redis: Redis
) -> None:
    names = await placed(fleet, registrar, redis, MANY)
    looks = (
        "SELECT gateway_name, xmin::text FROM sip_registration ORDER BY 1",
        "SELECT count(*) FROM sip_registration_event",
    )
    before = [fleet.query(look) for look in looks]
    api = fleet.bridges[OLD].switch.api
    wanted = len(registrar.accepted) + 1_000

    async def refreshed() -> bool:
        for name in names:
            await asyncio.to_thread(api, f"sofia profile external register {name}")
        return len(registrar.accepted) >= wanted

    await until(refreshed, deadline_s=2 * DEADLINE_S)
    await tell(redis, OLD, NEW)
    assert [fleet.query(look) for look in looks] == before
    await until_registered(fleet, registrar, names, OLD)


async def test_the_carriers_pace_is_kept_and_used(
    fleet: Fleet, registrar: Registrar, redis: Redis
) -> None:
    """Both bridges together, as the registrar counts; FreeSWITCH sends at its 1 s ticks."""
    began = time.monotonic()
    names = await placed(fleet, registrar, redis, 20, rate=10)
    assert 1.5 < time.monotonic() - began < 12.0
    fleet.query(
        "UPDATE sip_registration SET bridge_id = %s, epoch = epoch + 1"
        " WHERE gateway_name = ANY(%s)",
        NEW,
        names[:10],
    )
    fleet.query(
        "UPDATE sip_registration SET epoch = epoch + 1 WHERE gateway_name = ANY(%s)", names[10:]
    )
    await tell(redis, OLD, NEW)
    await until_registered(fleet, registrar, names[:10], NEW)
    await until_registered(fleet, registrar, names[10:], OLD)
    assert registrar.per_second(since=began) <= 2 * 10 + 4


@pytest.mark.parametrize("fleet", ["simulator"], indirect=True)
async def test_a_changed_carriers_restaurants_are_made_again_one_by_one(
    fleet: Fleet, registrar: Registrar, redis: Redis
) -> None:
    """Each is without a binding while its own gateway is made again, not until all are."""
    names = await placed(fleet, registrar, redis, 12, rate=2)
    version = "SELECT config_version FROM sip_registration WHERE gateway_name = ANY(%s)"
    fleet.query("UPDATE carrier SET codecs = '{PCMU}' WHERE id = %s", names[0])
    assert set(fleet.query(version, names)) == {(2,)}
    await redis.publish(redis_keys.bridge_assignments(OLD), LOOK)
    ended, made_again = set[str](), set[str]()

    def all_made_again() -> bool:
        bound = {name for name in names if registrar.contacts(name)}
        assert len(bound) >= 2
        made_again.update(ended & bound)
        ended.update(set(names) - bound)
        return len(made_again) == len(names)

    await until(all_made_again)
    await until_registered(fleet, registrar, names, OLD)


async def test_a_freeswitch_without_its_profile_is_no_bridge(fleet: Fleet, redis: Redis) -> None:
    """Its event socket answers; whoever placed a restaurant there would make it unreachable."""
    with run_bridge(
        fleet.bridges[NEW].switch,
        database_url=fleet.database_url,
        redis_url=fleet.redis_url,
        folder=fleet.folder,
        bridge_id="bridge-c",
        sip_profile="absent",
        gateway_folder=fleet.folder / "bridge-c",  # the switch has its agent already
    ):
        body: str | bytes = await until(partial(redis.get, redis_keys.bridge_heartbeat("bridge-c")))
    beat = BridgeHeartbeat.model_validate_json(body)
    assert (beat.sip_answers, beat.sip_address) == (False, "")
