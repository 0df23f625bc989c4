"""A ticket printed from the browser: the first is the ticket, whatever comes after it is marked."""

from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.printer import PrintJob, PrintState
from controlplane.models.ticket_copy import TicketCopy
from controlplane.restaurants.order_locks import locked_order

_MAY_BE_ON_PAPER = (PrintState.FETCHED, PrintState.PRINTED)


async def is_on_paper(session: AsyncSession, restaurant_id: UUID, order_id: UUID) -> bool:
    """Whether a browser printed the order's ticket, or a printer may have: another would be made
    twice.
    """
    by_browser = exists().where(
        TicketCopy.restaurant_id == restaurant_id, TicketCopy.order_id == order_id
    )
    by_printer = exists().where(
        PrintJob.restaurant_id == restaurant_id,
        PrintJob.order_id == order_id,
        PrintJob.state.in_(_MAY_BE_ON_PAPER),
    )
    return bool(await session.scalar(select(by_browser | by_printer)))


async def print_ticket(session: AsyncSession, restaurant_id: UUID, order_id: UUID) -> bool:
    """Write down that a browser prints it; return whether it is a duplicate. The caller commits.

    Two screens that print at once take turns. Raises `UnknownOrder`.
    """
    await locked_order(session, restaurant_id, order_id)
    duplicate = await is_on_paper(session, restaurant_id, order_id)
    session.add(TicketCopy(restaurant_id=restaurant_id, order_id=order_id))
    await session.flush()
    return duplicate
