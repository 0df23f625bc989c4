"""Whom a restaurant's callers may be put through to.

Bridges hear of a change at once, from the table's trigger. The caller of these commits.
"""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.contracts.identifiers import new_id
from controlplane.contracts.phone_numbers import (
    UnsafeNumber,
    UnsafeReason,
    refuse_unsafe,
)
from controlplane.models.restaurant import Restaurant
from controlplane.models.transfer_target import TransferMode, TransferTarget
from controlplane.restaurants.audit import audit
from controlplane.restaurants.errors import NameRefused, NeverDialled, UnknownTarget
from controlplane.restaurants.read_number import read_number

_DIGITS: Final = 9
MAX_NAME: Final = 60
"""A few words the assistant can say."""


@dataclass(frozen=True, slots=True)
class Target:
    """One entry of the list."""

    name: str
    phone_e164: str
    mode: TransferMode
    refused: UnsafeReason | None
    """Why it is never dialled, though listed; None: it is."""


def own_phone(restaurant: Restaurant, *, name: str) -> Target:
    """The restaurant's own phone, which callers are always put through to and no list holds."""
    own = restaurant.phone_e164
    return Target(name, own, TransferMode.BLIND, why_never_dialled(own, own=own))


async def list_targets(session: AsyncSession, restaurant: Restaurant) -> list[Target]:
    """In the order callers are told them."""
    targets = await session.scalars(
        select(TransferTarget)
        .where(TransferTarget.restaurant_id == restaurant.id)
        .order_by(TransferTarget.position, TransferTarget.id)
    )
    return [
        Target(
            target.name,
            target.phone_e164,
            TransferMode(target.mode),
            why_never_dialled(target.phone_e164, own=restaurant.phone_e164),
        )
        for target in targets
    ]


async def add_target(
    session: AsyncSession,
    restaurant: Restaurant,
    *,
    name: str,
    number: str,
    mode: TransferMode,
    actor: str,
) -> str:
    """Add somebody at the list's end, or change the entry of that number; its E.164.

    Raises `NameRefused`, `NotANumber`, `NeverDialled`.
    """
    name = _sayable(name)
    e164 = read_number(number, own=restaurant.phone_e164)
    if reason := why_never_dialled(e164, own=restaurant.phone_e164):
        raise NeverDialled(reason)
    if await _is_our_line(session, e164):
        raise NeverDialled(UnsafeReason.OUR_LINE)
    last = select(func.coalesce(func.max(TransferTarget.position) + 1, 0)).where(
        TransferTarget.restaurant_id == restaurant.id
    )
    adding = insert(TransferTarget).values(
        id=new_id(),
        restaurant_id=restaurant.id,
        name=name,
        phone_e164=e164,
        mode=mode,
        position=last.scalar_subquery(),
    )
    await session.execute(
        adding.on_conflict_do_update(
            index_elements=["restaurant_id", "phone_e164"], set_={"name": name, "mode": mode}
        )
    )
    await audit(
        session,
        restaurant.id,
        actor=actor,
        action="add_transfer_target",
        object="transfer_target",
        after={"phone": e164, "mode": mode},
    )
    return e164


async def remove_target(
    session: AsyncSession, restaurant: Restaurant, number: str, *, actor: str
) -> str:
    """Take a number off the list; its E.164. Raises `NotANumber`, `UnknownTarget`."""
    e164 = read_number(number, own=restaurant.phone_e164)
    removed = await session.scalar(
        delete(TransferTarget)
        .where(TransferTarget.restaurant_id == restaurant.id, TransferTarget.phone_e164 == e164)
        .returning(TransferTarget.id)
    )
    if removed is None:
        raise UnknownTarget(restaurant.slug)
    await audit(
        session,
        restaurant.id,
        actor=actor,
        action="remove_transfer_target",
        object="transfer_target",
        before={"phone": e164},
    )
    return e164


def why_never_dialled(e164: str, *, own: str) -> UnsafeReason | None:
    """Why no call goes to `e164` for the restaurant whose phone is `own`; None: it may be rung."""
    try:
        refuse_unsafe(e164, own=own)
    except UnsafeNumber as error:
        return error.reason
    return None


async def _is_our_line(session: AsyncSession, e164: str) -> bool:
    """Say whether any restaurant's SIP account has this number: its calls come to us.

    Accounts that are numbers are written +33…, 0033… or 0…: their last nine digits find them, in a
    function that sees all restaurants' and tells of none.
    """
    return bool(await session.scalar(select(func.is_our_line(e164[-_DIGITS:]))))


def _sayable(name: str) -> str:
    name = " ".join(name.split())
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise NameRefused(MAX_NAME)
    return name
