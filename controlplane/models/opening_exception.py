"""Dates on which a restaurant has other hours than its week says, or none."""

import datetime
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.contracts.opening import OpeningKind
from controlplane.models.base import Base, PrimaryKey

_KINDS = ", ".join(repr(str(kind)) for kind in OpeningKind)


class OpeningException(Base):
    """From `date` to `last_date` the restaurant is open from `opens` to `closes`, past midnight
    when `closes` <= `opens`, and not at all when there are none. Each row of a date is a window;
    together they stand for the date's weekly ones.
    """

    __tablename__ = "opening_exception"
    __table_args__ = (
        UniqueConstraint("restaurant_id", "id"),
        CheckConstraint("(opens IS NULL) = (closes IS NULL)", name="hours"),
        CheckConstraint("last_date >= date", name="last_date"),
        CheckConstraint(f"kinds <@ ARRAY[{_KINDS}]", name="kinds"),
        Index(None, "restaurant_id", "date"),
    )

    id: Mapped[PrimaryKey]
    restaurant_id: Mapped[UUID] = mapped_column(ForeignKey("restaurant.id", ondelete="CASCADE"))
    date: Mapped[datetime.date]
    last_date: Mapped[datetime.date | None]
    """NULL: on `date` alone."""
    opens: Mapped[datetime.time | None]
    closes: Mapped[datetime.time | None]
    kinds: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list, server_default=text("'{}'"))
    """None named: all that the restaurant offers, but not who answers the telephone."""
    label: Mapped[str] = mapped_column(default="", server_default=text("''"))
    """It is shown to the restaurant, as in "Congés d'été"."""
    spoken: Mapped[str] = mapped_column(default="", server_default=text("''"))
    """It is said to callers when this exception keeps the restaurant closed."""
