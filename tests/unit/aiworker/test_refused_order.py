"""An order that was refused stays refused, is not lost in silence, and holds up no other."""

import asyncio
from datetime import timedelta
from typing import Any, cast

import pytest
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from structlog.testing import capture_logs

from aiworker import order_desk
from aiworker.order_desk import OrderDesk
from aiworker.unsettled_orders import UnsettledOrder, UnsettledOrders
from controlplane.contracts.restaurant_config import RestaurantStatus
from controlplane.restaurants.errors import NotTakingOrders
from controlplane.restaurants.order_draft import OrderDraft, PlacedOrder
from tests.integration.order_drafts import draft
from tests.unit.aiworker.test_order_taken_over import Notes
from tests.unit.aiworker.test_worker_call import PLACED
from tests.waiting import until

pytestmark = pytest.mark.unit


class FailingNotes(Notes):
    """Notes whose first withdrawals fail: Redis restarts."""

    failures = 2

    async def hdel(self, name: str, key: str) -> bool:
        if self.failures:
            self.failures -= 1
            raise ConnectionResetError
        return await super().hdel(name, key)


class PausedRestaurant:
    """It refuses every order, once it was asked to answer."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.answers = asyncio.Event()

    async def place(self, _: Any, __: OrderDraft) -> PlacedOrder:
        self.asked.set()
        await self.answers.wait()
        raise NotTakingOrders(RestaurantStatus.PAUSED)


@pytest.fixture
def restaurant(monkeypatch: pytest.MonkeyPatch) -> PausedRestaurant:
    restaurant = PausedRestaurant()
    monkeypatch.setattr(order_desk, "place_order", restaurant.place)
    monkeypatch.setattr(order_desk, "ASK_EVERY_SECONDS", 0.01)
    return restaurant


def a_desk(notes: Notes) -> OrderDesk:
    return OrderDesk(cast("Redis", notes), cast("async_sessionmaker[AsyncSession]", None))


async def test_no_note_of_it_is_left_for_another_worker_when_redis_fails(
    restaurant: PausedRestaurant,
) -> None:
    """Its caller was told no; a minute later another worker would have asked again, and the
    restaurant may take orders then.
    """
    notes = FailingNotes()
    restaurant.answers.set()
    with pytest.raises(NotTakingOrders):
        await a_desk(notes).place(draft(), placed=lambda _: None)
    await until(lambda: not notes.fields)


async def test_of_a_caller_who_hung_up_meanwhile_it_is_said_loudly(
    restaurant: PausedRestaurant,
) -> None:
    desk = a_desk(Notes())
    call = asyncio.create_task(desk.place(draft(), placed=lambda _: None))
    with capture_logs() as logs:
        await restaurant.asked.wait()
        call.cancel()
        await asyncio.wait([call])
        restaurant.answers.set()
        await desk.close(1.0)
    assert [entry["reason"] for entry in logs if entry["event"] == "order_given_up"] == [
        "NotTakingOrders"
    ]


async def test_an_order_that_cannot_be_settled_holds_up_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    notes, left = Notes(), [draft(age=timedelta(minutes=5)) for _ in range(3)]
    desk, settled = a_desk(notes), []

    async def settle(_: Any, draft: OrderDraft) -> PlacedOrder:
        if draft == left[0]:
            raise LookupError
        settled.append(draft)
        return PLACED

    monkeypatch.setattr(order_desk, "settle_order", settle)
    for order in left:
        await UnsettledOrders(cast("Redis", notes)).write(UnsettledOrder(draft=order, told=True))
    await desk.settle_abandoned()
    assert settled == left[1:]
    assert list(notes.fields) == [left[0].idempotency_key]
