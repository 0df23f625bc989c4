"""Which controller leads, by a row: a hung holder loses it, whatever its process still believes."""

from sqlalchemy import BigInteger
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.models.base import Base, Instant


class ControllerLease(Base):
    """One row, `name` = `controller`. Every write of a leader checks that `epoch` is still its."""

    __tablename__ = "controller_lease"

    name: Mapped[str] = mapped_column(primary_key=True)
    holder: Mapped[str]
    """The replica's id."""
    epoch: Mapped[int] = mapped_column(BigInteger)
    """Rises with each new holder."""
    expires_at: Mapped[Instant]
    """By Postgres's clock."""
