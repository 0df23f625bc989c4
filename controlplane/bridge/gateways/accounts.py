"""What Postgres wants of this bridge: the registrations it owns, and those it is about to give up.

Read at every turn of the registrar (`registrar.py`); the protocol of a move is in
docs/decisions/0009-registrar.md.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import Engine, or_, select
from sqlalchemy.orm import Session

from controlplane.bridge.gateways.carrier_networks import list_name
from controlplane.bridge.gateways.gateway_report import RowState
from controlplane.bridge.gateways.gateway_xml import GatewaySettings
from controlplane.contracts.gateway_states import GatewayState
from controlplane.contracts.phone_numbers import (
    UnsafeNumber,
    UnsafeReason,
    dialled,
    normalise,
    region_of,
)
from controlplane.models.carrier import Carrier
from controlplane.models.restaurant import Restaurant
from controlplane.models.sip_registration import SipRegistration
from controlplane.secret_box import SecretBox

log = structlog.get_logger()

LIVE: Final = "live"
"""`restaurant.status` of one whose phone is ours to answer."""


class Role(StrEnum):
    """What a row makes of this bridge."""

    OWNER = "owner"
    FORMER = "former"
    """The owner before a move: keeps its binding until the new one is proven."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One `sip_registration` row that names this bridge, with its carrier and restaurant."""

    gateway_name: str
    role: Role
    epoch: int
    config_version: int
    state: GatewayState
    state_epoch: int
    auth_failures: int
    bridge_id: str | None
    former_bridge_id: str | None
    placed_at: datetime | None
    registration_id: UUID
    restaurant_id: UUID
    username: str
    domain: str | None
    auth_username: str | None
    password_encrypted: str = field(repr=False)
    slug: str
    phone_e164: str
    carrier_id: str
    registrar: str
    outbound_proxy: str | None
    transport: str
    expire_seconds: int
    registers_per_second: int
    max_auth_failures: int
    codecs: tuple[str, ...]
    srtp: str
    number_format: str

    @property
    def next_hop(self) -> str:
        """Return the `host[:port]` its requests are sent to."""
        return self.outbound_proxy or self.registrar

    @property
    def row_state(self) -> RowState:
        """Return what reports change of the row."""
        return RowState(
            state=self.state,
            auth_failures=self.auth_failures,
            max_auth_failures=self.max_auth_failures,
        )

    @property
    def proven(self) -> bool:
        """Tell whether its owner has reported a binding under the present epoch."""
        return self.state.registered and self.state_epoch == self.epoch


def read_accounts(engine: Engine, bridge_id: str) -> dict[str, Account]:
    """Read the rows by gateway name. Raises SQLAlchemyError."""
    query = (
        select(SipRegistration, Carrier, Restaurant.slug, Restaurant.phone_e164)
        .join(Restaurant, Restaurant.id == SipRegistration.restaurant_id)
        .join(Carrier, Carrier.id == SipRegistration.carrier_id)
        .where(
            or_(
                SipRegistration.former_bridge_id == bridge_id,
                (SipRegistration.bridge_id == bridge_id) & (Restaurant.status == LIVE),
            )
        )
    )
    with Session(engine) as session:
        rows = session.execute(query).all()
        return {
            row.gateway_name: _account(row, carrier, bridge_id=bridge_id, slug=slug, phone=phone)
            for row, carrier, slug, phone in rows
        }


class Accounts:
    """Holds this bridge's rows as last read, and what this process has written to them since."""

    def __init__(self, engine: Engine, bridge_id: str) -> None:
        self._engine = engine
        self._bridge_id = bridge_id
        self._rows: dict[str, Account] = {}

    def read(self) -> dict[str, Account]:
        """Read the rows again, and return those known before. Raises SQLAlchemyError."""
        before, self._rows = self._rows, read_accounts(self._engine, self._bridge_id)
        return before

    def get(self, name: str) -> Account | None:
        return self._rows.get(name)

    def owned(self, name: str) -> Account | None:
        """Return the row if this bridge is to hold its registration."""
        account = self._rows.get(name)
        return account if account is not None and account.role is Role.OWNER else None

    def names(self) -> set[str]:
        return set(self._rows)

    def all(self) -> list[Account]:
        return list(self._rows.values())

    def released(self, name: str) -> None:
        """Forget the row: it names this bridge no longer."""
        self._rows.pop(name, None)

    def written(self, name: str, row: RowState, *, epoch: int) -> None:
        """Note what this process has made of the row, unless it is of another epoch by now."""
        account = self._rows.get(name)
        if account is not None and account.epoch == epoch:
            self._rows[name] = replace(
                account, state=row.state, state_epoch=epoch, auth_failures=row.auth_failures
            )


def gateway_settings(
    account: Account, *, secrets: SecretBox, prompts: Path | None
) -> GatewaySettings:
    """Make the gateway's settings, its password opened. Raises SecretUnreadable."""
    return GatewaySettings(
        gateway_name=account.gateway_name,
        registrar=account.registrar,
        username=account.username,
        password=secrets.open(account.password_encrypted, owner=account.restaurant_id),
        restaurant_id=account.restaurant_id,
        domain=account.domain,
        auth_username=account.auth_username,
        outbound_proxy=account.outbound_proxy,
        transport=account.transport,
        srtp=account.srtp,
        expire_seconds=account.expire_seconds,
        epoch=account.epoch,
        config_version=account.config_version,
        carrier_acl=list_name(account.carrier_id),
        prompts=prompts,
        codecs=account.codecs,
        fallback_dial=fallback_dial(account),
    )


def fallback_dial(account: Account) -> str:
    """The restaurant's own phone, as its carrier wants it dialled; empty when that is no number to
    ring by itself, or this very line. The restaurant is reached all the same: its callers leave a
    message.
    """
    own = account.phone_e164
    try:
        if normalise(account.username, region_of(own)) == own:
            raise UnsafeNumber(UnsafeReason.OUR_LINE)
        number = dialled(own, account.number_format, own=own)
    except UnsafeNumber as error:
        log.warning("fallback_refused", gateway=account.gateway_name, reason=error.reason)
        return ""
    return f"sofia/gateway/{account.gateway_name}/{number}"


def _account(
    row: SipRegistration, carrier: Carrier, *, bridge_id: str, slug: str, phone: str
) -> Account:
    return Account(
        gateway_name=row.gateway_name,
        role=Role.OWNER if row.bridge_id == bridge_id else Role.FORMER,
        epoch=row.epoch,
        config_version=row.config_version,
        state=GatewayState.read(row.state),
        state_epoch=row.state_epoch,
        auth_failures=row.auth_failures,
        bridge_id=row.bridge_id,
        former_bridge_id=row.former_bridge_id,
        placed_at=row.placed_at,
        registration_id=row.id,
        restaurant_id=row.restaurant_id,
        username=row.username,
        domain=row.domain or carrier.domain,
        auth_username=row.auth_username,
        password_encrypted=row.password_encrypted,
        slug=slug,
        phone_e164=phone,
        carrier_id=carrier.id,
        registrar=carrier.registrar,
        outbound_proxy=carrier.outbound_proxy,
        transport=carrier.transport,
        expire_seconds=carrier.expire_seconds,
        registers_per_second=carrier.registers_per_second,
        max_auth_failures=carrier.max_auth_failures,
        codecs=tuple(carrier.codecs),
        srtp=carrier.srtp,
        number_format=carrier.number_format,
    )
