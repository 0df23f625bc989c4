"""Who works for the platform, and which restaurant they are looking at."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.models.base import Base, CreatedAt, Instant, PrimaryKey


class PlatformMember(Base):
    """A user who may open the back office. Only an admin's command adds one: the site cannot."""

    __tablename__ = "platform_member"

    user_id: Mapped[UUID] = mapped_column(
        ForeignKey("user_account.id", ondelete="CASCADE"), primary_key=True
    )
    created_at: Mapped[CreatedAt]


class PlatformView(Base):
    """A member of the platform sees a restaurant's pages until it ends, and changes nothing.

    The restaurant's own log says who looked, when and why.
    """

    __tablename__ = "platform_view"
    __table_args__ = (
        UniqueConstraint("restaurant_id", "id"),
        Index("ix_platform_view_restaurant_id_user_id", "restaurant_id", "user_id"),
        CheckConstraint("reason <> ''", name="reason"),
        CheckConstraint("expires_at > created_at", name="expires_at"),
    )

    id: Mapped[PrimaryKey]
    restaurant_id: Mapped[UUID] = mapped_column(ForeignKey("restaurant.id", ondelete="CASCADE"))
    user_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"))
    reason: Mapped[str]
    created_at: Mapped[CreatedAt]
    expires_at: Mapped[Instant]
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
