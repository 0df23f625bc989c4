"""A kitchen's tablet or screen, paired by a code that staff type into it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.models.base import Base, CreatedAt, Instant, PrimaryKey


class Device(Base):
    """One device. It has a code's hash until it is paired, and a token's hash from then on."""

    __tablename__ = "device"
    __table_args__ = (
        UniqueConstraint("restaurant_id", "id"),
        CheckConstraint("name <> ''", name="name"),
        Index(None, "code_hash"),
        CheckConstraint("(code_hash IS NULL) <> (token_hash IS NULL)", name="token_hash"),
        CheckConstraint("(token_hash IS NULL) = (paired_at IS NULL)", name="paired_at"),
    )

    id: Mapped[PrimaryKey]
    restaurant_id: Mapped[UUID] = mapped_column(ForeignKey("restaurant.id", ondelete="CASCADE"))
    name: Mapped[str]
    code_hash: Mapped[str | None]
    code_expires_at: Mapped[Instant]
    token_hash: Mapped[str | None] = mapped_column(unique=True)
    paired_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    seen_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """When it last asked for a page: a tablet that is silent takes no orders."""
    created_at: Mapped[CreatedAt]
