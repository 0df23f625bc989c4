"""Placement on live bridges, nodes remembered, and what is pruned."""

import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from redis import Redis
from sqlalchemy import Engine, func, insert, select, text, update

from controlplane.contracts import redis_keys
from controlplane.contracts.messages import BridgeHeartbeat, DrainStep, WorkerHeartbeat
from controlplane.controller.housekeeping import prune_demand, prune_tables
from controlplane.controller.nodes import Nodes
from controlplane.controller.placement import (
    PLACEMENT_LOCK_KEY,
    least_loaded,
    place_registrations,
)
from controlplane.database import sync_engine
from controlplane.models.event_outbox import EventOutbox
from controlplane.models.nodes import AiWorkerNode, SipBridgeNode
from controlplane.models.sip_registration import SipRegistration
from tests import accounts
from tests.accounts import add_carrier

pytestmark = pytest.mark.integration


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = sync_engine(database_url, application_name="controller")
    yield engine
    engine.dispose()


@pytest.fixture
def client(redis_url: str) -> Iterator["Redis"]:
    client = Redis.from_url(redis_url, decode_responses=True)
    yield client
    client.close()


@pytest.fixture
def nodes(client: "Redis", engine: Engine) -> Nodes:
    return Nodes(client, engine)


def bridge(bridge_id: str, *, capacity: int = 200, draining: bool = False) -> BridgeHeartbeat:
    return BridgeHeartbeat(
        bridge_id=bridge_id,
        capacity=capacity,
        active_calls=0,
        instance="core",
        drain=DrainStep.MOVING if draining else None,
        sent_at=datetime.now(UTC),
    )


def beat(client: "Redis", *bridges: BridgeHeartbeat) -> None:
    for heartbeat in bridges:
        client.set(redis_keys.bridge_heartbeat(heartbeat.bridge_id), heartbeat.to_json(), ex=5)


def add_account(engine: Engine, *, status: str = "live") -> UUID:
    with engine.begin() as connection:
        add_carrier(connection)
        return accounts.add_account(connection, status=status)


def places(engine: Engine) -> dict[UUID, tuple[str | None, int]]:
    with engine.connect() as connection:
        return {
            row.restaurant_id: (row.bridge_id, row.epoch)
            for row in connection.execute(select(SipRegistration.__table__))
        }


def test_the_least_loaded_bridge_with_room_is_chosen() -> None:
    bridges = [bridge("a", capacity=100), bridge("b", capacity=10), bridge("c", draining=True)]
    assert least_loaded(bridges, Counter({"a": 50, "b": 4})) == "b"
    assert least_loaded(bridges, Counter({"a": 50, "b": 6})) == "a"
    assert least_loaded(bridges, Counter({"a": 100, "b": 9})) == "b"
    assert least_loaded(bridges, Counter({"a": 100, "b": 10})) is None
    assert least_loaded([], Counter()) is None


def test_live_restaurants_are_spread_and_their_bridges_told(
    nodes: Nodes, client: "Redis", engine: Engine
) -> None:
    live = {add_account(engine) for _ in range(4)}
    onboarding = add_account(engine, status="onboarding")
    beat(client, bridge("a"), bridge("b"), bridge("leaving", draining=True))
    announcements: Any = client.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
    announcements.psubscribe(redis_keys.bridge_assignments("*"))
    announcements.get_message(timeout=1)
    assert place_registrations(client, engine, nodes.live()) == {"a": 2, "b": 2}
    placed = places(engine)
    assert Counter(placed[restaurant] for restaurant in live) == {("a", 1): 2, ("b", 1): 2}
    assert placed[onboarding] == (None, 0)
    told = {
        message["channel"] for _ in range(2) if (message := announcements.get_message(timeout=1))
    }
    assert told == {redis_keys.bridge_assignments("a"), redis_keys.bridge_assignments("b")}
    announcements.close()
    # What is placed stays, also when its bridge is not heard of: its epoch is its own.
    client.delete(redis_keys.bridge_heartbeat("a"))
    assert place_registrations(client, engine, nodes.live()) == {}
    assert places(engine) == placed


def test_no_bridge_or_no_room_leaves_them_for_later(
    nodes: Nodes, client: "Redis", engine: Engine
) -> None:
    for _ in range(3):
        add_account(engine)
    assert place_registrations(client, engine, nodes.live()) == {}
    beat(client, bridge("small", capacity=2))
    assert place_registrations(client, engine, nodes.live()) == {"small": 2}
    beat(client, bridge("next"))
    assert place_registrations(client, engine, nodes.live()) == {"next": 1}


def test_two_controllers_never_place_at_once(nodes: Nodes, client: "Redis", engine: Engine) -> None:
    add_account(engine)
    beat(client, bridge("a"))
    with engine.begin() as other:
        other.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": PLACEMENT_LOCK_KEY})
        assert place_registrations(client, engine, nodes.live()) == {}
    assert place_registrations(client, engine, nodes.live()) == {"a": 1}


def test_nodes_are_remembered_and_nonsense_is_passed_over(
    nodes: Nodes, client: "Redis", engine: Engine
) -> None:
    beat(client, bridge("a", capacity=7), bridge("huge", capacity=2_000))
    client.set(redis_keys.bridge_heartbeat("b"), "{nonsense")
    worker = WorkerHeartbeat(
        worker_id="w", slots=3, active_calls=1, draining=False, sent_at=datetime.now(UTC)
    )
    client.set(redis_keys.worker_heartbeat("w"), worker.to_json(), ex=5)
    assert [heartbeat.bridge_id for heartbeat in nodes.live()] == ["a"]
    beat(client, bridge("a", capacity=8, draining=True), bridge("z"))
    nodes.live()
    with engine.connect() as connection:
        bridges = connection.execute(
            select(SipBridgeNode.id, SipBridgeNode.capacity, SipBridgeNode.instance).order_by(
                SipBridgeNode.id
            )
        ).all()
        assert bridges == [("a", 8, "core"), ("z", 200, "core")]
        workers = connection.execute(select(AiWorkerNode.id, AiWorkerNode.slots)).all()
        assert workers == [("w", 3)]


def test_expired_demand_is_forgotten_and_the_rest_kept(client: "Redis") -> None:
    now = time.time()
    client.zadd(redis_keys.CALLS_DEMAND, {"dead": now - 1, "talking": now + 30})
    assert prune_demand(client) == 1
    assert client.zrange(redis_keys.CALLS_DEMAND, 0, -1) == ["talking"]


def test_old_outbox_rows_and_workers_are_pruned(engine: Engine) -> None:
    restaurant_id = add_account(engine)
    with engine.begin() as connection:
        for _ in range(2):
            connection.execute(
                insert(EventOutbox).values(restaurant_id=restaurant_id, topic="t", payload={})
            )
        oldest = select(func.min(EventOutbox.id)).scalar_subquery()
        connection.execute(
            update(EventOutbox)
            .where(EventOutbox.id == oldest)
            .values(created_at=text("now() - interval '4 days'"))
        )
        for name, age in (("gone", "2 days"), ("here", "1 hour")):
            connection.execute(
                insert(AiWorkerNode).values(
                    id=name, slots=1, last_seen_at=text(f"now() - interval '{age}'")
                )
            )
    prune_tables(engine)
    with engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(EventOutbox)) == 1
        assert connection.scalars(select(AiWorkerNode.id)).all() == ["here"]
