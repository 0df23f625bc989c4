"""This bridge's registrations: what Postgres wants, made true in FreeSWITCH, and reported back.

A gateway is added by `startgw` and proven by `sofia::gateway_add`; it is never changed in place,
and never added again before its `sofia::gateway_delete`: the old one would un-REGISTER the new
one's Contact.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import gevent
import gevent.event
import structlog
from sqlalchemy import Engine, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from controlplane.agents import metrics
from controlplane.contracts.channel_variables import ChannelVariable
from controlplane.esl.client import EslClient
from controlplane.esl.errors import EslCommandFailed, EslError, InvalidEslArgument
from controlplane.esl.event import EslEvent
from controlplane.models.carrier import Carrier
from controlplane.models.restaurant import Restaurant
from controlplane.models.sip_registration import SipRegistration
from controlplane.secret_box import SecretBox
from freeswitch.gateway_xml import (
    GatewaySettings,
    InvalidGateway,
    gateway_files,
    remove_gateway_file,
    write_gateway_file,
)

EVENTS: Final = (
    "CUSTOM sofia::gateway_add",
    "CUSTOM sofia::gateway_delete",
    "CUSTOM sofia::gateway_state",
)

ADD_DEADLINE_S: Final = 3.0
"""`startgw` takes 1 to 9 ms and answers +OK for unknown names too."""

DELETE_DEADLINE_S: Final = 10.0
"""`killgw` takes 1 to 2 s, and as long as a REGISTER in flight."""

PACE_S: Final = 0.1
"""Between two REGISTERs: carriers ban bursts; 10 a second is a sane default."""

REFRESH_STATES: Final = frozenset({"UNREGED", "TRYING", "REGISTER"})

RECONCILE_S: Final = 30.0
"""However nobody told us: a missed notification heals within this time."""


log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Desired:
    """One registration this bridge should hold."""

    settings: GatewaySettings
    version: str
    """`epoch.config_version`: kept in the gateway itself, to compare."""


class Registrations:
    """Keeps FreeSWITCH's gateways what Postgres says."""

    def __init__(
        self,
        *,
        esl: EslClient,
        engine: Engine,
        secrets: SecretBox,
        bridge_id: str,
        profile: str,
        gateway_folder: Path,
        sounds_folder: Path,
    ) -> None:
        self._esl = esl
        self._engine = engine
        self._secrets = secrets
        self._bridge_id = bridge_id
        self._profile = profile
        self._folder = gateway_folder
        self._sounds = sounds_folder
        self._wanted = gevent.event.Event()
        self._added: dict[str, gevent.event.Event] = {}
        self._deleted: dict[str, gevent.event.Event] = {}
        self._states: dict[str, str] = {}

    def subscribe(self) -> None:
        """Connect the handlers of gateway events."""
        self._esl.on("sofia::gateway_add", self._gateway_added)
        self._esl.on("sofia::gateway_delete", self._gateway_deleted)
        self._esl.on("sofia::gateway_state", self._gateway_state)

    def reconcile_soon(self) -> None:
        """Something changed: look now rather than at the next turn."""
        self._wanted.set()

    def run(self) -> None:
        """For ever."""
        while True:
            self._wanted.wait(timeout=RECONCILE_S)
            self._wanted.clear()
            try:
                self.reconcile()
            except (SQLAlchemyError, EslError, OSError) as error:
                log.warning("registrations_not_reconciled", error=type(error).__name__)
                gevent.sleep(1.0)
                self._wanted.set()

    def reconcile(self) -> None:
        """Remove what is not wanted here, add what is missing, replace what has changed."""
        desired = self._desired()
        metrics.REGISTRATIONS_ASSIGNED.labels(bridge=self._bridge_id).set(len(desired))
        for name in (self._up() | gateway_files(self._folder)) - desired.keys():
            with self._alone(name):
                self._remove(name)
        for name, registration in desired.items():
            with self._alone(name):
                self._make_true(name, registration)

    def _make_true(self, name: str, registration: Desired) -> None:
        actual = self._version(name)
        if actual == registration.version:
            return
        if actual is not None and not self._remove(name):
            return  # not before its deletion: the next turn sees to it
        self._add(name, registration)
        gevent.sleep(PACE_S)

    @contextmanager
    def _alone(self, name: str) -> Iterator[None]:
        """One restaurant's gateway that cannot be made or removed keeps no other from it."""
        try:
            yield
        except (InvalidGateway, InvalidEslArgument, EslCommandFailed, OSError) as error:
            log.error("gateway_not_reconciled", gateway=name, reason=str(error))

    def _desired(self) -> dict[str, Desired]:
        query = (
            select(SipRegistration, Carrier, Restaurant.slug, Restaurant.phone_e164)
            .join(Restaurant, Restaurant.id == SipRegistration.restaurant_id)
            .join(Carrier, Carrier.id == SipRegistration.carrier_id)
            .where(SipRegistration.bridge_id == self._bridge_id, Restaurant.status == "live")
        )
        with Session(self._engine) as session:
            return {
                row.gateway_name: self._registration(row, carrier, slug=slug, phone=phone)
                for row, carrier, slug, phone in session.execute(query)
            }

    def _registration(
        self, row: SipRegistration, carrier: Carrier, *, slug: str, phone: str
    ) -> Desired:
        greeting = self._sounds / f"greeting_{slug}.wav"
        settings = GatewaySettings(
            gateway_name=row.gateway_name,
            registrar=carrier.registrar,
            username=row.username,
            password=self._secrets.open(row.password_encrypted, owner=row.restaurant_id),
            restaurant_id=row.restaurant_id,
            transport=carrier.transport,
            expire_seconds=carrier.expire_seconds,
            epoch=row.epoch,
            config_version=row.config_version,
            greeting=greeting if greeting.exists() else None,
            fallback_dial=f"sofia/gateway/{row.gateway_name}/{phone}",
        )
        return Desired(settings, version=f"{row.epoch}.{row.config_version}")

    def _add(self, name: str, registration: Desired) -> None:
        added = self._added[name] = gevent.event.Event()
        try:
            write_gateway_file(self._folder, registration.settings)
            self._esl.api(f"sofia profile {self._profile} startgw {name}")
            if not added.wait(timeout=ADD_DEADLINE_S):
                log.error("gateway_not_added", gateway=name)
        finally:
            del self._added[name]

    def _remove(self, name: str) -> bool:
        """Whether the gateway is gone."""
        deleted = self._deleted[name] = gevent.event.Event()
        try:
            remove_gateway_file(self._folder, name)
            if self._version(name) is None:
                return True
            self._esl.api(f"sofia profile {self._profile} killgw {name}")
            if not deleted.wait(timeout=DELETE_DEADLINE_S):
                log.error("gateway_not_deleted", gateway=name)
                return False
            return True
        finally:
            del self._deleted[name]

    def _up(self) -> set[str]:
        """Gateways of this profile that FreeSWITCH has now."""
        lists = (
            self._list(f"sofia profile {self._profile} gwlist {which}") for which in ("up", "down")
        )
        return set().union(*lists)

    def _list(self, command: str) -> set[str]:
        try:
            answer = self._esl.api(command)
        except EslCommandFailed:
            return set()  # an empty answer arrives as -ERR no reply
        return set() if answer.startswith("Invalid Profile") else set(answer.split())

    def _version(self, name: str) -> str | None:
        """`epoch.config_version` of a gateway FreeSWITCH has, None when it has none of that name.

        Asked of FreeSWITCH rather than remembered: an agent restarts, FreeSWITCH goes on.
        """
        try:
            epoch = self._esl.api(f"sofia_gateway_data {name} ivar {ChannelVariable.EPOCH}")
            config = self._esl.api(
                f"sofia_gateway_data {name} ivar {ChannelVariable.CONFIG_VERSION}"
            )
        except EslCommandFailed:
            return None
        return f"{epoch}.{config}" if epoch else None

    # --- What FreeSWITCH tells -------------------------------------------------------------

    def _gateway_added(self, event: EslEvent) -> None:
        if waiting := self._added.get(event.get("Gateway") or ""):
            waiting.set()

    def _gateway_deleted(self, event: EslEvent) -> None:
        name = event.get("Gateway") or ""
        self._states.pop(name, None)
        if waiting := self._deleted.get(name):
            waiting.set()

    def _gateway_state(self, event: EslEvent) -> None:
        """Report a change. A refresh passes through UNREGED and TRYING with Ping-Status UP."""
        name, state = event.get("Gateway") or "", event.get("State") or "UNKNOWN"
        if event.get("Ping-Status") == "UP" and state in REFRESH_STATES:
            return
        if self._states.get(name) == state:
            return
        before, self._states[name] = self._states.get(name), state
        registered = sum(one == "REGED" for one in self._states.values())
        metrics.REGISTRATIONS.labels(bridge=self._bridge_id).set(registered)
        status = event.get("Status")
        log.info("gateway_state", gateway=name, state=state, sip_status=status)
        if not self._report(name, state, int(status) if status and status.isdigit() else None):
            self._states[name] = before or "UNREPORTED"  # the next event tells it again

    def _report(self, name: str, state: str, sip_code: int | None) -> bool:
        values = {"state": state, "state_at": datetime.now(UTC)}
        report = (
            update(SipRegistration)
            .where(
                SipRegistration.gateway_name == name, SipRegistration.bridge_id == self._bridge_id
            )
            .values(**values, **({} if sip_code is None else {"last_sip_code": sip_code}))
        )
        try:
            with self._engine.begin() as connection:
                connection.execute(report)
        except SQLAlchemyError as error:
            log.warning("gateway_state_not_reported", gateway=name, error=type(error).__name__)
            return False
        return True
