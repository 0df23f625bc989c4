"""Back-ups are restored and compared (docs/backup.md): a dump into a server that knows nothing, and
a base backup with its WAL up to the moment before a mistake.
"""

import asyncio
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
from psycopg import sql

from controlplane.database import async_engine, async_sessions, libpq_url
from controlplane.database_roles import DatabaseRole
from controlplane.local.launch.postgres import DATABASE, PostgresServer, find_postgres
from controlplane.local.launch.services import LocalServices
from controlplane.local.launch.unprivileged import SystemUser, own_folder, service_user
from controlplane.models.order import Order
from controlplane.restaurants.confirmations import confirm_order
from tests.databases import Databases
from tests.integration.database.login_users import login_user
from tests.integration.kitchen_orders import add_order, add_restaurant
from tests.waiting import DEADLINE_S, block_until

pytestmark = pytest.mark.integration

PROGRAMS: Final = ("pg_dump", "pg_dumpall", "pg_restore", "pg_basebackup", "psql")


@dataclass(frozen=True)
class Rehearsal:
    """A database that was dumped, and the server that the dump was restored to."""

    dumped: PostgresServer
    database: str
    restored: PostgresServer
    folder: Path
    archive: Path
    user: SystemUser | None


@pytest.fixture(scope="module")
def rehearsal(services: LocalServices, databases: Databases) -> Iterator[Rehearsal]:
    """1. Two restaurants have orders. 2. Roles and database are dumped as the tables' owner.
    3. They are restored to a server of their own, which archives its WAL.
    """
    if services.postgres is None:
        pytest.skip("the given server's superuser is not known: leave DATABASE_URL to the tests")
    if missing := [each for each in PROGRAMS if not (find_postgres().folder / each).is_file()]:
        pytest.skip(f"this Postgres comes without {', '.join(missing)}")
    with (
        databases.lend() as url,
        tempfile.TemporaryDirectory(prefix="alloresto-test-", ignore_cleanup_errors=True) as name,
    ):
        folder = Path(name)
        folder.chmod(0o711)
        user = service_user(folder)
        place_orders(url, restaurants=2, orders=3)
        server = empty_server(folder / "restored", user)
        archive = own_folder(folder / "archive", user)
        try:
            archive_to(server, archive)
            roles = run("pg_dumpall", "--roles-only", "--no-role-passwords", "-d", libpq_url(url))
            run("psql", "-d", superuser_url(server, "postgres"), stdin=roles)
            dump = folder / "alloresto.dump"
            run("pg_dump", "-Fc", "--enable-row-security", "-d", libpq_url(url), "-f", str(dump))
            restore = ("pg_restore", "--exit-on-error", "-d", superuser_url(server, DATABASE))
            run(*restore, str(dump))
            yield Rehearsal(
                services.postgres, url.rpartition("/")[2], server, folder, archive, user
            )
        finally:
            server.stop()


def empty_server(home: Path, user: SystemUser | None) -> PostgresServer:
    """It is made and started; it has the tables' owner and an empty database."""
    return server_at(home, user).start()


def server_at(home: Path, user: SystemUser | None) -> PostgresServer:
    home.mkdir(mode=0o711, exist_ok=True)
    home.chmod(0o711)
    return PostgresServer(
        find_postgres(), home, log_file=home / "postgres.log", user=user, disposable=True
    )


def archive_to(server: PostgresServer, archive: Path) -> None:
    command = f"test ! -f {archive}/%f && cp %p {archive}/%f"
    with server.admin() as connection:
        connection.execute(b"ALTER SYSTEM SET archive_mode = on")
        set_command = sql.SQL("ALTER SYSTEM SET archive_command = {}").format(sql.Literal(command))
        connection.execute(set_command)
    server.stop()
    server.start()


def run(program: str, *arguments: str, stdin: bytes = b"") -> bytes:
    """What it wrote; it is to succeed."""
    ended = subprocess.run(
        [find_postgres().folder / program, *arguments],
        input=stdin,
        capture_output=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr.decode()
    return ended.stdout


def superuser_url(server: PostgresServer, database: str) -> str:
    with closing(server.admin()) as connection:
        at = connection.info
        return f"postgresql://{at.user}:{at.password}@{at.host}:{at.port}/{database}"


def place_orders(url: str, *, restaurants: int, orders: int) -> None:
    async def work() -> None:
        engine = async_engine(url, application_name="test")
        async with async_sessions(engine).begin() as session:
            for _ in range(restaurants):
                restaurant_id = await add_restaurant(session)
                for days_ago in range(orders):
                    order_id = await add_order(session, restaurant_id, days_ago=days_ago)
                    await confirm_order(session, await session.get_one(Order, order_id))
        await engine.dispose()

    asyncio.run(work())


def contents(server: PostgresServer, database: str) -> dict[str, Any]:
    """How many rows each table has and their digest, as the superuser sees them: past all walls."""
    found: dict[str, Any] = {}
    with psycopg.connect(superuser_url(server, database)) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for (name,) in tables.fetchall():
            digest = sql.SQL(
                "SELECT count(*), md5(string_agg(md5(t::text), '' ORDER BY t::text)) FROM {} t"
            )
            found[name] = connection.execute(digest.format(sql.Identifier(name))).fetchone()
    return found


def last_outbox_id(server: PostgresServer, database: str) -> int:
    with psycopg.connect(superuser_url(server, database)) as connection:
        found = connection.execute("SELECT last_value FROM event_outbox_id_seq").fetchone()
        assert found is not None
        return int(found[0])


def count_orders(url: str, *, restaurant: object = None) -> int:
    with psycopg.connect(libpq_url(url)) as connection:
        named = "" if restaurant is None else str(restaurant)
        connection.execute("SELECT set_config('app.restaurant_id', %s, true)", (named,))
        (found,) = connection.execute('SELECT count(*) FROM "order"').fetchone() or (0,)
        return int(found)


def test_a_dump_that_would_leave_rows_out_is_refused(rehearsal: Rehearsal) -> None:
    """Without the option the owner, whom walls bind too, is told so."""
    owner = rehearsal.dumped.url.rpartition("/")[0]
    with pytest.raises(AssertionError, match="row-level security"):
        run("pg_dump", "-Fc", "-d", f"{owner}/{rehearsal.database}", "-f", os.devnull)


async def test_what_is_restored_is_what_was_dumped_and_restaurants_stay_apart(
    rehearsal: Rehearsal,
) -> None:
    """Another tenant sees nothing there either: roles, grants and walls came with the rows."""
    dumped = contents(rehearsal.dumped, rehearsal.database)
    assert dumped["order"][0] == 6
    assert contents(rehearsal.restored, DATABASE) == dumped
    last = last_outbox_id(rehearsal.dumped, rehearsal.database)
    assert last_outbox_id(rehearsal.restored, DATABASE) == last
    engine = async_engine(superuser_url(rehearsal.restored, DATABASE), application_name="test")
    async with login_user(engine, DatabaseRole.WEB) as site:
        url = site.url(rehearsal.restored.url)
        with psycopg.connect(superuser_url(rehearsal.restored, DATABASE)) as connection:
            restaurants = connection.execute("SELECT id FROM restaurant").fetchall()
        assert [count_orders(url, restaurant=each) for (each,) in restaurants] == [3, 3]
        assert count_orders(url) == 0
        with psycopg.connect(url) as connection:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute('DELETE FROM "order"')
    await engine.dispose()


def test_a_mistake_is_undone_up_to_the_moment_before_it(rehearsal: Rehearsal) -> None:
    """1. A base backup. 2. Orders are placed after it. 3. Somebody deletes all orders. 4. Another
    server replays the archived WAL to the moment before: every order is there. 5. Nobody is told
    again what they were told since.
    """
    server, home = rehearsal.restored, rehearsal.folder / "recovered"
    source = superuser_url(server, DATABASE)
    recovered = server_at(home, rehearsal.user)
    cluster = home / f"postgres-{find_postgres().major}"
    data = cluster / "data"
    run("pg_basebackup", "-d", superuser_url(server, ""), "-D", str(data), "-c", "fast")
    place_orders(source, restaurants=1, orders=4)
    before, last = contents(server, DATABASE), last_outbox_id(server, DATABASE)
    with psycopg.connect(source, autocommit=True) as connection:
        (moment,) = connection.execute("SELECT clock_timestamp()::text").fetchone() or ("",)
        connection.execute('DELETE FROM "order"')
        (wal,) = connection.execute("SELECT pg_walfile_name(pg_switch_wal())").fetchone() or ("",)
    assert contents(server, DATABASE)["order"][0] == 0
    block_until(lambda: (rehearsal.archive / wal).is_file())

    (data / "recovery.signal").touch()
    with (data / "postgresql.auto.conf").open("a", encoding="utf-8") as settings:
        settings.write(f"restore_command = 'cp {rehearsal.archive}/%f %p'\n")
        settings.write(f"recovery_target_time = '{moment}'\n")
        settings.write("recovery_target_action = 'promote'\narchive_mode = off\n")
    password = next((rehearsal.folder / "restored").glob("postgres-*")) / "password"
    (cluster / "password").write_bytes(password.read_bytes())
    if rehearsal.user is not None:
        for path in (cluster, *cluster.rglob("*")):
            os.chown(path, rehearsal.user.uid, rehearsal.user.gid)
    try:
        recovered.start()
        block_until(lambda: takes_writes(recovered))
        assert contents(recovered, DATABASE) == before
        assert last_outbox_id(recovered, DATABASE) >= last  # WAL has it some steps ahead
        assert before["order"][0] == before["notification"][0] == 10
        with psycopg.connect(superuser_url(recovered, DATABASE)) as connection:
            for statement in told_meanwhile():
                connection.execute(statement)
            waiting = connection.execute("SELECT FROM notification WHERE state = 'pending'")
            assert waiting.fetchall() == []
    finally:
        recovered.stop()


def told_meanwhile() -> list[bytes]:
    """The statements of the guide, by which nobody is told twice of what was told since."""
    guide = (Path(__file__).resolve().parents[3] / "docs" / "backup.md").read_bytes()
    return re.findall(rb"^ *(UPDATE .+);$", guide, re.MULTILINE)


def takes_writes(server: PostgresServer) -> bool:
    with closing(server.admin()) as connection:
        return connection.execute(b"SELECT pg_is_in_recovery()").fetchone() == (False,)
