"""Whose calls a restaurant does not want. A hidden number cannot be blocked.

Bridges hear of a change at once, from the table's trigger. The caller of these commits.
"""

from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.blocked_caller import BlockedCaller
from controlplane.models.restaurant import Restaurant
from controlplane.models.transfer_target import TransferTarget
from controlplane.restaurants.audit import ADMIN, audit
from controlplane.restaurants.errors import NotBlocked, OwnNumber
from controlplane.restaurants.read_number import read_number

_OBJECT: Final = "blocked_caller"
"""What the audit log names: a number that it kept could never be forgotten."""


async def list_blocked(session: AsyncSession, restaurant: Restaurant) -> list[str]:
    """E.164, the one blocked first comes first."""
    numbers = await session.scalars(
        select(BlockedCaller.phone_e164)
        .where(BlockedCaller.restaurant_id == restaurant.id)
        .order_by(BlockedCaller.created_at, BlockedCaller.phone_e164)
    )
    return list(numbers)


async def block(
    session: AsyncSession, restaurant: Restaurant, number: str, *, actor: str = ADMIN
) -> str:
    """Refuse this number's calls; its E.164. Blocking it twice changes nothing.

    Raises `NotANumber`, and `OwnNumber` for the restaurant's phone and its people's.
    """
    e164 = read_number(number, own=restaurant.phone_e164)
    people = await session.scalars(
        select(TransferTarget.phone_e164).where(TransferTarget.restaurant_id == restaurant.id)
    )
    if e164 in {restaurant.phone_e164, *people}:
        raise OwnNumber
    blocking = insert(BlockedCaller).values(restaurant_id=restaurant.id, phone_e164=e164)
    blocked = await session.scalar(
        blocking.on_conflict_do_nothing().returning(BlockedCaller.restaurant_id)
    )
    if blocked is not None:
        await audit(session, restaurant.id, actor=actor, action="block_caller", object=_OBJECT)
    return e164


async def unblock(
    session: AsyncSession, restaurant: Restaurant, number: str, *, actor: str = ADMIN
) -> str:
    """Take this number's calls again; its E.164. Raises `NotANumber`, `NotBlocked`."""
    e164 = read_number(number, own=restaurant.phone_e164)
    unblocked = await session.scalar(
        delete(BlockedCaller)
        .where(BlockedCaller.restaurant_id == restaurant.id, BlockedCaller.phone_e164 == e164)
        .returning(BlockedCaller.phone_e164)
    )
    if unblocked is None:
        raise NotBlocked(restaurant.slug)
    await audit(session, restaurant.id, actor=actor, action="unblock_caller", object=_OBJECT)
    return e164
