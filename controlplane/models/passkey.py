"""A user's passkeys: public keys, with which their telephone or computer signs them in.

It is no tenant's row: grants protect it, as they do `user_account`, and it holds nothing secret.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.models.base import Base, CreatedAt


class Passkey(Base):
    """One credential (WebAuthn level 3 §4)."""

    __tablename__ = "passkey"
    __table_args__ = (
        Index(None, "user_id"),
        CheckConstraint("octet_length(credential_id) BETWEEN 16 AND 1023", name="credential_id"),
        CheckConstraint("sign_count >= 0", name="sign_count"),
    )

    credential_id: Mapped[bytes] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"))
    name: Mapped[str]
    public_key: Mapped[bytes]
    """It is COSE-encoded (RFC 9052)."""
    sign_count: Mapped[int]
    """It rises with each use; an authenticator that counts none always says 0."""
    created_at: Mapped[CreatedAt]
    used_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
