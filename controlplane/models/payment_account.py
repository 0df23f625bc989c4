"""A restaurant's own account with Stripe, by which its customers' payments reach it and nobody
else (`docs/decisions/0016-payment-by-link.md`).
"""

from uuid import UUID

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.models.base import Base, CreatedAt


class PaymentAccount(Base):
    """The two secrets, each sealed by `SecretBox.seal(…, owner=restaurant_id)`."""

    __tablename__ = "payment_account"

    restaurant_id: Mapped[UUID] = mapped_column(ForeignKey("restaurant.id"), primary_key=True)
    api_key_encrypted: Mapped[str]
    """A restricted key that may write Checkout Sessions (`rk_…`), or the secret key (`sk_…`)."""
    webhook_secret_encrypted: Mapped[str]
    """It signs the events of the restaurant's endpoint (`whsec_…`)."""
    created_at: Mapped[CreatedAt]
