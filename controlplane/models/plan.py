"""What a restaurant pays for: prices are net of VAT, and a price changes by a new version."""

from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.models.base import Base, CreatedAt, PrimaryKey


class Plan(Base):
    """One version of a plan. A trigger refuses its change: invoices were made with it."""

    __tablename__ = "plan"
    __table_args__ = (
        UniqueConstraint("code", "version"),
        CheckConstraint("version >= 1", name="version"),
        CheckConstraint("base_fee_cents >= 0", name="base_fee_cents"),
        CheckConstraint("included_minutes >= 0", name="included_minutes"),
        CheckConstraint("minute_micros >= 0", name="minute_micros"),
        CheckConstraint("number_fee_cents >= 0", name="number_fee_cents"),
        CheckConstraint("sms_micros >= 0", name="sms_micros"),
    )

    id: Mapped[PrimaryKey]
    code: Mapped[str]
    version: Mapped[int]
    name: Mapped[str]
    """It stands on the invoice."""
    base_fee_cents: Mapped[int]
    """A month that has begun costs this much."""
    included_minutes: Mapped[int] = mapped_column(default=0)
    """So much of a month's talking costs nothing more."""
    minute_micros: Mapped[int]
    """A minute beyond those costs so many millionths of a euro; it is counted by the second."""
    number_fee_cents: Mapped[int] = mapped_column(default=0)
    sms_micros: Mapped[int] = mapped_column(default=0)
    """One part of an SMS (160 characters) costs so many millionths of a euro."""
    created_at: Mapped[CreatedAt]
