"""Menus as they were published: a version never changes, and an order names the one it was of."""

from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.models.base import Base, CreatedAt, PrimaryKey


class MenuVersion(Base):
    """One menu document, numbered from 1 in its restaurant. The database refuses to change it."""

    __tablename__ = "menu_version"
    __table_args__ = (
        UniqueConstraint("restaurant_id", "id"),
        UniqueConstraint("restaurant_id", "number"),
        CheckConstraint("number >= 1", name="number"),
    )

    id: Mapped[PrimaryKey]
    restaurant_id: Mapped[UUID] = mapped_column(ForeignKey("restaurant.id", ondelete="CASCADE"))
    number: Mapped[int]
    document: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """The JSON of docs/menu-format.md."""
    source: Mapped[str]
    """Where it came from, such as the name of a file."""
    published_at: Mapped[CreatedAt]
