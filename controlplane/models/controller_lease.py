"""One row says which controller leads: a hung holder loses it, whatever its process believes."""

from sqlalchemy import BigInteger
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.models.base import Base, Instant


class ControllerLease(Base):
    """The table has one row, `name` = `controller`. Every write of a leader checks that `epoch` is
    still its own.
    """

    __tablename__ = "controller_lease"

    name: Mapped[str] = mapped_column(primary_key=True)
    holder: Mapped[str]
    """This replica leads, named by its `replica_id`."""
    epoch: Mapped[int] = mapped_column(BigInteger)
    """It rises by one with each new term."""
    expires_at: Mapped[Instant]
    """The lease ends then, by Postgres's clock, unless it is renewed."""
