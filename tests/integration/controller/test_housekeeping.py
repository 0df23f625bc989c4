"""What a bridge, a worker or time leaves behind is taken away; what lives is never touched."""

import time
from datetime import UTC, datetime
from uuid import UUID

import pytest
from prometheus_client import REGISTRY
from redis import Redis
from sqlalchemy import Engine, text

from controlplane.bridge.calls.offers import Offers
from controlplane.contracts import redis_keys
from controlplane.contracts.heartbeats import BridgeHeartbeat
from controlplane.contracts.identifiers import new_id
from controlplane.contracts.messages import CallClaim, CallOffer
from controlplane.controller import housekeeping
from controlplane.controller.call_queue import CallQueue
from controlplane.controller.housekeeping import prune_demand, prune_tables
from tests.accounts import add_account, add_carrier

pytestmark = pytest.mark.integration

QUEUE = redis_keys.QUEUE_INCOMING_CALLS


@pytest.fixture
def queue(client: "Redis") -> CallQueue:
    return CallQueue(client)


def offer(*, call_id: UUID | None = None, attempt: int = 1, resumed: bool = False) -> CallOffer:
    return CallOffer(
        call_id=call_id or new_id(),
        restaurant_id=new_id(),
        bridge_id="bridge-0",
        channel_uuid=new_id(),
        attempt=attempt,
        resumed=resumed,
    )


def born_ago(seconds: float) -> UUID:
    """A UUIDv7 of a call that came in that long ago."""
    millis = int((time.time() - seconds) * 1_000)
    return UUID(int=(millis << 80) | (new_id().int & (1 << 80) - 1))


def value(name: str) -> float:
    found = REGISTRY.get_sample_value(f"alloresto_controller_{name}")
    assert found is not None
    return found


def forget_offer(client: "Redis", dead: CallOffer) -> None:
    """As its 2.5 s do."""
    client.delete(redis_keys.call_offer(dead.call_id))


def test_what_a_dead_bridge_offered_leaves_the_queue_and_live_offers_stay(
    client: "Redis", queue: CallQueue
) -> None:
    offers = Offers(client)
    dead, live, retried = offer(), offer(), offer()
    for one in (dead, live, retried):
        offers.make(one)
    forget_offer(client, dead)
    again = retried.model_copy(update={"attempt": 2})
    offers.make(again)  # a bridge that crashed between two attempts leaves the first one
    queue.watch()
    assert sorted(client.lrange(QUEUE, 0, -1)) == sorted([live.to_json(), again.to_json()])
    assert value("queue_length") == 2
    assert offers.withdraw(live)
    assert offers.withdraw(again)


def test_an_offer_of_a_newer_release_is_an_offer(client: "Redis", queue: CallQueue) -> None:
    """One that can't be read at all too: perhaps its workers can."""
    live, dead = offer(), offer()
    client.set(redis_keys.call_offer(live.call_id), live.attempt)
    newer, gone = (one.to_json()[:-1] + ',"addedLater":true}' for one in (live, dead))
    client.lpush(QUEUE, newer, gone, "nonsense")
    client.lpush(redis_keys.worker_offers("worker-live"), "nonsense")
    client.set(redis_keys.worker_heartbeat("worker-live"), "{}")
    queue.watch()
    queue.prune_workers()
    assert client.lrange(QUEUE, 0, -1) == ["nonsense", newer]
    assert client.llen(redis_keys.worker_offers("worker-live")) == 1


def test_an_offer_made_again_in_the_same_moment_is_not_taken_away(
    client: "Redis", queue: CallQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1 The offer is found dead. 2 An agent that restarted offers the same attempt again, with the
    same bytes. 3 Its removal looks once more, and leaves it.
    """
    offers, call = Offers(client), offer()
    offers.make(call)
    forget_offer(client, call)
    mget = client.mget

    def mget_then_made_again(keys: list[str]) -> object:
        found = mget(keys)
        offers.make(call)
        return found

    with monkeypatch.context() as patch:
        patch.setattr(client, "mget", mget_then_made_again)
        queue.watch()
    assert client.lrange(QUEUE, 0, -1) == [call.to_json()] * 2


def test_a_dead_workers_list_is_emptied_and_an_offer_being_claimed_stays(
    client: "Redis", queue: CallQueue
) -> None:
    offers = Offers(client)
    dead, live = offer(), offer()
    for one, worker in ((dead, "worker-dead"), (live, "worker-live")):
        offers.make(one)
        client.lmove(QUEUE, redis_keys.worker_offers(worker), src="RIGHT", dest="LEFT")
    forget_offer(client, dead)
    client.lpush(redis_keys.worker_offers("worker-dead"), "nonsense")
    queue.prune_workers()
    assert not client.exists(redis_keys.worker_offers("worker-dead"))
    assert client.lrange(redis_keys.worker_offers("worker-live"), 0, -1) == [live.to_json()]


def test_a_queue_nobody_serves_shrinks_turn_by_turn(client: "Redis", queue: CallQueue) -> None:
    for _ in range(1_200):
        client.lpush(QUEUE, offer().to_json())
    left = []
    for _ in range(3):
        queue.watch()
        left.append(client.llen(QUEUE))
    assert left == [700, 200, 0]


def test_nothing_of_a_call_outlives_it_in_redis(client: "Redis") -> None:
    """Offer and claim keys end by themselves, whoever dies."""
    offers, call = Offers(client), offer()
    offers.make(call)
    assert 0 < client.pttl(redis_keys.call_offer(call.call_id)) <= 2_500
    claim = CallClaim(call_id=call.call_id, attempt=1, worker_id="w", url="ws://h:1/calls/t")
    client.lpush(redis_keys.call_claim(call.call_id), claim.to_json())
    assert offers.await_claim(call) == claim
    assert not client.exists(redis_keys.call_claim(call.call_id))


def test_the_age_is_that_of_the_caller_who_waits_longest(client: "Redis", queue: CallQueue) -> None:
    """A caller who talked for ten minutes before the worker died has not waited ten minutes."""
    offers = Offers(client)
    queue.watch()
    assert value("queue_oldest_seconds") == 0
    offers.make(offer(call_id=born_ago(20), attempt=10))
    offers.make(offer(call_id=born_ago(5)))
    offers.make(offer(call_id=born_ago(600), resumed=True))
    queue.watch()
    assert 20 <= value("queue_oldest_seconds") < 22
    assert (value("queue_length"), value("calls_demand")) == (3, 3)


def test_demand_of_a_dead_bridge_ends_with_its_lease(client: "Redis", queue: CallQueue) -> None:
    now = time.time()
    client.zadd(redis_keys.CALLS_DEMAND, {"leaked": now - 1, "live": now + 30})
    queue.watch()
    assert value("calls_demand") == 1
    assert prune_demand(client) == 1
    assert client.zrange(redis_keys.CALLS_DEMAND, 0, -1) == ["live"]


def test_active_calls_are_those_of_all_bridges(client: "Redis", queue: CallQueue) -> None:
    for name, calls in (("bridge-0", 3), ("bridge-1", 4)):
        beat = BridgeHeartbeat(
            bridge_id=name, capacity=200, active_calls=calls, sent_at=datetime.now(UTC)
        )
        client.set(redis_keys.bridge_heartbeat(name), beat.to_json())
    client.set(redis_keys.bridge_heartbeat("bridge-2"), "nonsense")
    queue.count_calls()
    assert value("calls_active") == 7


def aged_rows(engine: Engine) -> None:
    """For each kept span a row just inside of it and one just outside."""
    with engine.begin() as connection:
        add_carrier(connection)
        restaurant = add_account(connection, "ours")
        connection.execute(
            text(
                "INSERT INTO pacing_rule (id, restaurant_id, kinds, slot_minutes, unit, most)"
                " VALUES (:id, :id, '{pickup}', 15, 'orders', 9)"
            ),
            {"id": restaurant},
        )
        connection.execute(
            text(
                "INSERT INTO user_account (id, email, name, password_hash)"
                " VALUES (:id, 'lea@example.fr', 'Léa', '$argon2id$')"
            ),
            {"id": restaurant},
        )
        for statement in (
            "INSERT INTO printer (id, restaurant_id, name, protocol, token_hash)"
            " VALUES (:id, :id, 'Four', 'star', 'x')",
            "INSERT INTO api_token (id, restaurant_id, name, token_hash, scopes)"
            " VALUES (:id, :id, 'Caisse', md5('a') || md5('b'), '{orders:read}')",
            "INSERT INTO webhook_endpoint (id, restaurant_id, url, secret_encrypted, topics)"
            " VALUES (:id, :id, 'https://caisse.example/', 'sealed', '{order_placed}')",
            'INSERT INTO "order" (id, restaurant_id, service_date, number, idempotency_key,'
            " status, note, total_cents, ready_at)"
            " VALUES (:id, :id, now(), 1, 'k', 'placed', '', 0, now())",
        ):
            connection.execute(text(statement), {"id": restaurant})
        for span, table, columns, values in (
            (
                "30 days",
                "invitation",
                "id, restaurant_id, email, role, token_hash, invited_by, expires_at",
                "gen_random_uuid(), '{0}', 'tom@example.fr', 'staff', gen_random_uuid()::text,"
                " '{0}', {1}",
            ),
            (
                "30 days",
                "prompt_rendering",
                "id, restaurant_id, kind, digest, text, voice, engine, wav, duration_ms,"
                " level_dbfs, peak_dbfs, rendered_at",
                "gen_random_uuid(), '{0}', 'busy', md5(random()::text) || md5(random()::text), 't',"
                " 'v', 'e', '', 1, -20, -3, {1}",
            ),
            *(
                (
                    "30 days",
                    table,
                    "id, user_id, token_hash, expires_at",
                    "gen_random_uuid(), '{0}', gen_random_uuid()::text, {1}",
                )
                for table in ("user_session", "password_reset")
            ),
            (
                "3 days",
                "event_outbox",
                "restaurant_id, topic, payload, created_at",
                "'{0}', 't', '{{}}', {1}",
            ),
            (
                "7 days",
                "sip_registration_event",
                "registration_id, epoch, event, at",
                "(SELECT id FROM sip_registration), 1, 'placed', {1}",
            ),
            ("1 day", "ai_worker_node", "id, slots, last_seen_at", "gen_random_uuid(), 4, {1}"),
            (
                "1 day",
                "sip_bridge_node",
                "id, capacity, last_seen_at",
                "gen_random_uuid(), 200, {1}",
            ),
            (
                "7 days",
                "print_job",
                "id, restaurant_id, printer_id, order_id, copy, created_at",
                "gen_random_uuid(), '{0}', '{0}', '{0}', (SELECT 1 + count(*) FROM print_job), {1}",
            ),
            (
                "2 days",
                "api_request",
                "restaurant_id, token_id, key, request_hash, created_at",
                "'{0}', '{0}', gen_random_uuid()::text, 'x', {1}",
            ),
            (
                "14 days",
                "webhook_delivery",
                "restaurant_id, endpoint_id, event_id, topic, payload, created_at",
                "'{0}', '{0}', (SELECT 1 + count(*) FROM webhook_delivery), 'order_placed',"
                " '{{}}', {1}",
            ),
            (
                "2 days",
                "slot_counter",
                "restaurant_id, pacing_rule_id, slot_start, used",
                "'{0}', '{0}', {1}, 1",
            ),
        ):
            for age in (f"{span} 1 minute", f"{span} -1 minute"):
                row = values.format(restaurant, f"now() - interval '{age}'")
                connection.execute(text(f"INSERT INTO {table} ({columns}) VALUES ({row})"))
        connection.execute(
            text(
                "INSERT INTO slot_use"
                " (restaurant_id, holder_id, pacing_rule_id, slot_start, amount)"
                " SELECT restaurant_id, gen_random_uuid(), pacing_rule_id, slot_start, used"
                " FROM slot_counter"
            )
        )


def rows_of(engine: Engine) -> dict[str, int]:
    tables = [*(table for table, *_ in housekeeping._STALE), "slot_use"]
    with engine.connect() as connection:
        return {
            table: connection.scalar(text(f"SELECT count(*) FROM {table}")) or 0 for table in tables
        }


def test_rows_nobody_reads_again_go_and_younger_ones_stay(engine: Engine) -> None:
    aged_rows(engine)
    assert set(rows_of(engine).values()) == {2}
    prune_tables(engine)
    assert set(rows_of(engine).values()) == {1}
    prune_tables(engine)
    assert set(rows_of(engine).values()) == {1}


@pytest.mark.parametrize("column", ["bridge_id", "former_bridge_id", "requested_bridge_id"])
def test_a_bridge_with_registrations_stays_however_long_it_is_silent(
    engine: Engine, column: str
) -> None:
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO sip_bridge_node (id, capacity, last_seen_at)"
                " VALUES ('old', 200, now() - interval '1 year')"
            )
        )
        add_carrier(connection)
        add_account(connection, "ours", **{column: "old"})
    prune_tables(engine)
    assert rows_of(engine)["sip_bridge_node"] == 1


def test_a_turn_is_bounded_and_the_next_goes_on(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "BATCH_ROWS", 10)
    monkeypatch.setattr(housekeeping, "MOST_BATCHES", 3)
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO ai_worker_node (id, slots, last_seen_at)"
                " SELECT n, 1, now() - interval '2 days' FROM generate_series(1, 45) n"
            )
        )
    left = []
    for _ in range(2):
        prune_tables(engine)
        left.append(rows_of(engine)["ai_worker_node"])
    assert left == [15, 0]
