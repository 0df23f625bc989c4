"""Step 9 of a call: its worker places the order here, whatever becomes of the call meanwhile.

A caller who hangs up, a call that is cut by a drain: an order handed in is placed all the same. One
of which nobody knows whether it is placed is asked for again under the same key until that is
known; what this process can't end, another worker does (`settle_abandoned`).
"""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any, Final, TypeVar
from uuid import UUID

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from aiworker.metrics import ERRORS
from aiworker.supervised_loop import OneByOne, start
from aiworker.unsettled_orders import UnsettledOrder, UnsettledOrders
from controlplane.contracts import redis_keys
from controlplane.restaurants.errors import OrderNotCommitted, OrderUnsettled, RestaurantError
from controlplane.restaurants.order_draft import OrderDraft, PlacedOrder, Taking
from controlplane.restaurants.place_order import Sessions, place_order, settle_order

log = structlog.get_logger()

ANSWER_SECONDS: Final = 6.0
"""The caller is told something by then: both attempts of `place_order`, and Redis twice. A mute
server may keep its client longer, for psycopg first tries to cancel."""
ASK_EVERY_SECONDS: Final = 2.0
MOST_ASKS: Final = 300
"""A database that is away for longer than ten minutes is left to whoever finds the note."""
ABANDONED_SECONDS: Final = 60.0
"""A worker that lives has ended or settled by then, or asks again itself; a call that it lost has
another worker, which has settled what was left."""

_ASK_AGAIN: Final = (OrderNotCommitted, OrderUnsettled, SQLAlchemyError, OSError, TimeoutError)

Placed = Callable[[PlacedOrder], None]
Outcome = PlacedOrder | RestaurantError
_T = TypeVar("_T")


class OrderDesk:
    """The process has one. Its tasks are the orders on their way, so as many as there are calls."""

    def __init__(self, redis: Redis, sessions: Sessions) -> None:
        self._notes = UnsettledOrders(redis)
        self._sessions = sessions
        self._tasks: set[asyncio.Task[Any]] = set()
        self._settling: set[str] = set()
        self._one_by_one = OneByOne("unsettled_order", lets_through=RedisError)

    async def place(self, draft: OrderDraft, *, placed: Placed) -> PlacedOrder:
        """Place an order; `placed` is called once it is, be it after the call.

        Raises what `place_order` raises; `OrderUnsettled` after `ANSWER_SECONDS` at the latest. It
        is safe to cancel: the order goes on.
        """
        gone = asyncio.Event()
        try:
            outcome = await asyncio.shield(self._start(self._place(draft, placed, gone)))
        except asyncio.CancelledError:
            gone.set()
            raise
        if isinstance(outcome, RestaurantError):
            raise outcome
        return outcome

    async def take_over(self, order: UnsettledOrder, *, placed: Placed) -> None:
        """Go on with an order that another worker left: to one its caller was told of as confirmed
        by the restaurant no rule says no any more.

        Raises what `place` raises. It is safe to cancel: the order goes on.
        """
        if order.told:
            await asyncio.wait({self._start(self._settle(order.draft, placed))})
        else:
            await self.place(order.draft, placed=placed)

    async def left_by(self, call_id: UUID) -> list[UnsettledOrder]:
        """Return what a worker that lost this call was placing; nothing when Redis is away."""
        try:
            return [o for o in await self._notes.read() if o.draft.call_id == call_id]
        except (RedisError, OSError, TimeoutError) as error:
            log.warning("unsettled_orders_unreadable", error=type(error).__name__)
            return []

    async def settle_abandoned(self) -> None:
        """Settle what dead workers left. Raises Redis's errors."""
        for order in await self._notes.read():
            age = (datetime.now(UTC) - order.draft.confirmed_at).total_seconds()
            key = order.draft.idempotency_key
            if age > redis_keys.UNSETTLED_ORDER_KEPT_S:
                _give_up(order.draft, "too_old")
                await self._notes.withdraw(key)
            elif age > ABANDONED_SECONDS and key not in self._settling:
                with self._one_by_one:
                    await self._settled(order, lambda _: log.info("abandoned_order_placed"))

    async def close(self, deadline_seconds: float) -> None:
        """Let the orders on their way end. Those that don't are left to another worker."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=deadline_seconds)
        for task in self._tasks:
            log.warning("order_left_to_another_worker")
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # --- One order -----------------------------------------------------------------------------

    async def _place(self, draft: OrderDraft, placed: Placed, gone: asyncio.Event) -> Outcome:
        """Place it within `ANSWER_SECONDS`, or leave it to `_settle`.

        A caller who is gone can't be told that it is not placed, so it is asked for again as well.
        """
        placing = self._start(self._place_noted(draft))
        await asyncio.wait({placing}, timeout=ANSWER_SECONDS)
        outcome: Outcome = OrderUnsettled()
        if placing.done() and placing.exception() is None:
            outcome = placing.result()
        placing.cancel()
        untold = isinstance(outcome, OrderNotCommitted) and gone.is_set()
        if isinstance(outcome, OrderUnsettled) or untold:
            self._start(self._settle(draft, placed))
        elif isinstance(outcome, PlacedOrder):
            placed(outcome)
        elif gone.is_set():
            _give_up(draft, type(outcome).__name__)
        return outcome

    async def _place_noted(self, draft: OrderDraft) -> Outcome:
        """Place it, with a note in Redis meanwhile.

        While another worker may make an order of the note, it is not certain that there is none.
        """
        noted = await self._notes.write(UnsettledOrder(draft=draft))
        outcome = await self._outcome(draft)
        if isinstance(outcome, OrderUnsettled):
            return outcome
        withdrawn = await self._notes.withdraw(draft.idempotency_key, noted=noted)
        if isinstance(outcome, OrderNotCommitted) and not withdrawn:
            return OrderUnsettled()
        if isinstance(outcome, RestaurantError) and not withdrawn:
            self._start(self._withdraw(draft.idempotency_key))
        return outcome

    async def _withdraw(self, key: str) -> None:
        """Withdraw the note of an order that was refused once Redis is back: its caller knows, and
        the rule that refused it may change.
        """
        self._settling.add(key)
        try:
            for _ in range(MOST_ASKS):
                if await self._notes.withdraw(key, noted=False):
                    return
                await asyncio.sleep(ASK_EVERY_SECONDS)
        finally:
            self._settling.discard(key)

    async def _outcome(self, draft: OrderDraft) -> Outcome:
        try:
            return await place_order(self._sessions, draft)
        except RestaurantError as refusal:
            return refusal

    async def _settle(self, draft: OrderDraft, placed: Placed) -> None:
        """Ask for it until it is placed. Its caller was told that the restaurant confirms it, or
        could not be told anything.
        """
        ERRORS.labels(kind="order_unsettled").inc()
        unsettled = UnsettledOrder(draft=draft, told=True)
        self._settling.add(draft.idempotency_key)
        try:
            await self._notes.write(unsettled)
            for _ in range(MOST_ASKS):
                if await self._settled(unsettled, placed):
                    return
                await asyncio.sleep(ASK_EVERY_SECONDS)
            log.error("order_left_to_its_note", call_id=str(draft.call_id))
        finally:
            self._settling.discard(draft.idempotency_key)

    async def _settled(self, order: UnsettledOrder, placed: Placed) -> bool:
        """Ask once; when it is known what becomes of the order, withdraw its note."""
        draft, call_id = order.draft, str(order.draft.call_id)
        try:
            if order.told:
                placed(await settle_order(self._sessions, draft))
            else:
                placed(await place_order(self._sessions, draft, Taking(call_back=True)))
        except _ASK_AGAIN as error:
            log.warning("order_still_unsettled", call_id=call_id, error=type(error).__name__)
            return False
        except RestaurantError as refusal:
            _give_up(draft, type(refusal).__name__)
        await self._notes.withdraw(draft.idempotency_key)
        return True

    def _start(self, work: Coroutine[Any, Any, _T]) -> asyncio.Task[_T]:
        task = start(work, name="order")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _give_up(draft: OrderDraft, reason: str) -> None:
    """Say loudly that an order its caller confirmed will not be placed."""
    ERRORS.labels(kind="order_given_up").inc()
    log.error("order_given_up", call_id=str(draft.call_id), reason=reason)
