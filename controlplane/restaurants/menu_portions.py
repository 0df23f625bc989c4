"""Portions that are counted: the last one is sold once, however many callers want it."""

from collections import Counter
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.menu import MenuItem
from controlplane.restaurants.cart import CartLine
from controlplane.restaurants.errors import TooFewLeft


async def check_portions(
    session: AsyncSession, restaurant_id: UUID, lines: Sequence[CartLine]
) -> None:
    """Raise `TooFewLeft` unless all lines of each dish together are left.

    Asked under `lock_orders`, so nobody takes a portion before this transaction's commit: its
    order lines do that (trigger `take_portions`).
    """
    wanted: Counter[UUID] = Counter()
    for line in lines:
        wanted[line.item_id] += line.quantity
    counted = await session.execute(
        select(MenuItem.id, MenuItem.portions_left).where(
            MenuItem.restaurant_id == restaurant_id,
            MenuItem.id.in_(wanted),
            MenuItem.portions_left.is_not(None),
        )
    )
    names = {line.item_id: line.spoken_name or line.name for line in lines}
    for item_id, left in counted:
        if left is not None and wanted[item_id] > left:
            raise TooFewLeft(names[item_id], left)
