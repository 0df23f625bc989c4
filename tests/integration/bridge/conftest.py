"""A bridge with one restaurant for a module, and a worker and a telephone for each test."""

from collections.abc import AsyncIterator, Iterator

import pytest
from redis.asyncio import Redis

from aiworker.media.server import MediaServer
from controlplane.local.launch.services import LocalServices
from freeswitch.telephone.phone import Phone
from tests.integration.answered_bridge import running_bridge
from tests.integration.bridge_under_test import (
    Bridge,
    Worker,
)
from tests.waiting import until


@pytest.fixture(scope="module")
def bridge(
    services: LocalServices,
    migrated_template: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Bridge]:
    folder = tmp_path_factory.mktemp("bridge")
    with running_bridge(services.redis_url, services, migrated_template, folder) as bridge:
        yield bridge


@pytest.fixture
async def calls_end(bridge: Bridge) -> AsyncIterator[None]:
    """Before the next test empties Redis, this one's calls are over."""
    yield
    await until(lambda: len(bridge.log("call_started")) == len(bridge.log("call_ended")))


@pytest.fixture
async def media() -> AsyncIterator[MediaServer]:
    server = MediaServer(host="127.0.0.1", port=0)
    async with server.listening():
        yield server


@pytest.fixture
def worker(redis: Redis, media: MediaServer) -> Worker:
    return Worker(redis, media)


@pytest.fixture
async def phone() -> AsyncIterator[Phone]:
    async with Phone() as phone:
        yield phone
