"""Every Redis client of the product comes from one factory, with deadlines and no hidden retry."""

import re
from pathlib import Path

import pytest
from redis import Redis
from redis import asyncio as async_redis

from controlplane.redis_clients import asyncio_redis, sync_redis

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[2]
URL = "redis://127.0.0.1:1/0"
MAKES_A_CLIENT = re.compile(r"Redis\.from_(url|pool)\(")


def test_no_other_file_makes_a_client() -> None:
    makers = [
        str(path.relative_to(ROOT))
        for folder in ("aiworker", "controlplane", "freeswitch", "webapp")
        for path in (ROOT / folder).rglob("*.py")
        if MAKES_A_CLIENT.search(path.read_text(encoding="utf-8"))
    ]

    assert makers == ["controlplane/redis_clients.py"]


@pytest.mark.parametrize(
    "client",
    [
        sync_redis(URL, timeout_s=1.5),
        asyncio_redis(URL, connect_timeout_s=1.5, timeout_s=1.5),
    ],
    ids=["gevent", "asyncio"],
)
def test_a_client_waits_and_retries_as_it_was_told(client: Redis | async_redis.Redis) -> None:
    options = client.connection_pool.connection_kwargs

    assert options["socket_timeout"] == options["socket_connect_timeout"] == 1.5
    assert options["retry"].get_retries() == 0
    assert options["socket_keepalive"]
    assert options["decode_responses"]


@pytest.mark.parametrize("url", ["unix:///run/redis.sock?db=1", "rediss://redis:6380/0"])
def test_every_kind_of_address_is_connected_to(url: str) -> None:
    """A socket file has no TCP keep-alive: redis-py raised TypeError at the first use."""
    client = sync_redis(url, timeout_s=1.5)
    asynchronous = asyncio_redis(url, connect_timeout_s=1.5, timeout_s=1.5)

    for pool in (client.connection_pool, asynchronous.connection_pool):
        assert url.startswith("unix") == hasattr(pool.make_connection(), "path")
