"""Where a user is signed in: a token in a cookie, its hash here. The caller of these commits."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.user_account import UserAccount
from controlplane.models.user_session import UserSession
from controlplane.restaurants.tokens import new_token, token_hash

LONGEST: Final = timedelta(days=30)
IDLE: Final = timedelta(days=7)
"""A browser nobody used for a week is signed out."""
SEEN_EVERY: Final = timedelta(minutes=1)
"""A page that asks often writes no row each time."""


async def sign_in(session: AsyncSession, user_id: UUID, *, now: datetime, browser: str = "") -> str:
    """The token of a new session, to be shown to nobody but the user's browser, which `browser`
    names.
    """
    token = new_token()
    session.add(
        UserSession(
            user_id=user_id,
            token_hash=token_hash(token),
            created_at=now,
            seen_at=now,
            confirmed_at=now,
            browser=browser,
            expires_at=now + LONGEST,
        )
    )
    await session.flush()
    return token


async def find_user(
    session: AsyncSession, token: str, *, now: datetime
) -> tuple[UserSession, UserAccount] | None:
    """The session of the token and whose it is; None when it is over, revoked or never was."""
    row = await session.execute(
        select(UserSession, UserAccount)
        .join(UserAccount, UserAccount.id == UserSession.user_id)
        .where(
            UserSession.token_hash == token_hash(token),
            UserSession.revoked_at.is_(None),
            UserSession.expires_at > now,
            UserSession.seen_at > now - IDLE,
        )
    )
    if (found := row.first()) is None:
        return None
    signed_in, user = found
    if now - signed_in.seen_at > SEEN_EVERY:
        signed_in.seen_at = now
    return signed_in, user


async def find_session(session: AsyncSession, token: str, *, now: datetime) -> UserSession | None:
    """The session of the token; None when it is over, revoked or was never there."""
    found = await find_user(session, token, now=now)
    return None if found is None else found[0]


async def rotate(session: AsyncSession, token: str, *, now: datetime) -> str | None:
    """Another token for the same sign-in, as after a password was asked for again; None when the
    session is over. It ends when the first would have: rotating lengthens nothing.
    """
    old = await find_session(session, token, now=now)
    if old is None or not await revoke(session, token):
        return None
    fresh = await sign_in(session, old.user_id, now=now, browser=old.browser)
    await session.execute(
        update(UserSession)
        .where(UserSession.token_hash == token_hash(fresh))
        .values(expires_at=old.expires_at)
    )
    return fresh


async def list_sessions(
    session: AsyncSession, user_id: UUID, *, now: datetime
) -> Sequence[UserSession]:
    """Where the user is signed in, the browser used last first."""
    rows = await session.scalars(
        select(UserSession)
        .where(
            UserSession.user_id == user_id,
            UserSession.revoked_at.is_(None),
            UserSession.expires_at > now,
            UserSession.seen_at > now - IDLE,
        )
        .order_by(UserSession.seen_at.desc())
    )
    return rows.all()


async def revoke_one(session: AsyncSession, user_id: UUID, session_id: UUID) -> None:
    """Sign the user out of one browser; of their own only."""
    await session.execute(
        update(UserSession)
        .where(
            UserSession.id == session_id,
            UserSession.user_id == user_id,
            UserSession.revoked_at.is_(None),
        )
        .values(revoked_at=datetime.now(UTC))
    )


async def revoke(session: AsyncSession, token: str) -> bool:
    """End the session of the token; whether it was there."""
    ended = await session.scalar(
        update(UserSession)
        .where(UserSession.token_hash == token_hash(token), UserSession.revoked_at.is_(None))
        .values(revoked_at=datetime.now(UTC))
        .returning(UserSession.id)
    )
    return ended is not None


async def revoke_others(session: AsyncSession, user_id: UUID, kept: UUID) -> None:
    """Sign the user out of every browser but one."""
    await session.execute(
        update(UserSession)
        .where(
            UserSession.user_id == user_id,
            UserSession.id != kept,
            UserSession.revoked_at.is_(None),
        )
        .values(revoked_at=datetime.now(UTC))
    )


async def revoke_all(session: AsyncSession, user_id: UUID) -> None:
    """Sign the user out everywhere."""
    await session.execute(
        update(UserSession)
        .where(UserSession.user_id == user_id, UserSession.revoked_at.is_(None))
        .values(revoked_at=datetime.now(UTC))
    )
