"""A number that was erased is known again by its keyed hash, and by nothing else."""

import hmac
from hashlib import sha256
from secrets import token_hex
from typing import Final
from uuid import UUID

from sqlalchemy import select
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
    query = select(HashKey.key_encrypted).where(HashKey.restaurant_id == restaurant_id)
    sealed = await session.scalar(query)
    if sealed is None:
        fresh = box.seal(token_hex(KEY_BYTES), owner=restaurant_id)
        new = insert(HashKey).values(restaurant_id=restaurant_id, key_encrypted=fresh)
        await session.execute(new.on_conflict_do_nothing())
        sealed = (await session.execute(query)).scalar_one()  # another's, if they were first
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
