"""A user's passkeys, once the site has checked what the browser says (WebAuthn level 3 §7)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.passkey import Passkey
from controlplane.restaurants.people_errors import TooManyPasskeys

MOST_PASSKEYS: Final = 10


async def add_passkey(
    session: AsyncSession,
    user_id: UUID,
    *,
    credential_id: bytes,
    public_key: bytes,
    sign_count: int,
    name: str,
) -> None:
    """Keep a credential that was just made; the caller commits. Raises `TooManyPasskeys`."""
    count = select(func.count()).where(Passkey.user_id == user_id)
    if (await session.scalar(count) or 0) >= MOST_PASSKEYS:
        raise TooManyPasskeys(MOST_PASSKEYS)
    session.add(
        Passkey(
            credential_id=credential_id,
            user_id=user_id,
            name=name,
            public_key=public_key,
            sign_count=sign_count,
        )
    )
    await session.flush()


async def list_passkeys(session: AsyncSession, user_id: UUID) -> Sequence[Passkey]:
    """A user's passkeys, the oldest first."""
    rows = await session.scalars(
        select(Passkey)
        .where(Passkey.user_id == user_id)
        .order_by(Passkey.created_at, Passkey.credential_id)
    )
    return rows.all()


async def find_passkey(session: AsyncSession, credential_id: bytes) -> Passkey | None:
    """The passkey that a browser offers; whose it is, it says itself."""
    found: Passkey | None = await session.get(Passkey, credential_id)
    return found


async def use_passkey(
    session: AsyncSession, credential_id: bytes, sign_count: int, *, now: datetime
) -> UUID | None:
    """The user of a signature that was checked; None when the count did not rise: it was copied.

    An authenticator that counts nothing says 0 each time (§6.1.1).
    """
    risen = or_(Passkey.sign_count < sign_count, (Passkey.sign_count == 0) & (sign_count == 0))
    user_id: UUID | None = await session.scalar(
        update(Passkey)
        .where(Passkey.credential_id == credential_id, risen)
        .values(sign_count=sign_count, used_at=now)
        .returning(Passkey.user_id)
    )
    return user_id


async def revoke_passkey(session: AsyncSession, user_id: UUID, credential_id: bytes) -> None:
    """Forget it: a user's own only."""
    await session.execute(
        delete(Passkey).where(Passkey.user_id == user_id, Passkey.credential_id == credential_id)
    )
