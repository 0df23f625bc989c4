"""Postgres: engines for gevent and asyncio processes, and the migrations.

Nothing here keeps a connection at import. Every connection carries its deadlines, so that a
process never waits on Postgres for ever.
"""

from collections.abc import Callable
from typing import Any, Final

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, make_url, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker, create_async_engine
from sqlalchemy.ext.asyncio import AsyncSession as AsyncSession
from sqlalchemy.pool import NullPool

from controlplane.errors import ConfigurationError

CONNECT_TIMEOUT_S: Final = 5
"""A Postgres that fails over answers within seconds; a caller is waiting behind most queries."""
STATEMENT_TIMEOUT_MS: Final = 5_000
"""No query of ours takes 100 ms; one that takes 5 s is stuck."""
LOCK_TIMEOUT_MS: Final = 3_000
"""Below the statement's, so that the error names the lock."""
IDLE_IN_TRANSACTION_MS: Final = 15_000
"""A process that hangs inside a transaction gives its locks back."""
TCP_USER_TIMEOUT_MS: Final = 10_000
"""A network that swallows packets is noticed before the kernel's 15 minutes."""
POOL_WAIT_S: Final = 5
"""For a free connection of a full pool."""
POOL_RECYCLE_S: Final = 1_800
"""Below the idle limit of common load balancers."""

MIGRATION_WAIT_S: Final = 120
"""A second replica waits for the first one's migrations."""
MIGRATION_LOCK_KEY: Final = 0x616C6C6F72657374  # "allorest"

_PLAIN_SCHEMES = {"postgres", "postgresql", "postgresql+psycopg"}


def sqlalchemy_url(database_url: str) -> URL:
    """`postgresql://…` as providers hand it out, spelt for SQLAlchemy and psycopg 3.

    Raises `ConfigurationError` without quoting the URL: it holds a password.
    """
    try:
        url = make_url(database_url)
    except ArgumentError:
        raise ConfigurationError("DATABASE_URL is not a URL: write postgresql://…") from None
    if url.drivername not in _PLAIN_SCHEMES:
        raise ConfigurationError("DATABASE_URL is not for Postgres: write postgresql://…")
    return url.set(drivername="postgresql+psycopg")


def libpq_url(database_url: str) -> str:
    """The same URL for psycopg itself (a LISTEN connection), without SQLAlchemy's driver name."""
    plain = sqlalchemy_url(database_url).set(drivername="postgresql")
    return plain.render_as_string(hide_password=False)


def connect_arguments(application_name: str) -> dict[str, Any]:
    """libpq's arguments of every connection: a name ops can see, and the deadlines.

    Prepared statements stay off, so that a transaction-pooling proxy may sit in between.
    """
    return {
        "application_name": f"alloresto {application_name}",
        "connect_timeout": CONNECT_TIMEOUT_S,
        "tcp_user_timeout": TCP_USER_TIMEOUT_MS,
        "keepalives_idle": 30,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "prepare_threshold": None,
        "options": (
            f"-c timezone=UTC -c statement_timeout={STATEMENT_TIMEOUT_MS}"
            f" -c lock_timeout={LOCK_TIMEOUT_MS}"
            f" -c idle_in_transaction_session_timeout={IDLE_IN_TRANSACTION_MS}"
        ),
    }


def sync_engine(database_url: str, *, application_name: str, pool_size: int = 4) -> Engine:
    """An engine for gevent processes: psycopg yields to the hub once gevent is patched in."""
    return create_engine(
        sqlalchemy_url(database_url),
        connect_args=connect_arguments(application_name),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=POOL_WAIT_S,
        pool_recycle=POOL_RECYCLE_S,
        pool_pre_ping=True,
    )


def async_engine(database_url: str, *, application_name: str, pool_size: int = 4) -> AsyncEngine:
    """An engine for asyncio processes."""
    return create_async_engine(
        sqlalchemy_url(database_url),
        connect_args=connect_arguments(application_name),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=POOL_WAIT_S,
        pool_recycle=POOL_RECYCLE_S,
        pool_pre_ping=True,
    )


def async_sessions(engine: AsyncEngine) -> async_sessionmaker[AsyncSession]:
    """Sessions whose objects stay readable after the commit."""
    return async_sessionmaker(engine, expire_on_commit=False)


def upgrade(database_url: str, *, revision: str = "head") -> None:
    """Bring the schema to `revision`, in one transaction.

    Replicas may run it at the same time: one migrates, the others wait for its lock (up to
    `MIGRATION_WAIT_S`) and find nothing left to do.
    """
    _migrate(database_url, lambda config: command.upgrade(config, revision))


def downgrade(database_url: str, *, revision: str) -> None:
    """Take the schema back to `revision` (`base`: no table of ours left). Data is lost."""
    _migrate(database_url, lambda config: command.downgrade(config, revision))


def check_models(database_url: str) -> None:
    """Raise `alembic.util.AutogenerateDiffsDetected` when models and migrations disagree."""
    _migrate(database_url, command.check)


def alembic_config(connection: Connection | None = None) -> Config:
    """Alembic's configuration without an ini file: the migrations ship in the package."""
    config = Config()
    config.set_main_option("script_location", "controlplane:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _migrate(database_url: str, run: Callable[[Config], object]) -> None:
    arguments = connect_arguments("migrations")
    engine = create_engine(sqlalchemy_url(database_url), connect_args=arguments, poolclass=NullPool)
    with engine.begin() as connection:
        for setting in ("lock_timeout", "statement_timeout"):
            _set_local(connection, setting, f"{MIGRATION_WAIT_S}s")
        # Of the transaction, not of the session: it survives a pooling proxy, and ends with us.
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK_KEY})
        # A migration that waits for a table stops everyone who queues behind it.
        _set_local(connection, "lock_timeout", f"{LOCK_TIMEOUT_MS}ms")
        run(alembic_config(connection))


def _set_local(connection: Connection, setting: str, value: str) -> None:
    connection.execute(
        text("SELECT set_config(:setting, :value, true)"), {"setting": setting, "value": value}
    )
