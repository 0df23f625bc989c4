"""Several restaurants of one owner, and which they are.

An organisation is no tenant's row: grants protect it, as they do `user_account`. Its restaurants
are listed in a table that is walled off.
"""

from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.models.base import Base, CreatedAt, PrimaryKey


class Organisation(Base):
    """A name, and the user who manages every restaurant of it."""

    __tablename__ = "organisation"
    __table_args__ = (CheckConstraint("name <> ''", name="name"), Index(None, "head_id"))

    id: Mapped[PrimaryKey]
    name: Mapped[str]
    head_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id"))
    created_at: Mapped[CreatedAt]


class OrganisationRestaurant(Base):
    """A restaurant is in one organisation at most."""

    __tablename__ = "organisation_restaurant"
    __table_args__ = (Index(None, "organisation_id"),)

    restaurant_id: Mapped[UUID] = mapped_column(
        ForeignKey("restaurant.id", ondelete="CASCADE"), primary_key=True
    )
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id", ondelete="CASCADE"))
