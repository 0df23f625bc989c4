"""Whom a restaurant is not to write to or bring back: what stays of a number that was erased."""

from uuid import UUID

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.models.base import Base, CreatedAt


class Suppression(Base):
    """A number, as its keyed hash: an old list imported again finds it here (RGPD, art. 17, 21).

    They may still order: an order needs their number, and says nothing of offers.
    """

    __tablename__ = "suppression"

    restaurant_id: Mapped[UUID] = mapped_column(
        ForeignKey("restaurant.id", ondelete="CASCADE"), primary_key=True
    )
    phone_hash: Mapped[str] = mapped_column(primary_key=True)
    """It is HMAC-SHA256 of the E.164 under the restaurant's `HashKey`, in hexadecimal."""
    at: Mapped[CreatedAt]
