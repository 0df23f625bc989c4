"""What a search of the whole database found after a caller was erased. Rows are only added."""

from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.models.base import Base, CreatedAt, PrimaryKey


class ErasureCertificate(Base):
    """One erasure at one restaurant, without a word of who was erased."""

    __tablename__ = "erasure_certificate"
    __table_args__ = (
        UniqueConstraint("restaurant_id", "id"),
        Index("ix_erasure_certificate_phone_hash", "restaurant_id", "phone_hash"),
        CheckConstraint("columns_searched > 0", name="columns_searched"),
    )

    id: Mapped[PrimaryKey]
    restaurant_id: Mapped[UUID] = mapped_column(ForeignKey("restaurant.id", ondelete="CASCADE"))
    phone_hash: Mapped[str]
    """It is the hash that `Suppression` has."""
    columns_searched: Mapped[int]
    columns_unreadable: Mapped[int]
    """Tables that whoever erased may not read were not searched."""
    names_searched: Mapped[int]
    """A name that others have too is not searched for: it would name them."""
    found: Mapped[dict[str, int]] = mapped_column(JSONB)
    """Rows that still hold the number or the name, by `table.column`."""
    at: Mapped[CreatedAt]

    @property
    def clean(self) -> bool:
        """Whether everything was searched, and nothing is left of them."""
        return not self.found and not self.columns_unreadable
