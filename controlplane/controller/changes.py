"""What changed in Postgres, told to whoever holds a copy: cached menus, placement, bridges.

Triggers notify, this process LISTENs: a menu's cache entry is gone milliseconds after its commit,
and a bridge reads its registrations again. Every controller does it, for it is harmless twice.
A notification is only heard by who is connected: after each (re)connection, and after anything
Redis missed, all cached menus go and everybody is woken.
"""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from typing import Any, Final, TypeVar
from uuid import UUID

import gevent
import psycopg
import structlog
from gevent.event import Event
from gevent.socket import wait_read
from redis.exceptions import RedisError

from controlplane.contracts import redis_keys
from controlplane.contracts.assignments import RegistrationsChanged
from controlplane.controller import metrics
from controlplane.database import connect_arguments, is_demoted, libpq_url
from controlplane.database_roles import DatabaseRole
from controlplane.models.restaurant import RESTAURANT_CHANNEL
from controlplane.models.sip_registration import REGISTRATION_CHANNEL
from controlplane.redis_clients import sync_redis

LISTEN_S: Final = 1.0
"""After a silence this long, the connection and Redis are asked for a sign of life."""
PROOF_DEADLINE_S: Final = 3.0
"""A Postgres that does not answer an empty query in that time will not notify either."""
REDIS_TIMEOUT_S: Final = 2.0
"""Redis answers in under 1 ms; what it missed is healed when it is back."""
KEYS_AT_ONCE: Final = 500
"""One pipeline takes this many keys, so that Redis serves calls in between."""

_Connection = psycopg.Connection[tuple[Any, ...]]
_Item = TypeVar("_Item")

_logger = structlog.get_logger()


class PostgresAway(OSError):
    """Raised when the LISTEN connection failed, was silent for `PROOF_DEADLINE_S`, or is to a
    server that takes no writes any more: what changes is said elsewhere.
    """


class Changes:
    """Keeps the LISTEN connection and passes on what it hears. One greenlet uses it."""

    def __init__(self, database_url: str, redis_url: str, *, placement_wake: Event) -> None:
        self._database_url = database_url
        self._redis = sync_redis(redis_url, timeout_s=REDIS_TIMEOUT_S)
        self._placement_wake = placement_wake
        self._connection: _Connection | None = None
        self._heard: list[psycopg.Notify] = []
        self._heal_because: str | None = None
        self._proven_at = time.monotonic()
        metrics.CHANGES_UNPROVEN.set_function(lambda: time.monotonic() - self._proven_at)

    def turn(self) -> None:
        """Wait up to `LISTEN_S` for changes and pass them on, or heal what may have been missed.

        Raises `PostgresAway` and Redis's errors; what was heard by then is healed by a later turn.
        """
        with self._closed_on_failure():
            connection = self._connection or self._connect()
            self._listen(connection, wait_s=0.0 if self._heal_because else LISTEN_S)
        heard = self._heard.copy()
        self._heard.clear()
        if any(notify.channel == REGISTRATION_CHANNEL for notify in heard):
            self._placement_wake.set()
        try:
            self._pass_on(connection, heard)
        except RedisError:
            self._heal_because = "redis_failed"
            raise

    def close(self) -> None:
        """End the connection; the next turn makes another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._heard.clear()

    @contextmanager
    def _closed_on_failure(self) -> Iterator[None]:
        try:
            yield
        except (psycopg.Error, OSError) as error:
            self.close()
            raise PostgresAway(type(error).__name__) from error

    def _connect(self) -> _Connection:
        self._heal_because = "connected"
        connection = psycopg.connect(
            libpq_url(self._database_url),
            autocommit=True,
            **connect_arguments("controller changes", role=DatabaseRole.CONTROLLER),
        )
        connection.add_notify_handler(self._heard.append)
        self._connection = connection
        with gevent.Timeout(PROOF_DEADLINE_S, PostgresAway):
            for channel in (RESTAURANT_CHANNEL, REGISTRATION_CHANNEL):
                connection.execute(f"LISTEN {channel}".encode())
        return connection

    def _listen(self, connection: _Connection, *, wait_s: float) -> None:
        """Wait until there is something to read, then make one round trip: it brings what was
        notified, and proves that Postgres is still there to notify.
        """
        if wait_s:
            with suppress(TimeoutError):
                wait_read(connection.fileno(), timeout=wait_s)
        with gevent.Timeout(PROOF_DEADLINE_S, PostgresAway):
            connection.execute(b"SELECT 1")
        if is_demoted(connection):
            raise PostgresAway("read-only")
        while notify := connection.pgconn.notifies():  # what came right behind the answer
            self._heard.append(
                psycopg.Notify(notify.relname.decode(), notify.extra.decode(), notify.be_pid)
            )
        self._proven_at = time.monotonic()

    def _pass_on(self, connection: _Connection, heard: Iterable[psycopg.Notify]) -> None:
        restaurants: set[UUID] = set()
        bridges: set[str] = set()
        for notify in heard:
            if notify.channel == REGISTRATION_CHANNEL:
                bridges.add(notify.payload)
            elif restaurant_id := _restaurant_id(notify.payload):
                restaurants.add(restaurant_id)
        if not self._heal_because and not self._redis.exists(redis_keys.CONFIG_GENERATION):
            self._heal_because = "redis_emptied"
        if self._heal_because:
            self._heal(connection, because=self._heal_because)
            self._heal_because = None
            return
        for chunk in _chunks(restaurants):
            self._forget([redis_keys.restaurant_config(restaurant) for restaurant in chunk])
        metrics.CONFIGS_INVALIDATED.inc(len(restaurants))
        self._tell(bridges - {""})

    def _heal(self, connection: _Connection, *, because: str) -> None:
        """Drop all cached menus and wake everybody. The generation rises first: whoever read
        Postgres before this writes no menu after it.
        """
        self._forget([])
        pattern = redis_keys.restaurant_config("*")
        for keys in _chunks(self._redis.scan_iter(match=pattern, count=KEYS_AT_ONCE)):
            self._redis.unlink(*keys)
        self._placement_wake.set()
        with self._closed_on_failure(), gevent.Timeout(PROOF_DEADLINE_S, PostgresAway):
            rows = connection.execute(b"SELECT id FROM sip_bridge_node").fetchall()
        self._tell(bridge_id for (bridge_id,) in rows)
        metrics.CHANGES_HEALED.labels(because).inc()
        _logger.info("changes_healed", because=because)

    def _forget(self, keys: list[str]) -> None:
        with self._redis.pipeline(transaction=True) as pipeline:
            # A Redis that lost its data must not count through the same numbers again.
            pipeline.set(redis_keys.CONFIG_GENERATION, time.time_ns() // 1_000, nx=True)
            pipeline.incr(redis_keys.CONFIG_GENERATION)
            if keys:
                pipeline.unlink(*keys)
            pipeline.execute()

    def _tell(self, bridges: Iterable[str]) -> None:
        changed = RegistrationsChanged().to_json()
        for chunk in _chunks(bridges):
            with self._redis.pipeline(transaction=False) as pipeline:
                for bridge_id in chunk:
                    pipeline.publish(redis_keys.bridge_assignments(bridge_id), changed)
                pipeline.execute()


def _restaurant_id(payload: str) -> UUID | None:
    try:
        return UUID(payload)
    except ValueError:
        _logger.warning("change_unreadable", channel=RESTAURANT_CHANNEL)
        return None


def _chunks(items: Iterable[_Item]) -> Iterator[list[_Item]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, KEYS_AT_ONCE)):
        yield chunk
