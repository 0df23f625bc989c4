"""The database as admin commands reach it: DATABASE_URL, one short connection, clear failures."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError, ProgrammingError

from controlplane.commands.environment import database_url
from controlplane.database import sync_engine
from controlplane.errors import ServiceUnavailable


@contextmanager
def admin_engine() -> Iterator[Engine]:
    """An engine on DATABASE_URL. Raises `ConfigurationError`, `ServiceUnavailable`."""
    engine = sync_engine(database_url(), application_name="admin", pool_size=1)
    try:
        yield engine
    except OperationalError as error:
        raise ServiceUnavailable("Postgres does not answer at DATABASE_URL") from error
    except ProgrammingError as error:
        raise ServiceUnavailable(
            "the database lacks a table or column: run `alloresto db upgrade`"
        ) from error
    finally:
        engine.dispose()


@contextmanager
def admin_connection() -> Iterator[Connection]:
    """One transaction on it, committed when nothing was raised."""
    with admin_engine() as engine, engine.begin() as connection:
        yield connection
