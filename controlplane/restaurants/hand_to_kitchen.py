"""The kitchen is to make an order: when it is placed, or, if it is to be paid first, once it is
paid or its time to pay is over and the restaurant decides.
"""

from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.order import NEXT_STATUSES, Order, OrderStatus
from controlplane.restaurants.auto_accept import accept_by_itself
from controlplane.restaurants.escalation import escalate_unseen
from controlplane.restaurants.printers import print_order


async def hand_to_kitchen(session: AsyncSession, order: Order) -> None:
    """Have its ticket printed, and the restaurant's ladder climbed while nobody accepts it, within
    the caller's transaction; asked for again, nothing is written twice. Where the restaurant says
    so, a small order is accepted by itself.
    """
    await accept_by_itself(session, order)
    if order.status == OrderStatus.PLACED:
        await escalate_unseen(session, order)
    if NEXT_STATUSES[OrderStatus(order.status)]:
        await print_order(session, order)
