"""Who works for a restaurant, and as what."""

from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.models.base import Base, CreatedAt


class Role(StrEnum):
    """Says what somebody may do; each may do what those after it may."""

    OWNER = "owner"
    """One a restaurant: bills, the team, and closing it."""
    MANAGER = "manager"
    """Menu, hours, staff's devices."""
    STAFF = "staff"
    """Orders and messages."""


ROLES = f"({', '.join(repr(str(role)) for role in Role)})"


class Membership(Base):
    """One user at one restaurant.

    At sign-in no restaurant is named yet: the function `restaurants_of_user`, which the site may
    call, tells one user's restaurants and roles.
    """

    __tablename__ = "membership"
    __table_args__ = (
        CheckConstraint(f"role IN {ROLES}", name="role"),
        Index(
            "uq_membership_owner",
            "restaurant_id",
            unique=True,
            postgresql_where=text("role = 'owner'"),
        ),
        Index(None, "user_id"),
    )

    restaurant_id: Mapped[UUID] = mapped_column(
        ForeignKey("restaurant.id", ondelete="CASCADE"), primary_key=True
    )
    user_id: Mapped[UUID] = mapped_column(
        ForeignKey("user_account.id", ondelete="CASCADE"), primary_key=True
    )
    role: Mapped[str]
    created_at: Mapped[CreatedAt]
