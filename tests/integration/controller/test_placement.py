"""Placement, failover, drain, moves asked for, nodes remembered, and what is pruned."""

import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from prometheus_client import REGISTRY
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import Engine, func, insert, select, text, update

from controlplane.contracts import redis_keys
from controlplane.contracts.messages import WorkerHeartbeat
from controlplane.controller import placement
from controlplane.controller.housekeeping import prune_demand, prune_tables
from controlplane.controller.node_rows import NodeRow
from controlplane.controller.nodes import SCANS_A_LOOK, SIP_TIMEOUT_S
from controlplane.controller.registration_counts import RegistrationCounts
from controlplane.database import sync_engine
from controlplane.models.event_outbox import EventOutbox
from controlplane.models.nodes import AiWorkerNode, SipBridgeNode
from controlplane.models.restaurant import Restaurant
from controlplane.models.sip_registration import SipRegistration, SipRegistrationEvent
from tests.integration.controller_under_test import (
    BRIDGE_TIMEOUT_S,
    ControllerUnderTest,
    add_account,
    heartbeat,
    owners,
    places,
    register_all,
    release_all,
)
from tests.waiting import block_until

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
def controller(client: "Redis", engine: Engine) -> ControllerUnderTest:
    return ControllerUnderTest(client, engine)


def history(engine: Engine) -> list[tuple[str | None, int, str, str | None]]:
    with engine.connect() as connection:
        rows = connection.execute(
            select(
                SipRegistrationEvent.bridge_id,
                SipRegistrationEvent.epoch,
                SipRegistrationEvent.event,
                SipRegistrationEvent.detail,
            ).order_by(SipRegistrationEvent.id)
        )
        return [(row[0], row[1], row[2], row[3]) for row in rows]


def request_move(engine: Engine, bridge_id: str) -> None:
    with engine.begin() as connection:
        connection.execute(update(SipRegistration).values(requested_bridge_id=bridge_id))


def request_drain(engine: Engine, bridge_id: str) -> None:
    with engine.begin() as connection:
        connection.execute(
            update(SipBridgeNode)
            .where(SipBridgeNode.id == bridge_id)
            .values(drain_requested_at=func.now())
        )


def test_live_restaurants_are_spread_and_their_bridges_told(
    controller: ControllerUnderTest, client: "Redis", engine: Engine
) -> None:
    live = {add_account(engine) for _ in range(4)}
    onboarding = add_account(engine, status="onboarding")
    for name in ("a", "b"):
        controller.beat(name)
    controller.beat("leaving", draining=True)
    announcements: Any = client.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
    announcements.psubscribe(redis_keys.bridge_assignments("*"))
    announcements.get_message(timeout=1)
    controller.turn()
    placed = places(engine)
    expected = {("a", None, 1): 2, ("b", None, 1): 2}
    assert Counter(placed[restaurant] for restaurant in live) == expected
    assert placed[onboarding] == (None, None, 0)
    told = {
        message["channel"] for _ in range(2) if (message := announcements.get_message(timeout=1))
    }
    assert told == {redis_keys.bridge_assignments("a"), redis_keys.bridge_assignments("b")}
    announcements.close()
    assert {event[2:] for event in history(engine)} == {("placed", "new")}
    controller.step()
    assert places(engine) == placed


def test_no_bridge_or_no_room_leaves_them_for_later(
    controller: ControllerUnderTest, engine: Engine
) -> None:
    add_account(engine, count=3)
    controller.turn()
    assert owners(engine) == {None: 3}
    controller.beat("small", capacity=2)
    controller.step()
    assert owners(engine) == {"small": 2, None: 1}
    controller.beat("next")
    controller.step()
    assert owners(engine) == {"small": 2, "next": 1}


def test_a_restaurant_that_is_no_longer_live_is_taken_off_its_bridge(
    controller: ControllerUnderTest, engine: Engine
) -> None:
    restaurant_id = add_account(engine)
    controller.beat("a")
    controller.turn()
    with engine.begin() as connection:
        connection.execute(update(Restaurant).values(status="paused"))
    controller.step()
    assert places(engine)[restaurant_id] == (None, None, 1)
    assert history(engine)[-1] == ("a", 1, "cleared", None)
    with engine.begin() as connection:
        connection.execute(update(Restaurant).values(status="live"))
    controller.step()
    assert places(engine)[restaurant_id] == ("a", None, 2)


def test_a_lost_bridges_registrations_go_elsewhere_and_stay_there(
    controller: ControllerUnderTest, engine: Engine
) -> None:
    add_account(engine, count=6)
    for name in ("a", "b", "c"):
        controller.beat(name)
    controller.turn()
    register_all(engine)
    controller.silence("a")
    controller.step(BRIDGE_TIMEOUT_S)
    assert owners(engine) == {"a": 2, "b": 2, "c": 2}
    controller.step()
    assert owners(engine) == {"b": 3, "c": 3}
    moved = [place for place in places(engine).values() if place[2] == 2]
    assert sorted(moved) == [("b", None, 2), ("c", None, 2)]
    assert [event[2:] for event in history(engine)[-2:]] == [("placed", "failover")] * 2
    controller.beat("a")
    controller.step(2)
    assert owners(engine) == {"b": 3, "c": 3}


def test_an_interruption_of_redis_is_nobodys_death(
    controller: ControllerUnderTest, client: "Redis", engine: Engine, monkeypatch: Any
) -> None:
    """1 Redis fails while bridges are silent. 2 It answers, empty: everybody has five seconds.
    3 Who has beaten by then stays, who has not is lost.
    """
    add_account(engine, count=4)
    for name in ("a", "b"):
        controller.beat(name)
    controller.turn()

    def refuse(*_: object, **__: object) -> None:
        raise RedisError

    with monkeypatch.context() as outage:
        outage.setattr(client, "pipeline", refuse)
        for _ in range(8):
            with pytest.raises(RedisError):
                controller.step()
    client.flushall()
    controller.beats.pop("a")
    client.delete(redis_keys.bridge_heartbeat("a"))
    controller.step(BRIDGE_TIMEOUT_S)
    assert owners(engine) == {"a": 2, "b": 2}
    controller.step(2)
    assert owners(engine) == {"b": 4}


def test_a_pause_of_the_controller_is_nobodys_death(
    controller: ControllerUnderTest, engine: Engine
) -> None:
    add_account(engine)
    controller.beat("a")
    controller.turn()
    controller.beat("b")
    controller.silence("a")
    controller.clock.now += 60
    controller.turn()
    assert owners(engine) == {"a": 1}


def test_a_bridge_whose_sip_is_mute_is_lost(
    controller: ControllerUnderTest, engine: Engine
) -> None:
    add_account(engine)
    controller.beat("a")
    controller.turn()
    controller.beat("b")
    controller.beat("a", sip_answers=False)
    controller.step(4)
    add_account(engine)
    controller.step()
    assert owners(engine) == {"a": 1, "b": 1}
    controller.step(SIP_TIMEOUT_S)
    assert owners(engine) == {"b": 2}


def test_a_drain_moves_everything_and_keeps_each_binding_until_the_next_one_is_there(
    controller: ControllerUnderTest, engine: Engine
) -> None:
    add_account(engine, count=8)
    controller.beat("a")
    controller.turn()
    register_all(engine)
    controller.beat("b")
    request_drain(engine, "a")
    deadline = time.monotonic() + 10
    while owners(engine)["a"]:
        assert time.monotonic() < deadline
        controller.rest()
        controller.step(0.1)
    assert set(places(engine).values()) == {("b", "a", 2)}
    register_all(engine)
    release_all(engine)
    controller.step()
    assert set(places(engine).values()) == {("b", None, 2)}
    assert history(engine)[-1][2:] == ("placed", "drain")
    # A new start of that FreeSWITCH ends its drain.
    controller.beat("a", instance="another core")
    controller.step()
    add_account(engine)
    controller.step(2)
    assert owners(engine) == {"a": 1, "b": 8}


def test_a_registration_without_a_binding_moves_without_one_to_keep(
    controller: ControllerUnderTest, engine: Engine
) -> None:
    restaurant_id = add_account(engine)
    controller.beat("a")
    controller.turn()
    controller.beat("b")
    request_drain(engine, "a")
    controller.rest()
    controller.step()
    assert places(engine)[restaurant_id] == ("b", None, 2)


def test_a_new_owner_lost_in_a_move_gives_it_back_to_the_former_one(
    controller: ControllerUnderTest, engine: Engine
) -> None:
    restaurant_id = add_account(engine)
    controller.beat("a")
    controller.turn()
    register_all(engine)
    controller.beat("b")
    controller.step()
    request_move(engine, "b")
    controller.rest()
    controller.step()
    assert places(engine)[restaurant_id] == ("b", "a", 2)
    controller.silence("b")
    controller.step(BRIDGE_TIMEOUT_S + 1)
    assert places(engine)[restaurant_id] == ("a", None, 3)


def test_a_move_that_never_arrives_goes_back_when_its_new_owner_is_drained(
    controller: ControllerUnderTest, engine: Engine
) -> None:
    """The carrier does not let the new bridge register: nothing else would ever end that drain."""
    restaurant_id = add_account(engine)
    controller.beat("a")
    controller.turn()
    register_all(engine)
    controller.beat("b")
    controller.step()
    request_move(engine, "b")
    controller.rest()
    controller.turn()
    controller.beat("b", draining=True)
    controller.turn()
    assert places(engine)[restaurant_id] == ("b", "a", 2)
    with engine.begin() as connection:
        connection.execute(text("UPDATE sip_registration SET placed_at = now() - interval '31s'"))
    controller.rest()
    controller.turn()
    assert places(engine)[restaurant_id] == ("a", None, 3)


def test_a_former_owner_that_is_lost_is_forgotten(
    controller: ControllerUnderTest, engine: Engine
) -> None:
    restaurant_id = add_account(engine)
    controller.beat("a")
    controller.turn()
    register_all(engine)
    controller.beat("b")
    controller.step()
    request_move(engine, "b")
    controller.rest()
    controller.step()
    controller.silence("a")
    controller.step(BRIDGE_TIMEOUT_S + 1)
    assert places(engine)[restaurant_id] == ("b", None, 2)
    assert history(engine)[-1] == ("a", 2, "released", "lost")


@pytest.mark.parametrize(
    ("condition", "reason"),
    [("full", "full"), ("draining", "draining"), ("silent", "lost"), ("there", None)],
)
def test_a_move_that_can_not_be_made_is_refused_and_says_why(
    controller: ControllerUnderTest, engine: Engine, condition: str, reason: str | None
) -> None:
    restaurant_id = add_account(engine)
    controller.beat("a")
    controller.turn()
    controller.beat("b", capacity=1, draining=condition == "draining")
    controller.step()
    target = "a" if condition == "there" else "b"
    if condition == "silent":
        controller.silence("b")
        controller.step(BRIDGE_TIMEOUT_S + 1)
    with engine.begin() as connection:
        if condition == "full":
            add_account(engine, count=1)
            connection.execute(
                update(SipRegistration)
                .where(SipRegistration.restaurant_id != restaurant_id)
                .values(bridge_id="b")
            )
        connection.execute(
            update(SipRegistration)
            .where(SipRegistration.restaurant_id == restaurant_id)
            .values(requested_bridge_id=target)
        )
    controller.rest()
    controller.step()
    assert places(engine)[restaurant_id] == ("a", None, 1)
    refused = [event for event in history(engine) if event[2] == "move_refused"]
    assert refused == ([("b", 1, "move_refused", reason)] if reason else [])
    with engine.connect() as connection:
        left = select(SipRegistration.requested_bridge_id).where(
            SipRegistration.restaurant_id == restaurant_id
        )
        assert connection.scalar(left) is None


def test_a_row_somebody_holds_does_not_hold_up_the_others(
    controller: ControllerUnderTest, engine: Engine
) -> None:
    add_account(engine, count=5)
    with engine.begin() as other:
        held = other.scalar(select(SipRegistration.id).limit(1).with_for_update())
        assert held is not None
        controller.beat("a")
        controller.turn()
        assert owners(engine) == {"a": 4, None: 1}
    controller.step()
    assert owners(engine) == {"a": 5}


def test_a_row_somebody_held_is_cleared_as_soon_as_it_is_free(
    controller: ControllerUnderTest, engine: Engine
) -> None:
    """Nothing is told when an agent's report ends: the controller looks again by itself."""
    restaurant_id = add_account(engine)
    controller.beat("a")
    controller.turn()
    with engine.begin() as holder:
        holder.execute(text("SELECT id FROM sip_registration FOR UPDATE"))
        with engine.begin() as connection:
            connection.execute(update(Restaurant).values(status="paused"))
        controller.turn()
        assert places(engine)[restaurant_id][0] == "a"

    def cleared() -> bool:
        controller.lease.renew()
        controller.placement.turn()
        return places(engine)[restaurant_id][0] is None

    block_until(cleared)


def test_nodes_are_remembered_and_nonsense_is_passed_over(
    controller: ControllerUnderTest, client: "Redis", engine: Engine
) -> None:
    controller.beat("a", capacity=7)
    client.set(redis_keys.bridge_heartbeat("huge"), heartbeat("huge", capacity=2_000).to_json())
    client.set(redis_keys.bridge_heartbeat("b"), "{nonsense")
    client.set(redis_keys.bridge_heartbeat("c"), heartbeat("a").to_json())
    worker = WorkerHeartbeat(
        worker_id="w", slots=3, active_calls=1, draining=False, sent_at=datetime.now(UTC)
    )
    client.set(redis_keys.worker_heartbeat("w"), worker.to_json(), ex=5)
    controller.turn()
    controller.beat("a", capacity=8, sip_address="192.0.2.1:5060")
    controller.beat("z")
    controller.step()
    with engine.connect() as connection:
        columns = (SipBridgeNode.id, SipBridgeNode.capacity, SipBridgeNode.sip_address)
        bridges = connection.execute(select(*columns).order_by(SipBridgeNode.id)).all()
        assert bridges == [("a", 8, "192.0.2.1:5060"), ("z", 200, None)]
        workers = connection.execute(select(AiWorkerNode.id, AiWorkerNode.slots)).all()
        assert workers == [("w", 3)]


def test_a_look_is_short_however_many_keys_there_are(
    client: "Redis", controller: ControllerUnderTest
) -> None:
    """A longer one would count as an interruption, and no bridge would ever be lost."""
    client.mset({f"restaurant:{n}:config": "" for n in range(60_000)})
    client.set(redis_keys.bridge_heartbeat("a"), heartbeat("a").to_json())
    row = NodeRow("a", 200, drain_requested=False)
    looks, most = 0, 0
    while controller.nodes.heard_at("a") is None:
        before = scans(client)
        controller.nodes.look()
        looks, most = looks + 1, max(most, scans(client) - before)
        assert looks < 20
    assert most <= SCANS_A_LOOK
    assert controller.nodes.bridges([row])[0].refusal is None


def scans(client: "Redis") -> int:
    about: Any = client.info("commandstats")
    return int(about.get("cmdstat_scan", {"calls": 0})["calls"])


def test_a_heartbeat_of_another_version_is_a_sign_of_life(
    controller: ControllerUnderTest, client: "Redis", engine: Engine
) -> None:
    add_account(engine)
    controller.beat("a")
    controller.turn()
    controller.beat("b")
    controller.beats.pop("a")
    for second in range(10):
        client.set(redis_keys.bridge_heartbeat("a"), f'{{"version": 9, "second": {second}}}')
        controller.step()
    assert owners(engine) == {"a": 1}
    add_account(engine, count=2)
    controller.step()
    assert owners(engine) == {"a": 1, "b": 2}


def test_a_name_two_bridges_use_gets_nothing_more(
    controller: ControllerUnderTest, engine: Engine
) -> None:
    add_account(engine)
    controller.beat("a")
    controller.turn()
    request_drain(engine, "a")
    for instance in ("other", "core", "other"):
        controller.beat("a", instance=instance)
        controller.step()
    controller.beat("b")
    add_account(engine, count=3)
    controller.step()
    assert owners(engine)["b"] >= 3


def seconds_observed(name: str) -> float:
    return REGISTRY.get_sample_value(f"alloresto_controller_{name}_seconds_count") or 0.0


def test_failovers_and_moves_are_timed_to_their_end(
    controller: ControllerUnderTest, engine: Engine, monkeypatch: Any
) -> None:
    monkeypatch.setattr(placement, "WATCH_EVERY_S", 0.0)
    add_account(engine, count=2)
    for name in ("a", "b"):
        controller.beat(name)
    controller.turn()
    register_all(engine)
    failovers, moves = seconds_observed("failover"), seconds_observed("move")
    controller.silence("a")
    controller.step(BRIDGE_TIMEOUT_S + 1)
    assert seconds_observed("failover") == failovers
    register_all(engine)
    controller.step()
    assert seconds_observed("failover") == failovers + 1
    controller.beat("a")
    controller.step()
    request_move(engine, "a")
    controller.rest()
    controller.step()
    assert seconds_observed("move") == moves
    register_all(engine)
    release_all(engine)
    controller.step()
    assert seconds_observed("move") == moves + 2


def test_registrations_are_counted_by_bridge_and_state(
    controller: ControllerUnderTest, engine: Engine
) -> None:
    add_account(engine, count=3)
    controller.beat("a", capacity=2)
    controller.turn()
    with engine.begin() as connection:
        one = select(SipRegistration.id).where(SipRegistration.bridge_id == "a").limit(1)
        connection.execute(
            update(SipRegistration)
            .where(SipRegistration.id == one.scalar_subquery())
            .values(state="REGED", state_epoch=1)
        )
    counts = RegistrationCounts(engine)
    counts.refresh()
    samples = {
        (sample.name, *sample.labels.values()): sample.value
        for family in counts.collect()
        for sample in family.samples
    }
    assert samples == {
        ("sip_registrations_count", "", "DOWN"): 1,
        ("sip_registrations_count", "a", "DOWN"): 1,
        ("sip_registrations_count", "a", "REGED"): 1,
        ("alloresto_controller_registrations_assigned", "a"): 2,
        ("alloresto_controller_registrations_registered", "a"): 1,
    }
    counts.forget()
    assert [sample for family in counts.collect() for sample in family.samples] == []


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
