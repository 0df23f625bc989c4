"""A worker that has a dead one's call keeps the promise its caller was made of their order."""

import asyncio
from typing import Any, cast

import pytest
from redis.asyncio import Redis

from aiworker import order_desk
from aiworker.call_memory import CallState
from aiworker.unsettled_orders import UnsettledOrder, UnsettledOrders
from controlplane.contracts.restaurant_config import RestaurantStatus
from controlplane.restaurants.errors import NotTakingOrders, OrderNotCommitted, RestaurantError
from controlplane.restaurants.order_draft import OrderDraft, PlacedOrder
from tests.integration.order_drafts import draft
from tests.unit.aiworker.one_call import OneCall
from tests.unit.aiworker.test_worker_call import PLACED

pytestmark = pytest.mark.unit


class Notes:
    """The hash of notes, without a Redis."""

    def __init__(self) -> None:
        self.fields: dict[str, str] = {}

    async def hset(self, _: str, key: str, note: str) -> None:
        self.fields[key] = note

    async def hdel(self, _: str, key: str) -> bool:
        return self.fields.pop(key, None) is not None

    async def hvals(self, _: str) -> list[str]:
        return list(self.fields.values())


class TakenOver(OneCall):
    """A call whose first worker died with an order on its way."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(monkeypatch)
        self.notes = Notes()
        self.refusal: RestaurantError = OrderNotCommitted()
        self.settling_fails = False
        monkeypatch.setattr(order_desk, "place_order", self._place)
        monkeypatch.setattr(order_desk, "settle_order", self._settle)
        self.desk = self.call.orders._desk
        self.desk._notes = UnsettledOrders(cast("Redis", self.notes))
        monkeypatch.setattr(self.call.orders, "_sessions", self._away)

    def _away(self, **_: object) -> None:
        raise ConnectionRefusedError

    async def _place(self, _: Any, __: OrderDraft) -> PlacedOrder:
        raise self.refusal

    async def _settle(self, _: Any, draft: OrderDraft) -> PlacedOrder:
        if self.settling_fails:
            raise LookupError
        return PlacedOrder(
            id=PLACED.id,
            number=PLACED.number,
            total_cents=draft.total_cents,
            ready_at_local=PLACED.ready_at_local,
            idempotency_key=draft.idempotency_key,
        )

    async def resume(self, *, told: bool) -> OrderDraft:
        left = draft().model_copy(update={"call_id": self.call_id})
        await self.desk._notes.write(UnsettledOrder(draft=left, told=told))
        await self.call.remember(CallState())
        await self.desk.close(1.0)
        return left


@pytest.mark.parametrize(
    "refusal",
    [OrderNotCommitted(), NotTakingOrders(RestaurantStatus.PAUSED)],
    ids=["postgres_away", "paused"],
)
def test_an_order_said_to_be_confirmed_by_the_restaurant_is_placed_though_refused_now(
    monkeypatch: pytest.MonkeyPatch, refusal: RestaurantError
) -> None:
    one = TakenOver(monkeypatch)
    one.refusal = refusal
    left = asyncio.run(one.resume(told=True))
    assert [order.idempotency_key for order in one.call.tools.placed] == [left.idempotency_key]
    assert (one.call.tools.unsettled, one.notes.fields) == (set(), {})


def test_an_order_nothing_was_said_of_may_be_known_not_to_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one = TakenOver(monkeypatch)
    asyncio.run(one.resume(told=False))
    assert (one.call.tools.placed, one.call.tools.unsettled) == ([], set())
    assert one.notes.fields == {}


def test_an_order_that_cannot_be_settled_for_a_reason_nobody_thought_of_costs_no_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its note stays for another worker, and the caller is told neither yes nor no."""
    one = TakenOver(monkeypatch)
    one.settling_fails = True
    left = asyncio.run(one.resume(told=True))
    assert one.call.tools.unsettled == {left.idempotency_key}
    assert list(one.notes.fields) == [left.idempotency_key]
