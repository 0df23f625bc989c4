"""A request that is sent again under its `Idempotency-Key` is not carried out again.

The key is written in the transaction of the deed: it is there if and only if the deed is. Who sends
the same key meanwhile waits for that commit. A request that was refused did nothing and leaves no
key, so that sending it again asks anew.
"""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.api_token import ApiRequest, ApiToken
from controlplane.restaurants.api_errors import KeyOfAnotherRequest

KEPT_FOR: Final = timedelta(hours=24)
"""Whoever tries again does so within the day; then a key may be used anew."""


async def take_key(
    session: AsyncSession, token: ApiToken, key: str, request_hash: str, now: datetime
) -> UUID | None:
    """Take the key for a request; None: carry it out now, and name its subject. Otherwise it was
    carried out before, and this is what it made or changed.

    Raises `KeyOfAnotherRequest`.
    """
    lapsed = ApiRequest.created_at < now - KEPT_FOR
    await session.execute(delete(ApiRequest).where(*_mine(token, key), lapsed))
    taken = await session.scalar(
        insert(ApiRequest)
        .values(
            restaurant_id=token.restaurant_id,
            token_id=token.id,
            key=key,
            request_hash=request_hash,
        )
        .on_conflict_do_nothing()
        .returning(ApiRequest.key)
    )
    return None if taken else await carried_out(session, token, key, request_hash, now)


async def carried_out(
    session: AsyncSession, token: ApiToken, key: str, request_hash: str, now: datetime
) -> UUID | None:
    """What the request of this key made or changed, if it was carried out; for a deed that commits
    by itself. Raises `KeyOfAnotherRequest`.
    """
    recent = ApiRequest.created_at >= now - KEPT_FOR
    before = await session.scalar(select(ApiRequest).where(*_mine(token, key), recent))
    if before is None:
        return None
    if before.request_hash != request_hash or before.subject_id is None:
        raise KeyOfAnotherRequest
    return before.subject_id


async def name_subject(session: AsyncSession, token: ApiToken, key: str, subject_id: UUID) -> None:
    """Say what the request made or changed, before the commit."""
    await session.execute(
        update(ApiRequest).where(*_mine(token, key)).values(subject_id=subject_id)
    )


def _mine(token: ApiToken, key: str) -> tuple[ColumnElement[bool], ...]:
    return (
        ApiRequest.restaurant_id == token.restaurant_id,
        ApiRequest.token_id == token.id,
        ApiRequest.key == key,
    )
