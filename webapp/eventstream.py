"""Step 10 of a call: carries events from the outbox to open pages. One LISTEN a process, one
bounded queue a page.

A notification only says "read again"; rows come from the table, so a lost one costs at most
`HEAL_S`. Ids of a restaurant rise in commit order (see `models/event_outbox.py`), so one cursor a
restaurant is enough. A page that reads too slowly is cut off and replays when it comes back.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import psycopg
import structlog
from sqlalchemy import ARRAY, BigInteger, Uuid, bindparam, func, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from controlplane.database import connect_arguments, is_demoted, libpq_url
from controlplane.database_roles import DatabaseRole
from controlplane.models.event_outbox import OUTBOX_CHANNEL, EventOutbox
from webapp import metrics

HEAL_S: Final = 3.0
"""A committed event whose notification was lost stays unseen no longer than this, and a server that
was demoted, which notifies of nothing, is listened to no longer."""
PROOF_DEADLINE_S: Final = 3.0
"""A Postgres that does not answer an empty query in that time will not notify either."""
QUEUE_SIZE: Final = 256
"""A page may be this many events behind: an hour of a restaurant's rush."""
SWEEP_ROWS: Final = 1_000
"""One read takes this many rows; when there are more, the next read follows at once."""
OPENING_AT_ONCE: Final = 3
"""So many pages read what they missed at once, one connection fewer than the feed has: after a
deploy a thousand come back together, and they wait here and not, for less, at the pool."""
TURN_S: Final = 20.0
"""A page takes a silence of 25 s for a dead connection."""
RETRY_FIRST_S: Final = 0.2
RETRY_MOST_S: Final = 5.0
"""Attempts are no further apart while Postgres is away: it comes back in seconds, and a hundred
pods wait for it."""

_logger = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class OutboxEvent:
    """A row of the outbox."""

    id: int
    restaurant_id: UUID
    topic: str
    payload: dict[str, Any]


class StreamEnded(Exception):
    """Raised when the page was too slow, or the process stops: it comes back with what it saw."""


class Subscription:
    """Holds one page's queue."""

    def __init__(self, restaurant_id: UUID) -> None:
        self.restaurant_id = restaurant_id
        self._queue: asyncio.Queue[OutboxEvent | None] = asyncio.Queue(QUEUE_SIZE)

    def put(self, event: OutboxEvent) -> None:
        try:
            self._queue.put_nowait(event)
        except asyncio.QueueFull:
            metrics.STREAMS_CUT.inc()
            self.end()

    def end(self) -> None:
        """Drop what is queued: the page asks for it again."""
        while not self._queue.empty():
            self._queue.get_nowait()
        self._queue.put_nowait(None)

    async def batch(self, timeout_s: float) -> list[OutboxEvent]:
        """Return what arrived since; wait for the first, and return nothing when none came in time.

        Raises `StreamEnded`. It is safe to cancel.
        """
        try:
            async with asyncio.timeout(timeout_s):
                events = [await self._queue.get()]
        except TimeoutError:
            return []
        while not self._queue.empty():
            events.append(self._queue.get_nowait())
        if None in events:
            raise StreamEnded
        return [event for event in events if event is not None]


class OutboxFeed:
    """Hands the outbox's new rows to the subscribed pages of their restaurant."""

    def __init__(self, database_url: str, sessions: async_sessionmaker[AsyncSession]) -> None:
        """`sessions` act under `DatabaseRole.OUTBOX`: one sweep reads for many restaurants."""
        self._database_url = database_url
        self._sessions = sessions
        self._subscriptions: dict[UUID, set[Subscription]] = {}
        self._cursors: dict[UUID, int] = {}
        self._closed = False
        self._turns = asyncio.Semaphore(OPENING_AT_ONCE)

    @contextlib.asynccontextmanager
    async def subscribe(self, restaurant_id: UUID) -> AsyncIterator[Subscription]:
        """Receive rows committed from now on. Read what came before after this, not before it."""
        if restaurant_id not in self._cursors:
            newest = await self.newest_id(restaurant_id)
            self._cursors.setdefault(restaurant_id, newest)
        subscription = Subscription(restaurant_id)
        if self._closed:
            subscription.end()
        self._subscriptions.setdefault(restaurant_id, set()).add(subscription)
        metrics.STREAMS.inc()
        try:
            yield subscription
        finally:
            metrics.STREAMS.dec()
            pages = self._subscriptions[restaurant_id]
            pages.discard(subscription)
            if not pages:
                del self._subscriptions[restaurant_id]
                self._cursors.pop(restaurant_id, None)

    async def newest_id(self, restaurant_id: UUID) -> int:
        """Return the newest event's id; 0 when the restaurant has none."""
        async with self._in_turn() as session:
            newest = await session.scalar(
                select(func.max(EventOutbox.id)).where(EventOutbox.restaurant_id == restaurant_id)
            )
        return newest or 0

    async def replay(self, restaurant_id: UUID, *, after: int, limit: int) -> list[OutboxEvent]:
        """Return the restaurant's events after that id, oldest first."""
        async with self._in_turn() as session:
            rows = await session.scalars(
                select(EventOutbox)
                .where(EventOutbox.restaurant_id == restaurant_id, EventOutbox.id > after)
                .order_by(EventOutbox.id)
                .limit(limit)
            )
            return [OutboxEvent(row.id, row.restaurant_id, row.topic, row.payload) for row in rows]

    @contextlib.asynccontextmanager
    async def _in_turn(self) -> AsyncIterator[AsyncSession]:
        """Open a session when it is this page's turn. Raises `TimeoutError` after `TURN_S`."""
        async with asyncio.timeout(TURN_S):
            await self._turns.acquire()
        try:
            async with self._sessions() as session:
                yield session
        finally:
            self._turns.release()

    def close(self) -> None:
        """End every stream, so that the server can stop; pages reconnect elsewhere."""
        self._closed = True
        for pages in self._subscriptions.values():
            for page in pages:
                page.end()

    async def run(self) -> None:
        """Listen until cancelled, whatever one attempt ends with: every page waits for this."""
        wait_s = RETRY_FIRST_S
        while True:
            try:
                async for _ in self._listen():
                    wait_s = RETRY_FIRST_S
            except (psycopg.Error, SQLAlchemyError, OSError) as error:
                metrics.LISTENER_FAILURES.inc()
                _logger.warning("outbox_listener_lost", error=type(error).__name__)
            except Exception:  # the edge of a loop, which must not end in silence
                metrics.LISTENER_FAILURES.inc()
                _logger.exception("outbox_listener_failed")
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 2, RETRY_MOST_S)

    async def _listen(self) -> AsyncIterator[None]:
        """Listen on a new connection, and yield after each sweep."""
        loop = asyncio.get_running_loop()
        connection = await psycopg.AsyncConnection.connect(
            libpq_url(self._database_url),
            autocommit=True,
            **connect_arguments("web listener", role=DatabaseRole.OUTBOX),
        )
        async with connection:
            await connection.execute(f"LISTEN {OUTBOX_CHANNEL}".encode())
            healed_at = float("-inf")
            while True:
                if loop.time() - healed_at >= HEAL_S:
                    healed_at = loop.time()
                    await _prove(connection)
                    await self._sweep(set(self._cursors))
                yield
                notified = {
                    notify.payload
                    async for notify in connection.notifies(timeout=HEAL_S, stop_after=1)
                }
                await self._sweep({r for r in self._cursors if str(r) in notified})

    async def _sweep(self, restaurants: set[UUID]) -> None:
        """Read and hand out what these restaurants committed since their cursors."""
        while restaurants:
            asked = {r: self._cursors[r] for r in restaurants if r in self._cursors}
            if not asked:
                return
            async with self._sessions() as session:
                rows = await session.execute(
                    _NEW_ROWS, {"restaurants": list(asked), "cursors": list(asked.values())}
                )
                events = [OutboxEvent(*row) for row in rows]
            for event in events:
                self._hand_out(event)
            if len(events) < SWEEP_ROWS:
                return

    def _hand_out(self, event: OutboxEvent) -> None:
        if event.id <= self._cursors.get(event.restaurant_id, event.id):
            return  # the last page closed meanwhile, or another one opened
        self._cursors[event.restaurant_id] = event.id
        for page in tuple(self._subscriptions.get(event.restaurant_id, ())):
            page.put(event)


async def _prove(connection: psycopg.AsyncConnection[Any]) -> None:
    """Raise an `OSError` unless Postgres is there, and takes the writes it is to notify of.

    What it notifies of meanwhile, psycopg keeps.
    """
    async with asyncio.timeout(PROOF_DEADLINE_S):
        await connection.execute(b"SELECT 1")
    if is_demoted(connection):
        raise ConnectionError("read-only")


_NEW_ROWS = text(
    f"""
    SELECT e.id, e.restaurant_id, e.topic, e.payload
    FROM unnest(:restaurants, :cursors) AS asked (restaurant_id, cursor)
    JOIN event_outbox e
      ON e.restaurant_id = asked.restaurant_id AND e.id > asked.cursor
    ORDER BY e.id
    LIMIT {SWEEP_ROWS}
    """
).bindparams(
    bindparam("restaurants", type_=ARRAY(Uuid())), bindparam("cursors", type_=ARRAY(BigInteger()))
)
