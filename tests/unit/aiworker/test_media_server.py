"""Strangers at a media port cost a log line and bounded memory; a lost bridge frees its slot."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from structlog.testing import capture_logs
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from aiworker.media import server as media_server
from aiworker.media.server import MAX_MESSAGE_BYTES, MediaServer
from aiworker.media.stream import MediaStream, StreamOver
from tests.waiting import DEADLINE_S, until

pytestmark = pytest.mark.unit

HOST = "127.0.0.1"
TOO_LARGE = 1009
SOON_S = 0.1


@pytest.fixture
async def media() -> AsyncIterator[MediaServer]:
    async with MediaServer(host=HOST, port=0).listening() as server:
        yield server


async def open_tcp(media: MediaServer) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection(HOST, int(media.base_url.rpartition(":")[2]))


async def read_all(stream: MediaStream) -> None:
    async for _ in stream.messages():
        pass


async def test_what_is_no_websocket_is_one_log_line(
    media: MediaServer, caplog: pytest.LogCaptureFixture
) -> None:
    with capture_logs() as lines:
        reader, writer = await open_tcp(media)
        writer.write(b"USER root 0612345678\r\n\r\n")
        async with asyncio.timeout(DEADLINE_S):
            await reader.read()
        writer.close()
        await until(lambda: lines)
    assert [line["event"] for line in lines] == ["handshake_failed"]
    assert "0612345678" not in str(lines)
    assert not caplog.records


async def test_more_connections_than_the_worker_can_use_are_closed(
    media: MediaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(media_server, "MAX_CONNECTIONS", 3)
    opened = [await open_tcp(media) for _ in range(3)]
    one_more, its_writer = await open_tcp(media)
    async with asyncio.timeout(DEADLINE_S):
        assert await one_more.read() == b""
    assert not any(reader.at_eof() for reader, _ in opened)
    for writer in (its_writer, opened[0][1]):
        writer.close()
    awaited = media.expect_stream()

    async def let_in() -> bool:
        try:
            async with connect(awaited.url):
                return True
        except (OSError, EOFError, WebSocketException):
            return False

    await until(let_in)
    media.release(awaited)
    for _, writer in opened:
        writer.close()


async def test_a_message_larger_than_any_of_the_contract_ends_the_stream(
    media: MediaServer,
) -> None:
    awaited = media.expect_stream()
    async with connect(awaited.url) as bridge:
        await bridge.send(bytes(MAX_MESSAGE_BYTES + 1))
        stream = MediaStream(await awaited.connection)
        with pytest.raises(StreamOver):
            await read_all(stream)
        async with asyncio.timeout(DEADLINE_S):
            await bridge.wait_closed()
        media.release(awaited)
        assert bridge.close_code == TOO_LARGE


async def test_a_bridge_lost_without_a_word_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """It sent audio, then its network is gone: no FIN, no pong, and nothing more."""
    monkeypatch.setattr(media_server, "PING_SECONDS", 0.05)
    monkeypatch.setattr(media_server, "PONG_SECONDS", 0.1)
    async with MediaServer(host=HOST, port=0).listening() as media:
        awaited = media.expect_stream()
        async with connect(awaited.url, close_timeout=SOON_S) as bridge:
            stream = MediaStream(await awaited.connection)
            await bridge.send(bytes(640))
            bridge.transport.pause_reading()
            with pytest.raises(StreamOver, match="connection_lost"):
                await asyncio.wait_for(read_all(stream), DEADLINE_S)
            media.release(awaited)
