"""What every test may ask for: a migrated database of its own and an empty Redis.

The servers are started once a session (each of pytest-xdist's workers has its own), on loopback,
from PATH or the wheels. To run against others, name them in ALLORESTO_TEST_DATABASE_URL (its role
needs CREATEDB and CREATEROLE) and ALLORESTO_TEST_REDIS_URL (it is emptied before every test, so one
worker only); DATABASE_URL and REDIS_URL are never touched.
"""

import contextlib
import gc
import os
import signal
from collections.abc import AsyncIterator, Generator, Iterator

import pytest
from hypothesis import HealthCheck, settings
from redis import Redis
from redis import asyncio as async_redis
from sqlalchemy.ext.asyncio import AsyncEngine

from controlplane.database import async_engine
from controlplane.local.launch.services import LocalServices
from controlplane.migrations.schema import upgrade
from tests.databases import Databases, administer, drop, fresh_name, url_of

CATEGORIES = frozenset({"unit", "integration", "scenario", "browser", "chart", "load"})
LONGEST_FIRST = ("scenario", "browser", "integration")
REAL_SERVICES = ("DATABASE_URL", "REDIS_URL", "OPENAI_API_KEY", "ALLORESTO_REALTIME_URL")

# On a machine that others use too, an example is slow because its turn did not come.
settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared")


def pytest_configure() -> None:
    """What a test starts hears SIGINT, even where a shell started pytest in the background."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test says which category it is of; one without would be left out of a selection.

    Those marked `real_time` get a second and a third try, shown in the summary: a machine that
    stalls for a second breaks what they measure, while a defect fails three times.
    """
    bare = {
        item.nodeid
        for item in items
        if CATEGORIES.isdisjoint(mark.name for mark in item.iter_markers())
    }
    if bare:
        raise pytest.UsageError(f"no category marker: {', '.join(sorted(bare))}")
    # The longest modules first and the shortest last: xdist's workers then end together.
    items.sort(key=lambda item: [item.get_closest_marker(name) is None for name in LONGEST_FIRST])
    for item in items:
        if mark := item.get_closest_marker("real_time"):
            if not mark.args:
                raise pytest.UsageError(f"{item.nodeid}: real_time without a reason")
            item.add_marker(pytest.mark.flaky(reruns=2))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Importing 400 modules takes a quarter less without looking for garbage in them; nor is there
    any afterwards.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(scope="session", autouse=True)
def no_real_service() -> Iterator[None]:
    """Nothing under test finds the developer's database, Redis or OpenAI account."""
    with pytest.MonkeyPatch.context() as environment:
        for name in REAL_SERVICES:
            environment.delenv(name, raising=False)
        # Controllers under test speak for no restaurant, unless the test is about that.
        environment.setenv("ALLORESTO_SPEECH", "off")
        yield


@pytest.fixture(scope="session")
def services() -> Iterator[LocalServices]:
    """Postgres and Valkey for the session, gone after it."""
    given = {
        name: os.environ[f"ALLORESTO_TEST_{name}"]
        for name in ("DATABASE_URL", "REDIS_URL")
        if f"ALLORESTO_TEST_{name}" in os.environ
    }
    if "REDIS_URL" in given and "PYTEST_XDIST_WORKER" in os.environ:
        pytest.exit("ALLORESTO_TEST_REDIS_URL is emptied before every test: run with JOBS=0", 2)
    with LocalServices(temporary=True, environment=given) as local:
        yield local


@pytest.fixture(scope="session")
def migrated_template(services: LocalServices) -> Iterator[str]:
    """Name of a database migrated to head, for `CREATE DATABASE … TEMPLATE`."""
    name = fresh_name("template")
    administer(services, "CREATE DATABASE {}", name)
    upgrade(url_of(services, name))
    yield name
    drop(services, name)


@pytest.fixture(scope="session")
def databases(services: LocalServices, migrated_template: str) -> Iterator[Databases]:
    """Migrated, empty databases, lent to one test after another."""
    with contextlib.closing(Databases(services, migrated_template)) as databases:
        yield databases


@pytest.fixture
def database_url(databases: Databases) -> Iterator[str]:
    """`postgresql://…` of a migrated, empty database that only this test uses."""
    with databases.lend() as url:
        yield url


@pytest.fixture
def empty_database_url(services: LocalServices) -> Iterator[str]:
    """The same without a table: for the migrations' own tests."""
    name = fresh_name("empty")
    administer(services, "CREATE DATABASE {}", name)
    yield url_of(services, name)
    drop(services, name)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[AsyncEngine]:
    """An asyncio engine on this test's database."""
    engine = async_engine(database_url, application_name="test")
    yield engine
    await engine.dispose()


@pytest.fixture
def redis_url(services: LocalServices) -> str:
    """`redis://…` of an empty Redis."""
    client = Redis.from_url(services.redis_url)
    client.flushall()
    client.close()
    return services.redis_url


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[async_redis.Redis]:
    """An asyncio client on it, which answers in text."""
    client = async_redis.Redis.from_url(redis_url, decode_responses=True)
    yield client
    await client.aclose()
