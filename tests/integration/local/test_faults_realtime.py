"""What stands in front of the Realtime simulator passes all on but what it is asked to break."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed, InvalidStatus

from controlplane.local.bench import faults_realtime
from controlplane.local.bench.faults_catalogue import Alone, CallFault
from controlplane.local.bench.faults_realtime import RealtimeFront
from controlplane.local.launch.ports import free_tcp_port
from tests.waiting import DEADLINE_S, until

pytestmark = pytest.mark.integration

NAMES = ("a", "b", "a", "c")
"""The server sends events of these types at each `response.create`, numbered."""


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faults_realtime, "DELAY_S", 0.3)
    monkeypatch.setattr(faults_realtime, "SWAP_S", 0.3)


async def _server(socket: ServerConnection) -> None:
    async for _ in socket:
        for number, name in enumerate(NAMES):
            event = {"type": name, "number": number, "response_id": "r"}
            await socket.send(json.dumps(event))


@asynccontextmanager
async def front_of_a_server() -> AsyncIterator[RealtimeFront]:
    async with serve(_server, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        front = RealtimeFront(port=free_tcp_port(), server_url=f"ws://127.0.0.1:{port}/v1")
        async with front.serving():
            yield front


@asynccontextmanager
async def session(front: RealtimeFront) -> AsyncIterator[ClientConnection]:
    async with connect(f"{front.url}/realtime?model=m", compression=None) as socket:
        yield socket


async def heard(socket: ClientConnection, count: int) -> list[int]:
    async with asyncio.timeout(DEADLINE_S):
        return [json.loads(await socket.recv())["number"] for _ in range(count)]


async def ask(socket: ClientConnection) -> None:
    await socket.send(json.dumps({"type": "response.create"}))


@pytest.mark.parametrize(
    ("fault", "numbers"),
    [
        (None, [0, 1, 2, 3]),
        (CallFault("drop:a", nth=1), [1, 2, 3]),
        (CallFault("drop:a", nth=2), [0, 1, 3]),
        (CallFault("double:b"), [0, 1, 1, 2, 3]),
        (CallFault("swap:b"), [0, 2, 1, 3]),
        (CallFault("swap:c"), [0, 1, 2, 3]),  # no other comes after it
        (CallFault("delay:b"), [0, 2, 3, 1]),
    ],
)
async def test_one_event_is_met(fault: CallFault | None, numbers: list[int]) -> None:
    async with front_of_a_server() as front:
        if fault:
            front.plan(fault)
        async with session(front) as socket:
            await ask(socket)
            assert await heard(socket, len(numbers)) == numbers
        assert [one.name for one in front.happened] == ([fault.name] if fault else [])


async def test_a_fault_meets_the_session_that_is_opened_next_and_no_other() -> None:
    async with front_of_a_server() as front:
        front.plan(CallFault("drop:a"))
        async with session(front) as first, session(front) as second:
            for socket, numbers in ((first, [1, 2, 3]), (second, [0, 1, 2, 3])):
                await ask(socket)
                assert await heard(socket, len(numbers)) == numbers


async def test_a_response_is_never_created() -> None:
    async with front_of_a_server() as front:
        front.plan(CallFault(Alone.CREATE_IGNORED))
        async with session(front) as socket:
            await ask(socket)
            await ask(socket)
            assert await heard(socket, 4) == [0, 1, 2, 3]
        assert len(front.happened) == 1


async def test_a_response_is_refused() -> None:
    async with front_of_a_server() as front:
        front.plan(CallFault(Alone.CREATE_REFUSED, nth=2))
        async with session(front) as socket:
            await ask(socket)
            assert await heard(socket, 4) == [0, 1, 2, 3]
            await ask(socket)
            assert json.loads(await socket.recv())["type"] == "error"


async def test_sessions_are_closed_and_new_ones_refused_for_a_while() -> None:
    async with front_of_a_server() as front, session(front) as socket:
        refusing = asyncio.create_task(front.refuse(1.0))
        with pytest.raises(ConnectionClosed):
            await socket.recv()
        with pytest.raises(InvalidStatus):
            await connect(f"{front.url}/realtime?model=m")
        await refusing
        async with session(front) as again:
            await ask(again)
            assert await heard(again, 4) == [0, 1, 2, 3]


async def test_nothing_passes_while_it_hangs() -> None:
    async with front_of_a_server() as front, session(front) as socket:
        hanging = asyncio.create_task(front.hang(0.5))
        await until(lambda: not front.passes)
        await ask(socket)
        assert await heard(socket, 4) == [0, 1, 2, 3]
        assert front.passes
        await hanging
