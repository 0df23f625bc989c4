"""Every Redis client of the product comes from one factory, with deadlines and no hidden retry."""

from pathlib import Path

import pytest
from redis import Redis
from redis import asyncio as async_redis

from controlplane.redis_clients import asyncio_redis, sync_redis

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[2]
URL = "redis://127.0.0.1:1/0"


def test_no_other_file_makes_a_client() -> None:
    makers = [
        str(path.relative_to(ROOT))
        for folder in ("aiworker", "controlplane", "freeswitch", "webapp")
        for path in (ROOT / folder).rglob("*.py")
        if "Redis.from_url(" in path.read_text(encoding="utf-8")
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
