"""A kitchen's tablet is paired: staff see a code on the site and type it into the tablet, once.

The caller of these commits, whatever they answer: until then a wrong code is not counted.
"""

from datetime import datetime, timedelta
from secrets import randbelow
from typing import Final
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.device import Device
from controlplane.restaurants.audit import audit
from controlplane.restaurants.people_errors import TooManyDevices
from controlplane.restaurants.tokens import new_token, token_hash

CODE_DIGITS: Final = 8
CODE_FOR: Final = timedelta(minutes=10)
MOST_TRIES: Final = 5
"""A restaurant's open codes are closed by so many wrong ones: a guess is one in ten million."""
MOST_DEVICES: Final = 50


async def offer_code(
    session: AsyncSession, restaurant_id: UUID, name: str, *, now: datetime
) -> str:
    """The code to type into a device that will have this name. Raises `TooManyDevices`."""
    count = select(func.count()).where(
        Device.restaurant_id == restaurant_id,
        Device.revoked_at.is_(None),
        (Device.paired_at.is_not(None)) | (Device.code_expires_at > now),
    )
    if (await session.scalar(count) or 0) >= MOST_DEVICES:
        raise TooManyDevices(MOST_DEVICES)
    code = f"{randbelow(10**CODE_DIGITS):0{CODE_DIGITS}}"
    session.add(
        Device(
            restaurant_id=restaurant_id,
            name=name,
            code_hash=_code_hash(restaurant_id, code),
            code_expires_at=now + CODE_FOR,
            code_tries=0,
        )
    )
    await session.flush()
    return code


async def pair(
    session: AsyncSession, restaurant_id: UUID, code: str, *, now: datetime
) -> str | None:
    """The device's token, shown once; None when no open code is this one, which counts."""
    open_codes = (
        Device.restaurant_id == restaurant_id,
        Device.code_hash.is_not(None),
        Device.code_expires_at > now,
        Device.code_tries < MOST_TRIES,
        Device.revoked_at.is_(None),
    )
    token = new_token(restaurant_id)
    paired = await session.scalar(
        update(Device)
        .where(*open_codes, Device.code_hash == _code_hash(restaurant_id, code))
        .values(code_hash=None, token_hash=token_hash(token), paired_at=now)
        .returning(Device.id)
    )
    if paired is None:
        await session.execute(
            update(Device).where(*open_codes).values(code_tries=Device.code_tries + 1)
        )
        return None
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


async def revoke_device(
    session: AsyncSession, restaurant_id: UUID, device_id: UUID, *, now: datetime, actor: str
) -> None:
    """A tablet that is lost or sold opens nothing any more."""
    await session.execute(
        update(Device)
        .where(Device.restaurant_id == restaurant_id, Device.id == device_id)
        .values(revoked_at=now)
    )
    revoked = f"device:{device_id}"
    await audit(session, restaurant_id, actor=actor, action="revoke_device", object=revoked)


def _code_hash(restaurant_id: UUID, code: str) -> str:
    """Spaces are how people read eight digits; the restaurant keeps equal codes apart."""
    return token_hash(f"{restaurant_id}:{''.join(code.split())}")
