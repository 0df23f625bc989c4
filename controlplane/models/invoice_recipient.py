"""Who pays for a restaurant: the buyer an invoice must name (CGI, annexe II, art. 242 nonies A)."""

from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.models.base import Base


class InvoiceRecipient(Base):
    """The firm behind a restaurant. An invoice keeps what it was when it was issued."""

    __tablename__ = "invoice_recipient"
    __table_args__ = (
        CheckConstraint("siren ~ '^[0-9]{9}$'", name="siren"),
        CheckConstraint("vat_number ~ '^FR[0-9A-Z]{2}[0-9]{9}$'", name="vat_number"),
        CheckConstraint("postcode ~ '^[0-9]{5}$'", name="postcode"),
        CheckConstraint("name <> '' AND street <> '' AND city <> ''", name="filled"),
    )

    restaurant_id: Mapped[UUID] = mapped_column(ForeignKey("restaurant.id"), primary_key=True)
    name: Mapped[str]
    siren: Mapped[str]
    vat_number: Mapped[str | None]
    """None: a firm in the franchise has none (CGI, art. 293 B)."""
    street: Mapped[str]
    postcode: Mapped[str]
    city: Mapped[str]
