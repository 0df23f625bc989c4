"""The controller's process survives its services cut under it, and a signal stops it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

import psycopg
import pytest
from redis import Redis

from controlplane.contracts import redis_keys
from controlplane.contracts.heartbeats import BridgeHeartbeat
from controlplane.contracts.identifiers import new_id
from controlplane.contracts.messages import DisclosurePlayed
from controlplane.database import libpq_url
from controlplane.local.demo.restaurant import DEMO_RESTAURANT_ID, seed_demo
from tests.accounts import SECRETS
from tests.waiting import DEADLINE_S, block_until

pytestmark = pytest.mark.integration

RUN = "from controlplane.cli import main; main(['run', 'controller'])"


@pytest.fixture
def connection(database_url: str) -> Iterator["psycopg.Connection[tuple[object, ...]]"]:
    with psycopg.connect(libpq_url(database_url), autocommit=True) as connection:
        yield connection


@pytest.fixture
def controller(database_url: str, redis_url: str) -> Iterator["subprocess.Popen[bytes]"]:
    seed_demo(
        database_url,
        registrar="sip.example",
        username="bella",
        password="a password",
        secrets=SECRETS,
    )
    environment = os.environ | {"DATABASE_URL": database_url, "REDIS_URL": redis_url}
    with subprocess.Popen([sys.executable, "-c", RUN], env=environment) as process:
        yield process
        process.kill()


def send_event(client: "Redis") -> UUID:
    call_id = new_id()
    event = DisclosurePlayed(
        id=new_id(), call_id=call_id, restaurant_id=DEMO_RESTAURANT_ID, at=datetime.now(UTC)
    )
    client.xadd(redis_keys.CALL_EVENTS, {"event": event.to_json()})
    return call_id


def test_it_records_places_and_survives_its_services(
    controller: "subprocess.Popen[bytes]",
    client: "Redis",
    connection: "psycopg.Connection[tuple[object, ...]]",
    database_url: str,
) -> None:
    """1 A call is recorded. 2 While Postgres makes placement wait, recording goes on: the process
    yields in psycopg. 3 Every connection is cut and Redis forgets the group; recording comes back.
    4 SIGTERM ends it in time.
    """

    def recorded(call_id: UUID) -> bool:
        rows = connection.execute("SELECT 1 FROM call WHERE id = %s", [call_id])
        return rows.fetchone() is not None

    def place() -> object:
        rows = connection.execute("SELECT bridge_id FROM sip_registration").fetchone()
        return rows and rows[0]

    first = send_event(client)
    block_until(lambda: recorded(first))

    with psycopg.connect(libpq_url(database_url)) as holder:
        holder.execute("LOCK TABLE sip_registration IN ACCESS EXCLUSIVE MODE")
        block_until(lambda: waits_for_a_lock(connection))
        second = send_event(client)
        block_until(lambda: recorded(second))
        assert waits_for_a_lock(connection)

    heartbeat = BridgeHeartbeat(
        bridge_id="bridge-0",
        capacity=200,
        active_calls=0,
        sent_at=datetime.now(UTC),
    )
    client.set(redis_keys.bridge_heartbeat("bridge-0"), heartbeat.to_json())
    block_until(lambda: place() == "bridge-0")

    client.flushall()
    client.client_kill_filter(_type="normal", skipme=True)
    connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name = 'alloresto controller' AND datname = current_database()"
    )
    third = send_event(client)
    block_until(lambda: recorded(third))

    controller.send_signal(signal.SIGTERM)
    assert controller.wait(timeout=DEADLINE_S) == 0


def waits_for_a_lock(connection: "psycopg.Connection[tuple[object, ...]]") -> bool:
    rows = connection.execute(
        "SELECT 1 FROM pg_stat_activity WHERE application_name = 'alloresto controller'"
        " AND datname = current_database() AND wait_event_type = 'Lock'"
    )
    return rows.fetchone() is not None
