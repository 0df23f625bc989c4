"""The hours at which a restaurant does what, in its own wall time."""

from datetime import time
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.contracts.opening import OpeningKind
from controlplane.models.base import Base, PrimaryKey


class OpeningRule(Base):
    """The restaurant is open for `kind` on this weekday (0 = Monday) from `opens` to `closes`; past
    midnight when `closes` <= `opens`.
    """

    __tablename__ = "opening_rule"
    __table_args__ = (
        UniqueConstraint("restaurant_id", "id"),
        CheckConstraint("weekday BETWEEN 0 AND 6", name="weekday"),
        CheckConstraint(
            f"kind IN ({', '.join(repr(str(kind)) for kind in OpeningKind)})", name="kind"
        ),
    )

    id: Mapped[PrimaryKey]
    restaurant_id: Mapped[UUID] = mapped_column(
        ForeignKey("restaurant.id", ondelete="CASCADE"), index=True
    )
    kind: Mapped[str] = mapped_column(default=OpeningKind.PICKUP, server_default=text("'pickup'"))
    weekday: Mapped[int]
    opens: Mapped[time]
    closes: Mapped[time]
