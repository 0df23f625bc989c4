"""A password is set anew by a link that works once. The caller of these commits."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.password_reset import PasswordReset
from controlplane.models.user_account import UserAccount
from controlplane.restaurants.people_errors import ResetOver
from controlplane.restaurants.tokens import new_token, token_hash
from controlplane.restaurants.users import change_password

MAILED_FOR: Final = timedelta(hours=1)
HANDED_FOR: Final = timedelta(days=7)
"""A link that an admin hands to a new owner is good for as long as an invitation."""


async def offer_reset(
    session: AsyncSession, user: UserAccount, *, now: datetime, good_for: timedelta = MAILED_FOR
) -> tuple[PasswordReset, str]:
    """A link's row, and its token. Earlier ones open nothing any more."""
    await _close_others(session, user, now)
    token = new_token()
    reset = PasswordReset(
        user_id=user.id, token_hash=token_hash(token), expires_at=now + good_for, created_at=now
    )
    session.add(reset)
    await session.flush()
    return reset, token


async def find_reset(session: AsyncSession, token: str, *, now: datetime) -> UserAccount:
    """Whose password the link sets. Raises `ResetOver`."""
    found = await session.scalar(
        select(UserAccount)
        .join(PasswordReset, PasswordReset.user_id == UserAccount.id)
        .where(
            PasswordReset.token_hash == token_hash(token),
            PasswordReset.used_at.is_(None),
            PasswordReset.expires_at > now,
        )
        .with_for_update()
    )
    if found is None:
        raise ResetOver
    return found


async def use_reset(
    session: AsyncSession, token: str, password: str, *, now: datetime
) -> UserAccount:
    """Set the password, sign every browser out. Raises `ResetOver`, `WeakPassword`."""
    user = await find_reset(session, token, now=now)
    await change_password(session, user, password)
    await _close_others(session, user, now)
    return user


async def _close_others(session: AsyncSession, user: UserAccount, now: datetime) -> None:
    await session.execute(
        update(PasswordReset)
        .where(PasswordReset.user_id == user.id, PasswordReset.used_at.is_(None))
        .values(used_at=now)
    )
