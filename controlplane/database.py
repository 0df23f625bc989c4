"""Postgres: engines for gevent and asyncio processes.

Nothing here keeps a connection at import. Every connection carries its deadlines, so that a
process never waits on Postgres for ever.

Read-only is not alive: after a failover behind one address the old primary may live on and answer
reads. So only a server that takes writes is connected to; a connection whose server has said since
that it takes none is not handed out again, and a refused write ends all of its pool.
"""

from typing import Any, Final

import psycopg
from sqlalchemy import Engine, create_engine, event, make_url
from sqlalchemy.engine import URL, ExceptionContext
from sqlalchemy.exc import ArgumentError, InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker, create_async_engine
from sqlalchemy.ext.asyncio import AsyncSession as AsyncSession
from sqlalchemy.pool import ConnectionPoolEntry

from controlplane.database_roles import DatabaseRole
from controlplane.errors import ConfigurationError

CONNECT_TIMEOUT_S: Final = 5
"""A Postgres that fails over answers within seconds; a caller is waiting behind most queries."""
STATEMENT_TIMEOUT_MS: Final = 5_000
"""No query of ours takes 100 ms; one that takes 5 s is stuck."""
LOCK_TIMEOUT_MS: Final = 3_000
"""It is shorter than the statement's deadline, so that the error names the lock."""
IDLE_IN_TRANSACTION_MS: Final = 15_000
"""A process that hangs inside a transaction gives its locks back."""
TCP_USER_TIMEOUT_MS: Final = 10_000
"""A network that swallows packets is noticed before the kernel's 15 minutes."""
POOL_WAIT_S: Final = 5
"""A caller waits this long for a free connection when the pool is full."""
POOL_RECYCLE_S: Final = 1_800
"""Common load balancers close an idle connection later than this."""

READ_ONLY: Final = "25006"
"""SQLSTATE `read_only_sql_transaction`: a write, or LISTEN on a standby, was refused."""
_REPORTED: Final = (b"default_transaction_read_only", b"in_hot_standby")
"""Postgres sends these with the next answer when they have changed (14 and newer)."""

_PLAIN_SCHEMES = {"postgres", "postgresql", "postgresql+psycopg"}


def sqlalchemy_url(database_url: str) -> URL:
    """Spell `postgresql://…`, as providers hand it out, for SQLAlchemy and psycopg 3.

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
    """Spell the same URL for psycopg itself (a LISTEN connection), without SQLAlchemy's driver
    name.
    """
    plain = sqlalchemy_url(database_url).set(drivername="postgresql")
    return plain.render_as_string(hide_password=False)


def connect_arguments(
    application_name: str,
    *,
    role: DatabaseRole | None = None,
    lock_timeout_ms: int = LOCK_TIMEOUT_MS,
) -> dict[str, Any]:
    """Return libpq's arguments for a connection: a name that ops can see, the deadlines, and the
    role it acts under; without one it acts as the URL's user.

    Prepared statements stay off, so that a transaction-pooling proxy may sit in between. One that
    passes no options on (`docs/database-roles.md`) needs a login user that is a member of the role.
    """
    acting = f" -c role={role}" if role else ""
    statement_timeout_ms = STATEMENT_TIMEOUT_MS - LOCK_TIMEOUT_MS + lock_timeout_ms
    return {
        "application_name": f"alloresto {application_name}",
        "connect_timeout": CONNECT_TIMEOUT_S,
        "tcp_user_timeout": TCP_USER_TIMEOUT_MS,
        "keepalives_idle": 30,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "prepare_threshold": None,
        "target_session_attrs": "read-write",
        "options": (
            f"-c timezone=UTC -c statement_timeout={statement_timeout_ms}"
            f" -c lock_timeout={lock_timeout_ms}"
            f" -c idle_in_transaction_session_timeout={IDLE_IN_TRANSACTION_MS}{acting}"
        ),
    }


def is_demoted(connection: psycopg.Connection[Any] | psycopg.AsyncConnection[Any]) -> bool:
    """Tell whether the server's last answer came with the word that it takes no writes."""
    return any(connection.pgconn.parameter_status(name) == b"on" for name in _REPORTED)


def sync_engine(
    database_url: str,
    *,
    application_name: str,
    role: DatabaseRole | None = None,
    pool_size: int = 4,
) -> Engine:
    """Make an engine for gevent processes: psycopg yields to the hub once gevent is patched in."""
    engine = create_engine(
        sqlalchemy_url(database_url),
        connect_args=connect_arguments(application_name, role=role),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=POOL_WAIT_S,
        pool_recycle=POOL_RECYCLE_S,
        pool_pre_ping=True,
        hide_parameters=True,  # its errors reach logs, and parameters are what callers said
    )
    _leave_the_demoted(engine)
    return engine


def async_engine(
    database_url: str,
    *,
    application_name: str,
    role: DatabaseRole | None = None,
    pool_size: int = 4,
    lock_timeout_ms: int = LOCK_TIMEOUT_MS,
) -> AsyncEngine:
    """Make an engine for asyncio processes."""
    engine = create_async_engine(
        sqlalchemy_url(database_url),
        connect_args=connect_arguments(
            application_name, role=role, lock_timeout_ms=lock_timeout_ms
        ),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=POOL_WAIT_S,
        pool_recycle=POOL_RECYCLE_S,
        pool_pre_ping=True,
        hide_parameters=True,  # its errors reach logs, and parameters are what callers said
    )
    _leave_the_demoted(engine.sync_engine)
    return engine


def async_sessions(engine: AsyncEngine) -> async_sessionmaker[AsyncSession]:
    """Make sessions whose objects stay readable after the commit."""
    return async_sessionmaker(engine, expire_on_commit=False)


def _leave_the_demoted(engine: Engine) -> None:
    event.listen(engine, "checkout", _refuse_demoted)
    event.listen(engine, "handle_error", _end_if_read_only)


def _refuse_demoted(_dbapi_connection: object, entry: ConnectionPoolEntry, _proxy: object) -> None:
    """Look at what came with the ping's answer. The pool then connects anew, and once more."""
    connection: Any = entry.driver_connection
    if is_demoted(connection):
        raise InvalidatePoolError("the server takes no writes")


def _end_if_read_only(context: ExceptionContext) -> None:
    if getattr(context.original_exception, "sqlstate", None) == READ_ONLY:
        context.is_disconnect = True
