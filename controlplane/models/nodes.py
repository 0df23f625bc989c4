"""The processes that hold registrations and serve calls, as last heard of."""

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.models.base import Base, Instant


class SipBridgeNode(Base):
    """One bridge: a FreeSWITCH and its agent."""

    __tablename__ = "sip_bridge_node"
    __table_args__ = (CheckConstraint("capacity BETWEEN 1 AND 200", name="capacity"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    capacity: Mapped[int] = mapped_column(default=200)
    sip_address: Mapped[str | None]
    """`host:port` carriers see."""
    instance: Mapped[str | None]
    """FreeSWITCH's Core-UUID: a new one is a new start, which ends a drain."""
    drain_requested_at: Mapped[Instant | None]
    """Set by `alloresto bridge drain` or the agent's SIGTERM: no new registrations, the present
    ones move away."""
    last_seen_at: Mapped[Instant]


class AiWorkerNode(Base):
    """One AI worker process."""

    __tablename__ = "ai_worker_node"

    id: Mapped[str] = mapped_column(primary_key=True)
    slots: Mapped[int]
    last_seen_at: Mapped[Instant]
