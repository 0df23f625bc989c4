"""The seller's last invoice number of each year: one series for all restaurants."""

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.models.base import Base


class InvoiceCounter(Base):
    """Its row is locked until the invoice is committed, so a number is never skipped. Triggers hold
    it to steps of one, each with its invoice (BOI-TVA-DECLA-30-20-20-10: a continuous series).
    """

    __tablename__ = "invoice_counter"
    __table_args__ = (CheckConstraint("last >= 1", name="last"),)

    year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    last: Mapped[int]
