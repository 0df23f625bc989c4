"""Migration 0008 walls off the rows that are there, and takes the walls down again; the roles it
needs are made, or asked for.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast
from uuid import UUID, uuid4

import psycopg
import pytest
from sqlalchemy import create_engine
from sqlalchemy.ext.asyncio import AsyncEngine

from controlplane.database import libpq_url, sqlalchemy_url
from controlplane.database_roles import DatabaseRole
from controlplane.errors import ConfigurationError
from controlplane.migrations import schema
from controlplane.migrations.roles import provide_roles
from tests.integration.database.login_users import login_user

pytestmark = pytest.mark.integration

BEFORE, WALLS = "0007", "0008"


def test_walls_go_up_around_rows_and_come_down_again(empty_database_url: str) -> None:
    schema.upgrade(empty_database_url, revision=BEFORE)
    ours = add_restaurant(empty_database_url)
    add_restaurant(empty_database_url)
    for _ in range(2):
        schema.upgrade(empty_database_url, revision=WALLS)
        assert len(restaurants(empty_database_url)) == 2, "the owner's own are gone"
        assert restaurants(empty_database_url, role=DatabaseRole.WEB) == []
        assert restaurants(empty_database_url, role=DatabaseRole.WEB, named=ours) == [ours]
        schema.downgrade(empty_database_url, revision=BEFORE)
        assert len(restaurants(empty_database_url)) == 2
        assert left_behind(empty_database_url) == [0, 0, 0, 0]


def add_restaurant(url: str) -> UUID:
    restaurant_id = uuid4()
    with psycopg.connect(libpq_url(url)) as connection:
        connection.execute(
            "INSERT INTO restaurant (id, slug, name, spoken_name, address, timezone, phone_e164,"
            " status, preparation_minutes, voice, realtime_model) VALUES (%s, %s, '', '', '',"
            " 'Europe/Paris', '+33199001234', 'live', 20, '', '')",
            [restaurant_id, str(restaurant_id)],
        )
    return restaurant_id


def restaurants(
    url: str, *, role: DatabaseRole | None = None, named: UUID | None = None
) -> list[UUID]:
    with psycopg.connect(libpq_url(url)) as connection:
        if role:
            connection.execute(f"SET ROLE {role}".encode())
        connection.execute(
            "SELECT set_config('app.restaurant_id', %s, true)", [named and str(named)]
        )
        return [row[0] for row in connection.execute("SELECT id FROM restaurant")]


def left_behind(url: str) -> list[Any]:
    """Count policies, walled tables, grants to the roles, functions that act as their owner."""
    counts = (
        "SELECT count(*) FROM pg_policies",
        "SELECT count(*) FROM pg_class WHERE relrowsecurity OR relforcerowsecurity",
        "SELECT count(*) FROM information_schema.table_privileges"
        " WHERE grantee LIKE 'alloresto\\_%'",
        "SELECT count(*) FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
        " AND (prosecdef OR proconfig IS NOT NULL)",
    )
    with psycopg.connect(libpq_url(url)) as connection:
        return [row[0] for count in counts for row in connection.execute(count.encode())]


async def test_who_may_make_no_roles_is_told_what_to_run(
    database_url: str, database: AsyncEngine
) -> None:
    """Those that are there need no right; the statements name the missing one alone."""
    absent = cast("DatabaseRole", f"alloresto_absent_{uuid4().hex}")
    async with login_user(database, DatabaseRole.WEB) as user:
        engine = create_engine(sqlalchemy_url(user.url(database_url)))
        with engine.begin() as connection:
            provide_roles(connection, DatabaseRole)
            with pytest.raises(ConfigurationError) as refused:
                provide_roles(connection, [*DatabaseRole, absent])
        engine.dispose()
    assert str(refused.value).endswith(f"run this first: CREATE ROLE {absent} NOLOGIN;")


def test_two_databases_of_a_server_may_be_migrated_at_once(database_url: str) -> None:
    role = cast("DatabaseRole", f"alloresto_made_{uuid4().hex}")
    engine = create_engine(sqlalchemy_url(database_url))

    def provide() -> None:
        with engine.begin() as connection:
            provide_roles(connection, [role])

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(provide) for _ in range(4)]:
            done.result(timeout=30)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"SET LOCAL ROLE {role}")
        connection.exec_driver_sql("RESET ROLE")
        connection.exec_driver_sql(f"DROP ROLE {role}")
    engine.dispose()
