"""Tokens by which a restaurant's own programs ask the JSON API, and the keys of their requests."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.models.base import Base, CreatedAt, PrimaryKey


class ApiScope(StrEnum):
    """Says what a token may do; writing does not include reading."""

    ORDERS_READ = "orders:read"
    ORDERS_WRITE = "orders:write"
    MENU_READ = "menu:read"
    RESERVATIONS_READ = "reservations:read"
    RESERVATIONS_WRITE = "reservations:write"
    CUSTOMERS_READ = "customers:read"
    CALLS_READ = "calls:read"


_SCOPES = ", ".join(repr(str(scope)) for scope in ApiScope)


class ApiToken(Base):
    """One token. It is shown once; the table has its hash."""

    __tablename__ = "api_token"
    __table_args__ = (
        UniqueConstraint("restaurant_id", "id"),
        UniqueConstraint("restaurant_id", "token_hash"),
        CheckConstraint("name <> ''", name="name"),
        CheckConstraint(
            f"cardinality(scopes) >= 1 AND scopes <@ ARRAY[{_SCOPES}]::text[]", name="scopes"
        ),
    )

    id: Mapped[PrimaryKey]
    restaurant_id: Mapped[UUID] = mapped_column(ForeignKey("restaurant.id", ondelete="CASCADE"))
    name: Mapped[str]
    """What it is for, as the restaurant calls it: "Caisse"."""
    token_hash: Mapped[str]
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    last_used_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """To the minute."""
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[CreatedAt]


class ApiRequest(Base):
    """A POST that was carried out under its `Idempotency-Key`: sent again, it is not done again.

    It names what it made or changed and holds none of its words, so nothing is to be forgotten.
    """

    __tablename__ = "api_request"
    __table_args__ = (
        ForeignKeyConstraint(
            ["restaurant_id", "token_id"],
            ["api_token.restaurant_id", "api_token.id"],
            ondelete="CASCADE",
        ),
        Index(None, "created_at"),
    )

    restaurant_id: Mapped[UUID] = mapped_column(primary_key=True)
    token_id: Mapped[UUID] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    request_hash: Mapped[str]
    """SHA-256 of method, path and body: the key of another request is refused."""
    subject_id: Mapped[UUID | None]
    """The order or reservation that the answer showed, and shows again; named before the commit."""
    created_at: Mapped[CreatedAt]
