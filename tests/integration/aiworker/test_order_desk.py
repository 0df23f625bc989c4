"""An order handed in is placed once or known not to be, whatever breaks meanwhile.

Postgres, Redis and what is between are real; the proxy cuts between COMMIT and its answer.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import psycopg
import pytest
from redis.asyncio import Redis

from aiworker import order_desk
from aiworker.order_desk import OrderDesk
from aiworker.unsettled_orders import UnsettledOrder, UnsettledOrders
from controlplane.contracts import redis_keys
from controlplane.database import async_engine, async_sessions, libpq_url
from controlplane.local.demo.restaurant import seed_demo
from controlplane.restaurants.errors import OrderNotCommitted, OrderUnsettled
from controlplane.restaurants.order_draft import PlacedOrder
from controlplane.restaurants.place_order import place_order
from tests.accounts import SECRETS
from tests.integration.committing_proxy import CommittingProxy, committing_proxy
from tests.integration.order_drafts import draft, orders, wait_before, waits
from tests.waiting import until

pytestmark = pytest.mark.integration

LONG_AGO = timedelta(minutes=5)


@pytest.fixture(autouse=True)
def asked_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order_desk, "ASK_EVERY_SECONDS", 0.05)


@pytest.fixture
def seeded(database_url: str) -> str:
    seed_demo(
        database_url,
        registrar="127.0.0.1:5060",
        username="u",
        password="long-enough",
        secrets=SECRETS,
    )
    return database_url


@asynccontextmanager
async def a_desk(url: str, redis: Redis) -> AsyncIterator[OrderDesk]:
    engine = async_engine(url, application_name="test")
    desk = OrderDesk(redis, async_sessions(engine))
    yield desk
    await desk.close(0)
    await engine.dispose()


@pytest.fixture
async def proxy(seeded: str) -> AsyncIterator[CommittingProxy]:
    async with committing_proxy(seeded) as proxy:
        yield proxy


@pytest.fixture
async def desk(seeded: str, proxy: CommittingProxy, redis: Redis) -> AsyncIterator[OrderDesk]:
    async with a_desk(proxy.url(seeded), redis) as desk:
        yield desk


async def noted(redis: Redis) -> int:
    return int(await redis.hlen(redis_keys.UNSETTLED_ORDERS))


async def test_an_order_leaves_no_note(desk: OrderDesk, seeded: str, redis: Redis) -> None:
    placed: list[PlacedOrder] = []
    order = await desk.place(draft(), placed=placed.append)
    assert placed == [order]
    assert orders(seeded) == [(1, 2_450, False)]
    assert await noted(redis) == 0


async def test_a_lost_answer_to_commit_is_unsettled_then_found_and_told_to_the_kitchen(
    desk: OrderDesk, seeded: str, redis: Redis, proxy: CommittingProxy
) -> None:
    """1 COMMIT arrives, its answer is lost and nobody can connect, 2 the caller is told neither
    yes nor no, 3 Postgres can be reached, 4 the one order is found, and the kitchen calls back.
    """
    proxy.cut_at_commit = True
    placed: list[PlacedOrder] = []
    with pytest.raises(OrderUnsettled):
        await desk.place(draft(), placed=placed.append)
    assert (placed, orders(seeded), proxy.commits) == ([], [(1, 2_450, False)], 1)
    assert await noted(redis) == 1
    proxy.cut_at_commit = proxy.refuses = False
    await until(lambda: placed)
    assert (placed[0].number, placed[0].total_cents) == (1, 2_450)
    assert orders(seeded) == [(1, 2_450, True)]
    with psycopg.connect(libpq_url(seeded)) as database:
        told = database.execute("SELECT topic FROM event_outbox ORDER BY id").fetchall()
    assert told == [("order_placed",), ("task_changed",), ("order_status_changed",)]

    async def no_note() -> bool:
        return await noted(redis) == 0

    await until(no_note)


async def test_an_order_that_never_reached_postgres_is_known_not_to_be(
    desk: OrderDesk, seeded: str, redis: Redis, proxy: CommittingProxy
) -> None:
    proxy.refuses = True
    with pytest.raises(OrderNotCommitted):
        await desk.place(draft(), placed=lambda _: None)
    assert await noted(redis) == 0
    proxy.refuses = False
    await desk.settle_abandoned()
    assert orders(seeded) == []


async def test_not_placed_is_only_said_when_no_note_can_make_an_order_of_it(
    desk: OrderDesk, seeded: str, redis: Redis, proxy: CommittingProxy
) -> None:
    """1 the note is written, 2 neither Postgres nor Redis answers, 3 both do again: the caller was
    told that the restaurant confirms, so there is an order.
    """
    proxy.refuses = True
    withdraw, away = redis.hdel, True

    async def hdel(*names: str) -> int:
        if away:
            raise ConnectionResetError
        return int(await withdraw(*names))

    redis.hdel = hdel  # type: ignore[method-assign, assignment]
    placed: list[PlacedOrder] = []
    with pytest.raises(OrderUnsettled):
        await desk.place(draft(), placed=placed.append)
    away = proxy.refuses = False
    await until(lambda: placed)
    assert orders(seeded) == [(1, 2_450, True)]


async def test_a_mute_postgres_keeps_no_caller_waiting(
    desk: OrderDesk,
    seeded: str,
    proxy: CommittingProxy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(order_desk, "ANSWER_SECONDS", 0.5)
    proxy.mute = True
    placed: list[PlacedOrder] = []
    with pytest.raises(OrderUnsettled):
        await desk.place(draft(), placed=placed.append)
    assert orders(seeded) == []


async def test_a_caller_who_hangs_up_meanwhile_is_served(desk: OrderDesk, seeded: str) -> None:
    """1 another order is being placed, 2 this one waits for it, 3 its call is cancelled."""
    placed: list[PlacedOrder] = []
    with psycopg.connect(libpq_url(seeded)) as before:
        wait_before(before)
        call = asyncio.create_task(desk.place(draft(), placed=placed.append))
        await until(lambda: waits(before))
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
    await until(lambda: placed)
    assert orders(seeded) == [(1, 2_450, False)]


async def test_a_caller_who_hangs_up_while_postgres_is_away_is_served_later(
    desk: OrderDesk, seeded: str, proxy: CommittingProxy
) -> None:
    """1 the order waits for another, 2 the caller hangs up, 3 Postgres is gone, for both attempts,
    4 Postgres is back: nobody could tell the caller, so there is an order, and the kitchen calls.
    """
    placed: list[PlacedOrder] = []
    with psycopg.connect(libpq_url(seeded)) as before:
        wait_before(before)
        call = asyncio.create_task(desk.place(draft(), placed=placed.append))
        await until(lambda: waits(before))
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        proxy.refuses = True
        await proxy.close()
    await until(lambda: desk._settling)
    proxy.refuses = False
    await until(lambda: placed)
    assert orders(seeded) == [(1, 2_450, True)]


async def test_a_drain_waits_for_the_orders_on_their_way(desk: OrderDesk, seeded: str) -> None:
    call = asyncio.create_task(desk.place(draft(), placed=lambda _: None))
    await until(lambda: desk._tasks)
    call.cancel()
    await desk.close(10)
    assert orders(seeded) == [(1, 2_450, False)]


async def test_what_a_dead_worker_left_is_placed_and_its_caller_called_back(
    desk: OrderDesk, seeded: str, redis: Redis
) -> None:
    await UnsettledOrders(redis).write(UnsettledOrder(draft=draft(age=LONG_AGO)))
    await desk.settle_abandoned()
    assert orders(seeded) == [(1, 2_450, True)]
    assert await noted(redis) == 0


async def test_what_a_dead_worker_had_placed_is_not_placed_again(
    desk: OrderDesk, seeded: str, redis: Redis
) -> None:
    """It died before it withdrew its note: its caller may have been told."""
    left = draft(age=LONG_AGO)
    await place_order(desk._sessions, left)
    await UnsettledOrders(redis).write(UnsettledOrder(draft=left))
    await desk.settle_abandoned()
    assert orders(seeded) == [(1, 2_450, False)]
    assert await noted(redis) == 0


async def test_what_a_living_worker_places_is_left_to_it(
    desk: OrderDesk, seeded: str, redis: Redis
) -> None:
    await UnsettledOrders(redis).write(UnsettledOrder(draft=draft()))
    await desk.settle_abandoned()
    assert orders(seeded) == []
    assert await noted(redis) == 1


async def test_two_workers_settle_the_same_order_once(
    desk: OrderDesk, seeded: str, redis: Redis
) -> None:
    left = UnsettledOrder(draft=draft(age=LONG_AGO), told=True)
    await UnsettledOrders(redis).write(left)
    async with a_desk(seeded, redis) as other:
        await asyncio.gather(desk.settle_abandoned(), other.settle_abandoned())
    assert orders(seeded) == [(1, 2_450, True)]


async def test_a_note_nobody_could_settle_in_a_day_is_given_up_loudly(
    desk: OrderDesk, seeded: str, redis: Redis
) -> None:
    await UnsettledOrders(redis).write(UnsettledOrder(draft=draft(age=timedelta(days=2))))
    await redis.hset(redis_keys.UNSETTLED_ORDERS, "of another version", "{}")
    await desk.settle_abandoned()
    assert orders(seeded) == []
    assert await noted(redis) == 1, "what can't be read is another version's"
