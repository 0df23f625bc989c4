"""A restaurant says who its callers may be transferred to, and whose calls it does not want.

Held in memory for the restaurants this bridge registers, and kept when Postgres is away. The
restaurant's own phone is always allowed; a number that is not in here is never dialled.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import gevent.event
import structlog
from sqlalchemy import ColumnElement, Engine, Row, Select, func, or_, select
from sqlalchemy.orm import Session

from controlplane.bridge import metrics
from controlplane.contracts.phone_numbers import FRANCE, UnsafeNumber, dialled, region_of
from controlplane.loop import run_loop
from controlplane.models.blocked_caller import BlockedCaller
from controlplane.models.carrier import Carrier
from controlplane.models.restaurant import DEFAULT_LIMITS, CallLimits, Restaurant
from controlplane.models.sip_registration import SipRegistration
from controlplane.models.transfer_target import TransferTarget
from controlplane.models.voice_message import MOST_MESSAGES, MOST_MESSAGES_MS, VoiceMessage

RELOAD_S: Final = 30.0
"""A missed notification heals within this time."""

PARIS: Final = ZoneInfo("Europe/Paris")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Destination:
    """Whom to ring, as FreeSWITCH dials it."""

    dial_string: str
    warm: bool
    """Who picks up must accept with a key."""


@dataclass(frozen=True, slots=True)
class CallPolicy:
    """What one restaurant allows."""

    targets: dict[UUID, Destination] = field(default_factory=dict)
    blocked: frozenset[str] = frozenset()
    """The restaurant refuses calls from these numbers (E.164)."""
    own_numbers: frozenset[str] = frozenset()
    """The restaurant's phone and its people's: never refused."""
    takes_messages: bool = True
    """Its box has room: what nobody has listened to is not thrown away for what is new."""
    region: str = FRANCE
    """Callers' numbers are written here by this region's plan (ISO 3166)."""
    limits: CallLimits = DEFAULT_LIMITS
    """Over them callers are asked for a message, its own people and hidden ones too."""
    zone: ZoneInfo = PARIS
    """Its day begins at midnight here."""


NO_POLICY: Final = CallPolicy()
"""A restaurant not read yet has this one: only its own phone is rung, nobody is refused, numbers
are read as French ones, and as many calls are taken as by most."""


class CallPolicies:
    """Holds the policies of this bridge's restaurants."""

    def __init__(self, *, engine: Engine, bridge_id: str) -> None:
        self._engine = engine
        self._bridge_id = bridge_id
        self._policies: dict[UUID, CallPolicy] = {}
        self._wanted = gevent.event.Event()

    def of(self, restaurant_id: UUID) -> CallPolicy:
        """Return the restaurant's policy as last read."""
        return self._policies.get(restaurant_id, NO_POLICY)

    def region_of(self, restaurant_id: UUID) -> str:
        """Return the region by whose plan numbers are written at this restaurant (ISO 3166)."""
        return self.of(restaurant_id).region

    def reload_soon(self) -> None:
        """Look now rather than at the next turn, because something changed."""
        self._wanted.set()

    def run(self) -> None:
        """Keep them as they are in Postgres; while it is away the last ones stay."""
        run_loop(
            "call_policies",
            self._turn,
            every_s=RELOAD_S,
            failures=metrics.LOOP_FAILURES,
            wake=self._wanted,
        )

    def _turn(self) -> None:
        self._wanted.clear()
        self.reload()

    def reload(self) -> None:
        """Read them all. Raises `SQLAlchemyError`."""
        here = or_(
            SipRegistration.bridge_id == self._bridge_id,
            SipRegistration.former_bridge_id == self._bridge_id,
        )
        with Session(self._engine) as session:
            policies = _read(session, here)
        if policies != self._policies:
            log.info("call_policies_changed", restaurants=len(policies))
        self._policies = policies


def _read(session: Session, here: ColumnElement[bool]) -> dict[UUID, CallPolicy]:
    """The policies of the restaurants whose registration is `here`."""
    ours = select(SipRegistration.restaurant_id).where(here)
    targets: dict[UUID, list[TransferTarget]] = defaultdict(list)
    for target in session.scalars(
        select(TransferTarget).where(TransferTarget.restaurant_id.in_(ours))
    ):
        targets[target.restaurant_id].append(target)
    blocked: dict[UUID, set[str]] = defaultdict(set)
    for row in session.execute(
        select(BlockedCaller.restaurant_id, BlockedCaller.phone_e164).where(
            BlockedCaller.restaurant_id.in_(ours)
        )
    ):
        blocked[row.restaurant_id].add(row.phone_e164)
    full = set(session.scalars(_full_boxes(ours)))
    return {
        line.restaurant_id: CallPolicy(
            targets=dict(_destinations(line, targets[line.restaurant_id])),
            blocked=frozenset(blocked[line.restaurant_id]),
            own_numbers=frozenset(
                {line.phone_e164, *(t.phone_e164 for t in targets[line.restaurant_id])}
            ),
            takes_messages=line.restaurant_id not in full,
            region=region_of(line.phone_e164),
            limits=line.limits,
            zone=_zone(line.timezone),
        )
        for line in session.execute(_lines(here))
    }


def _full_boxes(ours: Select[UUID]) -> Select[UUID]:
    """The restaurants with as many messages, or minutes of them, waiting as a box holds."""
    return (
        select(VoiceMessage.restaurant_id)
        .where(VoiceMessage.restaurant_id.in_(ours), VoiceMessage.heard_at.is_(None))
        .group_by(VoiceMessage.restaurant_id)
        .having(
            or_(
                func.count() >= MOST_MESSAGES,
                func.sum(VoiceMessage.duration_ms) >= MOST_MESSAGES_MS,
            )
        )
    )


def _lines(here: ColumnElement[bool]) -> Select[UUID, str, str, str, CallLimits, str]:
    """Each restaurant's line: its gateway, its number, how its carrier wants numbers dialled; its
    day and its limits.
    """
    return (
        select(
            SipRegistration.restaurant_id,
            SipRegistration.gateway_name,
            Restaurant.phone_e164,
            Restaurant.timezone,
            Restaurant.limits,
            Carrier.number_format,
        )
        .join(Restaurant, Restaurant.id == SipRegistration.restaurant_id)
        .join(Carrier, Carrier.id == SipRegistration.carrier_id)
        .where(here)
    )


def _zone(name: str) -> ZoneInfo:
    """The zone of that name; one that nobody knows must not keep the other restaurants' policies
    from being read.
    """
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, ZoneInfoNotFoundError):
        log.error("time_zone_unknown", taken_for=PARIS.key)
        return PARIS


def _destinations(
    line: Row[UUID, str, str, str, CallLimits, str], targets: list[TransferTarget]
) -> Iterator[tuple[UUID, Destination]]:
    for target in targets:
        try:
            number = dialled(target.phone_e164, line.number_format, own=line.phone_e164)
        except UnsafeNumber as refused:
            log.error("transfer_target_refused", target_id=str(target.id), reason=refused.reason)
            continue
        yield (
            target.id,
            Destination(f"sofia/gateway/{line.gateway_name}/{number}", warm=target.mode == "warm"),
        )
