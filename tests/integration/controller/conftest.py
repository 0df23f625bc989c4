"""What the controller's tests look through: its Postgres, its Redis, and one replica under test."""

from collections.abc import Iterator

import pytest
from redis import Redis
from sqlalchemy import Engine

from controlplane.database import sync_engine
from tests.integration.controller_under_test import ControllerUnderTest


@pytest.fixture
def client(redis_url: str) -> Iterator["Redis"]:
    client = Redis.from_url(redis_url, decode_responses=True)
    yield client
    client.close()


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = sync_engine(database_url, application_name="controller")
    yield engine
    engine.dispose()


@pytest.fixture
def controller(client: "Redis", engine: Engine) -> Iterator[ControllerUnderTest]:
    controller = ControllerUnderTest(client, engine)
    yield controller
    controller.lease.close()
