"""Portions that are counted: the last one is sold once, however many callers want it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.menu import MenuItem
from controlplane.models.order import OrderLine
from controlplane.restaurants.audit import audit
from controlplane.restaurants.cart import CartLine
from controlplane.restaurants.errors import NotOnMenu, TooFewLeft
from controlplane.restaurants.menu_sold_out import tell_availability


async def check_portions(
    session: AsyncSession,
    restaurant_id: UUID,
    lines: Sequence[CartLine],
    *,
    returning: Mapping[UUID, int],
) -> None:
    """Raise `TooFewLeft` unless all lines of each dish together are left, with those `returning`
    from the order that these lines correct.

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
    for item_id, portions in counted:
        left = (portions or 0) + returning.get(item_id, 0)
        if wanted[item_id] > left:
            raise TooFewLeft(names[item_id], left)


async def portions_returning(
    session: AsyncSession, restaurant_id: UUID, order_id: UUID | None
) -> dict[UUID, int]:
    """By dish, what the order gives back when it is replaced (trigger `give_portions_back`)."""
    if order_id is None:
        return {}
    taken = await session.execute(
        select(OrderLine.menu_item_id, func.sum(OrderLine.portions_taken))
        .where(
            OrderLine.restaurant_id == restaurant_id,
            OrderLine.order_id == order_id,
            OrderLine.portions_taken.is_not(None),
        )
        .group_by(OrderLine.menu_item_id)
    )
    return {item_id: int(portions or 0) for item_id, portions in taken}


async def count_portions(
    session: AsyncSession, restaurant_id: UUID, item_id: UUID, *, left: int | None, actor: str
) -> str:
    """Count the dish's portions from `left` on, None no more, and return its name.

    The caller commits; open pages hear of it. Raises `NotOnMenu`.
    """
    mine = (MenuItem.restaurant_id == restaurant_id, MenuItem.id == item_id)
    row = (
        await session.execute(select(MenuItem.name, MenuItem.portions_left).where(*mine))
    ).first()
    if row is None:
        raise NotOnMenu(str(item_id), ())
    await session.execute(update(MenuItem).where(*mine).values(portions_left=left))
    await audit(
        session,
        restaurant_id,
        actor=actor,
        action="count_portions",
        object=f"menu_item:{item_id}",
        before={"portions_left": row.portions_left},
        after={"portions_left": left},
    )
    await tell_availability(session, restaurant_id)
    return str(row.name)
