"""Which bridge registers which restaurant: the least loaded one that is alive and has room.

Moving a registration off a lost or draining bridge is not done here yet: one that is placed stays.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final
from uuid import UUID

import structlog
from redis import Redis
from sqlalchemy import Connection, Engine, func, select, text, update

from controlplane.contracts import redis_keys
from controlplane.contracts.messages import BridgeHeartbeat
from controlplane.controller import metrics
from controlplane.models.restaurant import Restaurant
from controlplane.models.sip_registration import SipRegistration

BATCH: Final = 200
"""Registrations placed in one transaction: a bridge's worth."""
PLACEMENT_LOCK_KEY: Final = 0x706C616365  # "place"
"""Two controllers counting at once would fill a bridge twice."""

_logger = structlog.get_logger()


def place_registrations(
    redis: "Redis", engine: Engine, bridges: Sequence[BridgeHeartbeat]
) -> dict[str, int]:
    """Give unplaced registrations of live restaurants to bridges, and tell those bridges.

    Returns how many each bridge got. An announcement that is lost is made up for by the bridge,
    which reads its registrations again now and then.
    """
    with engine.begin() as connection:
        locked = connection.scalar(
            text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": PLACEMENT_LOCK_KEY}
        )
        if not locked:
            return {}
        unplaced = _unplaced(connection)
        placed = _place(connection, unplaced, bridges) if unplaced else {}
    metrics.REGISTRATIONS_UNPLACED.set(len(unplaced) - sum(placed.values()))
    for bridge_id, count in placed.items():
        metrics.REGISTRATIONS_PLACED.inc(count)
        _logger.info("registrations_placed", bridge_id=bridge_id, count=count)
        redis.publish(redis_keys.bridge_assignments(bridge_id), "placed")
    return placed


def _unplaced(connection: Connection) -> Sequence[UUID]:
    return connection.scalars(
        select(SipRegistration.id)
        .join(Restaurant, Restaurant.id == SipRegistration.restaurant_id)
        .where(SipRegistration.bridge_id.is_(None), Restaurant.status == "live")
        .order_by(SipRegistration.id)
        .limit(BATCH)
        .with_for_update(of=SipRegistration.__table__, skip_locked=True)
    ).all()


def _place(
    connection: Connection, unplaced: Sequence[UUID], bridges: Sequence[BridgeHeartbeat]
) -> dict[str, int]:
    loads: Counter[str] = Counter()
    for bridge_id, count in connection.execute(
        select(SipRegistration.bridge_id, func.count())
        .where(SipRegistration.bridge_id.is_not(None))
        .group_by(SipRegistration.bridge_id)
    ):
        loads[bridge_id or ""] = count
    placed: Counter[str] = Counter()
    for registration_id in unplaced:
        bridge_id = least_loaded(bridges, loads)
        if bridge_id is None:
            break
        connection.execute(
            update(SipRegistration)
            .where(SipRegistration.id == registration_id)
            .values(bridge_id=bridge_id, epoch=SipRegistration.epoch + 1)
        )
        loads[bridge_id] += 1
        placed[bridge_id] += 1
    return dict(placed)


def least_loaded(bridges: Sequence[BridgeHeartbeat], loads: Counter[str]) -> str | None:
    """The bridge with the smallest part of its capacity taken; None when none has room."""
    roomy = [
        bridge
        for bridge in bridges
        if not bridge.draining and loads[bridge.bridge_id] < bridge.capacity
    ]
    if not roomy:
        return None
    best = min(
        roomy, key=lambda bridge: (loads[bridge.bridge_id] / bridge.capacity, bridge.bridge_id)
    )
    return best.bridge_id
