"""Whom a restaurant asked to work with it; a link in an e-mail is answered once."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.models.base import Base, CreatedAt, Instant, PrimaryKey


class Invitation(Base):
    """One link. The database has its hash only: who reads it can answer none."""

    __tablename__ = "invitation"
    __table_args__ = (
        UniqueConstraint("restaurant_id", "id"),
        CheckConstraint("role IN ('manager', 'staff')", name="role"),
        CheckConstraint("email = lower(email)", name="email"),
        CheckConstraint("accepted_at IS NULL OR revoked_at IS NULL", name="revoked_at"),
    )

    id: Mapped[PrimaryKey]
    restaurant_id: Mapped[UUID] = mapped_column(ForeignKey("restaurant.id", ondelete="CASCADE"))
    email: Mapped[str]
    role: Mapped[str]
    """An owner is never invited: there is one, who hands over."""
    token_hash: Mapped[str] = mapped_column(unique=True)
    invited_by: Mapped[UUID] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"))
    expires_at: Mapped[Instant]
    accepted_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[CreatedAt]
