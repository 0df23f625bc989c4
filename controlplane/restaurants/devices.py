"""A kitchen's tablet is paired: the site shows a code once, and it is typed into the tablet, once.

The caller of these commits.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from secrets import randbelow
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.contracts.identifiers import new_id
from controlplane.models.device import Device
from controlplane.restaurants.access_told import tell_access_changed
from controlplane.restaurants.audit import audit
from controlplane.restaurants.people_errors import TooManyDevices, UnknownDevice
from controlplane.restaurants.tokens import new_token, token_hash

CODE_DIGITS: Final = 10
"""A tablet does not know whose it is: the code alone finds the restaurant, among all open ones. How
often an address may guess, `controlplane/restaurants/try_limits.py` says."""
CODE_FOR: Final = timedelta(minutes=10)
MOST_DEVICES: Final = 50
BY_ITSELF: Final = "demo"
"""Nobody offered the code of a device that is paired at once."""
SEEN_EVERY: Final = timedelta(minutes=1)
"""A tablet that asks every few seconds writes no row each time."""

_RESTAURANT: Final = text("SELECT restaurant_of_pairing_code(:code_hash)")


async def list_devices(
    session: AsyncSession, restaurant_id: UUID, *, now: datetime
) -> Sequence[Device]:
    """The tablets in use, and those whose code is open; by name."""
    rows = await session.scalars(
        select(Device).where(*_in_use(restaurant_id, now)).order_by(Device.name, Device.id)
    )
    return rows.all()


async def offer_code(
    session: AsyncSession, restaurant_id: UUID, name: str, *, now: datetime, actor: str
) -> str:
    """The code to type into a device that will have this name. Raises `TooManyDevices`."""
    count = select(func.count()).where(*_in_use(restaurant_id, now))
    if (await session.scalar(count) or 0) >= MOST_DEVICES:
        raise TooManyDevices(MOST_DEVICES)
    code = f"{randbelow(10**CODE_DIGITS):0{CODE_DIGITS}}"
    device = Device(
        id=new_id(),
        restaurant_id=restaurant_id,
        name=name,
        code_hash=_code_hash(code),
        code_expires_at=now + CODE_FOR,
    )
    session.add(device)
    await session.flush()
    await _audit(session, device, "offer_code", actor=actor)
    return code


async def restaurant_of_code(session: AsyncSession, code: str) -> UUID | None:
    """Whose open code it is; it needs no restaurant to be named (`controlplane/tenancy.py`)."""
    found: UUID | None = await session.scalar(_RESTAURANT, {"code_hash": _code_hash(code)})
    return found


async def pair(
    session: AsyncSession, restaurant_id: UUID, code: str, *, now: datetime
) -> str | None:
    """The device's token, shown once; None when no open code of the restaurant is this one."""
    token = new_token(restaurant_id)
    paired = await session.scalar(
        update(Device)
        .where(
            Device.restaurant_id == restaurant_id,
            Device.code_hash == _code_hash(code),
            Device.code_expires_at > now,
            Device.revoked_at.is_(None),
        )
        .values(code_hash=None, token_hash=token_hash(token), paired_at=now, seen_at=now)
        .returning(Device)
    )
    if paired is None:
        return None
    await _audit(session, paired, "pair_device", actor=f"device:{paired.id}")
    return token


async def pair_at_once(
    session: AsyncSession, restaurant_id: UUID, name: str, *, now: datetime
) -> str:
    """Pair a device without anybody's typing, for demonstrations, tests and benchmarks; return its
    token. Raises `TooManyDevices`.
    """
    code = await offer_code(session, restaurant_id, name, now=now, actor=BY_ITSELF)
    token = await pair(session, restaurant_id, code, now=now)
    assert token is not None, "its code was just offered"
    return token


async def find_device(session: AsyncSession, restaurant_id: UUID, token: str) -> Device | None:
    """The device of the token at the token's restaurant (`restaurant_of`), unless revoked."""
    device: Device | None = await session.scalar(
        select(Device).where(
            Device.restaurant_id == restaurant_id,
            Device.token_hash == token_hash(token),
            Device.revoked_at.is_(None),
        )
    )
    return device


async def see_device(session: AsyncSession, device: Device, *, now: datetime) -> None:
    """Remember that it asked for a page."""
    if device.seen_at is None or now - device.seen_at > SEEN_EVERY:
        device.seen_at = now
        await session.flush()


async def revoke_device(
    session: AsyncSession, restaurant_id: UUID, device_id: UUID, *, now: datetime, actor: str
) -> None:
    """A tablet that is lost or sold opens nothing any more, nor does its code.

    Raises `UnknownDevice`.
    """
    revoked = await session.scalar(
        update(Device)
        .where(
            Device.restaurant_id == restaurant_id,
            Device.id == device_id,
            Device.revoked_at.is_(None),
        )
        .values(revoked_at=now)
        .returning(Device)
    )
    if revoked is None:
        raise UnknownDevice
    await _audit(session, revoked, "revoke_device", actor=actor)
    await tell_access_changed(session, restaurant_id)


def _in_use(restaurant_id: UUID, now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        Device.restaurant_id == restaurant_id,
        Device.revoked_at.is_(None),
        or_(Device.paired_at.is_not(None), Device.code_expires_at > now),
    )


async def _audit(session: AsyncSession, device: Device, action: str, *, actor: str) -> None:
    of = f"device:{device.id}"
    await audit(session, device.restaurant_id, actor=actor, action=action, object=of)


def _code_hash(code: str) -> str:
    """Spaces are how people read ten digits."""
    return token_hash("".join(code.split()))
