"""What the tests of our event socket client start: a scripted listener, and clients of it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from controlplane.esl.client import EslClient
from tests.integration.esl_server import EslServer
from tests.waiting import DEADLINE_S


@pytest.fixture
def server() -> Iterator[EslServer]:
    with EslServer() as server:
        yield server


@pytest.fixture
def client_for(server: EslServer) -> Iterator[Callable[..., EslClient]]:
    """Starts clients of the server; `connected=False` does not wait for them."""
    clients: list[EslClient] = []

    def start(*, connected: bool = True, **options: Any) -> EslClient:
        settings = {"password": "cluecluon", "events": ["CHANNEL_PARK", "HEARTBEAT"]} | options
        client = EslClient(host="127.0.0.1", port=server.port, name="test", **settings)
        clients.append(client)
        client.start()
        if connected:
            client.wait_connected(DEADLINE_S)
        return client

    yield start
    for client in clients:
        client.close()


@pytest.fixture
def client(client_for: Callable[..., EslClient]) -> EslClient:
    return client_for()
