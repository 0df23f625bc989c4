"""Whom a restaurant knows by their number: one row a number, made by their first order."""

from typing import Final
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.models.base import Base, CreatedAt, PrimaryKey

E164: Final = r"'^\+[1-9][0-9]{6,14}$'"


class Customer(Base):
    """One person as one restaurant knows them; another restaurant has a row of its own.

    Their orders are found by the number, so that a row forgotten leaves none without an owner.
    """

    __tablename__ = "customer"
    __table_args__ = (
        UniqueConstraint("restaurant_id", "id"),
        UniqueConstraint("restaurant_id", "phone_e164"),
        Index(None, "restaurant_id", "seen_at"),
        CheckConstraint(f"phone_e164 ~ {E164}", name="phone_e164"),
        CheckConstraint("language ~ '^[a-z]{2}$'", name="language"),
    )

    id: Mapped[PrimaryKey]
    restaurant_id: Mapped[UUID] = mapped_column(ForeignKey("restaurant.id", ondelete="CASCADE"))
    phone_e164: Mapped[str]
    name: Mapped[str | None]
    """The name of their last order that had one."""
    language: Mapped[str] = mapped_column(server_default=text("'fr'"))
    """The language they are written to (ISO 639-1)."""
    seen_at: Mapped[CreatedAt]
    """They ordered last at that time; the row goes when the restaurant's time for calls is over."""
    created_at: Mapped[CreatedAt]
