"""Migrations lead to the models, statements have deadlines, and the outbox shows in order."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import psycopg
import pytest
from sqlalchemy import create_engine, inspect, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine

from controlplane import database as db
from controlplane.errors import ConfigurationError
from controlplane.migrations import schema
from controlplane.models.event_outbox import EventOutbox
from controlplane.models.registry import Base
from tests.accounts import SECRET_KEYS, SECRETS
from tests.integration.kitchen_orders import add_restaurant

pytestmark = pytest.mark.integration


def tables(url: str) -> set[str]:
    engine = create_engine(db.sqlalchemy_url(url))
    try:
        return set(inspect(engine).get_table_names())
    finally:
        engine.dispose()


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_a_providers_url_becomes_one_for_psycopg(scheme: str) -> None:
    url = f"{scheme}://user:p%40ss@host:5433/name?sslmode=require"
    assert db.sqlalchemy_url(url).drivername == "postgresql+psycopg"
    assert db.libpq_url(url) == "postgresql://user:p%40ss@host:5433/name?sslmode=require"


@pytest.mark.parametrize("url", ["mysql://u:secret@h/d", "secret", ""])
def test_another_url_is_refused_without_quoting_it(url: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        db.sqlalchemy_url(url)
    assert "secret" not in str(refused.value)


def test_migrations_make_what_the_models_say(empty_database_url: str) -> None:
    schema.upgrade(empty_database_url)
    assert tables(empty_database_url) == {*Base.metadata.tables, "alembic_version"}
    schema.check_models(empty_database_url)


def test_downgrade_leaves_nothing_and_upgrade_starts_over(empty_database_url: str) -> None:
    schema.upgrade(empty_database_url)
    schema.downgrade(empty_database_url, revision="base")
    assert tables(empty_database_url) == {"alembic_version"}
    with psycopg.connect(db.libpq_url(empty_database_url)) as connection:
        left = connection.execute(
            "SELECT count(*) FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
        ).fetchone()
    assert left == (0,)
    schema.upgrade(empty_database_url)
    schema.check_models(empty_database_url)


OLD_ACCOUNTS = (
    ("rome", "sip.ovh.example", "udp", 1800, "a password"),
    ("milan", "sip.ovh.example", "udp", 1800, 'l\'été, "vif"'),
    ("turin", "sip.ovh.example", "udp", 60, "b"),
    ("naples", "sip.other.example:5080", "tls", 60, "c"),
)


def with_old_accounts(url: str) -> dict[str, UUID]:
    """A schema of revision 0001 with accounts in clear; restaurants by slug."""
    schema.upgrade(url, revision="0001")
    ids = {slug: uuid4() for slug, *_ in OLD_ACCOUNTS}
    with psycopg.connect(db.libpq_url(url)) as connection:
        connection.execute(
            "INSERT INTO sip_bridge_node (id, capacity, draining, last_seen_at)"
            " VALUES ('bridge-0', 200, false, now())"
        )
        for slug, registrar, transport, expires, password in OLD_ACCOUNTS:
            connection.execute(
                "INSERT INTO restaurant (id, slug, name, spoken_name, address, timezone,"
                " phone_e164, status, preparation_minutes, voice, realtime_model)"
                " VALUES (%s, %s, '', '', '', 'Europe/Paris', '+33199001234', 'live', 20, '', '')",
                [ids[slug], slug],
            )
            connection.execute(
                "INSERT INTO sip_registration (id, restaurant_id, gateway_name, registrar,"
                " transport, username, password, expire_seconds, config_version, bridge_id, epoch,"
                " state) VALUES (%s, %s, %s, %s, %s, 'u', %s, %s, 3, 'bridge-0', 2, 'REGED')",
                [uuid4(), ids[slug], slug, registrar, transport, password, expires],
            )
    return ids


def test_accounts_in_clear_are_carried_over_encrypted(empty_database_url: str) -> None:
    ids = with_old_accounts(empty_database_url)
    schema.upgrade(empty_database_url, secret_keys=SECRET_KEYS)
    schema.check_models(empty_database_url)
    with psycopg.connect(db.libpq_url(empty_database_url)) as connection:
        rows = connection.execute(
            "SELECT gateway_name, password_encrypted, carrier_id, registrar, transport,"
            " expire_seconds, config_version, bridge_id, epoch"
            " FROM sip_registration JOIN carrier ON carrier.id = carrier_id"
        ).fetchall()
        carriers = connection.execute("SELECT count(*) FROM carrier").fetchone()
    assert carriers == (3,)
    found = {
        name: (registrar, transport, expires, SECRETS.open(sealed, owner=ids[name]), *kept)
        for name, sealed, _, registrar, transport, expires, *kept in rows
    }
    assert found == {
        slug: (registrar, transport.replace("tls", "tcp"), expires, password, 3, "bridge-0", 2)
        for slug, registrar, transport, expires, password in OLD_ACCOUNTS
    }


@pytest.mark.parametrize("keys", [None, "", "not a key"])
def test_accounts_in_clear_are_not_migrated_without_a_key(
    empty_database_url: str, keys: str | None
) -> None:
    """The whole migration is undone, and the error names the setting, never a password."""
    with_old_accounts(empty_database_url)
    with pytest.raises(ConfigurationError, match="ALLORESTO_SECRET_KEYS") as refused:
        schema.upgrade(empty_database_url, secret_keys=keys)
    assert not any(password in str(refused.value) for *_, password in OLD_ACCOUNTS[:2])
    with psycopg.connect(db.libpq_url(empty_database_url)) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == ("0001",)
        kept = connection.execute("SELECT password FROM sip_registration").fetchall()
    assert sorted(kept) == sorted((password,) for *_, password in OLD_ACCOUNTS)


def test_a_downgrade_keeps_accounts_and_forgets_what_it_cannot_decrypt(
    empty_database_url: str,
) -> None:
    with_old_accounts(empty_database_url)
    schema.upgrade(empty_database_url, secret_keys=SECRET_KEYS)
    schema.downgrade(empty_database_url, revision="0001")
    with psycopg.connect(db.libpq_url(empty_database_url)) as connection:
        rows = connection.execute(
            "SELECT gateway_name, registrar, transport, expire_seconds, password"
            " FROM sip_registration"
        ).fetchall()
    assert sorted(rows) == sorted(
        (slug, registrar, transport.replace("tls", "tcp"), expires, "")
        for slug, registrar, transport, expires, _ in OLD_ACCOUNTS
    )
    schema.upgrade(empty_database_url, secret_keys=SECRET_KEYS)
    schema.check_models(empty_database_url)


def test_replicas_may_upgrade_at_the_same_time(empty_database_url: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(schema.upgrade, empty_database_url) for _ in range(4)]:
            done.result(timeout=60)
    assert tables(empty_database_url) == {*Base.metadata.tables, "alembic_version"}


def test_an_upgrade_waits_no_longer_than_its_deadline(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "MIGRATION_WAIT_S", 1)
    with psycopg.connect(db.libpq_url(empty_database_url)) as holder:
        holder.execute("SELECT pg_advisory_xact_lock(%s)", [schema.MIGRATION_LOCK_KEY])
        with pytest.raises(OperationalError, match="timeout"):
            schema.upgrade(empty_database_url)


async def test_a_statement_ends_at_its_deadline(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db, "STATEMENT_TIMEOUT_MS", 100)
    engine = db.async_engine(database_url, application_name="test")
    async with engine.connect() as connection:
        with pytest.raises(OperationalError, match="statement timeout"):
            await connection.execute(text("SELECT pg_sleep(5)"))
    await engine.dispose()


async def test_sessions_are_in_utc(database: AsyncEngine) -> None:
    async with database.connect() as connection:
        assert await connection.scalar(text("SHOW timezone")) == "UTC"


async def test_the_outbox_of_a_restaurant_becomes_visible_in_the_order_of_its_ids(
    database: AsyncEngine,
) -> None:
    """1 A writes and stays open. 2 B writes and wants to commit. 3 B waits until A commits.

    Without the trigger B's higher id is visible first, and a page that saw it misses A's.
    """
    sessions = db.async_sessions(database)
    async with sessions.begin() as session:
        ours, theirs = await add_restaurant(session), await add_restaurant(session)

    async def write(restaurant_id: object) -> None:
        async with sessions.begin() as session:
            session.add(EventOutbox(restaurant_id=restaurant_id, topic="b", payload={}))

    async with sessions() as a:
        a.add(EventOutbox(restaurant_id=ours, topic="a", payload={}))
        await a.flush()
        b = asyncio.create_task(write(ours))
        await asyncio.wait_for(write(theirs), timeout=2)  # another restaurant does not wait
        done, _ = await asyncio.wait({b}, timeout=0.3)
        assert not done
        await a.commit()
    await asyncio.wait_for(b, timeout=2)
    async with sessions() as session:
        rows = await session.scalars(
            select(EventOutbox.topic)
            .where(EventOutbox.restaurant_id == ours)
            .order_by(EventOutbox.id)
        )
        assert rows.all() == ["a", "b"]


async def test_a_commit_to_the_outbox_notifies_and_a_rollback_does_not(
    database: AsyncEngine, database_url: str
) -> None:
    sessions = db.async_sessions(database)
    async with sessions.begin() as session:
        restaurant_id = await add_restaurant(session)
    listener = await psycopg.AsyncConnection.connect(db.libpq_url(database_url), autocommit=True)
    async with listener:
        await listener.execute("LISTEN event_outbox")
        async with sessions() as session:
            session.add(EventOutbox(restaurant_id=restaurant_id, topic="t", payload={}))
            await session.flush()
            await session.rollback()
        async with sessions.begin() as session:
            session.add(EventOutbox(restaurant_id=restaurant_id, topic="t", payload={}))
        heard = [notify.payload async for notify in listener.notifies(timeout=0.5)]
    assert heard == [str(restaurant_id)]
