"""An order is written once per key, numbered without a race, and whole or not at all."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
import pytest

from controlplane.contracts.identifiers import new_id
from controlplane.database import async_engine, async_sessions, libpq_url
from controlplane.local.demo.restaurant import DEMO_RESTAURANT_ID
from controlplane.models.event_outbox import OUTBOX_CHANNEL
from controlplane.restaurants import place_order as module
from controlplane.restaurants.errors import (
    CartEmpty,
    KeyOfAnotherCart,
    OrderNotCommitted,
    UnknownRestaurant,
)
from controlplane.restaurants.order_draft import OrderDraft, PlacedOrder, Taking
from controlplane.restaurants.place_order import Commit, Sessions, orders_of_call, place_order
from tests.integration.order_drafts import draft

pytestmark = pytest.mark.integration


@asynccontextmanager
async def sessions_on(url: str) -> AsyncIterator[Sessions]:
    engine = async_engine(url, application_name="test", pool_size=10)
    yield async_sessions(engine)
    await engine.dispose()


def count(url: str, table: str) -> int:
    with psycopg.connect(libpq_url(url)) as database:
        row = database.execute(f'SELECT count(*) FROM "{table}"').fetchone()
    assert row is not None
    return int(row[0])


async def test_an_order_its_lines_its_event_and_its_notice_are_one_commit(seeded: str) -> None:
    with psycopg.connect(libpq_url(seeded), autocommit=True) as listener:
        listener.execute(f"LISTEN {OUTBOX_CHANNEL}")
        async with sessions_on(seeded) as sessions:
            order = await place_order(sessions, draft("call:1:a"))
        notices = [notice.payload for notice in listener.notifies(timeout=2, stop_after=1)]
    assert notices == [str(DEMO_RESTAURANT_ID)]
    with psycopg.connect(libpq_url(seeded)) as database:
        lines = database.execute(
            "SELECT name, quantity, unit_price_cents, total_cents, options->1->>'name'"
            " FROM order_line ORDER BY position"
        ).fetchall()
        events = database.execute(
            "SELECT from_status, to_status, actor FROM order_event"
        ).fetchall()
        outbox = database.execute("SELECT topic, payload->>'order_id' FROM event_outbox").fetchall()
    assert lines == [
        ("Margherita", 2, 1_100, 2_200, "mozzarella"),
        ("Coca-Cola 33 cl", 1, 250, 250, None),
    ]
    assert events == [(None, "placed", "agent")]
    assert outbox == [("order_placed", str(order.id))]
    assert (order.number, order.total_cents) == (1, 2_450)


@pytest.mark.usefixtures("unhurried")
async def test_the_same_key_at_the_same_time_is_one_order(seeded: str) -> None:
    async with sessions_on(seeded) as sessions:
        orders = await asyncio.gather(*(place_order(sessions, draft("call:7:a")) for _ in range(8)))
    assert len({order.id for order in orders}) == 1
    assert [count(seeded, table) for table in ("order", "order_line", "event_outbox")] == [1, 2, 1]


@pytest.mark.usefixtures("unhurried")
async def test_orders_at_the_same_time_are_numbered_without_gap(seeded: str) -> None:
    async with sessions_on(seeded) as sessions:
        orders = await asyncio.gather(
            *(place_order(sessions, draft(f"call:{n}:a")) for n in range(12))
        )
    assert sorted(order.number for order in orders) == list(range(1, 13))


async def test_another_worker_finds_the_order_of_its_call(seeded: str) -> None:
    async with sessions_on(seeded) as sessions:
        placed = draft()
        assert placed.call_id
        order = await place_order(sessions, placed)
        found = await orders_of_call(
            sessions, DEMO_RESTAURANT_ID, placed.call_id, timezone="Europe/Paris"
        )
    assert found == [order]


async def test_a_key_of_another_cart_is_an_error_and_never_a_success(seeded: str) -> None:
    async with sessions_on(seeded) as sessions:
        await place_order(sessions, draft("call:1:a"))
        with pytest.raises(KeyOfAnotherCart):
            await place_order(sessions, draft("call:1:a", pizzas=7))
    assert count(seeded, "order") == 1


async def test_the_key_of_the_version_before_finds_its_own_cart_only(seeded: str) -> None:
    """1 a worker of the version before placed two pizzas, 2 the same cart is that order, 3 another
    cart of that revision is an order of its own, with its own total.
    """
    async with sessions_on(seeded) as sessions:
        before = await place_order(sessions, draft("call:3"))
        same = await place_order(sessions, draft("call:3:two-pizzas"))
        other = await place_order(sessions, draft("call:3:seven-pizzas", pizzas=7))
    assert (same, before.total_cents) == (before, 2_450)
    assert (other.number, other.total_cents) == (2, 7_950)
    assert count(seeded, "order") == 2


async def test_an_order_that_cannot_be_whole_is_not_there_at_all(seeded: str) -> None:
    nobody = {"customer_phone_e164": "\0"}
    async with sessions_on(seeded) as sessions:
        with pytest.raises(OrderNotCommitted):
            await place_order(sessions, draft().model_copy(update=nobody))
    assert count(seeded, "order") == 0


async def test_an_order_for_no_restaurant_is_refused(seeded: str) -> None:
    async with sessions_on(seeded) as sessions:
        with pytest.raises(UnknownRestaurant):
            await place_order(sessions, draft(restaurant_id=new_id()))


async def test_a_database_that_is_down_is_told_as_such(seeded: str) -> None:
    url = re.sub(r":\d+/", ":9/", seeded)
    async with sessions_on(url) as sessions:
        with pytest.raises(OrderNotCommitted):
            await place_order(sessions, draft("call:1:a"))


async def test_an_order_of_nothing_is_refused_before_the_database(seeded: str) -> None:
    async with sessions_on(seeded) as sessions:
        with pytest.raises(CartEmpty):
            await place_order(sessions, draft().model_copy(update={"lines": ()}))
    assert count(seeded, "order") == 0


async def test_a_commit_whose_answer_was_lost_is_not_an_order_more(
    seeded: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1 committed, 2 the connection breaks before the answer, 3 the second try finds it."""
    real = module._place_once
    lost: list[PlacedOrder] = []

    async def break_once(
        sessions: Sessions, wanted: OrderDraft, commit: Commit, taking: Taking
    ) -> object:
        order = await real(sessions, wanted, commit, taking)
        if not lost:
            lost.append(order)
            raise ConnectionResetError
        return order

    monkeypatch.setattr(module, "_place_once", break_once)
    async with sessions_on(seeded) as sessions:
        order = await place_order(sessions, draft("call:1:a"))
    assert lost == [order]
    assert count(seeded, "order") == 1
