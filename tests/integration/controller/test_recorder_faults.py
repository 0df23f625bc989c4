"""Recorders as processes: whatever dies or restarts meanwhile, every call is recorded, once."""

import random
from contextlib import ExitStack
from itertools import islice
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import Engine, text

from controlplane.contracts import redis_keys
from controlplane.contracts.messages import CallEvent
from controlplane.controller.recorder import GROUP
from controlplane.database import sync_engine
from tests.integration.controller.test_recorder import add_restaurant, send, story
from tests.integration.restartable import (
    restartable_postgres,
    restartable_redis,
    running_controller,
)
from tests.waiting import block_until

pytestmark = pytest.mark.integration

IMPATIENT = """
from controlplane.controller import duties, recorder
recorder.ABANDONED_AFTER_MS = 500
duties.CLAIM_EVERY_S = 0.2
"""
"""What another left is taken over within a second, not half a minute."""
SLOW = """
from controlplane.controller import call_rows, recorder
from tests.waiting import gevent_elapse
record = recorder.record_event
def slowly(connection, event):
    gevent_elapse(0.02, because="the batch has a middle to die in")
    record(connection, event)
recorder.record_event = slowly
"""
"""A batch takes 2 s: there is a middle to die in."""


def stories(engine: Engine, calls: int) -> list[CallEvent]:
    """Events of that many calls, mixed as many bridges and workers write them."""
    restaurant = add_restaurant(engine)
    told = [iter(story(restaurant)) for _ in range(calls)]
    events: list[CallEvent] = []
    chance = random.Random(calls)
    while told:
        one = chance.choice(told)
        events.extend(some := list(islice(one, 2)))
        if not some:
            told.remove(one)
    return events


def recorded(engine: Engine) -> tuple[int, int, int]:
    """Calls told to their end, turns, and distinct turns."""
    with engine.connect() as connection:
        row = connection.execute(
            text(
                "SELECT (SELECT count(*) FROM call WHERE ended_at IS NOT NULL"
                " AND started_at IS NOT NULL AND outcome = 'order' AND order_id IS NOT NULL"
                " AND worker_id = 'worker-1' AND input_audio_tokens = 250),"
                " count(*), count(DISTINCT (call_id, position)) FROM call_turn"
            )
        ).one()
        return tuple(row)


def settled(client: "Redis") -> bool:
    try:
        groups: Any = client.xinfo_groups(redis_keys.CALL_EVENTS)
    except RedisError:
        return False
    return any(
        group["name"] == GROUP and group["pending"] == 0 and group["lag"] == 0 for group in groups
    )


def deadlocks(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(
            connection.scalar(
                text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
            )
            or 0
        )


def test_two_recorders_share_the_stream_and_never_wait_in_a_ring(
    database_url: str, redis_url: str, client: "Redis", engine: Engine
) -> None:
    """Every event twice, so that both have every call in hand at once."""
    events = stories(engine, calls=30)
    with ExitStack() as replicas:
        for number in (0, 1):
            replicas.enter_context(
                running_controller(database_url, redis_url, replica_id=f"controller-{number}")
            )
        send(client, events)
        send(client, events[::-1])
        block_until(lambda: settled(client))
        assert len(client.xinfo_consumers(redis_keys.CALL_EVENTS, GROUP)) == 2
    assert recorded(engine) == (30, 90, 90)
    assert not client.exists(redis_keys.CALL_EVENTS_DEAD)
    assert deadlocks(engine) == 0


def test_a_recorder_killed_in_the_middle_of_a_batch_loses_nothing(
    database_url: str, redis_url: str, client: "Redis", engine: Engine
) -> None:
    """1 A slow one holds a batch in an open transaction. 2 kill -9. 3 Another, of another name,
    records it all.
    """
    events = stories(engine, calls=15)
    with running_controller(database_url, redis_url, replica_id="slow", setup=SLOW) as slow:
        send(client, events)
        block_until(lambda: in_hand(client, "slow"))
        block_until(lambda: in_a_transaction(engine))
        slow.kill()
        slow.wait()
    assert in_hand(client, "slow")
    with running_controller(database_url, redis_url, replica_id="next", setup=IMPATIENT):
        block_until(lambda: settled(client))
    assert recorded(engine) == (15, 45, 45)


def in_hand(client: "Redis", consumer: str) -> bool:
    try:
        consumers: Any = client.xinfo_consumers(redis_keys.CALL_EVENTS, GROUP)
    except RedisError:
        return False
    return any(one["name"] == consumer and one["pending"] for one in consumers)


def in_a_transaction(engine: Engine) -> bool:
    with engine.connect() as connection:
        return bool(
            connection.scalar(
                text(
                    "SELECT count(*) FROM pg_locks JOIN pg_class ON pg_class.oid = relation"
                    " WHERE relname = 'call' AND mode = 'RowExclusiveLock' AND granted"
                )
            )
        )


def test_a_redis_that_restarts_with_its_data_gives_every_event_again(
    database_url: str, engine: Engine
) -> None:
    events = stories(engine, calls=40)
    half = len(events) // 2
    with restartable_redis() as redis, running_controller(database_url, redis.url, setup=IMPATIENT):
        send(redis.client, events[:half])
        redis.kill(forget=False)
        redis.start()
        send(redis.client, events[half:])
        block_until(lambda: settled(redis.client))
    assert recorded(engine) == (40, 120, 120)


def test_a_redis_that_restarts_without_its_data_costs_what_was_in_it_only(
    database_url: str, engine: Engine
) -> None:
    """What was recorded stays, what comes after is recorded, nothing twice."""
    before, after = stories(engine, calls=10), stories(engine, calls=20)
    with restartable_redis() as redis, running_controller(database_url, redis.url, setup=IMPATIENT):
        send(redis.client, before)
        block_until(lambda: settled(redis.client))
        redis.kill(forget=True)
        redis.start()
        send(redis.client, [*before[::2], *after])
        block_until(lambda: settled(redis.client))
    assert recorded(engine) == (30, 90, 90)


def test_a_postgres_that_restarts_loses_and_parks_nothing(redis_url: str, client: "Redis") -> None:
    with restartable_postgres() as postgres:
        engine = sync_engine(postgres.url, application_name="test")
        events = stories(engine, calls=15)
        half = len(events) // 2
        with running_controller(postgres.url, redis_url, setup=SLOW):
            send(client, events[:half])
            block_until(lambda: in_a_transaction(engine))
            postgres.stop()
            send(client, events[half:])
            postgres.start()
            block_until(lambda: settled(client))
        assert recorded(engine) == (15, 45, 45)
        engine.dispose()
    assert not client.exists(redis_keys.CALL_EVENTS_DEAD)
