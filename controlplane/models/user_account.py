"""People who work with the site: one row a person, whatever restaurants they work for.

It is no tenant's row, so row-level security does not guard it. Grants do: only the site and admins
may read it. A restaurant reaches its people through `membership`, which is walled off.
"""

from datetime import datetime

from sqlalchemy import CheckConstraint, DateTime, text
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.models.base import Base, CreatedAt, PrimaryKey

OptionalInstant = Mapped[datetime | None]


class UserAccount(Base):
    """A user signs in with an address, a password and, if they wish, a one-time code."""

    __tablename__ = "user_account"
    __table_args__ = (
        CheckConstraint("email = lower(email) AND email LIKE '%_@_%'", name="email"),
        CheckConstraint("password_hash LIKE '$argon2id$%'", name="password_hash"),
        CheckConstraint("failed_tries >= 0 AND failed_codes >= 0", name="failed_tries"),
        CheckConstraint("language IN ('fr', 'en')", name="language"),
        CheckConstraint(
            "totp_confirmed_at IS NULL OR totp_encrypted IS NOT NULL", name="totp_confirmed_at"
        ),
    )

    id: Mapped[PrimaryKey]
    email: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    password_hash: Mapped[str]
    """It is Argon2id's encoded form, which holds its salt and parameters."""
    failed_tries: Mapped[int] = mapped_column(server_default=text("0"))
    """Wrong passwords since the last right one, of browsers in which they never signed in."""
    locked_until: OptionalInstant = mapped_column(DateTime(timezone=True))
    failed_codes: Mapped[int] = mapped_column(server_default=text("0"))
    """Wrong one-time codes since the last right one: only who has the password may try one."""
    codes_locked_until: OptionalInstant = mapped_column(DateTime(timezone=True))
    totp_encrypted: Mapped[str | None]
    """The one-time codes' secret, sealed for this user (RFC 6238)."""
    totp_confirmed_at: OptionalInstant = mapped_column(DateTime(timezone=True))
    """From then on a code is asked for: a first one proved that their telephone makes them."""
    totp_last_step: Mapped[int] = mapped_column(server_default=text("0"))
    """The 30 s step of the last code taken: no code is taken twice (RFC 6238 §5.2)."""
    language: Mapped[str] = mapped_column(server_default=text("'fr'"))
    """In it they are written to; the site's pages go by the browser's choice."""
    created_at: Mapped[CreatedAt]
