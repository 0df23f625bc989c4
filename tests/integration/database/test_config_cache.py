"""A worker reads of a restaurant what Postgres says of it, from Redis or without Redis."""

import asyncio
import json
from datetime import UTC, datetime, time, timedelta
from uuid import UUID

import pytest
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker
from structlog.testing import capture_logs

from controlplane.contracts import redis_keys
from controlplane.contracts.identifiers import new_id
from controlplane.contracts.restaurant_config import RestaurantConfig
from controlplane.database import async_sessions
from controlplane.local.demo.restaurant import (
    DEMO_RESTAURANT_ID,
    DemoRestaurant,
    Hours,
    demo_id,
    seed_demo,
)
from controlplane.models.menu import MenuItem, Option
from controlplane.models.opening_exception import OpeningException
from controlplane.models.order import Order
from controlplane.models.restaurant import Restaurant
from controlplane.models.sip_registration import SipRegistration
from controlplane.models.transfer_target import TransferTarget
from controlplane.restaurants import config_cache as snapshot
from controlplane.restaurants.config_cache import (
    CACHE_TTL_S,
    load_restaurant_config,
)
from controlplane.restaurants.errors import UnknownRestaurant
from controlplane.restaurants.packed_config import pack
from tests.accounts import SECRETS
from tests.integration.kitchen_orders import add_order, add_restaurant

pytestmark = pytest.mark.integration

Sessions = async_sessionmaker[AsyncSession]
KEY = redis_keys.restaurant_config(DEMO_RESTAURANT_ID)


@pytest.fixture(autouse=True)
async def _watched(redis: Redis) -> None:
    """As a controller that hears of changes leaves it."""
    await redis.set(redis_keys.CONFIG_GENERATION, 1)


@pytest.fixture
def sessions(database: AsyncEngine) -> Sessions:
    return async_sessions(database)


@pytest.fixture
def demo(database_url: str) -> DemoRestaurant:
    return seed(database_url)


def seed(
    database_url: str, *, password: str = "first password", hours: Hours = Hours.REAL
) -> DemoRestaurant:
    return seed_demo(
        database_url,
        registrar="127.0.0.1:5070",
        username="bella",
        password=password,
        secrets=SECRETS,
        hours=hours,
    )


def dish(config: RestaurantConfig, name: str) -> tuple[int, bool]:
    return next((d.price_cents, d.sold_out) for d in config.menu if d.name == name)


async def test_the_snapshot_is_the_menu_in_its_order(
    redis: Redis, sessions: Sessions, demo: DemoRestaurant
) -> None:
    config = await load_restaurant_config(redis, sessions, demo.restaurant_id)
    assert (config.slug, config.name) == ("bella-napoli", "Pizzeria Bella Napoli")
    assert dish(config, "Margherita") == (950, False)
    assert [d.category for d in config.menu] == sorted(
        (d.category for d in config.menu),
        key=["Pizzas", "Pâtes", "Salades", "Desserts", "Boissons"].index,
    )
    margherita = config.menu[0]
    assert [group.name for group in margherita.option_groups] == ["Pâte", "Taille", "Suppléments"]
    extras = {o.name: o.price_delta_cents for o in margherita.option_groups[2].options}
    assert (extras["mozzarella"], extras["jambon"], extras["œuf"]) == (150, 200, 100)
    assert next(d for d in config.menu if d.name == "Tiramisu").option_groups == ()
    assert {window.weekday for window in config.opening} == set(range(7))
    assert any(window.closes <= window.opens for window in config.opening)


async def test_the_snapshot_has_the_exceptions_that_still_matter(
    redis: Redis, sessions: Sessions, demo: DemoRestaurant
) -> None:
    today = datetime.now(UTC).date()
    async with sessions.begin() as session:
        session.add_all(
            OpeningException(
                restaurant_id=demo.restaurant_id,
                date=today + timedelta(days=days),
                opens=time(18) if days == 7 else None,
                closes=time(1) if days == 7 else None,
            )
            for days in (-30, 0, 7, 300)
        )
        await session.execute(update(Restaurant).values(status="paused"))
    config = await load_restaurant_config(redis, sessions, demo.restaurant_id)
    assert config.status == "paused"
    assert [(e.date, e.opens, e.closes) for e in config.opening_exceptions] == [
        (today, None, None),
        (today + timedelta(days=7), time(18), time(1)),
    ]


async def test_the_second_read_is_from_redis(
    redis: Redis, sessions: Sessions, demo: DemoRestaurant
) -> None:
    first = await load_restaurant_config(redis, sessions, demo.restaurant_id)
    async with sessions.begin() as session:
        await session.execute(update(MenuItem).values(price_cents=1))
    assert await load_restaurant_config(redis, sessions, demo.restaurant_id) == first
    assert CACHE_TTL_S - 5 < await redis.ttl(KEY) <= CACHE_TTL_S
    await redis.delete(KEY)
    again = await load_restaurant_config(redis, sessions, demo.restaurant_id)
    assert dish(again, "Margherita") == (1, False)


@pytest.mark.parametrize("body", ["", "{", "[]", '{"id": 1}', "\x00\xff"])
async def test_a_cache_entry_that_does_not_parse_is_rebuilt(
    redis: Redis, sessions: Sessions, demo: DemoRestaurant, body: str
) -> None:
    await redis.set(KEY, body)
    config = await load_restaurant_config(redis, sessions, demo.restaurant_id)
    assert await redis.get(KEY) == pack(config)


async def test_a_cache_entry_of_another_release_or_restaurant_is_rebuilt(
    redis: Redis, sessions: Sessions, demo: DemoRestaurant
) -> None:
    config = await load_restaurant_config(redis, sessions, demo.restaurant_id)
    for change in ({"added_later": 1}, {"id": str(new_id())}):
        packed = json.loads(pack(config))
        packed["config"] |= change
        await redis.set(KEY, json.dumps(packed))
        assert await load_restaurant_config(redis, sessions, demo.restaurant_id) == config
        assert await redis.get(KEY) == pack(config)


async def test_without_redis_the_config_comes_from_postgres(
    sessions: Sessions, demo: DemoRestaurant
) -> None:
    away = Redis.from_url("redis://127.0.0.1:1/0", retry=Retry(NoBackoff(), 0))
    config = await load_restaurant_config(away, sessions, demo.restaurant_id)
    assert dish(config, "Margherita") == (950, False)
    await away.aclose()


async def test_a_redis_that_hangs_costs_one_deadline(
    sessions: Sessions, demo: DemoRestaurant
) -> None:
    """Its port accepts and never answers: it is not asked to keep what it did not give."""
    async with await asyncio.start_server(_say_nothing, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        hanging = Redis.from_url(f"redis://127.0.0.1:{port}/0")
        with capture_logs() as logs:
            config = await load_restaurant_config(hanging, sessions, demo.restaurant_id)
        await hanging.aclose()
    assert [log["error"] for log in logs] == ["TimeoutError"]
    assert dish(config, "Margherita") == (950, False)


async def _say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(-1)
    writer.close()


async def test_a_menu_read_before_a_change_is_not_written_after_it(
    redis: Redis, sessions: Sessions, demo: DemoRestaurant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1 A worker reads the menu. 2 It changes, and the cache is invalidated. 3 The worker writes
    what it read: refused. 4 The next call reads the new menu.
    """
    read = snapshot.read_restaurant_config

    async def read_then_changed(
        sessions: Sessions, restaurant_id: UUID
    ) -> tuple[RestaurantConfig, int]:
        config = await read(sessions, restaurant_id)
        async with sessions.begin() as session:
            await session.execute(update(MenuItem).values(price_cents=1))
        await redis.incr(redis_keys.CONFIG_GENERATION)
        await redis.delete(KEY)
        return config

    with monkeypatch.context() as patch:
        patch.setattr(snapshot, "read_restaurant_config", read_then_changed)
        old = await load_restaurant_config(redis, sessions, demo.restaurant_id)
    assert dish(old, "Margherita") == (950, False)
    assert await redis.get(KEY) is None
    new = await load_restaurant_config(redis, sessions, demo.restaurant_id)
    assert dish(new, "Margherita") == (1, False)
    assert await redis.get(KEY) == pack(new)


async def test_nothing_is_cached_while_nobody_watches_for_changes(
    redis: Redis, sessions: Sessions, demo: DemoRestaurant
) -> None:
    await redis.delete(redis_keys.CONFIG_GENERATION)
    await load_restaurant_config(redis, sessions, demo.restaurant_id)
    assert await redis.keys("*") == []


async def test_humans_are_known_by_name_never_by_number(
    redis: Redis, sessions: Sessions, demo: DemoRestaurant
) -> None:
    async with sessions.begin() as session:
        other = await add_restaurant(session)
        for restaurant_id, position, name in (
            (demo.restaurant_id, 2, "le gérant"),
            (demo.restaurant_id, 1, "le service traiteur"),
            (other, 0, "un autre"),
        ):
            session.add(
                TransferTarget(
                    restaurant_id=restaurant_id,
                    name=name,
                    phone_e164=f"+3319900200{position}",
                    position=position,
                )
            )
    config = await load_restaurant_config(redis, sessions, demo.restaurant_id)
    assert [target.name for target in config.transfer_targets] == [
        "le service traiteur",
        "le gérant",
    ]
    assert "+331990020" not in str(await redis.get(KEY))


async def test_an_unknown_restaurant_is_named_and_not_cached(
    redis: Redis, sessions: Sessions
) -> None:
    unknown = new_id()
    with pytest.raises(UnknownRestaurant, match=str(unknown)):
        await load_restaurant_config(redis, sessions, unknown)
    assert not await redis.keys(redis_keys.restaurant_config("*"))


async def test_another_tenant_sees_nothing(
    redis: Redis, sessions: Sessions, demo: DemoRestaurant
) -> None:
    async with sessions.begin() as session:
        other = await add_restaurant(session)
    config = await load_restaurant_config(redis, sessions, other)
    assert (config.menu, config.opening) == ((), ())


async def test_sold_out_ends_when_it_says_and_the_cache_with_it(
    redis: Redis, sessions: Sessions, demo: DemoRestaurant
) -> None:
    now = datetime.now(UTC)
    async with sessions.begin() as session:
        for name, until in (("Reine", 40), ("Calzone", -40)):
            await session.execute(
                update(MenuItem)
                .where(MenuItem.id == demo_id("item", name))
                .values(sold_out_until=now + timedelta(seconds=until))
            )
        await session.execute(
            update(Option)
            .where(Option.id == demo_id("option", "Pâte", "épaisse"))
            .values(sold_out_until=now + timedelta(hours=1))
        )
        await session.execute(
            update(MenuItem).where(MenuItem.id == demo_id("item", "Parma")).values(active=False)
        )
    config = await load_restaurant_config(redis, sessions, demo.restaurant_id)
    assert dish(config, "Reine")[1]
    assert not dish(config, "Calzone")[1]
    assert "Parma" not in {d.name for d in config.menu}
    dough = config.menu[0].option_groups[0]
    assert {option.name: option.sold_out for option in dough.options} == {
        "fine": False,
        "épaisse": True,
    }
    assert 30 < await redis.ttl(KEY) <= 40


async def test_dishes_and_options_of_one_name_are_told_apart(
    redis: Redis, sessions: Sessions, demo: DemoRestaurant
) -> None:
    async with sessions.begin() as session:
        for kind, table, places in (
            ("item", MenuItem, [("Spaghetti carbonara",)]),
            ("option", Option, [("Pâte", "fine"), ("Suppléments", "œuf")]),
        ):
            for place in places:
                await session.execute(
                    update(table)
                    .where(table.id == demo_id(kind, *place))
                    .values(name="Reine", spoken_name="Reine", aliases=[])
                )
    config = await load_restaurant_config(redis, sessions, demo.restaurant_id)
    names = [item.name for item in config.menu]
    assert len(set(names)) == len(names)
    assert {"Reine (Pizzas)", "Reine (Pâtes)"} <= set(names)
    options = [o.name for group in config.menu[0].option_groups for o in group.options]
    assert {"Reine (Pâte)", "Reine (Suppléments)"} <= set(options)


async def test_seeding_again_restores_the_menu_and_keeps_the_rest(
    sessions: Sessions, database_url: str, demo: DemoRestaurant
) -> None:
    async with sessions.begin() as session:
        await session.execute(update(MenuItem).values(price_cents=1, active=False))
        await session.execute(update(Restaurant).values(status="paused"))
        await add_order(session, demo.restaurant_id)
        items = await session.scalar(select(func.count()).select_from(MenuItem))
    assert seed(database_url) == demo
    async with sessions() as session:
        assert await session.scalar(select(func.count()).select_from(MenuItem)) == items
        assert await session.scalar(select(func.min(MenuItem.price_cents))) == 180
        assert await session.scalar(select(func.count()).select_from(Order)) == 1
        registration = (await session.scalars(select(SipRegistration))).one()
        assert registration.config_version == 1


async def test_another_account_is_another_version_of_the_same_gateway(
    sessions: Sessions, database_url: str, demo: DemoRestaurant
) -> None:
    again = seed(database_url, password="second password", hours=Hours.AROUND_THE_CLOCK)
    assert again.gateway_name == demo.gateway_name
    async with sessions() as session:
        registration = (await session.scalars(select(SipRegistration))).one()
        password = SECRETS.open(registration.password_encrypted, owner=demo.restaurant_id)
        assert (registration.config_version, password) == (2, "second password")
