"""Now and then the notifier lets the orders expire that nobody took."""

from typing import Final

import structlog
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from controlplane.notifier import metrics
from controlplane.restaurants.expire_orders import expire_order, overdue_orders
from controlplane.tenancy import restaurant_session

EVERY_S: Final = 30.0
"""Restaurants say after how many minutes."""
MOST: Final = 100
"""One turn lets so many expire; the next follows at once if there are more."""

_logger = structlog.get_logger()


class OverdueOrders:
    """Looks after all restaurants' orders. Any number may run at once: each order expires once."""

    def __init__(self, sessions: async_sessionmaker[AsyncSession]) -> None:
        self._sessions = sessions

    async def turn(self) -> bool:
        """Let the overdue expire, each in a transaction of its own; whether there may be more. One
        that fails holds up no other.

        Raises SQLAlchemy's errors when none can be asked for.
        """
        async with self._sessions() as session:
            overdue = await overdue_orders(session, most=MOST)
        expired = 0
        for restaurant_id, order_id in overdue:
            named = {"restaurant_id": str(restaurant_id), "order_id": str(order_id)}
            try:
                async with restaurant_session(self._sessions, restaurant_id) as session:
                    if not await expire_order(session, restaurant_id, order_id):
                        continue
                    await session.commit()
            except Exception:  # the edge of one order: the next turn tries it again
                metrics.LOOP_FAILURES.inc()
                _logger.exception("order_not_expired", **named)
                continue
            expired += 1
            metrics.ORDERS_EXPIRED.inc()
            _logger.warning("order_expired", **named)
        return len(overdue) == MOST and expired > 0
