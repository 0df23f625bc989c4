"""Step 9 of a call, over all its workers: what has been ordered in it. A worker that has the call
from another one ends what that one had begun, and orders nothing twice.
"""

import asyncio
from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError

from aiworker.clients import Clients
from aiworker.conversation.call_record import CallRecord
from aiworker.conversation.conversation import Conversation
from aiworker.metrics import ERRORS
from aiworker.tools.context import ToolContext
from aiworker.tools.place_order import placed_result
from aiworker.tools.spoken_cart import spoken_line
from controlplane.restaurants.errors import OrderUnsettled, RestaurantError
from controlplane.restaurants.order_draft import (
    OrderDraft,
    PlacedOrder,
    idempotency_key,
    key_before_digests,
)
from controlplane.restaurants.place_order import orders_of_call

log = structlog.get_logger()

TAKE_OVER_SECONDS: Final = 1.0
"""A caller whose worker was lost waits in silence for this. An order is placed in 20 ms."""

_SETTLED: Final = (
    "La commande dont tu n'étais pas sûr est bien enregistrée. Dis-le à l'appelant maintenant :"
)
_TO_CONFIRM: Final = "le restaurant rappelle l'appelant pour le lui confirmer, ne la repasse pas."


class CallOrders:
    """Hands this call's orders in at the worker's desk, and says what came of them."""

    def __init__(
        self, clients: Clients, tools: ToolContext, record: CallRecord, conversation: Conversation
    ) -> None:
        self._sessions, self._desk = clients.sessions, clients.orders
        self._tools, self._record, self._conversation = tools, record, conversation

    async def place(self, draft: OrderDraft) -> PlacedOrder:
        """Place an order that the caller has confirmed. Raises what `OrderDesk.place` does."""
        return await self._desk.place(draft, placed=self._placed)

    async def take_over(self) -> None:
        """Find what the worker before placed, and end what it had begun. What is placed, or may be,
        is in the cart no more.
        """
        self._tools.placed.extend(await self._placed_before())
        await self._end_what_was_begun()
        key = idempotency_key(self._tools.call_id, self._tools.cart)
        if key in self._tools.unsettled or any(map(self._is_of_cart, self._tools.placed)):
            self._tools.cart.clear()

    def summary(self) -> str:
        """Say what was ordered so far, to a session that does not know it."""
        placed = "".join(
            f"La commande numéro {order.number} est déjà enregistrée. "
            for order in self._tools.placed
        )
        if self._tools.unsettled:
            placed += f"Une commande est peut-être enregistrée : {_TO_CONFIRM} "
        if not self._tools.cart.lines:
            return f"{placed}Aucun plat n'attend d'être commandé."
        lines = " ; ".join(
            f"ligne {line.line} : {spoken_line(line)}" for line in self._tools.cart.lines
        )
        return f"{placed}Commande en cours, pas encore passée : {lines}."

    async def _placed_before(self) -> list[PlacedOrder]:
        """Read what the worker before placed. Without Postgres the call goes on all the same: a
        cart placed already is found again by its key when it is confirmed once more.
        """
        config = self._tools.config
        try:
            return await orders_of_call(
                self._sessions, config.id, self._tools.call_id, timezone=config.timezone
            )
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            ERRORS.labels(kind="orders_unread").inc()
            log.warning("orders_of_call_unread", error=type(error).__name__)
            return []

    async def _end_what_was_begun(self) -> None:
        """Place what the worker before was placing: the caller had confirmed it."""
        known = {order.idempotency_key for order in self._tools.placed}
        for order in await self._desk.left_by(self._tools.call_id):
            key = order.draft.idempotency_key
            if key in known:
                continue
            self._tools.unsettled.add(key)
            try:
                async with asyncio.timeout(TAKE_OVER_SECONDS):
                    await self._desk.take_over(order, placed=self._placed)
            except (OrderUnsettled, TimeoutError):
                log.warning("order_taken_over_unsettled")
            except RestaurantError as refusal:
                self._tools.unsettled.discard(key)
                log.warning("order_taken_over_refused", refusal=type(refusal).__name__)

    def _placed(self, order: PlacedOrder) -> None:
        """Record it, be it after the call; tell the model if the caller is still in doubt."""
        self._record.placed_order(order)
        if order.idempotency_key in self._tools.unsettled:
            self._tools.unsettled.discard(order.idempotency_key)
            self._tools.placed.append(order)
            self._conversation.instruct(f"{_SETTLED} {placed_result(order)['spoken']}")

    def _is_of_cart(self, order: PlacedOrder) -> bool:
        """Say whether the cart was placed as it stands, by this version's key or the one before."""
        cart = self._tools.cart
        key = idempotency_key(self._tools.call_id, cart)
        if order.idempotency_key == key_before_digests(key):
            return order.total_cents == cart.total_cents
        return order.idempotency_key == key
