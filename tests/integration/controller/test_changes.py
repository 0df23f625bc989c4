"""A commit in Postgres reaches the next call's menu and the bridge it concerns, whatever breaks."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial

import psycopg
import pytest
from redis import Redis
from redis import asyncio as async_redis
from redis.client import PubSub
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from controlplane.contracts import redis_keys
from controlplane.contracts.heartbeats import BridgeHeartbeat
from controlplane.contracts.identifiers import new_id
from controlplane.contracts.restaurant_config import RestaurantConfig
from controlplane.database import async_engine, async_sessions, libpq_url
from controlplane.local.demo.restaurant import DEMO_RESTAURANT_ID, demo_id, seed_demo
from controlplane.restaurants.config_cache import load_restaurant_config
from controlplane.restaurants.packed_config import unpack
from tests.accounts import SECRETS
from tests.integration.restartable import (
    RestartableRedis,
    restartable_postgres,
    restartable_redis,
    running_controller,
)
from tests.waiting import DEADLINE_S, block_until, until

pytestmark = pytest.mark.integration

KEY = redis_keys.restaurant_config(DEMO_RESTAURANT_ID)
NEW = {name: new_id() for name in ("category", "item", "group", "option", "target", "rule")}
MARGHERITA = demo_id("item", "Margherita")

# Each statement changes one row of one table of the snapshot, of the demo restaurant.
ROW_CHANGES = (
    "UPDATE restaurant SET preparation_minutes = 35 WHERE id = {r}",
    "INSERT INTO menu_category (id, restaurant_id, name, position)"
    " VALUES ({category}, {r}, 'V', 9)",
    "UPDATE menu_category SET name = 'Vins' WHERE id = {category}",
    "INSERT INTO menu_item (id, restaurant_id, category_id, name, spoken_name, aliases,"
    " description, price_cents, vat_rate_bp, position, active)"
    " VALUES ({item}, {r}, {category}, 'Chianti', 'Chianti', '{{}}', '', 2000, 2000, 0, true)",
    "UPDATE menu_item SET sold_out_until = now() + interval '1 hour' WHERE id = {item}",
    "INSERT INTO option_group (id, restaurant_id, name, min_select, max_select, position)"
    " VALUES ({group}, {r}, 'Taille', 0, 1, 9)",
    "UPDATE option_group SET name = 'Format' WHERE id = {group}",
    'INSERT INTO "option" (id, restaurant_id, option_group_id, name, spoken_name, aliases,'
    " price_delta_cents, position)"
    " VALUES ({option}, {r}, {group}, 'magnum', 'magnum', '{{}}', 1500, 0)",
    'UPDATE "option" SET price_delta_cents = 1600 WHERE id = {option}',
    "INSERT INTO item_option_group (restaurant_id, item_id, option_group_id)"
    " VALUES ({r}, {item}, {group})",
    "UPDATE item_option_group SET item_id = {margherita} WHERE option_group_id = {group}",
    "INSERT INTO availability_window (id, restaurant_id, item_id, weekdays, opens, closes,"
    " position) VALUES ({rule}, {r}, {item}, '{{0}}', '11:30', '14:30', 0)",
    "UPDATE availability_window SET closes = '15:00' WHERE id = {rule}",
    "DELETE FROM availability_window WHERE id = {rule}",
    "DELETE FROM item_option_group WHERE option_group_id = {group}",
    'DELETE FROM "option" WHERE id = {option}',
    "DELETE FROM option_group WHERE id = {group}",
    "DELETE FROM menu_item WHERE id = {item}",
    "INSERT INTO menu_version (id, restaurant_id, number, document, source)"
    " VALUES ({item}, {r}, 1, '{{}}', '')",
    "DELETE FROM menu_category WHERE id = {category}",
    "INSERT INTO opening_rule (id, restaurant_id, weekday, opens, closes)"
    " VALUES ({rule}, {r}, 0, '05:00', '06:00')",
    "UPDATE opening_rule SET closes = '07:00' WHERE id = {rule}",
    "DELETE FROM opening_rule WHERE id = {rule}",
    "INSERT INTO opening_exception (id, restaurant_id, date) VALUES ({rule}, {r}, '2026-12-25')",
    "UPDATE opening_exception SET opens = '18:00', closes = '22:00' WHERE id = {rule}",
    "DELETE FROM opening_exception WHERE id = {rule}",
    "INSERT INTO faq (id, restaurant_id, question, answer, position)"
    " VALUES ({rule}, {r}, 'Un parking ?', 'Oui.', 0)",
    "UPDATE faq SET answer = 'Non.' WHERE id = {rule}",
    "DELETE FROM faq WHERE id = {rule}",
    "INSERT INTO transfer_target (id, restaurant_id, name, phone_e164, mode, position)"
    " VALUES ({target}, {r}, 'le gérant', '+33199002001', 'warm', 0)",
    "UPDATE transfer_target SET name = 'la gérante' WHERE id = {target}",
    "DELETE FROM transfer_target WHERE id = {target}",
    "DELETE FROM restaurant WHERE id = {r}",
)


class Site:
    """The demo restaurant, a cache before it, and whoever changes it."""

    def __init__(self, database_url: str, redis_url: str) -> None:
        self.database_url = database_url
        self.redis_url = redis_url
        seed_demo(
            database_url,
            registrar="sip.example",
            username="bella",
            password="a password",
            secrets=SECRETS,
        )

    def change(self, statement: str) -> None:
        """One transaction of somebody else's."""
        with psycopg.connect(libpq_url(self.database_url), autocommit=True) as connection:
            connection.execute(statement.encode())

    def change_price(self, cents: int) -> None:
        self.change(f"UPDATE menu_item SET price_cents = {cents} WHERE id = '{MARGHERITA}'")


@pytest.fixture
def site(database_url: str, redis_url: str, client: "Redis") -> Iterator[Site]:
    """With a controller that has healed what came before it."""
    site = Site(database_url, redis_url)
    with running_controller(database_url, redis_url):
        listening(site, client)
        yield site


def listening(site: Site, client: "Redis") -> None:
    """It heard of a change, so what it healed at its start is behind it."""
    block_until(lambda: client.exists(redis_keys.CONFIG_GENERATION))
    generation = client.get(redis_keys.CONFIG_GENERATION)
    site.change(f"SELECT pg_notify('restaurant_changed', '{new_id()}')")
    block_until(lambda: client.get(redis_keys.CONFIG_GENERATION) != generation)


@pytest.fixture
async def sessions(database_url: str) -> AsyncIterator[async_sessionmaker[AsyncSession]]:
    engine = async_engine(database_url, application_name="test")
    yield async_sessions(engine)
    await engine.dispose()


def price(config: RestaurantConfig) -> int:
    return next(item.price_cents for item in config.menu if item.id == MARGHERITA)


async def test_a_changed_price_is_the_next_calls_price(
    site: Site, redis: async_redis.Redis, sessions: async_sessionmaker[AsyncSession]
) -> None:
    """50 changes, each with a warm cache; `bench menu-change` measures how long each takes."""

    async def served_at(cents: int) -> bool:
        return price(await load_restaurant_config(redis, sessions, DEMO_RESTAURANT_ID)) == cents

    async with await psycopg.AsyncConnection.connect(
        libpq_url(site.database_url), autocommit=True
    ) as writer:
        for cents in range(1, 51):
            while await redis.get(KEY) is None:
                await load_restaurant_config(redis, sessions, DEMO_RESTAURANT_ID)
            await writer.execute(
                "UPDATE menu_item SET price_cents = %s WHERE id = %s", [cents, MARGHERITA]
            )
            await until(partial(served_at, cents))


async def test_calls_that_load_while_the_menu_changes_leave_no_old_menu_behind(
    site: Site, redis: async_redis.Redis, sessions: async_sessionmaker[AsyncSession]
) -> None:
    """Calls come all the time, so that at each change some have read and not yet written."""
    over = asyncio.Event()

    async def counted_on(generation: object) -> bool:
        return bool(await redis.get(redis_keys.CONFIG_GENERATION) != generation)

    async def calls() -> None:
        while not over.is_set():
            await load_restaurant_config(redis, sessions, DEMO_RESTAURANT_ID)
            await redis.delete(KEY)  # so that the next one reads Postgres too

    async with asyncio.timeout(DEADLINE_S):
        callers = [asyncio.create_task(calls()) for _ in range(2)]
        async with await psycopg.AsyncConnection.connect(
            libpq_url(site.database_url), autocommit=True
        ) as writer:
            for cents in range(1, 31):
                generation = await redis.get(redis_keys.CONFIG_GENERATION)
                await writer.execute(
                    "UPDATE menu_item SET price_cents = %s WHERE id = %s", [cents, MARGHERITA]
                )
                await until(partial(counted_on, generation))
                body = await redis.get(KEY)
                assert body is None or price(unpack(body)) == cents
        over.set()
        await asyncio.gather(*callers)


def test_every_table_of_the_snapshot_invalidates(site: Site, client: "Redis") -> None:
    names = {name: f"'{value}'" for name, value in NEW.items()}
    names |= {"r": f"'{DEMO_RESTAURANT_ID}'", "margherita": f"'{MARGHERITA}'"}
    for statement in ROW_CHANGES:
        client.set(KEY, "cached")
        site.change(statement.format(**names))
        block_until(lambda: not client.exists(KEY))


def test_a_rollback_and_an_unchanged_row_invalidate_nothing(site: Site, client: "Redis") -> None:
    client.set(KEY, "cached")
    generation = client.get(redis_keys.CONFIG_GENERATION)
    with psycopg.connect(libpq_url(site.database_url)) as connection:
        connection.execute("UPDATE menu_item SET price_cents = 1")
        connection.rollback()
        connection.execute("UPDATE restaurant SET name = name")
        connection.commit()
    other = new_id()
    site.change(f"SELECT pg_notify('restaurant_changed', '{other}')")
    block_until(lambda: client.get(redis_keys.CONFIG_GENERATION) != generation)
    assert client.get(KEY) == "cached"


def test_a_thousand_changes_in_one_transaction_are_one(site: Site, client: "Redis") -> None:
    generation = int(client.get(redis_keys.CONFIG_GENERATION) or 0)
    client.set(KEY, "cached")
    with psycopg.connect(libpq_url(site.database_url)) as connection:
        for cents in range(1_000):
            connection.execute(
                "UPDATE menu_item SET price_cents = %s WHERE id = %s", [cents, MARGHERITA]
            )
    block_until(lambda: not client.exists(KEY))
    assert int(client.get(redis_keys.CONFIG_GENERATION) or 0) == generation + 1


def test_ten_thousand_notifications_are_bounded_work(site: Site, client: "Redis") -> None:
    """Of as many restaurants, and one of nobody: all are gone within seconds, in few steps."""
    generation = int(client.get(redis_keys.CONFIG_GENERATION) or 0)
    with psycopg.connect(libpq_url(site.database_url)) as connection:
        ids = connection.execute(
            "SELECT gen_random_uuid()::text FROM generate_series(1, 10000)"
        ).fetchall()
        keys = [redis_keys.restaurant_config(restaurant_id) for (restaurant_id,) in ids]
        client.mset(dict.fromkeys(keys, "cached"))
        connection.execute("SELECT pg_notify('restaurant_changed', 'not an id')")
        connection.execute(
            "SELECT pg_notify('restaurant_changed', id) FROM unnest(%s::text[]) AS id",
            [[restaurant_id for (restaurant_id,) in ids]],
        )
    block_until(lambda: not client.exists(*keys))
    assert int(client.get(redis_keys.CONFIG_GENERATION) or 0) - generation < 1_000


def test_a_changed_account_wakes_its_bridge_and_placement(site: Site, client: "Redis") -> None:
    """1 A bridge joins: placement gives it the demo account. 2 The account changes: the bridge is
    told. 3 A restaurant is inserted: placed and told, long before a poll would.
    """
    with bridge(client, "bridge-7") as messages:
        block_until(lambda: owner_of(site, str(DEMO_RESTAURANT_ID)) == "bridge-7")
        drained(messages)
        site.change("UPDATE sip_registration SET username = 'other'")
        block_until(lambda: heard(messages))


@contextmanager
def bridge(client: "Redis", name: str) -> Iterator[PubSub]:
    """Its heartbeat, and its ear."""
    beat = BridgeHeartbeat(bridge_id=name, capacity=200, active_calls=0, sent_at=datetime.now(UTC))
    with ear(client, name) as messages:
        client.set(redis_keys.bridge_heartbeat(name), beat.to_json())
        yield messages


@contextmanager
def ear(client: "Redis", name: str) -> Iterator[PubSub]:
    """What is published for a bridge."""
    messages: PubSub
    with client.pubsub(ignore_subscribe_messages=True) as messages:  # type: ignore[no-untyped-call]
        messages.subscribe(redis_keys.bridge_assignments(name))
        yield messages


def heard(messages: PubSub) -> bool:
    return messages.get_message(timeout=0.01) is not None


def drained(messages: PubSub) -> None:
    quiet_since = time.monotonic()
    while time.monotonic() - quiet_since < 0.2:
        if heard(messages):
            quiet_since = time.monotonic()


def owner_of(site: Site, restaurant_id: str) -> object:
    with psycopg.connect(libpq_url(site.database_url)) as connection:
        row = connection.execute(
            "SELECT bridge_id FROM sip_registration WHERE restaurant_id = %s", [restaurant_id]
        ).fetchone()
        return row and row[0]


def test_a_cut_listen_connection_is_made_again_and_healed(site: Site, client: "Redis") -> None:
    client.set(KEY, "cached")
    generation = client.get(redis_keys.CONFIG_GENERATION)
    site.change(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
        " AND application_name = 'alloresto controller changes'"
    )
    block_until(lambda: not client.exists(KEY))
    assert client.get(redis_keys.CONFIG_GENERATION) != generation
    client.set(KEY, "cached")
    site.change_price(7)
    block_until(lambda: not client.exists(KEY))


def test_a_listen_connection_that_hangs_is_given_up_within_seconds(
    site: Site, client: "Redis"
) -> None:
    """Its backend is stopped: the connection stands, and nothing comes."""
    with psycopg.connect(libpq_url(site.database_url), autocommit=True) as connection:
        row = connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
            " AND application_name = 'alloresto controller changes'"
        ).fetchone()
    assert row is not None
    os.kill(row[0], signal.SIGSTOP)
    try:
        client.set(KEY, "cached")
        site.change_price(7)
        block_until(lambda: not client.exists(KEY))
        client.set(KEY, "cached")
        site.change_price(8)
        block_until(lambda: not client.exists(KEY))
    finally:
        os.kill(row[0], signal.SIGCONT)


def test_what_changed_while_no_controller_ran_is_healed(
    database_url: str, redis_url: str, client: "Redis"
) -> None:
    site = Site(database_url, redis_url)
    client.set(KEY, "cached")
    client.set(redis_keys.CONFIG_GENERATION, 41)
    site.change_price(7)
    site.change("INSERT INTO sip_bridge_node (id, capacity, last_seen_at) VALUES ('b', 1, now())")
    with ear(client, "b") as messages:
        with running_controller(database_url, redis_url):
            block_until(lambda: not client.exists(KEY))
            assert client.get(redis_keys.CONFIG_GENERATION) == "42"
            block_until(lambda: heard(messages))


def test_a_postgres_that_restarts_is_listened_to_again(redis_url: str, client: "Redis") -> None:
    """The change is committed before the controller is back: its notification is nobody's."""
    with restartable_postgres() as postgres:
        site = Site(postgres.url, redis_url)
        with running_controller(postgres.url, redis_url):
            listening(site, client)
            client.set(KEY, "cached")
            postgres.stop()
            postgres.start()
            site.change_price(7)
            block_until(lambda: not client.exists(KEY))
            client.set(KEY, "cached")
            site.change_price(8)
            block_until(lambda: not client.exists(KEY))


@pytest.mark.parametrize("forget", [False, True], ids=["with its data", "without its data"])
def test_what_redis_missed_is_healed_when_it_is_back(database_url: str, *, forget: bool) -> None:
    with restartable_redis() as redis:
        site = Site(database_url, redis.url)
        with running_controller(database_url, redis.url):
            listening(site, redis.client)
            generation = int(redis.client.get(redis_keys.CONFIG_GENERATION) or 0)
            redis.client.set(KEY, "cached")
            redis.kill(forget=forget)
            site.change_price(7)
            redis.start()
            block_until(lambda: healed(redis, generation))
            redis.client.set(KEY, "cached")
            site.change_price(8)
            block_until(lambda: not redis.client.exists(KEY))


def healed(redis: RestartableRedis, generation: int) -> bool:
    """Never a generation that was before, though a Redis without its data counts anew."""
    now = int(redis.client.get(redis_keys.CONFIG_GENERATION) or 0)
    return not redis.client.exists(KEY) and now > generation
