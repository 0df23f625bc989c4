"""Which controller leads: one row of Postgres, by Postgres's clock.

The leader also holds an advisory lock of its term on the connection it renews with: when its
process ends, Postgres frees that, and another may lead without waiting for the row to expire. The
lock alone gives nobody the right to anything.

A leader's writes go through `Lease.writing`, which holds the row for as long as they take: who
takes over waits for a write in progress, and who lost the lease writes nothing more, whatever its
process still believes.
"""

import contextlib
import time
from collections.abc import Iterator
from typing import Final

import structlog
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from controlplane.controller import metrics

NAME: Final = "controller"
TTL_S: Final = 5.0
"""Another controller may lead this long after the last renewal."""
ASK_EVERY_S: Final = 0.5
"""A hung leader is replaced `TTL_S` and this after its last renewal; eight renewals may fail."""
GONE_S: Final = 1.5
"""A leader whose connection has ended is replaced this long after its last renewal: when Postgres
has restarted under all of them, the leader is back before."""
LOCK_CLASS: Final = 0x416C_4C65
"""The first of an advisory lock's two numbers; the second is the epoch."""

IDLE_MS: Final = 2_000
"""Postgres cuts off a leader that hangs within a write after this time, which is below `TTL_S`."""
LOCK_MS: Final = 1_000
"""When somebody holds the row for longer, it is tried again at the next turn."""
WRITE_MS: Final = 3_000
"""A leader's statement may take this long. It is below `TTL_S`, for the renewal waits behind it."""

_TIMEOUTS = text(
    f"SELECT set_config('idle_in_transaction_session_timeout', '{IDLE_MS}', true),"
    f" set_config('lock_timeout', '{LOCK_MS}', true),"
    f" set_config('statement_timeout', '{WRITE_MS}', true)"
)
_ACQUIRE = text(
    "INSERT INTO controller_lease AS lease (name, holder, epoch, expires_at)"
    " VALUES (:name, :holder, 1, clock_timestamp() + make_interval(secs => :ttl))"
    " ON CONFLICT (name) DO UPDATE SET holder = excluded.holder,"
    " expires_at = clock_timestamp() + make_interval(secs => :ttl),"
    " epoch = lease.epoch"
    " + CASE WHEN lease.holder = :holder AND lease.epoch = :epoch THEN 0 ELSE 1 END"
    " WHERE (lease.holder = :holder AND lease.epoch = :epoch)"
    " OR lease.expires_at <= clock_timestamp()"
    " OR (lease.expires_at <= clock_timestamp() + make_interval(secs => :ttl - :gone)"
    " AND NOT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted"
    " AND classid = CAST(:class AS oid) AND objid = CAST(lease.epoch AS oid)"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())))"
    " RETURNING epoch"
)
_LOCK = text("SELECT pg_try_advisory_lock(:class, CAST(:epoch AS int))")
_CHECK = text(
    "SELECT 1 FROM controller_lease WHERE name = :name AND holder = :holder AND epoch = :epoch"
    " AND expires_at > clock_timestamp() FOR SHARE"
)
_RELEASE = text(
    "UPDATE controller_lease SET expires_at = clock_timestamp()"
    " WHERE name = :name AND holder = :holder AND epoch = :epoch"
)

_logger = structlog.get_logger()


class LeaseLost(Exception):
    """Raised when another controller leads, or may lead: nothing was written."""


class Lease:
    """Holds the lease for this replica; `holder` names this process alone."""

    def __init__(self, engine: Engine, *, holder: str) -> None:
        self._engine = engine
        self._holder = holder
        self._epoch = 0
        self._held_until = float("-inf")
        self._session: Connection | None = None
        """Renewals go over this connection, which lives as long as Postgres lets it."""
        self._locked: int | None = None
        """That connection holds the lock of this term."""

    @property
    def epoch(self) -> int | None:
        """Return the present term's epoch, or None while another may lead."""
        return self._epoch if time.monotonic() < self._held_until else None

    def renew(self) -> bool:
        """Take or keep the lease; return whether this replica leads.

        Raises SQLAlchemy's errors: what is held then runs out by itself.
        """
        asked = time.monotonic()
        led = self.epoch is not None
        try:
            epoch = self._ask()
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
            self.close()  # Postgres has restarted, or is another one
            epoch = self._ask()
        if epoch is None:
            self._lose(led=led)
            return False
        if epoch != self._epoch or not led:
            _logger.info("lease_taken", epoch=epoch)
        self._epoch, self._held_until = epoch, asked + TTL_S
        metrics.LEASE_EPOCH.set(epoch)
        return True

    def _ask(self) -> int | None:
        """Take or keep the row, and prove on the same connection that this process lives."""
        session = self._session = self._session or self._engine.connect()
        with session.begin():
            session.execute(_TIMEOUTS)
            values = {**self._key(), "ttl": TTL_S, "gone": GONE_S, "class": LOCK_CLASS}
            epoch: int | None = session.scalar(_ACQUIRE, values)
            if epoch not in (None, self._locked):
                lock = {"class": LOCK_CLASS, "epoch": epoch}
                self._locked = epoch if session.scalar(_LOCK, lock) else None
        return epoch

    def close(self) -> None:
        """End the connection it renews with, and the lock with it."""
        session, self._session, self._locked = self._session, None, None
        if session is not None:
            session.invalidate()  # in the pool it would go on holding the lock
            session.close()

    def release(self) -> None:
        """Let the other replica lead at once. Raises SQLAlchemy's errors."""
        if self.epoch is None:
            return
        self._held_until = float("-inf")
        with self._engine.begin() as connection:
            connection.execute(_TIMEOUTS)
            connection.execute(_RELEASE, self._key())
        _logger.info("lease_released", epoch=self._epoch)

    @contextlib.contextmanager
    def writing(self, epoch: int) -> Iterator[Connection]:
        """Open a transaction of the term `epoch`, which is committed at the end.

        Raises `LeaseLost` before anything is written when that term is over.
        """
        if epoch != self.epoch:
            raise LeaseLost
        with self._engine.begin() as connection:
            connection.execute(_TIMEOUTS)
            if connection.scalar(_CHECK, {**self._key(), "epoch": epoch}) is None:
                self._lose(led=True)
                raise LeaseLost
            yield connection

    def _key(self) -> dict[str, object]:
        return {"name": NAME, "holder": self._holder, "epoch": self._epoch}

    def _lose(self, *, led: bool) -> None:
        self._held_until = float("-inf")
        if led:
            _logger.warning("lease_lost", epoch=self._epoch)
