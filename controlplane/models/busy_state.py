"""How busy a restaurant's kitchen says it is; one row a restaurant, none: as usual."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, text
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.contracts.opening import BusyLevel
from controlplane.models.base import Base, CreatedAt


class BusyState(Base):
    """The kitchen is at `level` until `until`, or until somebody says otherwise."""

    __tablename__ = "busy_state"
    __table_args__ = (
        CheckConstraint(
            f"level IN ({', '.join(repr(str(level)) for level in BusyLevel)})", name="level"
        ),
        CheckConstraint(
            "CASE WHEN level = 'busy' THEN delay_minutes BETWEEN 1 AND 240"
            " ELSE delay_minutes = 0 END",
            name="delay_minutes",
        ),
    )

    restaurant_id: Mapped[UUID] = mapped_column(
        ForeignKey("restaurant.id", ondelete="CASCADE"), primary_key=True
    )
    level: Mapped[str]
    delay_minutes: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    set_by: Mapped[str]
    """Who said so, as the restaurant's people know them."""
    set_at: Mapped[CreatedAt]
