"""Small orders are accepted as they are placed, where a restaurant says so.

What somebody has to read or to decide is never accepted so: an allergy, a note, a caller to be
called back, what was to be paid and was not.
"""

from dataclasses import asdict, dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import exists, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.kitchen_settings import KitchenSettings
from controlplane.models.order import Order, OrderLine, OrderStatus
from controlplane.models.order_allergy import OrderAllergy
from controlplane.restaurants.audit import audit
from controlplane.restaurants.order_status import move_order
from controlplane.restaurants.payment_standing import Paid, standings
from controlplane.restaurants.setup_lock import lock_setup

AUTO_ACCEPT: Final = "auto_accept"
"""Who accepted such an order, as its events name them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoAccept:
    """Which orders are accepted by themselves: none, or those within both limits."""

    on: bool = False
    most_cents: int = 5_000
    most_dishes: int = 8

    def takes(self, order: Order, *, dishes: int) -> bool:
        """Whether it needs nobody's look. Pure."""
        within = order.total_cents <= self.most_cents and dishes <= self.most_dishes
        return self.on and within and not order.call_back and not order.note


async def auto_accept_of(session: AsyncSession, restaurant_id: UUID) -> AutoAccept:
    """What the restaurant set, or nothing."""
    row = await session.get(KitchenSettings, restaurant_id)
    if row is None:
        return AutoAccept()
    return AutoAccept(on=row.auto_accept, most_cents=row.most_cents, most_dishes=row.most_dishes)


async def accept_by_itself(session: AsyncSession, order: Order) -> bool:
    """Accept the locked or new order if the restaurant lets it, before its kitchen hears of it;
    whether it was accepted.
    """
    wanted = await auto_accept_of(session, order.restaurant_id)
    if not wanted.on or order.status != OrderStatus.PLACED:
        return False
    if not wanted.takes(order, dishes=await _dishes(session, order)):
        return False
    if await _somebody_decides(session, order):
        return False
    await move_order(session, order, to=OrderStatus.ACCEPTED, actor=AUTO_ACCEPT)
    return True


async def _dishes(session: AsyncSession, order: Order) -> int:
    ordered = select(func.coalesce(func.sum(OrderLine.quantity), 0)).where(
        OrderLine.restaurant_id == order.restaurant_id, OrderLine.order_id == order.id
    )
    return (await session.execute(ordered)).scalar_one()


async def _somebody_decides(session: AsyncSession, order: Order) -> bool:
    allergy = exists().where(
        OrderAllergy.restaurant_id == order.restaurant_id, OrderAllergy.order_id == order.id
    )
    if await session.scalar(select(allergy)):
        return True
    stands = (await standings(session, order.restaurant_id, [order.id]))[order.id]
    return stands.paid is Paid.UNPAID


async def set_auto_accept(
    session: AsyncSession, restaurant_id: UUID, wanted: AutoAccept, *, actor: str
) -> None:
    """Have it apply to orders placed from now on; the caller commits."""
    await lock_setup(session, restaurant_id)
    before = await auto_accept_of(session, restaurant_id)
    row = {
        "auto_accept": wanted.on,
        "most_cents": wanted.most_cents,
        "most_dishes": wanted.most_dishes,
    }
    await session.execute(
        insert(KitchenSettings)
        .values(restaurant_id=restaurant_id, **row)
        .on_conflict_do_update(index_elements=[KitchenSettings.restaurant_id], set_=row)
    )
    await audit(
        session,
        restaurant_id,
        actor=actor,
        action="set_auto_accept",
        object="kitchen_settings",
        before=asdict(before),
        after=asdict(wanted),
    )
