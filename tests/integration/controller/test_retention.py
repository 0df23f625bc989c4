"""What is known of callers ends when its restaurant's time for it is over, and not before."""

import time
from collections.abc import Iterator
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from controlplane import database
from controlplane.contracts.identifiers import first_id
from controlplane.controller import housekeeping, metrics
from controlplane.controller.housekeeping import prune_callers
from controlplane.database import sync_engine
from controlplane.migrations import schema
from tests.accounts import add_account, add_carrier

pytestmark = pytest.mark.integration

INSERTS = {
    "call": "INSERT INTO call (id, restaurant_id, caller_number, started_at, input_audio_tokens,"
    " input_text_tokens, cached_tokens, output_audio_tokens, output_text_tokens)"
    " VALUES (gen_random_uuid(), :restaurant, '+33639980123', now() - :age, 0, 0, 0, 0, 0)",
    "voice_message": "INSERT INTO voice_message (id, restaurant_id, channel_uuid, duration_ms,"
    " audio, recorded_at)"
    " VALUES (gen_random_uuid(), :restaurant, gen_random_uuid(), 1, '', now() - :age)",
    "call_turn": "WITH new AS (INSERT INTO call (id, restaurant_id, started_at, input_audio_tokens,"
    " input_text_tokens, cached_tokens, output_audio_tokens, output_text_tokens)"
    " VALUES (gen_random_uuid(), :restaurant, now(), 0, 0, 0, 0, 0) RETURNING id)"
    " INSERT INTO call_turn (id, restaurant_id, call_id, position, role, text, at)"
    " SELECT gen_random_uuid(), :restaurant, id, 1, 'caller', 'bonjour', now() - :age FROM new",
    "customer": "INSERT INTO customer (id, restaurant_id, phone_e164, seen_at)"
    " VALUES (gen_random_uuid(), :restaurant, '+33639980123', now() - :age)",
    "order_allergy": 'WITH new AS (INSERT INTO "order" (id, restaurant_id, service_date, number,'
    " idempotency_key, status, note, total_cents, ready_at) VALUES (gen_random_uuid(), :restaurant,"
    " now(), 1, gen_random_uuid(), 'completed', '', 950, now()) RETURNING id)"
    " INSERT INTO order_allergy (id, restaurant_id, order_id, words, created_at)"
    " SELECT gen_random_uuid(), :restaurant, id, 'arachide', now() - :age FROM new",
    "notification": "INSERT INTO notification (id, restaurant_id, key, kind, channel, recipient,"
    " next_attempt_at, expires_at, created_at) VALUES (gen_random_uuid(), :restaurant,"
    " gen_random_uuid(), 'order_placed', 'sms', '+33639980123', now(), now(), now() - :age)",
    "order_delivery": 'WITH new AS (INSERT INTO "order" (id, restaurant_id, service_date, number,'
    " idempotency_key, order_type, status, note, total_cents, ready_at, deliver_at)"
    " VALUES (gen_random_uuid(), :restaurant, now(), 1, gen_random_uuid(), 'delivery', 'completed',"
    " '', 950, now(), now()) RETURNING id)"
    " INSERT INTO order_delivery (restaurant_id, order_id, zone, street, postcode, city,"
    " created_at) SELECT :restaurant, id, 'Z', 'Rue X', '69002', 'Lyon', now() - :age FROM new",
    "order": 'INSERT INTO "order" (id, restaurant_id, service_date, number, idempotency_key,'
    " status, customer_name, customer_phone_e164, note, total_cents, ready_at, created_at)"
    " VALUES (gen_random_uuid(), :restaurant, now() - :age, 1, gen_random_uuid(), 'completed',"
    " 'Camille', '+33639980123', 'sans oignons', 950, now(), now() - :age)",
    "reservation": "INSERT INTO reservation (id, restaurant_id, number, idempotency_key, status,"
    " source, party, starts_at, ends_at, customer_name, customer_phone_e164, note, allergy_note)"
    " VALUES (gen_random_uuid(), :restaurant, 1, gen_random_uuid(), 'finished', 'voice', 4,"
    " now() - :age - interval '2 hours', now() - :age, 'Camille', '+33639980123', 'anniversaire',"
    " 'arachides')",
}
SETTINGS = {
    "call": ("keep_calls_months", "1 month"),
    "voice_message": ("keep_voice_messages_days", "1 day"),
    "call_turn": ("keep_transcripts_days", "1 day"),
    "customer": ("keep_calls_months", "1 month"),
    "order_allergy": ("keep_calls_months", "1 month"),
    "notification": ("keep_transcripts_days", "1 day"),
    "order_delivery": ("keep_calls_months", "1 month"),
    "order": ("keep_calls_months", "1 month"),
    "reservation": ("keep_calls_months", "1 month"),
}
DEFAULTS = {
    "call": "13 months",
    "voice_message": "30 days",
    "call_turn": "90 days",
    "notification": "90 days",
    "customer": "13 months",
    "order_allergy": "13 months",
    "order_delivery": "13 months",
    "order": "13 months",
    "reservation": "13 months",
}


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = sync_engine(database_url, application_name="test")
    yield engine
    engine.dispose()


@pytest.fixture
def restaurants(engine: Engine) -> tuple[UUID, UUID]:
    with engine.begin() as connection:
        add_carrier(connection)
        return add_account(connection, "luigi"), add_account(connection, "mario")


def add(engine: Engine, table: str, restaurant: UUID, age: str) -> None:
    statement = INSERTS[table].replace(":age", f"interval '{age}'")
    with engine.begin() as connection:
        connection.execute(text(statement), {"restaurant": restaurant})


def left(engine: Engine, table: str) -> list[UUID]:
    """The restaurants whose rows still say something of a caller."""
    of_callers = "customer_name IS NOT NULL" if table in ("order", "reservation") else "true"
    with engine.connect() as connection:
        return list(
            connection.scalars(
                text(f'SELECT restaurant_id FROM "{table}" WHERE {of_callers} ORDER BY 1')
            )
        )


@pytest.mark.parametrize("table", INSERTS)
def test_it_goes_after_its_time_and_not_before(
    engine: Engine, restaurants: tuple[UUID, UUID], table: str
) -> None:
    luigi, mario = restaurants
    add(engine, table, luigi, f"{DEFAULTS[table]} 1 hour")
    add(engine, table, mario, f"{DEFAULTS[table]} -1 hour")
    before = metrics.ROWS_PRUNED.labels(table)._value.get()
    for _ in range(2):
        prune_callers(engine)
        assert left(engine, table) == [mario]
    assert metrics.ROWS_PRUNED.labels(table)._value.get() == before + 1


@pytest.mark.parametrize("table", INSERTS)
def test_a_restaurant_that_keeps_less_has_less_and_the_others_keep_theirs(
    engine: Engine, restaurants: tuple[UUID, UUID], table: str
) -> None:
    luigi, mario = restaurants
    column, span = SETTINGS[table]
    with engine.begin() as connection:
        connection.execute(
            text(f"UPDATE restaurant SET {column} = 1 WHERE id = :id"), {"id": luigi}
        )
    for restaurant in restaurants:
        add(engine, table, restaurant, f"{span} 1 hour")
    prune_callers(engine)
    assert left(engine, table) == [mario]


@pytest.mark.parametrize(
    ("column", "most"),
    [
        (c, m)
        for c, m in (
            ("keep_transcripts_days", 90),
            ("keep_calls_months", 13),
            ("keep_voice_messages_days", 30),
        )
    ],
)
def test_a_restaurant_cannot_keep_it_longer(
    engine: Engine, restaurants: tuple[UUID, UUID], column: str, most: int
) -> None:
    for value in (most + 1, 0):
        with pytest.raises(IntegrityError), engine.begin() as connection:
            connection.execute(text(f"UPDATE restaurant SET {column} = {value}"))


def test_an_order_keeps_what_was_sold(engine: Engine, restaurants: tuple[UUID, UUID]) -> None:
    add(engine, "order", restaurants[0], "2 years")
    prune_callers(engine)
    with engine.connect() as connection:
        row = connection.execute(
            text(
                'SELECT customer_name, customer_phone_e164, note, total_cents, status FROM "order"'
            )
        ).one()
    assert tuple(row) == (None, None, "", 950, "completed")


def test_a_reservation_keeps_how_many_came(engine: Engine, restaurants: tuple[UUID, UUID]) -> None:
    add(engine, "reservation", restaurants[0], "2 years")
    prune_callers(engine)
    columns = "customer_name, customer_phone_e164, note, allergy_note, party, status"
    with engine.connect() as connection:
        row = connection.execute(text(f"SELECT {columns} FROM reservation")).one()
    assert tuple(row) == (None, None, "", "", 4, "finished")


def test_a_call_whose_arrival_is_unknown_goes_by_its_id(
    engine: Engine, restaurants: tuple[UUID, UUID]
) -> None:
    now = time.time()
    old, young = first_id(now - 404 * 86_400), first_id(now - 402 * 86_400)
    with engine.begin() as connection:
        for call_id in (old, young):
            connection.execute(
                text(
                    "INSERT INTO call (id, restaurant_id, input_audio_tokens, input_text_tokens,"
                    " cached_tokens, output_audio_tokens, output_text_tokens)"
                    " VALUES (:id, :restaurant, 0, 0, 0, 0, 0)"
                ),
                {"id": call_id, "restaurant": restaurants[0]},
            )
    prune_callers(engine)
    with engine.connect() as connection:
        assert list(connection.scalars(text("SELECT id FROM call"))) == [young]


def test_a_turn_is_bounded(
    engine: Engine, restaurants: tuple[UUID, UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "BATCH_ROWS", 2)
    monkeypatch.setattr(housekeeping, "MOST_BATCHES", 2)
    for restaurant in restaurants:
        for _ in range(3):
            add(engine, "voice_message", restaurant, "31 days")
    counts = []
    for _ in range(2):
        prune_callers(engine)
        counts.append(len(left(engine, "voice_message")))
    assert counts == [2, 0]


@pytest.mark.parametrize(
    ("kept", "which", "index"),
    [
        *(
            (kept, "true", f"ix_{kept[0]}_restaurant_id_{kept[0]}_{kept[1]}")
            for kept in housekeeping._KEPT
        ),
        *(
            (kept, personal, f"ix_{table}_personal")
            for table, (kept, personal, _) in zip(
                ("order", "reservation"), housekeeping._FORGOTTEN, strict=True
            )
        ),
    ],
)
def test_an_hour_in_which_nothing_is_old_reads_one_index_entry_a_restaurant(
    engine: Engine, kept: tuple[str, str, str], which: str, index: str
) -> None:
    rows = housekeeping._older(*kept, which=which)
    with engine.connect() as connection:
        connection.execute(text("SET enable_seqscan = off"))  # these tables are empty
        plan = "\n".join(connection.scalars(text(f"EXPLAIN {rows}")))
    assert f"Index Scan using {index}" in plan, plan
    assert "Sort" not in plan


def test_the_migration_keeps_restaurants_and_can_be_taken_back(empty_database_url: str) -> None:
    schema.upgrade(empty_database_url, revision="0003")
    url = database.libpq_url(empty_database_url)
    with psycopg.connect(url) as connection:
        connection.execute(
            "INSERT INTO restaurant (id, slug, name, spoken_name, address, timezone, phone_e164,"
            " status, preparation_minutes, voice, realtime_model) VALUES (gen_random_uuid(), 'r',"
            " '', '', '', 'Europe/Paris', '+33199001234', 'live', 20, '', '')"
        )
    for _ in range(2):
        schema.upgrade(empty_database_url, revision="0004")
        with psycopg.connect(url) as connection:
            kept = connection.execute(
                "SELECT keep_transcripts_days, keep_calls_months, keep_voice_messages_days"
                " FROM restaurant"
            ).fetchall()
        assert kept == [(90, 13, 30)]
        schema.downgrade(empty_database_url, revision="0003")
