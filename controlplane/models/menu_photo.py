"""Photos of dishes, as the site shows them: re-encoded, without what a camera adds."""

from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.models.base import Base, CreatedAt, PrimaryKey


class MenuPhoto(Base):
    """One photo a dish, gone with it. Another photo is another row: its URL is cached for good."""

    __tablename__ = "menu_photo"
    __table_args__ = (
        UniqueConstraint("restaurant_id", "id"),
        UniqueConstraint("restaurant_id", "item_id"),
        ForeignKeyConstraint(
            ["restaurant_id", "item_id"],
            ["menu_item.restaurant_id", "menu_item.id"],
            ondelete="CASCADE",
        ),
        CheckConstraint("octet_length(large) <= 2000000", name="large"),
        CheckConstraint("octet_length(small) <= 200000", name="small"),
    )

    id: Mapped[PrimaryKey]
    restaurant_id: Mapped[UUID]
    item_id: Mapped[UUID]
    large: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    """WebP, its longer side at most 1,200 pixels."""
    small: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    """WebP, at most 320 pixels, for lists."""
    created_at: Mapped[CreatedAt]
