"""Each fault of the simulator's script does what it says, and nothing before its time."""

import asyncio
import json
from typing import Any

import pytest
from openai import AsyncOpenAI
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from aiworker.simulator.brain import Call, Output, Say
from aiworker.simulator.faults import Fault, FaultKind
from aiworker.simulator.journal import FaultDone, SessionClosed, SpeechStarted
from aiworker.simulator.link import SimulatorSettings
from aiworker.simulator.script import Scripts
from aiworker.simulator.server import RealtimeSimulator, scripted
from aiworker.simulator.utterance import hearing_of, utterance
from tests.integration.realtime_simulator_client import MODEL, QUICK, connected
from tests.integration.realtime_steps import step_by_step

pytestmark = pytest.mark.integration

PATIENCE_S = 0.2
"""How long a test waits to see that nothing comes; the real thing takes milliseconds."""


def simulator(*faults: Fault, steps: list[list[Output]] | None = None) -> RealtimeSimulator:
    said = steps if steps is not None else [[Say("Bonjour, je vous écoute.")], [Say("Oui ?")]]
    return RealtimeSimulator(brain=step_by_step(*said), settings=QUICK, faults=faults)


async def connection_refused(server: RealtimeSimulator, *, key: str = "sk-test") -> int:
    async with AsyncOpenAI(api_key=key, websocket_base_url=server.url) as openai:
        with pytest.raises(InvalidStatus) as refused:
            await openai.realtime.connect(model=MODEL).enter()
    return refused.value.response.status_code


@pytest.mark.parametrize("status", [401, 403, 429, 503])
async def test_the_connection_is_refused(status: int) -> None:
    async with simulator(Fault(kind=FaultKind.REFUSE, status=status)) as server:
        assert await connection_refused(server) == status


async def test_only_the_connection_named_is_refused() -> None:
    async with simulator(Fault(kind=FaultKind.REFUSE, status=429, connection=1)) as server:
        assert await connection_refused(server) == 429
        async with connected(server) as client:
            assert (await client.respond())["status"] == "completed"


async def test_a_wrong_key_is_refused() -> None:
    settings = SimulatorSettings(api_key="sk-right")
    async with RealtimeSimulator(settings=settings) as server:
        assert await connection_refused(server, key="sk-wrong") == 401


async def test_the_handshake_hangs() -> None:
    async with (
        simulator(Fault(kind=FaultKind.HANG_ON_CONNECT)) as server,
        AsyncOpenAI(api_key="sk-test", websocket_base_url=server.url) as openai,
    ):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                await openai.realtime.connect(model=MODEL).enter()
        assert server.connections == 1


async def test_no_session_updated() -> None:
    async with (
        simulator(Fault(kind=FaultKind.NO_SESSION_UPDATED)) as server,
        connected(server, configure=False) as client,
    ):
        await client.until("session.created")
        await client.send("session.update", session={"type": "realtime"})
        assert (await client.refusal("response.cancel"))["code"] == "response_cancel_not_active"
    assert "session.updated" not in client.types


@pytest.mark.parametrize("code", [1000, 1001, 1006, 1011])
async def test_the_session_closes_in_the_middle_of_an_answer(code: int) -> None:
    fault = Fault(kind=FaultKind.CLOSE, code=code, on="response.output_audio.delta", nth=2)
    long_answer: list[list[Output]] = [[Say("Bonjour, je vous écoute. " * 8)]]
    async with simulator(fault, steps=long_answer) as server, connected(server) as client:
        await client.send("response.create")
        assert await client.closed() == code
        await server.journal.wait_for(SessionClosed)
    assert len(client.of("response.output_audio.delta")) >= 2
    assert "response.done" not in client.types


async def test_the_session_closes_at_a_time() -> None:
    async with (
        simulator(Fault(kind=FaultKind.CLOSE, code=1011, after_ms=100)) as server,
        connected(server) as client,
    ):
        began = asyncio.get_running_loop().time()
        assert await client.closed() == 1011
        assert asyncio.get_running_loop().time() - began < 2


async def test_a_session_ends_at_its_maximum() -> None:
    settings = SimulatorSettings(session_max_s=0.1)
    async with RealtimeSimulator(settings=settings) as server, connected(server) as client:
        assert await client.closed() == 1001
    assert client.of("error")[0]["error"]["code"] == "session_expired"


async def test_an_error_event_of_any_code() -> None:
    fault = Fault(kind=FaultKind.ERROR, error_code="insufficient_quota", on="response.create")
    async with simulator(fault) as server, connected(server) as client:
        await client.send("response.create")
        assert (await client.until("error"))["error"]["code"] == "insufficient_quota"


async def test_another_audio_format_is_echoed() -> None:
    fault = Fault(kind=FaultKind.AUDIO_FORMAT, format="audio/pcm")
    async with simulator(fault) as server, connected(server) as client:
        session = client.of("session.updated")[0]["session"]
    assert session["audio"]["output"]["format"] == {"type": "audio/pcm", "rate": 24_000}


async def test_deltas_arrive_after_the_cancel_and_after_the_end() -> None:
    fault = Fault(kind=FaultKind.LATE_DELTAS, count=2)
    slow = SimulatorSettings(speed=1, think_ms=0)
    server = RealtimeSimulator(
        brain=scripted(Scripts.monologue(60_000)), settings=slow, faults=[fault]
    )
    async with server, connected(server) as client:
        await client.send("response.create")
        await client.until("response.output_audio.delta")
        await client.send("response.cancel")
        await client.until("response.done")
        await client.until("response.output_audio.delta")
    assert len(client.of("response.output_audio.delta")) == 1 + 2 + 1


async def test_response_done_comes_without_response_created() -> None:
    fault = Fault(kind=FaultKind.DONE_WITHOUT_CREATED, times=1)
    async with simulator(fault) as server, connected(server) as client:
        await client.respond()
        assert "response.created" not in client.types
        await client.respond()
    assert "response.created" in client.types


async def test_tool_arguments_are_not_json() -> None:
    fault = Fault(kind=FaultKind.MALFORMED_TOOL_JSON)
    steps: list[list[Output]] = [[Call.of("add_item", dish="Reine")]]
    async with simulator(fault, steps=steps) as server, connected(server) as client:
        call = (await client.respond())["output"][0]
    with pytest.raises(json.JSONDecodeError):
        json.loads(call["arguments"])


async def test_speech_started_without_speech() -> None:
    fault = Fault(kind=FaultKind.FALSE_SPEECH_STARTED, ms=50, on="response.output_audio.delta")
    async with simulator(fault) as server, connected(server) as client:
        await client.send("response.create")
        started = await client.until("input_audio_buffer.speech_started")
        stopped = await client.until("input_audio_buffer.speech_stopped")
        assert stopped["item_id"] == started["item_id"]
        assert [entry.real for entry in server.journal.of(SpeechStarted)] == [False]
    assert "input_audio_buffer.committed" not in client.types


async def test_a_mute_model_never_says_a_word() -> None:
    async with simulator(Fault(kind=FaultKind.MUTE)) as server, connected(server) as client:
        await client.send("response.create")
        await client.until("rate_limits.updated")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                await client.next()
        await client.send("response.cancel")
        assert (await client.until("response.done"))["response"]["status"] == "cancelled"


async def test_the_audio_is_silence() -> None:
    async with simulator(Fault(kind=FaultKind.SILENT_AUDIO)) as server, connected(server) as client:
        await client.respond()
    assert set(client.frames()) == {None}


@pytest.mark.parametrize("kind", [FaultKind.SLOW, FaultKind.STALL])
async def test_slow_and_stalling_replies(kind: FaultKind) -> None:
    loop = asyncio.get_running_loop()
    async with simulator(Fault(kind=kind, ms=300)) as server, connected(server) as client:
        began = loop.time()
        await client.send("response.create")
        await client.until("response.output_audio.delta")
        first_s = loop.time() - began
        await client.until("response.done")
        whole_s = loop.time() - began
    assert (first_s >= 0.3) is (kind is FaultKind.SLOW)
    assert 0.3 <= whole_s <= 3


@pytest.mark.parametrize(
    ("fault", "status", "usage"),
    [
        (Fault(kind=FaultKind.RESPONSE_FAILED, error_code="rate_limited"), "failed", False),
        (Fault(kind=FaultKind.RESPONSE_INCOMPLETE, reason="content_filter"), "incomplete", True),
        (Fault(kind=FaultKind.USAGE_NULL), "completed", False),
    ],
)
async def test_how_a_response_may_end(fault: Fault, status: str, *, usage: bool) -> None:
    async with simulator(fault) as server, connected(server) as client:
        response = await client.respond()
    details: dict[str, Any] = response["status_details"] or {}
    assert response["status"] == status
    assert (response["usage"] is not None) is usage
    if status == "failed":
        assert details["error"]["code"] == "rate_limited"
        assert not response["output"]
    if status == "incomplete":
        assert details["reason"] == "content_filter"


async def test_the_transcription_fails() -> None:
    server = RealtimeSimulator(
        hearing=hearing_of(["Bonjour"]),
        settings=QUICK,
        faults=[Fault(kind=FaultKind.TRANSCRIPTION_FAILED, times=1)],
    )
    async with server, connected(server) as client:
        await client.append(utterance("Bonjour") + bytes(16_000))
        await client.until("conversation.item.input_audio_transcription.failed")
        await client.append(utterance("Bonjour") + bytes(16_000))
        heard = await client.until("conversation.item.input_audio_transcription.completed")
    assert heard["transcript"] == "Bonjour"


async def test_an_event_of_a_type_nobody_knows() -> None:
    fault = Fault(kind=FaultKind.UNKNOWN_EVENT, on="response.created")
    async with simulator(fault) as server, connected(server) as client:
        await client.send("response.create")
        while (event := await client.next(checked=False))["type"] != "response.done":
            if event["type"] == "session.weather_updated":
                break
        assert event["type"] == "session.weather_updated"
        assert [entry.kind for entry in server.journal.of(FaultDone)] == ["unknown_event"]


async def test_a_state_may_begin_with_an_event() -> None:
    fault = Fault(kind=FaultKind.USAGE_NULL, on="response.done")
    async with simulator(fault) as server, connected(server) as client:
        assert (await client.respond())["usage"] is not None
        await server.journal.wait_for(FaultDone)
        assert (await client.respond())["usage"] is None


async def test_the_client_s_going_ends_the_session() -> None:
    async with simulator() as server:
        async with connected(server) as client:
            await client.send("response.create")
            await client.until("response.created")
        closed = await server.journal.wait_for(SessionClosed)
    assert closed.code == 1000
    with pytest.raises(ConnectionClosed):
        await client.send("response.create")


# --- On the wire ---------------------------------------------------------------------------------


WHOLE: list[Output] = [Say("Bonjour.", 320)]
DONE = ["response.output_item.done", "conversation.item.done", "response.done"]


@pytest.mark.parametrize(
    ("kind", "ending"),
    [
        (FaultKind.DROP, [*DONE[:1], DONE[2]]),
        (FaultKind.DOUBLE, [*DONE[:2], *DONE[1:]]),
        (FaultKind.SWAP, [DONE[0], DONE[2], DONE[1]]),
        (FaultKind.DELAY, [DONE[0], DONE[2], DONE[1]]),
    ],
)
async def test_an_event_is_lost_doubled_late_or_after_the_next(
    kind: FaultKind, ending: list[str]
) -> None:
    fault = Fault(kind=kind, on="conversation.item.done", nth=1, ms=100)
    async with simulator(fault, steps=[WHOLE, WHOLE]) as server, connected(server) as client:
        await client.send("response.create")
        while [one for one in client.types if one in DONE] != ending:
            await client.next()


async def test_the_nth_event_is_met_and_as_many_after_it_as_asked() -> None:
    fault = Fault(kind=FaultKind.DROP, on="response.output_audio.delta", nth=2, times=2)
    async with (
        simulator(fault, steps=[[Say("Bonjour.", 800)]]) as server,
        connected(server) as client,
    ):
        await client.respond()
    assert len(client.of("response.output_audio.delta")) == 5 - 2


async def test_a_client_s_event_is_lost_or_refused() -> None:
    lost = Fault(kind=FaultKind.DROP, on="response.create")
    refused = Fault(kind=FaultKind.REJECT, on="response.create", error_code="rate_limit_exceeded")
    async with simulator(lost, refused.model_copy(update={"nth": 2})) as server:
        async with connected(server) as client:
            await client.send("response.create")
            assert (await client.refusal("response.create"))["code"] == "rate_limit_exceeded"
            await client.respond()
    assert len(client.of("response.created")) == 1


def test_a_fault_on_the_wire_names_its_event() -> None:
    with pytest.raises(ValueError, match="needs `on`"):
        Fault(kind=FaultKind.DROP)


# --- Told while it runs --------------------------------------------------------------------------


async def order(server: RealtimeSimulator, **fields: Any) -> dict[str, Any]:
    """Tell the server what is to go wrong; return its answer."""
    async with connect(server.url.removesuffix("/v1") + "/faults") as control:
        await control.send(json.dumps(fields))
        answer: dict[str, Any] = json.loads(await control.recv())
    return answer


async def test_open_sessions_meet_what_the_server_is_told() -> None:
    drop = {"kind": "drop", "on": "conversation.item.done"}
    async with simulator(steps=[WHOLE, WHOLE]) as server, connected(server) as first:
        async with connected(server) as second:
            told = await order(server, sessions="open", faults=[drop | {"connection": 2}])
            assert told == {"connections": 2, "open": [1, 2]}
            await first.respond()
            await second.respond()
        assert (await order(server, sessions="open", faults=[{"kind": "close"}]))["open"] == [1]
        assert await first.closed() == 1011
    assert "conversation.item.done" in first.types
    assert "conversation.item.done" not in second.types


async def test_connections_to_come_meet_what_the_server_is_told() -> None:
    refuse = {"kind": "refuse", "status": 503, "connection": 1}
    async with simulator() as server:
        assert "error" in await order(server, sessions="some")
        assert await order(server, sessions="new", faults=[refuse]) == {
            "connections": 0,
            "open": [],
        }
        assert await connection_refused(server) == 503
        await order(server, sessions="new", faults=[])
        async with connected(server):
            pass
