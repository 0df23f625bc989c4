"""Lends each test a migrated, empty database.

Copying one costs Postgres three times what emptying one does (its catalogue has 750 relations), so
a database whose catalogue a test left alone is emptied and lent again. Only a superuser empties
tables that row-level security and append-only triggers guard: on a server of somebody else's every
test gets a copy of its own. The superuser's connection to each database is kept: a new one would
read the catalogue of every table that it looks into, 30 ms.
"""

import contextlib
import uuid
from collections.abc import Iterator
from typing import Any, Final

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from controlplane.database import libpq_url
from controlplane.local.launch.postgres import SUPERUSER
from controlplane.local.launch.services import LocalServices
from tests.waiting import block_until

CATALOGUES = (
    "pg_attrdef pg_attribute pg_class pg_constraint pg_default_acl pg_index pg_namespace pg_policy"
    " pg_proc pg_rewrite pg_trigger pg_type"
).split()
SETTINGS_OF_THE_DATABASE = (
    "SELECT 'settings', d.datallowconn::int, count(s.setdatabase) FROM pg_database d"
    " LEFT JOIN pg_db_role_setting s ON s.setdatabase = d.oid"
    " WHERE d.datname = current_database() GROUP BY d.oid"
)
STATE_OF_THE_CATALOGUE = " UNION ALL ".join(
    [
        f"SELECT '{name}', count(*), coalesce(max(xmin::text::bigint), 0) FROM {name}"
        for name in CATALOGUES
    ]
    + [SETTINGS_OF_THE_DATABASE]
)
GROWN_BYTES = 16 << 20
"""Nothing vacuums a disposable server: a database that grew by this much is not lent again."""

EMPTY = """
DO $$
DECLARE
    relation regclass;
    filled boolean;
BEGIN
    SET LOCAL session_replication_role = replica;
    FOR relation IN
        SELECT oid FROM pg_class
        WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
        AND relname <> 'alembic_version'
    LOOP
        EXECUTE format('SELECT EXISTS (SELECT 1 FROM %s)', relation) INTO filled;
        IF filled THEN EXECUTE format('DELETE FROM %s', relation); END IF;
    END LOOP;
    PERFORM setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false)
    FROM pg_sequences;
END
$$
"""

_ASKED: Final[dict[str, psycopg.Connection]] = {}


def query(url: str, statement: str, *values: object) -> list[tuple[Any, ...]]:
    """Execute a statement, in a transaction of its own; return its rows, if it has any.

    A test that waits asks every few milliseconds, so the connection to each database is kept until
    `drop`: authenticating a new one costs more than the answer.
    """
    if (kept := _ASKED.get(url)) is not None and not kept.closed:
        try:
            return _rows(kept, statement, values)
        except psycopg.OperationalError:
            if not kept.closed:
                raise  # else the server was away since the last time
    kept = _ASKED[url] = psycopg.connect(libpq_url(url), autocommit=True)
    return _rows(kept, statement, values)


def _rows(
    connection: psycopg.Connection, statement: str, values: tuple[object, ...]
) -> list[tuple[Any, ...]]:
    cursor = connection.execute(statement.encode(), values)
    return cursor.fetchall() if cursor.description else []


class Databases:
    """The databases of one session's server, all copies of one template."""

    def __init__(self, services: LocalServices, template: str) -> None:
        """`template` is the name of a database that is migrated and has no rows."""
        self._services = services
        self._template = template
        self._empty: list[str] = []
        self._superuser_in: dict[str, psycopg.Connection] = {}
        self._pristine = ""
        if services.postgres is not None:
            with self._as_superuser(template) as connection:
                self._pristine = _catalogue(connection)
                self._most_bytes = _bytes(connection) + GROWN_BYTES

    @contextlib.contextmanager
    def lend(self) -> Iterator[str]:
        """Yield the `postgresql://…` of an empty database that nobody else uses meanwhile."""
        name = self._empty.pop() if self._empty else self._copied()
        try:
            yield url_of(self._services, name)
        finally:
            if self._is_empty_again(name):
                self._empty.append(name)
            else:
                self._drop(name)

    def close(self) -> None:
        """Drop what was kept."""
        while self._empty:
            self._drop(self._empty.pop())

    def _copied(self) -> str:
        name = fresh_name("test")
        administer(self._services, "CREATE DATABASE {} TEMPLATE {}", name, self._template)
        return name

    def _is_empty_again(self, name: str) -> bool:
        """Empty it, unless that would not make it what it was."""
        if not self._pristine:
            return False
        try:
            if name not in self._superuser_in:
                self._superuser_in[name] = self._as_superuser(name)
            connection = self._superuser_in[name]
            connection.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            if _catalogue(connection) != self._pristine:
                return False
            connection.execute(EMPTY)
            return _bytes(connection) < self._most_bytes
        except psycopg.OperationalError:  # the test ended the server, or all that were in it
            return False

    def _drop(self, name: str) -> None:
        if (kept := self._superuser_in.pop(name, None)) is not None:
            kept.close()
        drop(self._services, name)

    def _as_superuser(self, name: str) -> psycopg.Connection:
        url = make_url(libpq_url(self._services.database_url)).set(
            username=SUPERUSER, database=name
        )
        return psycopg.connect(url.render_as_string(hide_password=False), autocommit=True)


def fresh_name(kind: str) -> str:
    """Return a database's name that no other has."""
    return f"alloresto_{kind}_{uuid.uuid4().hex[:12]}"


def url_of(services: LocalServices, database: str) -> str:
    """Return the `postgresql://…` of a database of that server."""
    url = make_url(libpq_url(services.database_url)).set(database=database)
    return url.render_as_string(hide_password=False)


def administer(services: LocalServices, statement: str, *names: str) -> None:
    """Execute a statement on the server; each `{}` in it is one of the names."""
    identifiers = [sql.Identifier(name) for name in names]
    with psycopg.connect(libpq_url(services.database_url), autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(*identifiers))


def drop(services: LocalServices, name: str) -> None:
    """Drop a database. An autovacuum worker may be in it, which only a superuser may end; it is
    soon gone.
    """
    if (kept := _ASKED.pop(url_of(services, name), None)) is not None:
        kept.close()

    def dropped() -> bool:
        try:
            administer(services, "DROP DATABASE {} WITH (FORCE)", name)
        except psycopg.errors.InsufficientPrivilege:
            return False
        return True

    block_until(dropped)


def _catalogue(connection: psycopg.Connection) -> str:
    """Return what changes with any change of a table, trigger, policy, function or grant."""
    return repr(connection.execute(STATE_OF_THE_CATALOGUE).fetchall())


def _bytes(connection: psycopg.Connection) -> int:
    row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    assert row is not None
    return int(row[0])
