"""Redis connections that are to a primary or are closed; `redis_clients.py` makes clients of them.

After a planned failover behind one address the old primary lives on as a replica: whoever is
connected to it goes on reading, publishing and hearing nothing. So the server's role is asked when
a connection is made, and again when one is taken from the pool `PROVEN_S` later; and an error that
only a server without its office gives ends its connection. A subscription leaves the pool once: it
proves by itself that it hears (`bridge/assignment_listener.py`).
"""

import time
from typing import Any, Final

from redis import asyncio as async_redis
from redis._parsers import _AsyncRESP3Parser, _RESP3Parser
from redis.connection import ConnectionPool
from redis.exceptions import ConnectionError as RedisConnectionError

PROVEN_S: Final = 1.0
"""What a demoted server answers to reads, or takes to publish, is believed for this long at most;
the question costs a round trip."""
PRIMARY: Final = "master"
DEMOTED: Final = ("READONLY", "MASTERDOWN", "UNBLOCKED", "NOREPLICAS")
"""Error codes of a server that is no primary (any more), or may not be one: it has lost its
replicas (`min-replicas-to-write`). LOADING is redis-py's own `BusyLoadingError`."""
DEMOTED_IN_SCRIPT: Final = "-READONLY "
"""Redis 6.2 quotes the code within the error of the script that wrote."""


class NotPrimary(RedisConnectionError):
    """Raised when the server is a replica, or was made one. Nothing of the command was done."""


class PrimaryParser(_RESP3Parser):
    """Reads such an error as `NotPrimary`: redis-py closes a connection as it reads that it is
    none, whatever waits for the answer.
    """

    @classmethod
    def parse_error(cls, response: str) -> Exception:
        other: Exception = super().parse_error(response)  # type: ignore[no-untyped-call]
        return _demotion(response) or other


class AsyncPrimaryParser(_AsyncRESP3Parser):
    """Reads errors as `PrimaryParser` does."""

    @classmethod
    def parse_error(cls, response: str) -> Exception:
        other: Exception = super().parse_error(response)  # type: ignore[no-untyped-call]
        return _demotion(response) or other


class PrimaryPool(ConnectionPool):
    """Hands out connections of which the role is known."""

    def get_connection(self, *_: Any, **__: Any) -> Any:
        connection: Any = super().get_connection()
        try:
            if _is_due(connection):
                try:
                    prove(connection)
                except RedisConnectionError:
                    connection.disconnect()
                    connection.connect()
        except BaseException:
            self.release(connection)
            raise
        return connection


class AsyncPrimaryPool(async_redis.ConnectionPool):
    """Does the same for asyncio."""

    async def get_connection(self, *_: Any, **__: Any) -> Any:
        connection: Any = await super().get_connection()  # type: ignore[no-untyped-call]
        try:
            if _is_due(connection):
                try:
                    await prove_async(connection)
                except RedisConnectionError:
                    await connection.disconnect()
                    await connection.connect()
        except BaseException:
            await self.release(connection)
            raise
        return connection


def greet(connection: Any) -> None:
    """Begin a connection (`redis_connect_func`), also one that redis-py makes anew by itself."""
    connection.on_connect()
    prove(connection)


async def greet_async(connection: Any) -> None:
    """Begin a connection of asyncio."""
    await connection.on_connect()
    await prove_async(connection)


def prove(connection: Any) -> None:
    """Ask for the server's role: HELLO tells it to everybody, ROLE to admins only. Raises
    `NotPrimary`.
    """
    connection.send_command("HELLO")
    _judge(connection, connection.read_response()["role"])


async def prove_async(connection: Any) -> None:
    """Ask for the role. Raises `NotPrimary`."""
    await connection.send_command("HELLO")
    _judge(connection, (await connection.read_response())["role"])


def _demotion(response: str) -> NotPrimary | None:
    code = response.partition(" ")[0]
    demoted = code in DEMOTED or DEMOTED_IN_SCRIPT in response
    return NotPrimary(response) if demoted else None


def _is_due(connection: Any) -> bool:
    """`next_health_check` is redis-py's own; nothing else looks at it while PINGs are off."""
    return bool(time.monotonic() >= connection.next_health_check)


def _judge(connection: Any, role: str) -> None:
    if role != PRIMARY:
        raise NotPrimary(f"the server is a {role}")
    connection.next_health_check = time.monotonic() + PROVEN_S
