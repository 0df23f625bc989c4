"""Tokens of a restaurant's own programs: made, found, used and revoked; the caller commits."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.contracts.identifiers import new_id
from controlplane.models.api_token import ApiScope, ApiToken
from controlplane.restaurants.api_errors import UnknownApiToken
from controlplane.restaurants.audit import audit
from controlplane.restaurants.setup_errors import TooManyOf
from controlplane.restaurants.setup_lock import lock_setup
from controlplane.restaurants.tokens import new_token, token_hash

MOST_TOKENS: Final = 20
"""A till, a website, a few trials: more are forgotten ones."""
SEEN_EVERY: Final = timedelta(minutes=1)
"""A busy till writes its `last_used_at` no more often."""


async def make_token(
    session: AsyncSession,
    restaurant_id: UUID,
    name: str,
    scopes: Collection[ApiScope],
    *,
    actor: str,
) -> str:
    """Return a new token, which nobody can read again. Raises `TooManyOf`."""
    await lock_setup(session, restaurant_id)
    open_tokens = select(func.count()).where(
        ApiToken.restaurant_id == restaurant_id, ApiToken.revoked_at.is_(None)
    )
    if (await session.scalar(open_tokens) or 0) >= MOST_TOKENS:
        raise TooManyOf("tokens", MOST_TOKENS)
    token, made = new_token(restaurant_id), new_id()
    session.add(
        ApiToken(
            id=made,
            restaurant_id=restaurant_id,
            name=name,
            token_hash=token_hash(token),
            scopes=sorted(scopes),
        )
    )
    await audit(
        session,
        restaurant_id,
        actor=actor,
        action="make_api_token",
        object=f"api_token:{made}",
        after={"scopes": " ".join(sorted(scopes))},
    )
    return token


async def find_token(
    session: AsyncSession, restaurant_id: UUID, token: str, now: datetime
) -> ApiToken | None:
    """The token at its own restaurant (`restaurant_of`), unless revoked; that it was used is
    written down.
    """
    found: ApiToken | None = await session.scalar(
        select(ApiToken).where(
            ApiToken.restaurant_id == restaurant_id,
            ApiToken.token_hash == token_hash(token),
            ApiToken.revoked_at.is_(None),
        )
    )
    if found and (found.last_used_at is None or now - found.last_used_at >= SEEN_EVERY):
        found.last_used_at = now
        await session.flush()
    return found


async def revoke_token(
    session: AsyncSession, restaurant_id: UUID, token_id: UUID, now: datetime, *, actor: str
) -> None:
    """From the commit on it opens nothing. Raises `UnknownApiToken`."""
    revoked = await session.scalar(
        update(ApiToken)
        .where(
            ApiToken.restaurant_id == restaurant_id,
            ApiToken.id == token_id,
            ApiToken.revoked_at.is_(None),
        )
        .values(revoked_at=now)
        .returning(ApiToken.id)
    )
    if revoked is None:
        raise UnknownApiToken
    await audit(
        session,
        restaurant_id,
        actor=actor,
        action="revoke_api_token",
        object=f"api_token:{token_id}",
    )
