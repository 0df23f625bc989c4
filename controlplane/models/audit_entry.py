"""Who did what at a restaurant. Rows are only ever added: no role may change one, nor may the owner
of the table, whom a trigger stops.
"""

from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.models.base import Base, CreatedAt, PrimaryKey


class AuditEntry(Base):
    """One deed of one actor."""

    __tablename__ = "audit_log"
    __table_args__ = (
        UniqueConstraint("restaurant_id", "id"),
        Index(None, "restaurant_id", "at"),
        CheckConstraint("actor <> '' AND action <> ''", name="actor"),
    )

    id: Mapped[PrimaryKey]
    restaurant_id: Mapped[UUID] = mapped_column(ForeignKey("restaurant.id"))
    actor: Mapped[str]
    """`user:UUID`, `device:UUID`, `admin` or a process."""
    acting_as: Mapped[UUID | None]
    """An admin looked with this user's eyes. It is no foreign key: the entry outlives the user."""
    action: Mapped[str]
    object: Mapped[str]
    """What it was done to: `menu_item:UUID`."""
    diff: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """`{column: [before, after]}`, without secrets and without what says who somebody is."""
    at: Mapped[CreatedAt]
