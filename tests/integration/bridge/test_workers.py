"""The bridge against workers that behave badly: the caller always hears something.

The agent is a process, the switch the simulator's, Redis and Postgres are real, and the worker's
side takes calls with the workers' own code.
"""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from redis.asyncio import Redis

from aiworker.media.server import MediaServer
from controlplane.bridge.calls.worker_watch import LOST_S
from controlplane.contracts import redis_keys
from controlplane.contracts.hangup_causes import CallOutcome
from controlplane.contracts.messages import (
    CallClaim,
    CallOffer,
    Hold,
    Mark,
    Marked,
)
from controlplane.local.launch.ports import free_tcp_port
from controlplane.local.launch.services import LocalServices
from freeswitch.telephone.dialog import CallEnd
from freeswitch.telephone.phone import Phone
from tests.integration.answered_bridge import (
    call_ended,
    dial,
    running_bridge,
    said_that_the_greeting_is_over,
    talking,
)
from tests.integration.bridge_under_test import (
    ACCOUNT_PASSWORD,
    CALLER_NUMBER,
    Bridge,
    Worker,
    codes,
    prompts,
    until_heard,
)
from tests.scenarios.listening import LONGEST_SILENCE_S, is_audible, longest_silence_s
from tests.waiting import DEADLINE_S, elapse, until

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("calls_end")]

TONE_EVERY_S = 2.0
QUICK_S = 1.0
"""From a worker's failure to the next offer, where nothing has to be waited for."""


# --- Workers that cannot be reached --------------------------------------------------------------


@asynccontextmanager
async def unreachable(kind: str, media: MediaServer) -> AsyncIterator[str]:
    """A claim's URL behind which there is no worker."""
    if kind == "refuses":
        yield f"ws://127.0.0.1:{free_tcp_port()}/calls/token"
    elif kind == "another_token":
        yield f"{media.base_url}/calls/not-the-token"
    else:
        with socket.create_server(("127.0.0.1", 0)) as never_answers:
            yield f"ws://127.0.0.1:{never_answers.getsockname()[1]}/calls/token"


@pytest.mark.parametrize("kind", ["refuses", "another_token", "hangs"])
async def test_a_worker_that_cannot_be_reached_costs_one_attempt(
    bridge: Bridge, worker: Worker, media: MediaServer, phone: Phone, kind: str
) -> None:
    dialog = await dial(bridge, phone)
    first = await worker.offer()
    async with unreachable(kind, media) as url:
        claimed_at = time.monotonic()
        await worker.claim(first, url)
        second = await worker.offer()
        offered_again_s = time.monotonic() - claimed_at
    assert (first.attempt, second.attempt) == (1, 2)
    assert (second.call_id, second.resumed) == (first.call_id, False)
    assert offered_again_s < (1.0 if kind == "hangs" else 0.0) + QUICK_S
    async with worker.serve(second) as stream:
        await until(lambda: said_that_the_greeting_is_over(stream))
        await stream.speak(100)
        await until(lambda: 104 in codes(dialog))
    assert bridge.log("stream_not_connected")
    assert dialog.answered_at is not None
    silence = longest_silence_s(dialog.received, since=dialog.answered_at, until=time.monotonic())
    assert silence <= LONGEST_SILENCE_S


async def test_after_four_such_workers_the_caller_hears_the_way_out(
    bridge: Bridge, worker: Worker, media: MediaServer, phone: Phone
) -> None:
    dialog = await dial(bridge, phone)
    async with unreachable("refuses", media) as url:
        for attempt in range(1, 5):
            offer = await worker.offer()
            assert offer.attempt == attempt
            await worker.claim(offer, url)
    await until_heard(dialog, "busy")
    await until_heard(dialog, "transfer")
    assert dialog.answered_at is not None
    silence = longest_silence_s(dialog.received, since=dialog.answered_at, until=time.monotonic())
    assert silence <= LONGEST_SILENCE_S


async def test_a_worker_that_hangs_while_the_caller_waits(
    bridge: Bridge, worker: Worker, media: MediaServer, phone: Phone
) -> None:
    """Nobody at first; then a claim, whose worker never answers; then nobody again."""
    dialog = await dial(bridge, phone)
    assert (await worker.offer()).attempt == 1
    await until_heard(dialog, "busy")
    second = await worker.offer()
    busy_at = time.monotonic()
    await elapse(1.2, because="it is to be in the pause after the waiting tone's first sound")
    async with unreachable("hangs", media) as url:
        await worker.claim(second, url)
        assert (await worker.offer()).attempt == 3
        await until_heard(dialog, "busy", since=busy_at)
    silence = longest_silence_s(dialog.received, since=busy_at, until=time.monotonic())
    assert silence <= LONGEST_SILENCE_S


# --- Workers that are lost -----------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["normal", "internal_error", "crash"])
async def test_a_call_whose_worker_is_lost_is_offered_again_as_resumed(
    bridge: Bridge, worker: Worker, phone: Phone, ending: str
) -> None:
    async with talking(bridge, worker, phone) as (dialog, stream):
        await stream.speak(200)
        await until(lambda: 204 in codes(dialog))
        lost_at = time.monotonic()
        if ending == "crash":
            stream.connection.transport.abort()
        else:
            await stream.connection.close(1000 if ending == "normal" else 1011)
        again = await worker.offer()
        assert time.monotonic() - lost_at < QUICK_S
        assert (again.attempt, again.resumed) == (2, True)
        await until_heard(dialog, "one_moment", since=lost_at)
        async with worker.serve(again) as other:
            assert getattr(other.messages[0], "greeting", None) == "waited"
            await other.speak(300, item="item_b")
            await until(lambda: 304 in codes(dialog))


async def test_a_worker_that_hangs_is_lost_though_its_stream_stays_open(
    bridge: Bridge, worker: Worker, phone: Phone
) -> None:
    async with talking(bridge, worker, phone) as (dialog, stream):
        await stream.speak(600)
        await until(lambda: 604 in codes(dialog))
        hangs_at = time.monotonic()
        assert stream.beating is not None
        stream.beating.cancel()
        again = await worker.offer()
        lost_in_s = time.monotonic() - hangs_at
        assert again.resumed
        async with worker.serve(again) as other:
            await other.speak(700, item="item_b")
            await until(lambda: 704 in codes(dialog))
            spoken_at = time.monotonic()
    assert lost_in_s < LOST_S + TONE_EVERY_S
    silence = longest_silence_s(dialog.received, since=hangs_at, until=spoken_at)
    assert silence <= LONGEST_SILENCE_S


async def test_the_waiting_tone_goes_on_until_the_next_worker_speaks(
    bridge: Bridge, worker: Worker, phone: Phone
) -> None:
    async with talking(bridge, worker, phone) as (dialog, stream):
        lost_at = time.monotonic()
        await stream.connection.close(1011)
        async with worker.serve(await worker.offer()) as other:
            await elapse(LONGEST_SILENCE_S, because="the new worker is still starting")
            asked_at = time.monotonic()
            await other.ask(Hold())
            await until_heard(dialog, "one_moment", since=asked_at)
            await elapse(LONGEST_SILENCE_S, because="its session opens slowly")
            heard_before = other.audio_bytes
            await until(lambda: other.audio_bytes > heard_before)
            await other.speak(500, item="item_b", chunks=5)
            await until(lambda: 524 in codes(dialog))
            spoken_at = time.monotonic()
            await elapse(2 * TONE_EVERY_S, because="the tone would be heard again")
    silence = longest_silence_s(dialog.received, since=lost_at, until=spoken_at)
    assert silence <= LONGEST_SILENCE_S
    assert codes(dialog)[-25:] == list(range(500, 525))
    assert not [frame for frame in dialog.received if frame.at > spoken_at and is_audible(frame)]


async def test_a_caller_whom_no_worker_has_yet_hears_so_when_the_greeting_ends(
    bridge: Bridge, worker: Worker, phone: Phone
) -> None:
    dialog = await dial(bridge, phone)
    await until_heard(dialog, "one_moment")
    assert prompts(dialog) == ["greeting_generic", "one_moment"]
    async with worker.take() as stream:
        assert getattr(stream.messages[0], "greeting", None) == "waited"


async def test_a_worker_that_closes_at_once_costs_one_attempt(
    bridge: Bridge, worker: Worker, media: MediaServer, phone: Phone
) -> None:
    dialog = await dial(bridge, phone)
    awaited = await worker.claim(await worker.offer())
    async with asyncio.timeout(DEADLINE_S):
        await awaited.connection
    media.release(awaited)
    again = await worker.offer()
    assert (again.attempt, again.resumed) == (2, True)
    async with worker.serve(again) as stream:
        await until(lambda: said_that_the_greeting_is_over(stream))
        await stream.speak(400)
        await until(lambda: 404 in codes(dialog))


async def test_what_a_lost_worker_asked_is_not_answered_to_the_next(
    bridge: Bridge, worker: Worker, phone: Phone
) -> None:
    async with talking(bridge, worker, phone) as (dialog, stream):
        await stream.ask(Mark(seq=1))
        await stream.connection.close(1011)
        async with worker.serve(await worker.offer()) as other:
            last = await other.speak(500, item="item_b", chunks=4)
            await until(lambda: 519 in codes(dialog))
            await other.ask(Mark(seq=last))
            assert (await other.message(Marked)).seq == last


# --- The queue -----------------------------------------------------------------------------------


async def test_a_claim_of_another_attempt_gets_no_stream(
    bridge: Bridge, worker: Worker, media: MediaServer, phone: Phone, redis: Redis
) -> None:
    dialog = await dial(bridge, phone)
    offer = await worker.offer()
    impostor = media.expect_stream()
    wrong = CallClaim(call_id=offer.call_id, attempt=7, worker_id="impostor", url=impostor.url)
    await redis.lpush(redis_keys.call_claim(offer.call_id), wrong.to_json())
    again = await worker.offer()
    assert again.attempt == 2
    async with worker.serve(again) as stream:
        await until(lambda: said_that_the_greeting_is_over(stream))
        await stream.speak(1_600)
        await until(lambda: 1_604 in codes(dialog))
    assert not impostor.connection.done()


async def test_an_unreadable_claim_costs_one_attempt(
    bridge: Bridge, worker: Worker, phone: Phone, redis: Redis
) -> None:
    await dial(bridge, phone)
    offer = await worker.offer()
    await redis.lpush(redis_keys.call_claim(offer.call_id), '{"url":"http://example.test/"}')
    again = await worker.offer()
    assert (again.call_id, again.attempt) == (offer.call_id, 2)
    assert bridge.log("offer_failed")


async def test_a_caller_who_hangs_up_leaves_nothing_in_the_queue(
    bridge: Bridge, phone: Phone, redis: Redis
) -> None:
    dialog = await dial(bridge, phone)
    await until_queued(redis, calls=1)
    waiting = await redis.lindex(redis_keys.QUEUE_INCOMING_CALLS, 0)
    call_id = CallOffer.model_validate_json(waiting or "").call_id
    assert await redis.zscore(redis_keys.CALLS_DEMAND, str(call_id))
    await dialog.hangup()
    await until_queued(redis, calls=0)
    assert (await call_ended(redis, call_id)).outcome is CallOutcome.ABANDONED
    await until_wanted(redis, calls=0)


async def until_queued(redis: Redis, *, calls: int) -> None:
    async def queued() -> bool:
        return bool(await redis.llen(redis_keys.QUEUE_INCOMING_CALLS) == calls)

    await until(queued)


async def until_wanted(redis: Redis, *, calls: int) -> None:
    async def wanted() -> bool:
        return bool(await redis.zcard(redis_keys.CALLS_DEMAND) == calls)

    await until(wanted)


async def test_without_redis_the_caller_hears_the_way_out(
    services: LocalServices, migrated_template: str, tmp_path: Path, phone: Phone
) -> None:
    nowhere = f"redis://127.0.0.1:{free_tcp_port()}/0"
    with running_bridge(nowhere, services, migrated_template, tmp_path) as bridge:
        dialog = await dial(bridge, phone)
        await until(lambda: "leave_message" in prompts(dialog))
        asked_at = time.monotonic()
        assert await dialog.wait_ended(deadline_s=DEADLINE_S) is CallEnd.REMOTE_HANGUP
        refused = bridge.log("no_worker_claimed")
    assert [line["queue_failures"] for line in refused] == [3]
    assert prompts(dialog)[-3:] == ["transfer", "leave_message", "message_left"]
    assert dialog.answered_at is not None
    assert dialog.ended_at is not None
    silence = longest_silence_s(dialog.received, since=dialog.answered_at, until=asked_at)
    assert silence <= LONGEST_SILENCE_S


# --- What the log says of all this ---------------------------------------------------------------


async def test_no_log_line_holds_the_callers_number_or_name(
    bridge: Bridge, worker: Worker, phone: Phone
) -> None:
    async with talking(bridge, worker, phone):
        pass
    text = bridge.log_file.read_text()
    assert "agent_connected" in text
    for private in (CALLER_NUMBER.removeprefix("+33"), "Dupont", ACCOUNT_PASSWORD):
        assert private not in text
    assert not bridge.log("call_story_failed")
    assert "Traceback" not in text
