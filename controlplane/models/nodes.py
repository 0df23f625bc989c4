"""The processes that hold registrations and serve calls, as they were last heard of."""

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.models.base import Base, Instant


class SipBridgeNode(Base):
    """One bridge: a FreeSWITCH and the bridge agent beside it."""

    __tablename__ = "sip_bridge_node"
    __table_args__ = (CheckConstraint("capacity BETWEEN 1 AND 200", name="capacity"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    capacity: Mapped[int] = mapped_column(default=200)
    sip_address: Mapped[str | None]
    """Carriers see its profile at this `host:port`."""
    instance: Mapped[str | None]
    """FreeSWITCH's Core-UUID, which is new after each start; a new start ends a drain."""
    drain_requested_at: Mapped[Instant | None]
    """`alloresto bridge drain` or the bridge agent's SIGTERM sets it: from then on the bridge gets
    no new registrations, and the present ones move away."""
    last_seen_at: Mapped[Instant]


class AiWorkerNode(Base):
    """One AI worker, and how many calls it can serve at once (`slots`)."""

    __tablename__ = "ai_worker_node"

    id: Mapped[str] = mapped_column(primary_key=True)
    slots: Mapped[int]
    last_seen_at: Mapped[Instant]
