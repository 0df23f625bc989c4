"""A link by which a user sets a new password, or a first one.

It is no tenant's row: grants protect it, as they do `user_account`. The database has the link's
hash only: who reads it can open none.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import DateTime, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.models.base import Base, CreatedAt, Instant, PrimaryKey


class PasswordReset(Base):
    """One link, good once."""

    __tablename__ = "password_reset"
    __table_args__ = (Index(None, "user_id"),)

    id: Mapped[PrimaryKey]
    user_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"))
    token_hash: Mapped[str] = mapped_column(unique=True)
    expires_at: Mapped[Instant]
    used_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[CreatedAt]
