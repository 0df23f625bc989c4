"""A number that was erased is known again by its keyed hash, and by nothing else."""

import hmac
from collections.abc import Callable
from hashlib import sha256
from secrets import token_hex
from typing import Final
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.hash_key import HashKey
from controlplane.models.suppression import Suppression
from controlplane.secret_box import SecretBox

KEY_BYTES: Final = 32


async def hash_number(session: AsyncSession, box: SecretBox, restaurant_id: UUID, e164: str) -> str:
    """HMAC-SHA256 of the number under the restaurant's own key, which is made when first needed.

    Raises `SecretUnreadable`.
    """
    query = _key_of(restaurant_id)
    sealed = await session.scalar(query)
    if sealed is None:
        fresh = box.seal(token_hex(KEY_BYTES), owner=restaurant_id)
        new = insert(HashKey).values(restaurant_id=restaurant_id, key_encrypted=fresh)
        await session.execute(new.on_conflict_do_nothing())
        sealed = (await session.execute(query)).scalar_one()  # another's, if they were first
    return _hash(box, restaurant_id, sealed, e164)


async def erased_numbers(
    session: AsyncSession, box: SecretBox, restaurant_id: UUID
) -> Callable[[str], bool]:
    """Whether an E.164 was erased at this restaurant before now, for who asks it of many numbers.

    Raises `SecretUnreadable`.
    """
    hashes = frozenset(
        await session.scalars(
            select(Suppression.phone_hash).where(Suppression.restaurant_id == restaurant_id)
        )
    )
    sealed = await session.scalar(_key_of(restaurant_id))
    if sealed is None or not hashes:
        return lambda _: False
    return lambda e164: _hash(box, restaurant_id, sealed, e164) in hashes


def _key_of(restaurant_id: UUID) -> Select[str]:
    return select(HashKey.key_encrypted).where(HashKey.restaurant_id == restaurant_id)


def _hash(box: SecretBox, restaurant_id: UUID, sealed: str, e164: str) -> str:
    key = bytes.fromhex(box.open(sealed, owner=restaurant_id))
    return hmac.new(key, e164.encode(), sha256).hexdigest()


async def suppress(session: AsyncSession, restaurant_id: UUID, phone_hash: str) -> None:
    """Remember the hash; the caller commits."""
    new = insert(Suppression).values(restaurant_id=restaurant_id, phone_hash=phone_hash)
    await session.execute(new.on_conflict_do_nothing())


async def is_suppressed(session: AsyncSession, restaurant_id: UUID, phone_hash: str) -> bool:
    """Whether this number was erased at this restaurant."""
    found = await session.scalar(
        select(Suppression.at).where(
            Suppression.restaurant_id == restaurant_id, Suppression.phone_hash == phone_hash
        )
    )
    return found is not None
