"""A browser in which a user is signed in.

It is no tenant's row: grants protect it, as they do `user_account`, and it holds a hash of the
token, which opens nothing.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import DateTime, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.models.base import Base, CreatedAt, Instant, PrimaryKey


class UserSession(Base):
    """One sign-in; its token is in a cookie and nowhere else."""

    __tablename__ = "user_session"
    __table_args__ = (Index(None, "user_id"),)

    id: Mapped[PrimaryKey]
    user_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"))
    token_hash: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[CreatedAt]
    seen_at: Mapped[CreatedAt]
    expires_at: Mapped[Instant]
    browser: Mapped[str] = mapped_column(server_default=text("''"))
    """By it users tell their sessions apart: "Firefox · Windows". It is not all that was sent."""
    confirmed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """When the user last proved who they are: at sign-in, and when they are asked again."""
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
