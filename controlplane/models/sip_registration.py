"""Which bridge registers which restaurant at its carrier: the desired state, and what was seen."""

from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.models.base import Base, Instant, PrimaryKey


class SipRegistration(Base):
    """One SIP account. `config_version` rises with every change, `epoch` with every placement."""

    __tablename__ = "sip_registration"
    __table_args__ = (
        CheckConstraint("expire_seconds BETWEEN 60 AND 86400", name="expire_seconds"),
        CheckConstraint("transport IN ('udp', 'tcp', 'tls')", name="transport"),
    )

    id: Mapped[PrimaryKey]
    restaurant_id: Mapped[UUID] = mapped_column(
        ForeignKey("restaurant.id", ondelete="CASCADE"), unique=True
    )
    gateway_name: Mapped[str] = mapped_column(unique=True)
    """`slug-<8 hex>`: readable in fs_cli, not guessable by a caller."""
    registrar: Mapped[str]
    """`host[:port]`, both realm and proxy."""
    transport: Mapped[str] = mapped_column(default="udp")
    username: Mapped[str]
    password: Mapped[str]
    expire_seconds: Mapped[int] = mapped_column(default=60)
    config_version: Mapped[int] = mapped_column(default=1)
    bridge_id: Mapped[str | None] = mapped_column(ForeignKey("sip_bridge_node.id"))
    epoch: Mapped[int] = mapped_column(default=0)
    state: Mapped[str] = mapped_column(default="DOWN")
    """FreeSWITCH's gateway state as last reported: REGED, TRYING, FAIL_WAIT, …"""
    last_sip_code: Mapped[int | None]
    state_at: Mapped[Instant | None]
