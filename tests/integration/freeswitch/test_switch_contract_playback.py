"""How queued audio plays, on the simulator and on the real FreeSWITCH, judged by what is heard."""

import asyncio
from pathlib import Path

import pytest

from freeswitch.telephone.phone import Phone
from tests.integration.event_socket_client import Event, EventSocketClient
from tests.integration.switch_under_test import (
    ParkedCall,
    SwitchUnderTest,
    heard,
    park,
    pitch,
    tone,
)
from tests.waiting import elapse, until

pytestmark = pytest.mark.integration

TONES = (700, 900, 1_100)


@pytest.fixture
def sounds(tmp_path: Path) -> list[str]:
    """Three files of 200, 200 and 110 ms, each with its own tone."""
    files = []
    for hertz, duration_ms in zip(TONES, (200, 200, 110), strict=True):
        file = tmp_path / f"{hertz}.r8"
        file.write_bytes(tone(hertz, duration_ms))
        files.append(str(file))
    return files


@pytest.fixture
async def call(switch: SwitchUnderTest, client: EventSocketClient, phone: Phone) -> ParkedCall:
    call = await park(switch, client, phone)
    call.dialog.received.clear()
    return call


async def queue(
    client: EventSocketClient, call: ParkedCall, files: list[str], *, lock: bool
) -> None:
    for number, file in enumerate(files):
        reply = await client.execute(
            call.uuid, "playback", file, event_uuid=f"item-{number}", lock="true" if lock else ""
        )
        assert reply == "+OK"


def of_call(client: EventSocketClient, call: ParkedCall, name: str) -> list[Event]:
    return [
        event
        for event in client.events
        if event["Event-Name"] == name
        and event.get("Unique-ID") == call.uuid
        and event.get("Application", "playback") == "playback"
    ]


def hole_ms(call: ParkedCall) -> int:
    """Time in which nothing was sent between the first and the last frame heard (RTP clock)."""
    spoken = [frame.timestamp for frame in call.dialog.received if pitch(frame.l16)]
    return (spoken[-1] - spoken[0]) // 8 - 20 * (len(spoken) - 1)


async def test_locked_playbacks_run_in_order_without_a_gap(
    client: EventSocketClient, call: ParkedCall, sounds: list[str]
) -> None:
    await queue(client, call, sounds, lock=True)

    done = await client.event("CHANNEL_EXECUTE_COMPLETE", Application_UUID="item-2")
    await until(lambda: len(call.dialog.received) >= 26)
    assert done["Application-Response"] == "FILE PLAYED"
    assert [hertz for hertz, _ in heard(call.dialog.received)] == list(TONES)
    assert [ms for _, ms in heard(call.dialog.received)] == [200, 200, 120]  # whole frames
    assert hole_ms(call) <= 60  # none, but for what a machine under load adds
    stops = of_call(client, call, "PLAYBACK_STOP")[-3:]
    assert [stop["Playback-Status"] for stop in stops] == ["done"] * 3
    assert [stop["Playback-File-Path"] for stop in stops] == sounds
    assert [stop["variable_playback_ms"] for stop in stops] == ["200", "200", "110"]
    executes = [e["Application-UUID"] for e in of_call(client, call, "CHANNEL_EXECUTE")[-3:]]
    assert executes == ["item-0", "item-1", "item-2"]


async def test_playbacks_without_lock_nest_and_run_backwards(
    client: EventSocketClient, call: ParkedCall, sounds: list[str]
) -> None:
    await queue(client, call, sounds, lock=False)

    await client.event("CHANNEL_EXECUTE_COMPLETE", Application_UUID="item-0")
    completed = [e["Application-UUID"] for e in of_call(client, call, "CHANNEL_EXECUTE_COMPLETE")]
    assert completed[-3:] == ["item-2", "item-1", "item-0"]
    assert heard(call.dialog.received)[-1][0] == TONES[0]


async def test_break_all_silences_and_forgets_the_queue(
    client: EventSocketClient, call: ParkedCall, sounds: list[str]
) -> None:
    await queue(client, call, sounds, lock=True)
    await until(lambda: len(call.dialog.received) >= 4)

    assert await client.api(f"uuid_break {call.uuid} all") == "+OK\n"
    broken_at = asyncio.get_running_loop().time()
    stop = await client.event("PLAYBACK_STOP", Unique_ID=call.uuid, Playback_Status="break")
    await elapse(0.3, because="what must not be heard would be now")

    assert stop["Playback-File-Path"] == sounds[0]
    assert max(frame.at for frame in call.dialog.received) - broken_at < 0.06
    assert {hertz for hertz, _ in heard(call.dialog.received)} == {TONES[0]}
    played_ms = int(stop["variable_playback_last_offset_pos"]) // 8
    assert played_ms == sum(ms for _, ms in heard(call.dialog.received))
    assert stop["variable_playback_ms"] == "200"  # what was read of the file, not what was heard


async def test_break_position_in_a_long_file(
    client: EventSocketClient, call: ParkedCall, tmp_path: Path
) -> None:
    file = tmp_path / "long.r8"
    file.write_bytes(tone(800, 3_000))
    await client.execute(call.uuid, "playback", str(file), lock="true")
    await until(lambda: len(call.dialog.received) >= 15)

    await client.api(f"uuid_break {call.uuid} all")

    stop = await client.event("PLAYBACK_STOP", Playback_File_Path=str(file))
    heard_ms = 20 * sum(pitch(frame.l16) == 800 for frame in call.dialog.received)
    assert abs(int(stop["variable_playback_last_offset_pos"]) // 8 - heard_ms) <= 20
    assert stop["variable_playback_ms"] == "2048"  # the block that was read


async def test_break_skips_one_file_only(
    client: EventSocketClient, call: ParkedCall, sounds: list[str]
) -> None:
    await queue(client, call, sounds, lock=True)
    await until(lambda: len(call.dialog.received) >= 3)

    await client.api(f"uuid_break {call.uuid}")

    await client.event("CHANNEL_EXECUTE_COMPLETE", Application_UUID="item-2")
    played = dict(heard(call.dialog.received))
    assert played[TONES[0]] < 200
    assert (played[TONES[1]], played[TONES[2]]) == (200, 120)


async def test_break_while_nothing_plays_does_no_harm(
    client: EventSocketClient, call: ParkedCall, sounds: list[str]
) -> None:
    assert await client.api(f"uuid_break {call.uuid} all") == "+OK\n"

    await queue(client, call, sounds[:1], lock=True)

    done = await client.event("CHANNEL_EXECUTE_COMPLETE", Application_UUID="item-0")
    assert done["Application-Response"] == "FILE PLAYED"
    assert heard(call.dialog.received) == [(TONES[0], 200)]


async def test_pause_and_resume(
    client: EventSocketClient, call: ParkedCall, sounds: list[str]
) -> None:
    assert await client.api(f"uuid_fileman {call.uuid} pause") == "-ERR No file handle!\n"
    await queue(client, call, sounds[:1], lock=True)
    await until(lambda: len(call.dialog.received) >= 4)

    assert await client.api(f"uuid_fileman {call.uuid} pause") == "+OK\n"
    await until(lambda: pitch(call.dialog.received[-1].l16) == 0)
    assert await client.api(f"uuid_fileman {call.uuid} pause") == "+OK\n"

    await client.event("CHANNEL_EXECUTE_COMPLETE", Application_UUID="item-0")
    runs = heard(call.dialog.received)
    assert [hertz for hertz, _ in runs] == [TONES[0], TONES[0]]
    assert sum(ms for _, ms in runs) == 200


async def test_missing_file(client: EventSocketClient, call: ParkedCall) -> None:
    await client.execute(call.uuid, "playback", "/nowhere/x.r8", event_uuid="gone", lock="true")

    done = await client.event("CHANNEL_EXECUTE_COMPLETE", Application_UUID="gone")
    assert done["Application-Response"] == "FILE NOT FOUND"
    starts = [e["Playback-File-Path"] for e in of_call(client, call, "PLAYBACK_START")]
    assert "/nowhere/x.r8" not in starts


async def test_tone_streams(client: EventSocketClient, call: ParkedCall) -> None:
    waiting_tone = "tone_stream://L=2;v=-20;%(100,100,500)"

    await client.execute(call.uuid, "playback", waiting_tone, event_uuid="wait", lock="true")

    await client.event("CHANNEL_EXECUTE_COMPLETE", Application_UUID="wait")
    loud = [hertz for hertz, _ in heard(call.dialog.received)]
    assert set(loud) == {500}
    assert len(loud) == 2


async def test_a_transfer_ends_what_plays(
    client: EventSocketClient, call: ParkedCall, sounds: list[str]
) -> None:
    await queue(client, call, sounds, lock=True)
    await until(lambda: len(call.dialog.received) >= 3)

    assert await client.api(f"uuid_transfer {call.uuid} park inline") == "+OK\n"

    ended = await client.event("CHANNEL_EXECUTE_COMPLETE", Application_UUID="item-0")
    assert ended["Application-Response"] == "PLAYBACK ERROR"
    start = client.events.index(ended)
    await client.event("CHANNEL_PARK", start=start, Unique_ID=call.uuid)


async def test_the_258th_command_closes_the_connection(
    switch: SwitchUnderTest, client: EventSocketClient, call: ParkedCall
) -> None:
    playback = {
        "call-command": "execute",
        "execute-app-name": "playback",
        "execute-app-arg": "silence_stream://10000",
        "event-lock": "true",
    }
    async with switch.client() as flood:
        await flood.send(f"sendmsg {call.uuid}", playback)
        await client.event("PLAYBACK_START", Playback_File_Path="silence_stream://10000")
        for _ in range(256):  # one plays, these wait
            headers, _ = await flood.send(f"sendmsg {call.uuid}", playback)
            assert headers["Reply-Text"] == "+OK"

        flood.write(f"sendmsg {call.uuid}", playback)

        async with asyncio.timeout(5):
            await flood.closed.wait()
        assert flood.disconnect_notice
        assert flood.unread_replies == 0
