"""What a worker says on its stream is done once and answered, and garbage ends no call."""

import asyncio

import pytest
from redis.asyncio import Redis

from aiworker.simulator.tone_code import encode_speech
from controlplane.contracts.hangup_causes import CallOutcome
from controlplane.contracts.messages import (
    Clear,
    Cleared,
    Dtmf,
    Hangup,
    Hold,
    Mark,
    Marked,
    Started,
    Transfer,
    TransferFailed,
)
from freeswitch.telephone.dialog import CallEnd
from freeswitch.telephone.phone import Phone
from tests.integration.answered_bridge import (
    call_ended,
    talking,
)
from tests.integration.bridge_under_test import (
    Bridge,
    Worker,
    codes,
    prompts,
    stream_audio,
    until_heard,
)
from tests.scenarios.listening import LONGEST_SILENCE_S
from tests.waiting import DEADLINE_S, until

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("calls_end")]


GARBAGE = [
    "deux margherita au nom de Martin",
    '{"type":"cancel_everything","text":"deux margherita au nom de Martin"}',
    '{"type":"clear","generation":"deux margherita au nom de Martin"}',
    '{"type":"hold","loud":true}',
    "[]",
    "",
]


async def test_garbage_is_refused_and_the_call_goes_on(
    bridge: Bridge, worker: Worker, phone: Phone
) -> None:
    before = len(bridge.log("message_refused"))
    async with talking(bridge, worker, phone) as (dialog, stream):
        for text in GARBAGE:
            await stream.connection.send(text)
        await until(lambda: len(bridge.log("message_refused")) >= before + 5)
        await stream.speak(600)
        await until(lambda: 604 in codes(dialog))
    assert "Martin" not in bridge.log_file.read_text()
    assert all(line["call"] for line in bridge.log("message_refused"))


async def test_chunks_against_the_contract_are_refused_and_the_call_goes_on(
    bridge: Bridge, worker: Worker, phone: Phone
) -> None:
    before = len(bridge.log("chunk_refused"))
    l16 = encode_speech(100, 700)
    good = {"item": "item_a", "seq": 0, "generation": 0, "ms": 100}
    bad: list[dict[str, object]] = [
        {},
        {**good, "seq": -1},
        {**good, "ms": 60_000},
        {**good, "generation": "first"},
        {**good, "file": "/etc/passwd", "unknown": 1},
    ]
    async with talking(bridge, worker, phone) as (dialog, stream):
        for keys in bad:
            await stream.connection.send(stream_audio(l16, **keys))
        await until(lambda: len(bridge.log("chunk_refused")) == before + len(bad))
        await stream.speak(750)
        await until(lambda: 754 in codes(dialog))
        assert not set(range(700, 705)) & set(codes(dialog))


async def test_cleared_says_what_was_heard_and_older_chunks_stay_silent(
    bridge: Bridge, worker: Worker, phone: Phone
) -> None:
    async with talking(bridge, worker, phone) as (dialog, stream):
        await stream.speak(1_000, chunks=8)
        await until(lambda: 1_015 in codes(dialog))
        await stream.ask(Clear(generation=1))
        cleared = await stream.message(Cleared)
        await stream.speak(2_000, generation=0, chunks=2)
        await stream.speak(1_100, item="item_b", generation=1)
        await until(lambda: 1_104 in codes(dialog))
        of_item_a = [code for code in codes(dialog) if code < 1_100]
        assert of_item_a == list(range(1_000, 1_000 + len(of_item_a)))
        assert (cleared.generation, cleared.item) == (1, "item_a")
        assert abs(cleared.played_ms - 20 * len(of_item_a)) <= 20
        assert 320 <= cleared.played_ms < 800
        assert not [code for code in codes(dialog) if code >= 2_000]


async def test_clearing_silence_is_answered_too(
    bridge: Bridge, worker: Worker, phone: Phone
) -> None:
    async with talking(bridge, worker, phone) as (_, stream):
        await stream.ask(Clear(generation=1))
        assert await stream.message(Cleared) == Cleared(generation=1, item=None, played_ms=0)


async def test_marked_comes_once_everything_up_to_it_was_heard(
    bridge: Bridge, worker: Worker, phone: Phone
) -> None:
    async with talking(bridge, worker, phone) as (dialog, stream):
        last = await stream.speak(1_200, chunks=3)
        await stream.ask(Mark(seq=last))
        assert (await stream.message(Marked)).seq == last
        assert codes(dialog)[-1] >= 1_213
        await stream.ask(Mark(seq=0))
        already = len(stream.messages)
        assert (await stream.message(Marked, start=already)).seq == 0


async def test_each_mark_is_answered(bridge: Bridge, worker: Worker, phone: Phone) -> None:
    async with talking(bridge, worker, phone) as (_, stream):
        last = await stream.speak(1_300, chunks=3)
        for seq in range(last + 1):
            await stream.ask(Mark(seq=seq))
        await until(lambda: Marked(seq=last) in stream.messages)
        marked = [message.seq for message in stream.messages if isinstance(message, Marked)]
        assert marked == list(range(last + 1))


async def test_keys_reach_the_worker_and_no_log(
    bridge: Bridge, worker: Worker, phone: Phone
) -> None:
    async with talking(bridge, worker, phone) as (dialog, stream):
        for digit in "7*#":
            await dialog.send_dtmf(digit)
        await until(lambda: sum(isinstance(message, Dtmf) for message in stream.messages) == 3)
        assert [m.digit for m in stream.messages if isinstance(m, Dtmf)] == ["7", "*", "#"]
    text = bridge.log_file.read_text()
    assert "call_started" in text
    assert not {"#", "*"} & set(text)
    assert "digit" not in text.lower()


async def test_hold_is_heard(bridge: Bridge, worker: Worker, phone: Phone) -> None:
    async with talking(bridge, worker, phone) as (dialog, stream):
        await stream.ask(Hold())
        await until_heard(dialog, "one_moment")


async def test_a_transfer_nobody_takes_gives_the_caller_back(
    bridge: Bridge, worker: Worker, phone: Phone
) -> None:
    async with talking(bridge, worker, phone) as (dialog, stream):
        await stream.ask(Transfer(reason="asked"))
        failed = await stream.message(TransferFailed)
        assert failed.cause
        assert "transfer" in prompts(dialog)
        await stream.speak(1_400)
        await until(lambda: 1_404 in codes(dialog))


async def test_a_worker_lost_while_the_restaurants_phone_rings(
    bridge: Bridge, worker: Worker, phone: Phone
) -> None:
    """It asks for the transfer and dies; nobody takes the transfer: another worker is needed."""
    async with talking(bridge, worker, phone) as (dialog, stream):
        await stream.ask(Transfer(reason="asked"))
        await stream.connection.close(1011)
        await until_heard(dialog, "transfer")
        async with asyncio.timeout(LONGEST_SILENCE_S):
            again = await worker.offer()
        assert again.resumed


async def test_hang_up_comes_after_the_last_word(
    bridge: Bridge, worker: Worker, phone: Phone, redis: Redis
) -> None:
    async with talking(bridge, worker, phone) as (dialog, stream):
        await stream.speak(1_500, chunks=5)
        await stream.ask(Hangup(outcome=CallOutcome.ORDER))
        assert await dialog.wait_ended(deadline_s=DEADLINE_S) is CallEnd.REMOTE_HANGUP
        assert codes(dialog) == list(range(1_500, 1_525))
    ended = await call_ended(redis, (await stream.message(Started)).call_id)
    assert (ended.outcome, ended.hangup_cause) == (CallOutcome.ORDER, "NORMAL_CLEARING")
