"""The bridge against workers that behave badly: the caller always hears something.

The agent is a process, the switch the simulator's, Redis and Postgres are real, and the worker's
side takes calls with the workers' own code.
"""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from redis.asyncio import Redis

from aiworker.media.server import MediaServer
from aiworker.simulator.tone_code import encode_speech
from controlplane.contracts import redis_keys
from controlplane.contracts.hangup_causes import CallOutcome
from controlplane.contracts.messages import (
    CallClaim,
    CallEnded,
    CallOffer,
    Clear,
    Cleared,
    Dtmf,
    GreetingEnded,
    Hangup,
    Hold,
    Mark,
    Marked,
    Started,
    Transfer,
    TransferFailed,
    parse_call_event,
)
from controlplane.local.launch.freeswitch import FreeSwitchPorts
from controlplane.local.launch.ports import free_tcp_port
from controlplane.local.launch.services import LocalServices
from controlplane.local.launch.simulator import SimulatorServer
from freeswitch.telephone.dialog import CallEnd, Dialog
from freeswitch.telephone.phone import Phone
from tests.integration.bridge_under_test import (
    ACCOUNT_PASSWORD,
    CALLER_NUMBER,
    READY_S,
    Bridge,
    Stream,
    Worker,
    codes,
    fresh_database,
    prompts,
    run_bridge,
    short_prompts,
    stream_audio,
    until_heard,
)
from tests.scenarios.listening import LONGEST_SILENCE_S, longest_silence_s
from tests.waiting import DEADLINE_S, elapse, until

pytestmark = pytest.mark.integration

GATEWAY = "chez-luigi-3f9a1c2b"
QUICK_S = 1.0
"""From a worker's failure to the next offer, where nothing has to be waited for."""


@contextmanager
def running_bridge(
    redis_url: str, services: LocalServices, template: str, folder: Path
) -> Iterator[Bridge]:
    """Switch, agent and one restaurant whose gateway is up."""
    with (
        fresh_database(services, template) as database_url,
        SimulatorServer(
            runtime_folder=folder / "switch",
            ports=FreeSwitchPorts.free(legs=20),
            sounds_folder=short_prompts(folder / "sounds"),
            accounts={GATEWAY: ACCOUNT_PASSWORD},
            time_factor=0.1,
        ) as switch,
        run_bridge(switch, database_url=database_url, redis_url=redis_url, folder=folder) as bridge,
    ):
        bridge.place(GATEWAY, registrar=switch.registrar)
        bridge.agent.wait_for(lambda: bridge.state(GATEWAY)[0] == "REGED", deadline=READY_S)
        yield bridge


@pytest.fixture(scope="module")
def bridge(
    services: LocalServices,
    migrated_template: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Bridge]:
    folder = tmp_path_factory.mktemp("bridge")
    with running_bridge(services.redis_url, services, migrated_template, folder) as bridge:
        yield bridge


@pytest.fixture(autouse=True)
async def calls_end(request: pytest.FixtureRequest) -> AsyncIterator[None]:
    """Before the next test empties Redis, this one's calls are over."""
    yield
    if "bridge" in request.fixturenames:
        bridge: Bridge = request.getfixturevalue("bridge")
        await until(lambda: len(bridge.log("call_started")) == len(bridge.log("call_ended")))


@pytest.fixture
async def media() -> AsyncIterator[MediaServer]:
    server = MediaServer(host="127.0.0.1", port=0)
    async with server.listening():
        yield server


@pytest.fixture
def worker(redis: Redis, media: MediaServer) -> Worker:
    return Worker(redis, media)


@pytest.fixture
async def phone() -> AsyncIterator[Phone]:
    async with Phone() as phone:
        yield phone


async def dial(bridge: Bridge, phone: Phone) -> Dialog:
    return await phone.call(
        bridge.uri(GATEWAY), from_number=CALLER_NUMBER, display_name="Jean Dupont"
    )


@asynccontextmanager
async def talking(
    bridge: Bridge, worker: Worker, phone: Phone
) -> AsyncIterator[tuple[Dialog, Stream]]:
    """A call past its greeting, with its worker."""
    dialog = await dial(bridge, phone)
    async with worker.take() as stream:
        await until(lambda: said_that_the_greeting_is_over(stream))
        yield dialog, stream


def said_that_the_greeting_is_over(stream: Stream) -> bool:
    return any(
        isinstance(message, GreetingEnded) or getattr(message, "greeting", "") == "ended"
        for message in stream.messages
    )


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
            assert getattr(other.messages[0], "greeting", None) == "ended"
            await other.speak(300, item="item_b")
            await until(lambda: 304 in codes(dialog))


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


# --- What a worker says --------------------------------------------------------------------------


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


async def call_ended(redis: Redis, call_id: UUID) -> CallEnded:
    """The last fact of a call's record."""

    async def end() -> CallEnded | None:
        entries: list[Any] = await redis.xrange(redis_keys.CALL_EVENTS) or []
        for _, fields in entries:
            event = parse_call_event(fields["event"])
            if isinstance(event, CallEnded) and event.call_id == call_id:
                return event
        return None

    return await until(end)


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
        await until(lambda: "leave_message" in prompts(dialog), deadline_s=READY_S)
        asked_at = time.monotonic()
        assert await dialog.wait_ended(deadline_s=READY_S) is CallEnd.REMOTE_HANGUP
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
