"""Two telephones call each other over SIP and RTP on loopback, as RFC 3261 and RFC 4733 say."""

import asyncio
import itertools
import math
import statistics
import struct

import pytest

from controlplane.contracts.media import FRAME_MS
from freeswitch.telephone.dialog import CallEnd, Dialog
from freeswitch.telephone.g711 import Codec
from freeswitch.telephone.phone import CallCancelled, CallRefused, CallTimedOut, Phone
from tests.waiting import DEADLINE_S, block_elapse, stays_true, until

pytestmark = pytest.mark.integration


def tone(hertz: int, duration_ms: int) -> bytes:
    samples = (
        int(8_000 * math.sin(2 * math.pi * hertz * i / 8_000)) for i in range(8 * duration_ms)
    )
    return b"".join(struct.pack("<h", sample) for sample in samples)


def loud_frames(dialog: Dialog) -> list[float]:
    return [frame.at for frame in dialog.received if max(struct.unpack("<160h", frame.l16)) > 2_000]


async def connect(
    caller: Phone, callee: Phone, *, codec: Codec = Codec.PCMA
) -> tuple[Dialog, Dialog]:
    listening = asyncio.create_task(callee.listen(deadline_s=DEADLINE_S))
    dialog = await caller.call(callee.uri, from_number="0612345678", codec=codec)
    return dialog, await listening


@pytest.mark.parametrize("codec", list(Codec))
async def test_speech_arrives_whole_and_at_20_ms(codec: Codec) -> None:
    async with Phone() as caller, Phone() as callee:
        dialog, answered = await connect(caller, callee, codec=codec)
        dialog.rtp.sent_at = []

        utterance = await dialog.play(tone(440, 510))
        await until(lambda: len(loud_frames(answered)) >= 26)

        assert len(loud_frames(answered)) == 26  # 510 ms fill 25 frames and a half
        assert utterance.started_at is not None
        assert loud_frames(answered)[0] >= utterance.started_at
        # A machine that stalls makes a few frames late, never half of them.
        apart_ms = [(b - a) * 1_000 for a, b in itertools.pairwise(dialog.rtp.sent_at)]
        assert statistics.median(apart_ms) == pytest.approx(FRAME_MS, abs=2)
        numbers = [frame.sequence_number for frame in answered.received]
        assert [(b - a) & 0xFFFF for a, b in itertools.pairwise(numbers)] == [1] * (
            len(numbers) - 1
        )


async def test_caller_hangs_up() -> None:
    async with Phone() as caller, Phone() as callee:
        dialog, answered = await connect(caller, callee)

        await dialog.hangup()

        assert dialog.end is CallEnd.LOCAL_HANGUP
        assert await answered.wait_ended(deadline_s=DEADLINE_S) is CallEnd.REMOTE_HANGUP


async def test_callee_hangs_up_and_waiting_speech_is_abandoned() -> None:
    async with Phone() as caller, Phone() as callee:
        dialog, answered = await connect(caller, callee)
        utterance = dialog.play(tone(440, 5_000))

        await answered.hangup()

        assert await dialog.wait_ended(deadline_s=DEADLINE_S) is CallEnd.REMOTE_HANGUP
        with pytest.raises(asyncio.CancelledError):
            await utterance
        with pytest.raises(ValueError, match="over"):
            dialog.play(tone(440, 20))


async def test_refusal_carries_the_status() -> None:
    async with Phone() as caller, Phone(refuses_with=486) as callee:
        with pytest.raises(CallRefused) as refusal:
            await caller.call(callee.uri, from_number="0612345678")

        assert (refusal.value.status, refusal.value.reason) == (486, "Busy Here")


async def test_caller_gives_up_while_it_rings() -> None:
    async with Phone() as caller, Phone() as callee:
        ringing = asyncio.create_task(callee.listen(deadline_s=DEADLINE_S, rings_s=DEADLINE_S))

        with pytest.raises(CallTimedOut):
            await caller.call(callee.uri, from_number="0612345678", deadline_s=0.2)

        with pytest.raises(CallCancelled):
            await ringing


async def test_a_cancelled_call_stops_the_ringing() -> None:
    async with Phone() as caller, Phone() as callee:
        ringing = asyncio.create_task(callee.listen(deadline_s=DEADLINE_S, rings_s=DEADLINE_S))
        calling = asyncio.create_task(caller.call(callee.uri, from_number="0612345678"))
        await stays_true(lambda: not ringing.done() and not calling.done(), for_s=0.05)

        calling.cancel()

        with pytest.raises(asyncio.CancelledError):
            await calling
        with pytest.raises(CallCancelled):
            await ringing


async def test_nobody_there() -> None:
    async with Phone() as caller:
        with pytest.raises(CallTimedOut):
            await caller.call("sip:x@127.0.0.1:9", from_number="0612345678", deadline_s=0.2)


async def test_keys_arrive_once_and_in_order() -> None:
    async with Phone() as caller, Phone() as callee:
        dialog, answered = await connect(caller, callee)

        keys = [dialog.send_dtmf(digit, duration_ms=60) for digit in "12#*"]
        await asyncio.gather(*keys)

        await until(lambda: len(answered.digits) == 4)
        assert [digit for _, digit in answered.digits] == list("12#*")


async def test_a_busy_event_loop_loses_no_frame() -> None:
    async with Phone() as caller, Phone() as callee:
        dialog, answered = await connect(caller, callee)
        dialog.play(tone(440, 200))

        block_elapse(0.07, because="the loop is busy")

        await until(lambda: len(loud_frames(answered)) >= 10)
        assert len(loud_frames(answered)) == 10


async def test_line_break_in_the_display_name_is_refused() -> None:
    async with Phone() as caller:
        with pytest.raises(ValueError, match="line break"):
            await caller.call(
                "sip:x@127.0.0.1:9", from_number="0612345678", display_name="Bob\r\nX: y"
            )
