"""The one way to a restaurant's rows: a session whose transactions name the restaurant.

Row-level security shows a transaction the rows of the restaurant it names, and none when it names
none (`controlplane/migrations/tenant_table.py`). The name ends with the transaction, so a pooled
connection, PgBouncer's too, brings nothing of one restaurant to another.
"""

from typing import Final
from uuid import UUID

from sqlalchemy import Connection, event, text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from sqlalchemy.orm import Session, SessionTransaction

_RESTAURANT: Final = "restaurant_id"
_NAME: Final = text("SELECT set_config('app.restaurant_id', :restaurant_id, true)")


class RestaurantSession(Session):
    """Each of its transactions names the restaurant before anything else is asked."""


def restaurant_session(
    sessions: async_sessionmaker[AsyncSession], restaurant_id: UUID
) -> AsyncSession:
    """Open a session of this restaurant: `async with restaurant_session(…) as session`.

    It sees no other restaurant's row, whatever a query forgets to say, and can write none.
    """
    return sessions(sync_session_class=RestaurantSession, info={_RESTAURANT: restaurant_id})


@event.listens_for(RestaurantSession, "after_begin")
def _name_restaurant(
    session: Session, _transaction: SessionTransaction, connection: Connection
) -> None:
    connection.execute(_NAME, {"restaurant_id": str(session.info[_RESTAURANT])})
