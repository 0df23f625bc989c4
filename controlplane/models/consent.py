"""What a customer allowed, or did not: a row a decision, kept with its proof (RGPD, art. 7(1))."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    DateTime,
    ForeignKeyConstraint,
    Index,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.models.base import Base, CreatedAt, PrimaryKey


class ConsentPurpose(StrEnum):
    """Says what is asked for; a confirmation of an order needs none (RGPD, art. 6(1)(b))."""

    OFFERS = "offers"
    """The restaurant may send them offers (Code des postes, art. L34-5)."""
    MEMORY = "memory"
    """The assistant may greet them by their name and propose what they order again and again."""
    RECORDING = "recording"
    """Their calls may be recorded."""


class ConsentState(StrEnum):
    """Says what was decided. Only a grant can be withdrawn, and only once."""

    GRANTED = "granted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class ConsentSource(StrEnum):
    """Says where the decision was told."""

    CALL = "call"
    WEB = "web"
    STAFF = "staff"


def _one_of(column: str, values: type[StrEnum]) -> CheckConstraint:
    return CheckConstraint(
        f"{column} IN ({', '.join(repr(str(value)) for value in values)})", name=column
    )


class Consent(Base):
    """One decision. The newest of a purpose counts; at most one of its grants is in force."""

    __tablename__ = "consent"
    __table_args__ = (
        UniqueConstraint("restaurant_id", "id"),
        ForeignKeyConstraint(
            ["restaurant_id", "customer_id"],
            ["customer.restaurant_id", "customer.id"],
            ondelete="CASCADE",
        ),
        Index(None, "restaurant_id", "customer_id"),
        Index(
            "uq_consent_in_force",
            "restaurant_id",
            "customer_id",
            "purpose",
            unique=True,
            postgresql_where=text("state = 'granted'"),
        ),
        _one_of("purpose", ConsentPurpose),
        _one_of("state", ConsentState),
        _one_of("source", ConsentSource),
        CheckConstraint("evidence <> ''", name="evidence"),
        CheckConstraint("(state = 'withdrawn') = (withdrawn_at IS NOT NULL)", name="withdrawn_at"),
    )

    id: Mapped[PrimaryKey]
    restaurant_id: Mapped[UUID]
    customer_id: Mapped[UUID]
    purpose: Mapped[str]
    state: Mapped[str]
    source: Mapped[str]
    evidence: Mapped[str]
    """What proves it: the words heard and their call, the form's version, who of the staff."""
    at: Mapped[CreatedAt]
    withdrawn_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
