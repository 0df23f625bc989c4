"""Humans whom a restaurant's callers may be transferred to. A number that is not here is never
dialled.
"""

from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.models.base import Base, PrimaryKey


class TransferMode(StrEnum):
    """Says how somebody who was rung gets the caller."""

    WARM = "warm"
    """Whoever picks up hears who calls and accepts with a key, so that a voicemail never takes the
    caller."""
    BLIND = "blind"
    """The caller is connected at once."""


class TransferTarget(Base):
    """One entry of the allow-list; the restaurant's own phone needs none."""

    __tablename__ = "transfer_target"
    __table_args__ = (
        CheckConstraint("mode IN ('blind', 'warm')", name="mode"),
        UniqueConstraint("restaurant_id", "phone_e164"),
    )

    id: Mapped[PrimaryKey]
    restaurant_id: Mapped[UUID] = mapped_column(ForeignKey("restaurant.id", ondelete="CASCADE"))
    name: Mapped[str]
    """The caller and the assistant call the target by this name: "le gérant", "le service
    traiteur"."""
    phone_e164: Mapped[str]
    mode: Mapped[str] = mapped_column(default=TransferMode.WARM)
    """One of the values of `TransferMode`."""
    position: Mapped[int] = mapped_column(default=0)
