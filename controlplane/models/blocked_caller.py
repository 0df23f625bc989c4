"""The numbers whose calls a restaurant does not want. Hidden numbers can't be blocked."""

from uuid import UUID

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.models.base import Base, CreatedAt


class BlockedCaller(Base):
    """A restaurant refuses calls from this number (E.164)."""

    __tablename__ = "blocked_caller"

    restaurant_id: Mapped[UUID] = mapped_column(
        ForeignKey("restaurant.id", ondelete="CASCADE"), primary_key=True
    )
    phone_e164: Mapped[str] = mapped_column(primary_key=True)
    created_at: Mapped[CreatedAt]
