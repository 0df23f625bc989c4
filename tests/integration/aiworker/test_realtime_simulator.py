"""The Realtime simulator speaks to the real SDK, every event held to the SDK's types."""

import asyncio
import audioop
import base64
import json
from pathlib import Path
from typing import Any

import pytest

from aiworker.simulator import tone_code
from aiworker.simulator.brain import Call, Output, Say, Stall
from aiworker.simulator.hearing import Hearing, read_folder
from aiworker.simulator.journal import AudioSent, Heard, ItemDeleted, Truncated
from aiworker.simulator.link import SimulatorSettings
from aiworker.simulator.script import Scripts
from aiworker.simulator.server import RealtimeSimulator, scripted
from aiworker.simulator.utterance import hearing_of, utterance
from tests.integration.realtime_simulator_client import PCMU_SESSION, QUICK, Client, connected
from tests.integration.realtime_steps import step_by_step

pytestmark = pytest.mark.integration

RECORDINGS = read_folder(Path(__file__).resolve().parents[3] / "freeswitch" / "sounds" / "caller")
SILENCE_1_S = bytes(16_000)
ORDER = "deux margherita et un coca"
TOOL = {"type": "function", "name": "add_item", "parameters": {"type": "object"}}


def simulator(*steps: list[Output], **options: Any) -> RealtimeSimulator:
    options.setdefault("settings", QUICK)
    return RealtimeSimulator(brain=step_by_step(*steps), **options)


def vad(**changes: Any) -> dict[str, Any]:
    """The usual session with other turn detection."""
    turn = {"type": "server_vad", **changes}
    return {"audio": {"input": PCMU_SESSION["audio"]["input"] | {"turn_detection": turn}}}


async def test_a_session_begins_with_the_service_s_defaults() -> None:
    async with simulator() as server, connected(server, configure=False) as client:
        session = (await client.next())["session"]
    assert session["model"] == "gpt-realtime-2.1"
    assert session["audio"]["output"]["format"] == {"type": "audio/pcm", "rate": 24_000}
    assert session["audio"]["input"]["turn_detection"]["create_response"] is True


async def test_session_updated_echoes_the_effective_configuration() -> None:
    async with simulator() as server, connected(server) as client:
        updated = await client.configure(instructions="Bonjour", tools=[TOOL])
        audio = updated["session"]["audio"]
        assert audio["input"]["format"] == audio["output"]["format"] == {"type": "audio/pcmu"}
        assert audio["input"]["turn_detection"]["silence_duration_ms"] == 500
        assert updated["session"]["instructions"] == "Bonjour"
        await client.send("session.update", session={"type": "realtime", "tools": []})
        again = (await client.until("session.updated"))["session"]
    assert again["instructions"] == "Bonjour"
    assert again["tools"] == []


@pytest.mark.parametrize(
    ("session", "code", "param"),
    [
        ({"type": "realtime", "voice": "marin"}, "unknown_parameter", "session.voice"),
        ({}, "missing_required_parameter", "session.type"),
        (
            {"type": "realtime", "audio": {"output": {"speed": 9}}},
            "decimal_above_max_value",
            "session.audio.output.speed",
        ),
        ({"type": "realtime", "model": "other"}, "cannot_update_model", "session.model"),
    ],
)
async def test_a_refused_update_changes_nothing(
    session: dict[str, Any], code: str, param: str
) -> None:
    async with simulator() as server, connected(server) as client:
        error = await client.refusal("session.update", session=session)
        assert (error["code"], error["param"]) == (code, param)
        updated = await client.configure()
    assert updated["session"]["audio"]["output"]["speed"] == 1.0


async def test_what_is_not_an_event_is_refused_and_the_session_goes_on() -> None:
    async with simulator([Say("Bonjour")]) as server, connected(server) as client:
        await client._connection.send_raw("not json")
        assert (await client.until("error"))["error"]["code"] == "invalid_json"
        assert (await client.refusal("response.start"))["code"] == "invalid_value"
        assert (await client.respond())["status"] == "completed"


async def test_the_voice_is_locked_once_it_has_spoken() -> None:
    async with simulator([Say("Bonjour")]) as server, connected(server) as client:
        await client.respond()
        update = {"type": "realtime", "audio": {"output": {"voice": "marin"}}}
        assert (await client.refusal("session.update", session=update))["code"] == (
            "cannot_update_voice"
        )


# -- responses -----------------------------------------------------------------------------


async def test_a_response_s_events_come_in_the_service_s_order() -> None:
    async with simulator([Say("Oui ?")]) as server, connected(server) as client:
        client.events.clear()
        response = await client.respond()
    assert client.types == [
        "response.created",
        "rate_limits.updated",
        "response.output_item.added",
        "conversation.item.added",
        "response.content_part.added",
        *["response.output_audio_transcript.delta", "response.output_audio.delta"] * 3,
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "response.output_item.done",
        "conversation.item.done",
        "response.done",
    ]
    assert response["output"][0]["content"] == [{"type": "output_audio", "transcript": "Oui ?"}]
    deltas = client.of("response.output_audio_transcript.delta")
    assert "".join(delta["delta"] for delta in deltas) == "Oui ?"


async def test_speech_is_as_long_as_its_words_and_says_which_frame_it_is() -> None:
    async with simulator([Say("x" * 40)], [Say("Et ?")]) as server, connected(server) as client:
        await client.respond()
        assert client.frames() == list(range(40 * 65 // 20))
        await client.respond()
        sent = server.journal.of(AudioSent)
    assert client.frames() == list(range(40 * 65 // 20 + 13))
    last = sent[-1]
    assert last.first_frame + last.frames == len(client.frames())
    assert {entry.item_ms for entry in sent if entry.item_id == last.item_id} == {0, 160}


@pytest.mark.parametrize("audio_format", ["audio/pcma", "audio/pcm"])
async def test_the_other_formats_carry_the_same_speech(audio_format: str) -> None:
    shape = {"type": audio_format} | ({"rate": 24_000} if audio_format == "audio/pcm" else {})
    session = {"type": "realtime", "audio": {"output": {"format": shape}}}
    async with simulator([Say("Bonjour.")]) as server, connected(server) as client:
        await client.send("session.update", session=session)
        await client.until("session.updated")
        await client.respond()
    wire = b"".join(base64.b64decode(e["delta"]) for e in client.of("response.output_audio.delta"))
    if audio_format == "audio/pcma":
        l16 = audioop.alaw2lin(wire, 2)
    else:
        l16, _ = audioop.ratecv(wire, 2, 1, 24_000, 8_000, None)
    assert tone_code.decode_frames(l16) == list(range(26))


async def test_text_sessions_get_text() -> None:
    async with simulator([Say("Bonjour à vous")]) as server, connected(server) as client:
        response = await client.respond(output_modalities=["text"])
    assert response["output"][0]["content"] == [{"type": "output_text", "text": "Bonjour à vous"}]
    assert not client.of("response.output_audio.delta")


async def test_functions_are_called_and_their_outputs_must_match_a_call() -> None:
    call = Call.of("add_item", dish="Margherita", quantity=2)
    async with simulator([call, call]) as server, connected(server) as client:
        response = await client.respond()
        first, second = response["output"]
        assert first["call_id"] != second["call_id"]
        done = client.of("response.function_call_arguments.done")[0]
        deltas = client.of("response.function_call_arguments.delta")
        mine = [delta["delta"] for delta in deltas if delta["item_id"] == first["id"]]
        assert "".join(mine) == done["arguments"] == call.arguments
        output = {"type": "function_call_output", "call_id": first["call_id"], "output": "{}"}
        await client.send("conversation.item.create", item=output)
        assert (await client.until("conversation.item.done"))["item"]["output"] == "{}"
        stranger = output | {"call_id": "call_of_nobody"}
        error = await client.refusal("conversation.item.create", item=stranger)
    assert error["code"] == "invalid_tool_call_id"


async def test_one_response_at_a_time_and_cancel_only_an_active_one() -> None:
    async with simulator([Stall()], [Say("Oui")]) as server, connected(server) as client:
        assert (await client.refusal("response.cancel"))["code"] == "response_cancel_not_active"
        await client.send("response.create")
        response_id = (await client.until("response.created"))["response"]["id"]
        second = await client.refusal("response.create")
        assert second["code"] == "conversation_already_has_active_response"
        assert response_id in second["message"]
        other = await client.refusal("response.cancel", response_id="resp_other")
        assert other["code"] == "response_cancel_not_active"
        await client.send("response.cancel", response_id=response_id)
        done = (await client.until("response.done"))["response"]
        assert (done["status"], done["status_details"]["reason"]) == (
            "cancelled",
            "client_cancelled",
        )
        assert (await client.respond())["status"] == "completed"


async def test_a_cancelled_item_ends_incomplete_and_bills_what_was_made() -> None:
    slow = SimulatorSettings(speed=1, think_ms=0)
    server = RealtimeSimulator(brain=scripted(Scripts.monologue(60_000)), settings=slow)
    async with server, connected(server) as client:
        await client.send("response.create")
        await client.until("response.output_audio.delta")
        await client.send("response.cancel")
        response = (await client.until("response.done"))["response"]
    item = response["output"][0]
    audio_ms = 20 * len(client.frames(item["id"]))
    assert item["status"] == "incomplete"
    assert response["usage"]["output_token_details"]["audio_tokens"] == -(-audio_ms // 50)
    assert client.types[-6:-1] == [
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "response.output_item.done",
        "conversation.item.done",
    ]


async def test_deltas_come_at_the_speed_asked_for() -> None:
    settings = SimulatorSettings(speed=10, think_ms=0, delta_ms=100)
    server = RealtimeSimulator(brain=scripted(Scripts.monologue(3_000)), settings=settings)
    async with server, connected(server) as client:
        await client.respond()
        sent = server.journal.of(AudioSent)
    assert len(sent) == 30
    assert {entry.frames for entry in sent} == {5}
    assert 0.27 <= sent[-1].at - sent[0].at <= 2


async def test_out_of_band_responses_leave_the_conversation_alone() -> None:
    async with simulator([Say("Résumé")]) as server, connected(server) as client:
        response = await client.respond(conversation="none", metadata={"purpose": "summary"})
    assert response["conversation_id"] is None
    assert response["metadata"] == {"purpose": "summary"}
    assert "conversation.item.added" not in client.types


async def test_max_output_tokens_cuts_the_answer() -> None:
    async with simulator([Say("x" * 100)]) as server, connected(server) as client:
        response = await client.respond(max_output_tokens=16)
    assert response["status"] == "incomplete"
    assert response["status_details"]["reason"] == "max_output_tokens"
    assert response["usage"]["output_token_details"]["audio_tokens"] == 16


async def test_usage_counts_every_token_and_what_the_cache_had() -> None:
    async with simulator([Say("x" * 40)], [Say("y" * 8)]) as server, connected(server) as client:
        await client.configure(instructions="i" * 400)
        first = (await client.respond())["usage"]
        message = {
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": "z" * 20}],
        }
        await client.send("conversation.item.create", item=message)
        second = (await client.respond())["usage"]
    # 40 characters are 2.6 s: 52 tokens of voice and 10 of text; instructions are 100.
    assert first["input_tokens"] == 100
    assert first["output_token_details"] == {"text_tokens": 10, "audio_tokens": 52}
    details = second["input_token_details"]
    assert (details["text_tokens"], details["audio_tokens"]) == (100 + 10 + 5, 52)
    assert details["cached_tokens"] == 100
    assert second["total_tokens"] == 167 + 11 + 2


async def test_new_instructions_empty_the_cache() -> None:
    async with simulator([Say("Oui")], [Say("Oui")]) as server, connected(server) as client:
        await client.configure(instructions="i" * 400)
        await client.respond()
        await client.configure(instructions="j" * 400)
        usage = (await client.respond())["usage"]
    assert usage["input_token_details"]["cached_tokens"] == 0


# -- the caller's turn ---------------------------------------------------------------------


async def test_a_turn_is_heard_and_timed_on_the_clock_of_appended_audio() -> None:
    server = simulator(hearing=hearing_of([ORDER, "Non merci"]))
    speech = utterance(ORDER)
    async with server, connected(server) as client:
        client.events.clear()
        await client.append(SILENCE_1_S + speech + SILENCE_1_S)
        heard = await client.until("conversation.item.input_audio_transcription.completed")
        assert client.types == [
            "input_audio_buffer.speech_started",
            "input_audio_buffer.speech_stopped",
            "input_audio_buffer.committed",
            "conversation.item.added",
            "conversation.item.done",
            "conversation.item.input_audio_transcription.delta",
            "conversation.item.input_audio_transcription.completed",
        ]
        started, stopped, committed = client.events[:3]
        end_ms = 1_000 + len(speech) // 16
        assert started["audio_start_ms"] == 700
        assert abs(stopped["audio_end_ms"] - (end_ms + 500)) <= 10
        assert heard["transcript"] == ORDER
        assert started["item_id"] == committed["item_id"] == heard["item_id"]
        (journalled,) = server.journal.of(Heard)
    assert journalled.audio_ms == stopped["audio_end_ms"] - 700


async def test_the_next_turn_is_timed_on_the_same_clock() -> None:
    async with simulator() as server, connected(server) as client:
        speech = utterance("Bonjour")
        await client.append(SILENCE_1_S + speech + SILENCE_1_S + speech + SILENCE_1_S)
        await client.until("input_audio_buffer.committed")
        await client.until("input_audio_buffer.committed")
    first, second = client.of("input_audio_buffer.speech_started")
    apart = second["audio_start_ms"] - first["audio_start_ms"]
    assert abs(apart - (1_000 + len(speech) // 16)) <= 10


async def test_what_no_recording_matches_is_unintelligible() -> None:
    server = simulator(hearing=hearing_of([ORDER]))
    async with server, connected(server) as client:
        await client.append(utterance("Tout autre chose, longuement") + SILENCE_1_S)
        heard = await client.until("conversation.item.input_audio_transcription.completed")
    assert heard["transcript"] == ""


async def test_the_transcript_may_come_after_the_response() -> None:
    settings = SimulatorSettings(speed=20, think_ms=0, transcription_ms=400)
    server = simulator([Say("Oui")], settings=settings, hearing=hearing_of([ORDER]))
    async with server, connected(server) as client:
        await client.configure(**vad(create_response=True))
        await client.append(utterance(ORDER) + SILENCE_1_S)
        heard = await client.until("conversation.item.input_audio_transcription.completed")
    assert heard["transcript"] == ORDER
    assert "response.done" in client.types


async def test_create_and_interrupt_response_are_honoured() -> None:
    server = RealtimeSimulator(brain=scripted(Scripts.monologue(60_000)), settings=QUICK)
    speech = utterance("Bonjour")
    async with server, connected(server) as client:
        await client.configure(**vad(create_response=True, interrupt_response=True))
        await client.append(speech + SILENCE_1_S)
        await client.until("response.output_audio.delta")
        await client.append(speech)
        interrupted = (await client.until("response.done"))["response"]
        assert interrupted["status_details"]["reason"] == "turn_detected"
        await client.append(SILENCE_1_S)
        await client.until("response.created")
        await client.configure(**vad(create_response=False, interrupt_response=False))
        await client.append(speech + SILENCE_1_S)
        await client.until("input_audio_buffer.committed")
        await client.until("response.output_audio.delta")


async def test_without_turn_detection_the_client_commits() -> None:
    server = simulator(hearing=hearing_of([ORDER]))
    async with server, connected(server) as client:
        audio = {"input": PCMU_SESSION["audio"]["input"] | {"turn_detection": None}}
        await client.configure(audio=audio)
        empty = await client.refusal("input_audio_buffer.commit")
        assert empty["code"] == "input_audio_buffer_commit_empty"
        assert "0.00ms" in empty["message"]
        await client.append(bytes(16 * 60))
        assert "60.00ms" in (await client.refusal("input_audio_buffer.commit"))["message"]
        await client.append(utterance(ORDER))
        await client.send("input_audio_buffer.clear")
        await client.until("input_audio_buffer.cleared")
        assert "0.00ms" in (await client.refusal("input_audio_buffer.commit"))["message"]
        await client.append(utterance(ORDER))
        await client.send("input_audio_buffer.commit")
        heard = await client.until("conversation.item.input_audio_transcription.completed")
    assert heard["transcript"] == ORDER
    assert "input_audio_buffer.speech_started" not in client.types


async def test_audio_that_is_not_base64_is_refused() -> None:
    async with simulator() as server, connected(server) as client:
        error = await client.refusal("input_audio_buffer.append", audio="é")
    assert (error["code"], error["param"]) == ("invalid_value", "audio")


async def test_a_recorded_caller_is_recognised_and_their_script_followed() -> None:
    wanted = "Une margherita avec supplément mozzarella et une quatre fromages."
    recording = next(one.l16 for one in RECORDINGS if one.text == wanted)
    server = RealtimeSimulator(hearing=Hearing(RECORDINGS), settings=QUICK)
    async with server, connected(server) as client:
        await client.configure(tools=[TOOL])
        await client.append(SILENCE_1_S + recording + SILENCE_1_S)
        await client.until("input_audio_buffer.committed")
        calls = (await client.respond())["output"]
    assert [json.loads(call["arguments"]) for call in calls] == [
        {"dish": "margherita", "quantity": 1, "options": ["mozzarella"]},
        {"dish": "quatre fromages", "quantity": 1},
    ]


# -- items ---------------------------------------------------------------------------------


async def spoken(client: Client) -> str:
    """Have the agent speak; return the item's id."""
    response = await client.respond()
    item_id: str = response["output"][0]["id"]
    return item_id


async def test_truncation_keeps_what_was_heard_and_drops_the_words() -> None:
    async with simulator([Say("x" * 40)], [Say("y")]) as server, connected(server) as client:
        item_id = await spoken(client)
        fields = {"item_id": item_id, "content_index": 0}
        await client.send("conversation.item.truncate", audio_end_ms=1_500, **fields)
        truncated = await client.until("conversation.item.truncated")
        assert truncated["audio_end_ms"] == 1_500
        await client.send("conversation.item.retrieve", item_id=item_id)
        item = (await client.until("conversation.item.retrieved"))["item"]
        assert item["content"][0]["transcript"] == ""
        usage = (await client.respond())["usage"]
        assert usage["input_token_details"]["audio_tokens"] == 30
        past = await client.refusal("conversation.item.truncate", audio_end_ms=1_501, **fields)
        assert past["message"] == "Audio content of 1500ms is already shorter than 1501ms"
        noted = [(t.audio_end_ms, t.accepted) for t in server.journal.of(Truncated)]
    assert noted == [(1_500, True), (1_501, False)]


async def test_only_the_model_s_audio_can_be_truncated() -> None:
    message = {
        "id": "item_mine",
        "type": "message",
        "role": "user",
        "content": [{"type": "input_text", "text": "Bonjour"}],
    }
    async with simulator() as server, connected(server) as client:
        await client.send("conversation.item.create", item=message)
        fields: dict[str, Any] = {"content_index": 0, "audio_end_ms": 0}
        error = await client.refusal("conversation.item.truncate", item_id="item_mine", **fields)
        assert error["code"] == "unsupported_content_type"
        error = await client.refusal("conversation.item.truncate", item_id="item_no", **fields)
        assert error["code"] == "item_truncate_invalid_item_id"
        twice = await client.refusal("conversation.item.create", item=message)
        assert twice["code"] == "item_create_invalid_item_id"


async def test_items_are_deleted_once() -> None:
    async with simulator([Say("Bonjour")]) as server, connected(server) as client:
        item_id = await spoken(client)
        await client.send("conversation.item.delete", item_id=item_id)
        assert (await client.until("conversation.item.deleted"))["item_id"] == item_id
        assert [entry.item_id for entry in server.journal.of(ItemDeleted)] == [item_id]
        for verb in ("delete", "retrieve"):
            error = await client.refusal(f"conversation.item.{verb}", item_id=item_id)
            assert error["code"] == f"item_{verb}_invalid_item_id"


async def test_items_are_inserted_where_asked() -> None:
    def message(item_id: str) -> dict[str, Any]:
        content = [{"type": "input_text", "text": item_id}]
        return {"id": item_id, "type": "message", "role": "system", "content": content}

    async with simulator() as server, connected(server) as client:
        await client.send("conversation.item.create", item=message("a"))
        await client.send("conversation.item.create", item=message("b"), previous_item_id="root")
        await client.send("conversation.item.create", item=message("c"), previous_item_id="b")
        for _ in range(3):
            await client.until("conversation.item.done")
        error = await client.refusal(
            "conversation.item.create", item=message("d"), previous_item_id="nowhere"
        )
    before = [event["previous_item_id"] for event in client.of("conversation.item.added")]
    assert before == [None, None, "b"]
    assert error["param"] == "previous_item_id"


# -- many at once, and the time it all takes -----------------------------------------------


async def test_sessions_do_not_disturb_each_other() -> None:
    server = simulator([Say("x" * 20)], hearing=Hearing())
    async with server, connected(server) as one, connected(server) as other:
        await asyncio.gather(one.respond(), other.respond())
        sessions = {entry.session_id for entry in server.journal.of(AudioSent)}
    assert one.frames() == other.frames() == list(range(65))
    assert len(sessions) == 2


async def test_a_caller_who_falls_silent_is_asked_for() -> None:
    settings = SimulatorSettings(speed=20, think_ms=0, idle_speed=50)
    server = simulator([Say("Oui ?")], [Say("Allô ?")], settings=settings)
    async with server, connected(server) as client:
        await client.configure(**vad(idle_timeout_ms=5_000, create_response=False))
        await client.respond()
        idle = await client.until("input_audio_buffer.timeout_triggered")
        committed = await client.until("input_audio_buffer.committed")
        said = (await client.until("response.done"))["response"]["output"][0]
    assert committed["item_id"] == idle["item_id"]
    assert said["content"][0]["transcript"] == "Allô ?"
