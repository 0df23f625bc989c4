"""How soon a committed order is on a kitchen's screen while a thousand screens listen to one
process, and whether any is lost when that process is gone for a while.

A screen is a connection to the event stream that reads as a browser does: it comes back with the
last id it saw (HTML standard §9.2).
"""

import asyncio
import contextlib
import json
import random
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from time import perf_counter
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from controlplane.local.bench.report import tell
from controlplane.local.launch.process import ManagedProcess
from controlplane.models.device import Device
from controlplane.models.event_outbox import EventOutbox, OutboxTopic
from controlplane.models.order import Order, OrderLine, OrderStatus
from controlplane.restaurants.tokens import new_token, token_hash
from webapp.visitor import DEVICE_COOKIE

ORDERS: Final = 300
EVERY_S: Final = 0.05
"""Twenty orders a second: a thousand restaurants' rush is a tenth of it."""
LOST_ORDERS: Final = 200
"""So many are committed while the process is gone."""
CONNECTING_AT_ONCE: Final = 50
COMES_BACK_S: Final = 1.0
DEADLINE_S: Final = 60.0
CENTS: Final = 1_100


@dataclass(slots=True)
class Screens:
    """A screen a restaurant; `seen` has when each order was first on one."""

    port: int
    seen: dict[str, float] = field(default_factory=dict)
    connected: int = 0
    _door: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(CONNECTING_AT_ONCE))

    @contextlib.asynccontextmanager
    async def watching(self, tokens: dict[UUID, str]) -> AsyncIterator["Screens"]:
        """Listen for every restaurant until the block ends."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._watch(*each)) for each in tokens.items()]
            await self.until(lambda: self.connected == len(tokens))
            yield self
            for task in tasks:
                task.cancel()

    async def until(self, true: Callable[[], bool], *, deadline_s: float = DEADLINE_S) -> None:
        """Wait until it is true. Raises `TimeoutError`."""
        async with asyncio.timeout(deadline_s):
            while not true():  # noqa: ASYNC110 (a set of orders and a count, from a thousand tasks)
                await asyncio.sleep(0.02)

    async def _watch(self, restaurant_id: UUID, token: str) -> None:
        last_id = "0"
        while True:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, ValueError):
                async for position in self._listen(restaurant_id, token, last_id):
                    last_id = position
            await asyncio.sleep(COMES_BACK_S * random.uniform(0.5, 1.5))

    async def _listen(self, restaurant_id: UUID, token: str, last_id: str) -> AsyncIterator[str]:
        """Yield the position after each event."""
        async with self._door:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            writer.write(_request(restaurant_id, token, last_id))
            status = await reader.readline()
        if b" 200 " not in status:
            writer.close()
            raise ValueError(f"the site answered {status!r}")
        self.connected += 1
        try:
            while line := await reader.readline():
                name, _, value = line.decode().rstrip().partition(": ")
                if name == "data" and '"order"' in value:
                    self.seen.setdefault(json.loads(value)["order"], perf_counter())
                elif name == "id":
                    yield value
        finally:
            self.connected -= 1
            writer.close()


def _request(restaurant_id: UUID, token: str, last_id: str) -> bytes:
    return (
        f"GET /place/{restaurant_id}/events?topics=ticket HTTP/1.1\r\nHost: site.bench\r\n"
        f"Cookie: {DEVICE_COOKIE}={token}\r\nLast-Event-ID: {last_id}\r\n"
        "Accept: text/event-stream\r\n\r\n"
    ).encode()


async def pair_screens(
    sessions: async_sessionmaker[AsyncSession], restaurant_ids: Sequence[UUID]
) -> dict[UUID, str]:
    """Pair a tablet with each restaurant, and return its token."""
    tokens = {each: new_token(each) for each in restaurant_ids}
    now = datetime.now(UTC)
    rows = [
        {
            "id": uuid4(),
            "restaurant_id": restaurant_id,
            "name": "Four",
            "code_expires_at": now,
            "code_tries": 0,
            "token_hash": token_hash(token),
            "paired_at": now,
        }
        for restaurant_id, token in tokens.items()
    ]
    async with sessions.begin() as session:
        await session.execute(insert(Device), rows)
    return tokens


async def commit_orders(
    sessions: async_sessionmaker[AsyncSession], restaurant_ids: Sequence[UUID], *, count: int
) -> dict[str, float]:
    """Commit orders at restaurants drawn by lot, and return when each was about to be committed."""
    begun = {}
    for number in range(count):
        due = perf_counter() + EVERY_S
        order_id, restaurant_id = uuid4(), random.choice(restaurant_ids)
        async with sessions() as session:
            await _place(session, restaurant_id, order_id, 10_000 + number)
            begun[str(order_id)] = perf_counter()
            await session.commit()
        await asyncio.sleep(max(0.0, due - perf_counter()))
    return begun


async def _place(session: AsyncSession, restaurant_id: UUID, order_id: UUID, number: int) -> None:
    tenant = {"restaurant_id": restaurant_id}
    now = datetime.now(UTC)
    session.add(
        Order(
            id=order_id,
            **tenant,
            service_date=now.date(),
            number=number + random.randrange(10**6),
            idempotency_key=str(order_id),
            status=OrderStatus.PLACED,
            customer_name="Camille",
            note="",
            total_cents=CENTS,
            ready_at=now + timedelta(minutes=20),
        )
    )
    await session.flush()
    session.add(
        OrderLine(
            **tenant,
            order_id=order_id,
            position=0,
            menu_item_id=uuid4(),
            name="Margherita",
            quantity=1,
            options=[],
            unit_price_cents=CENTS,
            vat_rate_bp=1_000,
            total_cents=CENTS,
        )
    )
    await session.flush()
    payload = {"order_id": str(order_id)}
    session.add(EventOutbox(**tenant, topic=OutboxTopic.ORDER_PLACED, payload=payload))
    await session.flush()


@dataclass(frozen=True, slots=True, kw_only=True)
class OnScreen:
    """What the screens saw: delays in milliseconds, and orders that none of them ever showed."""

    delays_ms: list[float]
    lost: int


async def order_to_screen(
    sessions: async_sessionmaker[AsyncSession],
    restaurant_ids: Sequence[UUID],
    site: Callable[[], ManagedProcess],
    *,
    port: int,
    cut_s: float,
) -> OnScreen:
    """Measure with a site that `site()` starts, kill it in the middle, and start another after
    `cut_s`.
    """
    tokens = await pair_screens(sessions, restaurant_ids)
    screens = Screens(port)
    first = await asyncio.to_thread(site)
    try:
        async with screens.watching(tokens):
            tell(f"{screens.connected} screens; {ORDERS} orders …")
            begun = await commit_orders(sessions, restaurant_ids, count=ORDERS)
            with contextlib.suppress(TimeoutError):
                await screens.until(lambda: screens.seen.keys() >= begun.keys())
            delays = [
                (screens.seen[each] - at) * 1_000
                for each, at in begun.items()
                if each in screens.seen
            ]
            first.send_signal(signal.SIGKILL)
            await asyncio.to_thread(first.stop)
            tell(f"no site for {cut_s:.0f} s …")
            missed, _ = await asyncio.gather(
                commit_orders(sessions, restaurant_ids, count=LOST_ORDERS), asyncio.sleep(cut_s)
            )
            first = await asyncio.to_thread(site)
            everything = begun.keys() | missed.keys()
            with contextlib.suppress(TimeoutError):
                await screens.until(lambda: screens.seen.keys() >= everything)
            return OnScreen(delays_ms=delays, lost=len(everything - screens.seen.keys()))
    finally:
        await asyncio.to_thread(first.stop)
