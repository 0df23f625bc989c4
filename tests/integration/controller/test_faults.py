"""Of two controllers one leads: killed, frozen, or with Postgres and Redis restarted under it."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import Engine

from controlplane.contracts import redis_keys
from controlplane.database import libpq_url, sync_engine
from controlplane.local.launch.postgres import PostgresServer, find_postgres
from controlplane.local.launch.unprivileged import reachable_folder, service_user
from controlplane.local.launch.valkey import ValkeyServer, find_valkey
from controlplane.migrations.schema import upgrade
from tests.integration.controller_under_test import add_account, heartbeat, owners
from tests.waiting import DEADLINE_S, block_stays_true, block_until

pytestmark = pytest.mark.integration

BEAT_S = 0.3
TTL_BEAT_S = 5
BRIDGE_TIMEOUT_S = 4
REDIS_AWAY_S = 4.5
"""Longer than a bridge's timeout."""
LATE_S = 2.5
"""A bridge takes so long to find Redis again; a controller has by then."""
THAWED_S = 2.0
RUN = "from controlplane.cli import main; main(['run', 'controller'])"


class Site:
    """Postgres, Redis, bridges that beat, and the controllers started."""

    def __init__(self, folder: Path) -> None:
        user = service_user(folder)
        home = reachable_folder(folder, user)
        self.postgres = PostgresServer(
            find_postgres(), home, log_file=folder / "p.log", user=user, disposable=True
        )
        self.valkey = ValkeyServer(find_valkey(), home, log_file=folder / "v.log", user=user)
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.bridges: set[str] = set()
        self._stop = threading.Event()
        self._beating = threading.Thread(target=self._beat, daemon=True)
        self._redis: Redis | None = None

    def start(self) -> None:
        self.valkey.start()
        self.postgres.start()
        upgrade(self.postgres.url)
        self.engine: Engine = sync_engine(self.postgres.url, application_name="test")
        self._redis = Redis.from_url(self.valkey.url, decode_responses=True, socket_timeout=1)
        self._beating.start()

    def stop(self) -> None:
        self._stop.set()
        for process in self.processes.values():
            process.kill()
            process.wait()
        if self._beating.is_alive():
            self._beating.join(5)
        if self._redis is not None:
            self._redis.close()
            self.engine.dispose()
        self.postgres.stop()
        self.valkey.stop()

    def run(self, replica_id: str) -> "subprocess.Popen[bytes]":
        environment = os.environ | {
            "DATABASE_URL": self.postgres.url,
            "REDIS_URL": self.valkey.url,
            "ALLORESTO_REPLICA_ID": replica_id,
            "ALLORESTO_BRIDGE_TIMEOUT_S": str(BRIDGE_TIMEOUT_S),
        }
        self.processes[replica_id] = subprocess.Popen([sys.executable, "-c", RUN], env=environment)
        return self.processes[replica_id]

    def query(self, statement: str) -> list[tuple[object, ...]]:
        with psycopg.connect(libpq_url(self.postgres.url), autocommit=True) as connection:
            return connection.execute(statement.encode()).fetchall()

    def leader(self) -> tuple[object, ...] | None:
        rows = self.query(
            "SELECT holder, epoch FROM controller_lease WHERE expires_at > clock_timestamp()"
        )
        return rows[0] if rows else None

    def _beat(self) -> None:
        while not self._stop.wait(BEAT_S):
            with contextlib.suppress(RedisError):
                for name in tuple(self.bridges):
                    key, body = redis_keys.bridge_heartbeat(name), heartbeat(name).to_json()
                    assert self._redis is not None
                    self._redis.set(key, body, ex=TTL_BEAT_S)


@pytest.fixture
def site() -> Iterator[Site]:
    with tempfile.TemporaryDirectory(prefix="alloresto-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o711)
        site = Site(folder)
        try:
            site.start()
            yield site
        finally:
            site.stop()


def test_a_leader_killed_frozen_or_stopped_is_replaced_and_writes_nothing_more(site: Site) -> None:
    """1 The leader is killed: the other one takes over and places. 2 It is frozen, and a bridge
    dies: the next leader fails over. 3 It thaws, and changes nothing. 4 The leader is asked to end:
    no time is lost.
    """
    site.bridges |= {"a", "b"}
    site.run("one")
    block_until(lambda: site.leader() == ("one", 1))
    site.run("two")
    add_account(site.engine, count=4)
    block_until(lambda: owners(site.engine) == {"a": 2, "b": 2})

    site.processes["one"].kill()
    block_until(lambda: site.leader() == ("two", 2))
    add_account(site.engine, count=2)
    block_until(lambda: owners(site.engine) == {"a": 3, "b": 3})

    site.run("three")
    site.processes["two"].send_signal(signal.SIGSTOP)
    site.bridges.discard("b")
    block_until(lambda: site.leader() == ("three", 3))
    block_until(lambda: owners(site.engine) == {"a": 6})
    rows = "SELECT id, bridge_id, epoch FROM sip_registration ORDER BY id"
    before = site.query(rows)
    site.processes["two"].send_signal(signal.SIGCONT)
    block_stays_true(lambda: site.leader() == ("three", 3), for_s=THAWED_S)
    assert site.query(rows) == before

    site.processes["three"].send_signal(signal.SIGTERM)
    block_until(lambda: site.leader() == ("two", 4))
    assert site.processes["three"].wait(timeout=DEADLINE_S) == 0


def test_redis_away_and_postgres_restarted_move_nothing(site: Site) -> None:
    """1 Redis is away for longer than a bridge's timeout, and comes back empty; one bridge is slow
    to find it again. 2 Postgres is restarted. No registration moves, and each time a new restaurant
    is placed soon after.
    """
    site.bridges |= {"a", "b"}
    site.run("one")
    add_account(site.engine, count=4)
    block_until(lambda: owners(site.engine) == {"a": 2, "b": 2})

    def nothing_moved() -> bool:
        return site.query("SELECT count(*) FROM sip_registration WHERE epoch > 1") == [(0,)]

    site.valkey.stop()
    block_stays_true(nothing_moved, for_s=REDIS_AWAY_S)
    site.bridges.discard("b")
    site.valkey.start()
    block_stays_true(nothing_moved, for_s=LATE_S)
    site.bridges.add("b")
    add_account(site.engine)
    block_until(lambda: owners(site.engine)[None] == 0)
    assert nothing_moved()

    site.engine.dispose()
    site.postgres.stop()
    site.postgres.start()
    add_account(site.engine)
    block_until(lambda: owners(site.engine) == {"a": 3, "b": 3})
    assert nothing_moved()

    site.bridges.discard("a")  # and a death is still a death
    block_until(lambda: owners(site.engine) == {"b": 6})
