"""The key under which one restaurant's numbers are hashed where the numbers themselves are gone."""

from uuid import UUID

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.models.base import Base, CreatedAt


class HashKey(Base):
    """Telephone numbers are few enough to try them all: without this key a hash names nobody.

    The key is sealed with ALLORESTO_SECRET_KEYS, so that a copy of the database does not hold it,
    and it never changes: a hash cannot be made again of a number that is erased. Each restaurant
    has its own, so that hashes of two restaurants tell of no common customer.
    """

    __tablename__ = "hash_key"

    restaurant_id: Mapped[UUID] = mapped_column(
        ForeignKey("restaurant.id", ondelete="CASCADE"), primary_key=True
    )
    key_encrypted: Mapped[str]
    created_at: Mapped[CreatedAt]
