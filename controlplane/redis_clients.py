"""Redis: clients for gevent and asyncio processes, as `database.py` has engines for Postgres.

Every wait has a deadline and nothing is retried behind its caller's back: each loop's next turn
makes up for a failed one, and knows that it must. A connection the network forgot is noticed by
TCP keep-alive, not by redis-py's own PING, which was seen to end healthy subscriptions; one to a
server that is no primary any more by `redis_primary.py`.
"""

import socket
from typing import Any, Final

from redis import Redis
from redis import asyncio as async_redis
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

from controlplane.redis_primary import (
    AsyncPrimaryParser,
    AsyncPrimaryPool,
    PrimaryParser,
    PrimaryPool,
    greet,
    greet_async,
)

KEEPALIVE: Final = {socket.TCP_KEEPIDLE: 4, socket.TCP_KEEPINTVL: 2, socket.TCP_KEEPCNT: 3}
"""After 4 s of silence TCP asks the peer every 2 s, three times: a connection that is gone is
noticed within 10 s."""


def sync_redis(
    url: str, *, timeout_s: float, retries: int = 0, connections: int | None = None
) -> Redis:
    """Make a client that answers in text, for gevent processes and commands.

    `timeout_s` bounds connecting and each answer; a blocking command must block for less.
    `connections` bounds the pool. The client connects when it is first used.
    """
    return Redis.from_pool(
        PrimaryPool.from_url(
            url,
            retry=Retry(NoBackoff(), retries),
            max_connections=connections,
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
            parser_class=PrimaryParser,
            redis_connect_func=greet,
            **_every_client(url),
        )
    )


def asyncio_redis(url: str, *, connect_timeout_s: float, timeout_s: float) -> async_redis.Redis:
    """Make the same client for asyncio processes. A worker that starts may wait less for a
    connection (`connect_timeout_s`) than for the answer of a blocking command (`timeout_s`).
    """
    return async_redis.Redis.from_pool(
        AsyncPrimaryPool.from_url(
            url,
            retry=AsyncRetry(NoBackoff(), 0),
            socket_timeout=timeout_s,
            socket_connect_timeout=connect_timeout_s,
            parser_class=AsyncPrimaryParser,
            redis_connect_func=greet_async,
            **_every_client(url),
        )
    )


def admin_redis(url: str, *, timeout_s: float) -> Redis:
    """Make a client of whatever server answers, a replica too: for who gives them their roles."""
    return Redis.from_url(
        url,
        retry=Retry(NoBackoff(), 0),
        socket_timeout=timeout_s,
        socket_connect_timeout=timeout_s,
        **_every_client(url),
    )


def _every_client(url: str) -> dict[str, Any]:
    # RESP3 is what redis-py speaks; named as an argument it would change the shape of answers.
    options: dict[str, Any] = {"decode_responses": True}
    if not url.startswith("unix:"):  # no network lies in between
        options |= {"socket_keepalive": True, "socket_keepalive_options": KEEPALIVE}
    return options
