"""The end of a move, between the two bridges it is about: each tells the other of its part."""

from collections.abc import Iterable
from typing import Final, NamedTuple

import redis
import structlog
from sqlalchemy import Engine, insert, select, update

from controlplane.contracts import redis_keys
from controlplane.contracts.assignments import BindingGivenBack, RegistrationMoved
from controlplane.contracts.messages import Message
from controlplane.models.carrier import Carrier
from controlplane.models.sip_registration import SipRegistration, SipRegistrationEvent

RELEASED: Final = "released"

log = structlog.get_logger()


class Successor(NamedTuple):
    """The bridge that owns a gateway this one has too, and the pace of their carrier."""

    bridge_id: str
    carrier_id: str
    registers_per_second: int


class Handover:
    """Plays this bridge's part in moves, as owner and as former owner."""

    def __init__(self, *, engine: Engine, client: redis.Redis, bridge_id: str) -> None:
        self._engine = engine
        self._redis = client
        self._bridge_id = bridge_id

    def proven(self, formers: Iterable[str]) -> None:
        """Tell former owners that they may let go: the new binding is there and written down."""
        for former in sorted(set(formers)):
            self._tell(former, RegistrationMoved())

    def given_back(self, name: str, *, owner: str | None) -> None:
        """Tell the owner that the carrier has just been sent this bridge's un-REGISTER."""
        if owner is not None and owner != self._bridge_id:
            self._tell(owner, BindingGivenBack(gateway_name=name))

    def release(self, name: str) -> None:
        """Write down that this bridge holds the binding no longer. Raises SQLAlchemyError."""
        statement = (
            update(SipRegistration)
            .where(
                SipRegistration.gateway_name == name,
                SipRegistration.former_bridge_id == self._bridge_id,
            )
            .values(former_bridge_id=None)
            .returning(SipRegistration.id, SipRegistration.epoch, SipRegistration.bridge_id)
        )
        with self._engine.begin() as connection:
            row = connection.execute(statement).one_or_none()
            if row is None:
                return
            event = insert(SipRegistrationEvent).values(
                registration_id=row.id,
                bridge_id=self._bridge_id,
                epoch=row.epoch,
                event=RELEASED,
            )
            connection.execute(event)
        if row.bridge_id is not None:
            self._tell(row.bridge_id, RegistrationMoved())

    def can_tell(self) -> bool:
        """Ask whether another bridge can be told anything now."""
        try:
            return bool(self._redis.ping())
        except redis.RedisError:
            return False

    def successor(self, name: str) -> Successor | None:
        """Look up which other bridge is to register it now. Raises SQLAlchemyError."""
        query = (
            select(SipRegistration.bridge_id, Carrier.id, Carrier.registers_per_second)
            .join(Carrier, Carrier.id == SipRegistration.carrier_id)
            .where(
                SipRegistration.gateway_name == name,
                SipRegistration.bridge_id != self._bridge_id,
            )
        )
        with self._engine.connect() as connection:
            row = connection.execute(query).one_or_none()
        if row is None or row.bridge_id is None:
            return None
        return Successor(row.bridge_id, row.id, row.registers_per_second)

    def _tell(self, bridge_id: str, message: Message) -> None:
        """Give a hint; without it the other bridge looks by itself every 30 s."""
        try:
            self._redis.publish(redis_keys.bridge_assignments(bridge_id), message.to_json())
        except redis.RedisError as error:
            log.warning("bridge_not_told", bridge=bridge_id, error=type(error).__name__)
