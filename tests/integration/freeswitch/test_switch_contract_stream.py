"""`uuid_audio_stream` behaves alike on the simulator and on the real mod_audio_stream."""

import asyncio
import base64
import http
import json
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from freeswitch.telephone.phone import Phone
from tests.integration.event_socket_client import EventSocketClient
from tests.integration.switch_under_test import (
    ParkedCall,
    SwitchUnderTest,
    heard,
    park,
    pitch,
    tone,
)
from tests.waiting import DEADLINE_S, elapse, stays_true, until

pytestmark = pytest.mark.integration

SETTINGS = ";".join(
    [
        "STREAM_MESSAGE_DEFLATE=true",
        "STREAM_HEART_BEAT=15",
        "STREAM_SUPPRESS_LOG=true",
        "STREAM_BUFFER_SIZE=40",
    ]
)


class Worker:
    """A WebSocket server that records, and fails by the path it is called on."""

    def __init__(self) -> None:
        self.sockets: list[ServerConnection] = []
        self.audio: list[bytes] = []
        self.texts: list[str] = []
        self.closed: list[tuple[int | None, str | None]] = []
        self.port = 0

    async def serve(self, socket: ServerConnection) -> None:
        self.sockets.append(socket)
        path = socket.request.path if socket.request is not None else ""
        if path == "/close":
            await socket.close(1001, "drain")
        elif path == "/abort":
            socket.transport.abort()
        else:
            try:
                async for message in socket:
                    if isinstance(message, bytes):
                        self.audio.append(message)
                    else:
                        self.texts.append(message)
            except ConnectionClosed:
                pass
        self.closed.append((socket.close_code, socket.close_reason))

    def refuse(self, socket: ServerConnection, request: Request) -> Response | None:
        if request.path == "/forbidden":
            return socket.respond(http.HTTPStatus.FORBIDDEN, "wrong token\n")
        return None

    def url(self, path: str) -> str:
        return f"ws://127.0.0.1:{self.port}{path}"


@pytest.fixture
async def worker() -> AsyncIterator[Worker]:
    worker = Worker()
    server: Server
    async with serve(
        worker.serve, "127.0.0.1", 0, process_request=worker.refuse, close_timeout=1
    ) as server:
        worker.port = next(iter(server.sockets)).getsockname()[1]
        yield worker


@pytest.fixture
async def call(switch: SwitchUnderTest, client: EventSocketClient, phone: Phone) -> ParkedCall:
    call = await park(switch, client, phone)
    assert await client.api(f"uuid_setvar_multi {call.uuid} {SETTINGS}") == "+OK\n"
    call.dialog.received.clear()
    return call


@pytest.fixture
async def stream(client: EventSocketClient, call: ParkedCall, worker: Worker) -> ServerConnection:
    answer = await client.api(
        f"uuid_audio_stream {call.uuid} start {worker.url('/calls/t0k-en')} mono 8k"
    )
    assert answer == "+OK Success\n"
    connected = await client.event("mod_audio_stream::connect", Unique_ID=call.uuid)
    assert json.loads(connected["_body"]) == {"status": "connected"}
    assert connected["Event-Name"] == "CUSTOM"
    await until(lambda: len(worker.sockets) == 1)
    return worker.sockets[0]


@pytest.fixture
def silent_server() -> Iterator[int]:
    """A port that accepts and never says anything."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


async def stop(client: EventSocketClient, call: ParkedCall) -> str:
    return await client.api(f"uuid_audio_stream {call.uuid} stop")


async def test_handshake(stream: ServerConnection) -> None:
    request = stream.request
    assert request is not None
    assert request.path == "/calls/t0k-en"
    assert request.headers["Origin"].startswith("http://127.0.0.1:")
    assert "User-Agent" not in request.headers
    assert "Sec-WebSocket-Protocol" not in request.headers
    assert "Sec-WebSocket-Extensions" not in request.headers


async def test_the_caller_is_heard_in_frames_of_the_buffer_size(
    call: ParkedCall, worker: Worker, stream: ServerConnection
) -> None:
    await call.dialog.play(tone(600, 400))
    await until(lambda: sum(len(frame) for frame in worker.audio) >= 640 * 12)

    assert {len(frame) for frame in worker.audio} == {640}
    sound = b"".join(worker.audio)
    frames = [sound[start : start + 320] for start in range(0, len(sound), 320)]
    assert sum(pitch(frame) == 600 for frame in frames) >= 19


async def test_text_of_the_worker_becomes_events(
    client: EventSocketClient, stream: ServerConnection
) -> None:
    texts = ['{"type": "clear", "generation": 1}', "no json", '{"type":"streamAudio","data":{}}']
    for text in texts:
        await stream.send(text)
    await stream.send(b"binary frames are ignored")
    await stream.send('{"type":"mark"}')

    await client.wait(lambda event: event.get("_body") == '{"type":"mark"}')
    bodies = [
        event["_body"]
        for event in client.events
        if event.get("Event-Subclass") == "mod_audio_stream::json"
    ]
    assert bodies == [*texts, '{"type":"mark"}']


async def test_audio_of_the_worker_becomes_a_file_to_play(
    client: EventSocketClient, call: ParkedCall, stream: ServerConnection
) -> None:
    audio = tone(900, 100)
    data = {
        "audioDataType": "raw",
        "sampleRate": 8_000,
        "audioData": base64.b64encode(audio).decode(),
        "item": "item_é",
        "seq": 0,
        "generation": 0,
        "ms": 100,
    }
    await stream.send(json.dumps({"type": "streamAudio", "data": data}, ensure_ascii=False))

    event = await client.event("mod_audio_stream::play", Unique_ID=call.uuid)
    body = json.loads(event["_body"])
    file = body.pop("file")
    assert body == {key: value for key, value in data.items() if key != "audioData"}
    assert Path(file).read_bytes() == audio  # noqa: ASYNC240  # 1.6 kB in memory
    await client.execute(call.uuid, "playback", file, event_uuid="chunk", lock="true")
    await client.event("CHANNEL_EXECUTE_COMPLETE", Application_UUID="chunk")
    await until(lambda: heard(call.dialog.received) == [(900, 100)])

    assert await stop(client, call) == "+OK Success\n"
    await until(lambda: not Path(file).exists())


async def test_text_to_the_worker(
    client: EventSocketClient, call: ParkedCall, worker: Worker, stream: ServerConnection
) -> None:
    token = base64.urlsafe_b64encode('{"type":"started","nom":"été"}'.encode()).decode().rstrip("=")

    for text in (token, "hello world"):
        answer = await client.api(f"uuid_audio_stream {call.uuid} send_text {text}")
        assert answer == "+OK Success\n"

    await until(lambda: len(worker.texts) == 2)
    assert worker.texts == [token, "hello"]  # cut at the space


async def test_pause_and_resume(
    client: EventSocketClient, call: ParkedCall, worker: Worker, stream: ServerConnection
) -> None:
    await until(lambda: len(worker.audio) >= 2)

    assert await client.api(f"uuid_audio_stream {call.uuid} pause") == "+OK Success\n"
    await elapse(0.2, because="what was under way arrives")
    paused_at = len(worker.audio)
    await stays_true(lambda: len(worker.audio) == paused_at, for_s=0.2)
    assert await client.api(f"uuid_audio_stream {call.uuid} resume") == "+OK Success\n"
    await until(lambda: len(worker.audio) > paused_at + 2)


async def test_stop_closes_without_an_event(
    client: EventSocketClient, call: ParkedCall, worker: Worker, stream: ServerConnection
) -> None:
    assert await stop(client, call) == "+OK Success\n"

    await until(lambda: bool(worker.closed))
    assert worker.closed[0][0] == 1000
    assert await stop(client, call) == "-ERR Operation Failed\n"
    subclasses = {event.get("Event-Subclass") for event in client.events}
    assert not subclasses & {"mod_audio_stream::disconnect", "mod_audio_stream::error"}


async def test_hang_up_closes_the_stream(
    call: ParkedCall, worker: Worker, stream: ServerConnection
) -> None:
    await call.dialog.hangup()

    await until(lambda: bool(worker.closed))
    assert worker.closed[0][0] == 1000


@pytest.mark.parametrize(
    "arguments",
    [
        "start http://127.0.0.1/ mono 8k",
        "start ws://127.0.0.1:1/a mono 7999",
        "send_text abc",
        "pause",
        "stop",
        "dance",
    ],
)
async def test_refused_commands(
    client: EventSocketClient, call: ParkedCall, arguments: str
) -> None:
    answer = await client.api(f"uuid_audio_stream {call.uuid} {arguments}")

    assert answer == "-ERR Operation Failed\n"


async def test_one_stream_a_call(
    client: EventSocketClient, call: ParkedCall, worker: Worker, stream: ServerConnection
) -> None:
    answer = await client.api(
        f"uuid_audio_stream {call.uuid} start {worker.url('/calls/2')} mono 8k"
    )

    assert answer == "-ERR Operation Failed\n"


async def test_server_closes_stop_is_needed_before_the_next_start(
    client: EventSocketClient, call: ParkedCall, worker: Worker
) -> None:
    start = f"uuid_audio_stream {call.uuid} start"
    await client.api(f"{start} {worker.url('/close')} mono 8k")

    event = await client.event("mod_audio_stream::disconnect", Unique_ID=call.uuid)
    assert json.loads(event["_body"]) == {
        "status": "disconnected",
        "message": {"code": 1001, "reason": "drain"},
    }
    again = f"{start} {worker.url('/calls/2')} mono 8k"
    assert await client.api(again) == "-ERR Operation Failed\n"
    assert await stop(client, call) == "+OK Success\n"
    assert await client.api(again) == "+OK Success\n"
    await client.event("mod_audio_stream::connect", start=client.events.index(event))


@pytest.mark.parametrize(
    ("path", "code", "connects"),
    [("/abort", 1, True), ("/forbidden", 6, False), ("refused", 6, False), ("silent", 10, False)],
)
async def test_failures_leave_the_call_and_allow_another_start(
    client: EventSocketClient,
    call: ParkedCall,
    worker: Worker,
    silent_server: int,
    path: str,
    code: int,
    connects: bool,  # noqa: FBT001  # a column of the table above
) -> None:
    urls = {"refused": "ws://127.0.0.1:9/x", "silent": f"ws://127.0.0.1:{silent_server}/x"}
    url = urls.get(path) or worker.url(path)

    assert await client.api(f"uuid_audio_stream {call.uuid} start {url} mono 8k") == "+OK Success\n"

    event = await client.event("mod_audio_stream::error", Unique_ID=call.uuid)
    body = json.loads(event["_body"])
    assert (body["status"], body["message"]["code"]) == ("error", code)
    subclasses = [event.get("Event-Subclass") for event in client.events]
    assert ("mod_audio_stream::connect" in subclasses) is connects
    # A connection refused faster than the bug is attached leaves the bug behind: always stop.
    await elapse(0.05, because="nothing tells when the bug is attached")
    await stop(client, call)
    good = f"uuid_audio_stream {call.uuid} start {worker.url('/calls/2')} mono 8k"
    assert await client.api(good) == "+OK Success\n"
    connected = await client.event(
        "mod_audio_stream::connect", start=client.events.index(event), Unique_ID=call.uuid
    )
    assert connected["Channel-Call-State"] == "ACTIVE"
    assert not call.dialog.ended.is_set()


async def test_the_dialplans_way_out_ends_the_stream_before_ringing(
    client: EventSocketClient, call: ParkedCall, worker: Worker, stream: ServerConnection
) -> None:
    """The AI does not listen to people talking."""
    async with Phone() as restaurant:
        host, port = restaurant.endpoint.address
        dial = f"sofia/external/cuisine@{host}:{port}"
        await client.api(f"uuid_setvar {call.uuid} alloresto_fallback_dial {dial}")

        await client.api(f"uuid_transfer {call.uuid} fallback XML public")

        answered = await restaurant.listen(deadline_s=DEADLINE_S)
        assert worker.closed
        assert worker.closed[0][0] == 1000
        await answered.hangup()


async def test_pings_are_answered_also_while_the_caller_sends_nothing(
    stream: ServerConnection, call: ParkedCall
) -> None:
    for _ in range(3):
        async with asyncio.timeout(DEADLINE_S):
            await (await stream.ping())
