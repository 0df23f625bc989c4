"""Every live restaurant has one bridge, whatever becomes of bridges, requests and Redis."""

import time
from collections import Counter
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import Engine, select, text, update

from controlplane.contracts import redis_keys
from controlplane.controller.bridge_watch import SIP_TIMEOUT_S
from controlplane.models.restaurant import Restaurant
from controlplane.models.sip_registration import SipRegistration, SipRegistrationEvent
from tests.integration.controller_under_test import (
    BRIDGE_TIMEOUT_S,
    ControllerUnderTest,
    add_account,
    owners,
    places,
    register_all,
    release_all,
    request_drain,
    request_move,
)
from tests.waiting import block_until

pytestmark = pytest.mark.integration


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
