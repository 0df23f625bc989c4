"""A dish that is made is crossed off, on all screens; its order stays where it is."""

from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.contracts.identifiers import new_id
from controlplane.models.crossed_line import CrossedLine
from controlplane.models.event_outbox import EventOutbox, OutboxTopic
from controlplane.models.order import OrderLine
from controlplane.restaurants.errors import UnknownDishOfOrder


async def cross_off(
    session: AsyncSession,
    restaurant_id: UUID,
    order_id: UUID,
    line_id: UUID,
    part_id: UUID,
    *,
    made: bool,
) -> None:
    """Cross the dish off, or take that back; the caller commits. Saying it twice changes nothing.

    `part_id` is the line itself, or an option of it that is a dish. Raises `UnknownDishOfOrder`.
    """
    await _check_line(session, restaurant_id, order_id, line_id, part_id)
    whose = {"restaurant_id": restaurant_id, "line_id": line_id, "part_id": part_id}
    row = {"id": new_id(), "order_id": order_id, **whose}
    changed = await session.scalar(
        insert(CrossedLine).values(row).on_conflict_do_nothing().returning(CrossedLine.id)
        if made
        else delete(CrossedLine).filter_by(**whose).returning(CrossedLine.id)
    )
    if changed is not None:
        session.add(
            EventOutbox(
                restaurant_id=restaurant_id,
                topic=OutboxTopic.LINE_CROSSED_OFF,
                payload={"order_id": str(order_id)},
            )
        )
        await session.flush()


async def _check_line(
    session: AsyncSession, restaurant_id: UUID, order_id: UUID, line_id: UUID, part_id: UUID
) -> None:
    options = await session.scalar(
        select(OrderLine.options).where(
            OrderLine.restaurant_id == restaurant_id,
            OrderLine.order_id == order_id,
            OrderLine.id == line_id,
        )
    )
    if options is None:
        raise UnknownDishOfOrder(line_id)
    if part_id not in {line_id, *(UUID(option["id"]) for option in options)}:
        raise UnknownDishOfOrder(part_id)
