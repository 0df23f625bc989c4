"""An order that nobody at the restaurant took expires, and its caller is to be called.

Nothing says that it was made; nothing says that it was not. So it is never silent: an event, a
task, and a ticket that stays in sight. One that was printed was taken: its
kitchen works from paper.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.order import OrderStatus
from controlplane.models.restaurant import Restaurant
from controlplane.restaurants.audit import audit
from controlplane.restaurants.order_locks import lock_orders, locked_order
from controlplane.restaurants.order_status import move_order, tell_status
from controlplane.restaurants.tasks import call_back_for

ACTOR: Final = "expiry"
CALLED_WITHIN: Final = timedelta(days=1)
"""Nobody waits for a call about an older order."""

_OVERDUE: Final = text("SELECT restaurant_id, order_id FROM overdue_orders(:most)")


async def set_expiry(
    session: AsyncSession, restaurant: Restaurant, *, minutes: int | None, actor: str
) -> int:
    """Change how long after its time an order that nobody took expires, if that is given, and
    return it; those that wait now go by it too. The caller commits.
    """
    before = restaurant.expire_orders_minutes
    if minutes is not None and minutes != before:
        restaurant.expire_orders_minutes = minutes
        await audit(
            session,
            restaurant.id,
            actor=actor,
            action="set_expiry",
            object="restaurant",
            before={"minutes": before},
            after={"minutes": minutes},
        )
    return restaurant.expire_orders_minutes


async def overdue_orders(session: AsyncSession, *, most: int) -> Sequence[tuple[UUID, UUID]]:
    """The restaurant and the id of each order that is still new so long after it was to be ready,
    the longest overdue first; of all restaurants, as nothing but ids.
    """
    found = await session.execute(_OVERDUE, {"most": most})
    return [(restaurant_id, order_id) for restaurant_id, order_id in found]


async def expire_order(session: AsyncSession, restaurant_id: UUID, order_id: UUID) -> bool:
    """Let it expire, and tell whether it did: somebody may have taken it meanwhile. The caller
    commits. Raises `UnknownOrder`.
    """
    await lock_orders(session, restaurant_id)
    order = await locked_order(session, restaurant_id, order_id)
    if order.status != OrderStatus.PLACED:
        return False
    await move_order(session, order, to=OrderStatus.EXPIRED, actor=ACTOR)
    if order.ready_at > datetime.now(UTC) - CALLED_WITHIN:
        await call_back_for(session, order, actor=ACTOR)
    tell_status(session, order)
    return True
