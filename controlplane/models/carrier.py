"""What a SIP carrier wants from those who register with it."""

from sqlalchemy import ARRAY, CheckConstraint, Text
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.models.base import Base, CreatedAt, Instant

DEFAULT_CODECS = ("PCMA", "PCMU")


class Carrier(Base):
    """One carrier's profile, shared by the restaurants that have an account there."""

    __tablename__ = "carrier"
    __table_args__ = (
        CheckConstraint(r"id ~ '^[a-z0-9_-]{1,32}$'", name="id"),
        CheckConstraint("transport IN ('udp', 'tcp', 'tls')", name="transport"),
        CheckConstraint("expire_seconds BETWEEN 60 AND 86400", name="expire_seconds"),
        CheckConstraint("registers_per_second BETWEEN 1 AND 100", name="registers_per_second"),
        CheckConstraint("max_auth_failures BETWEEN 1 AND 10", name="max_auth_failures"),
        CheckConstraint("cardinality(source_networks) BETWEEN 1 AND 32", name="source_networks"),
        CheckConstraint("cardinality(codecs) BETWEEN 1 AND 8", name="codecs"),
        CheckConstraint("number_format IN ('+e164', '00e164', 'national')", name="number_format"),
        CheckConstraint("srtp IN ('off', 'optional', 'required')", name="srtp"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    """A short name that admins type, such as `ovh`."""
    name: Mapped[str]
    registrar: Mapped[str]
    """REGISTER is for this `host[:port]`, and goes there unless there is an outbound proxy."""
    domain: Mapped[str | None]
    """The host of From and To, which carriers call domain or realm; NULL: the registrar's."""
    outbound_proxy: Mapped[str | None]
    """Every request goes through this `host[:port]`; NULL: to the registrar itself."""
    transport: Mapped[str] = mapped_column(default="udp")
    expire_seconds: Mapped[int] = mapped_column(default=60)
    """REGISTER asks for this lifetime; OVH wants 1800."""
    registers_per_second: Mapped[int] = mapped_column(default=10)
    """All bridges together send it no more REGISTERs than this: carriers ban bursts."""
    max_auth_failures: Mapped[int] = mapped_column(default=3)
    """After this many refusals (`ACCOUNT_REFUSED`) in a row an account is left alone: carriers
    lock accounts that insist."""
    source_networks: Mapped[list[str]] = mapped_column(ARRAY(Text))
    """Its INVITEs may come from these networks (CIDR)."""
    codecs: Mapped[list[str]] = mapped_column(ARRAY(Text), default=lambda: list(DEFAULT_CODECS))
    """These codecs are offered to it, the preferred one first."""
    srtp: Mapped[str] = mapped_column(default="off")
    """Calls are encrypted never, where the carrier offers it, or always (RFC 4568)."""
    number_format: Mapped[str] = mapped_column(default="+e164")
    """A number is dialled there in this format: `+33199001234`, `0033199001234` or `0199001234`."""
    refuses_since: Mapped[Instant | None]
    """The controller writes it: most accounts have been refused since then, so the carrier is at
    fault."""
    created_at: Mapped[CreatedAt]
