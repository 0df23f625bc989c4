"""Claims, tokens, streams: a call has one worker, a token one WebSocket, garbage no effect."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import structlog
from redis.asyncio import Redis
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from aiworker.ai_worker import REDIS_ANSWER_SECONDS, REDIS_CONNECT_SECONDS, Worker
from aiworker.claim import OfferQueue
from aiworker.media.server import MediaServer
from aiworker.simulator.brain import Say
from aiworker.simulator.hearing import Hearing
from aiworker.simulator.server import RealtimeSimulator
from controlplane.contracts import redis_keys
from controlplane.contracts.heartbeats import WorkerHeartbeat
from controlplane.local.demo.restaurant import DEMO_RESTAURANT_ID, seed_demo
from controlplane.redis_clients import asyncio_redis
from tests.accounts import SECRETS
from tests.integration.ai_worker_bridge import CALLER_SOUNDS, FakeBridge, Stage, worker_settings
from tests.waiting import DEADLINE_S, until

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def hearing() -> Hearing:
    return Hearing.from_folders([CALLER_SOUNDS])


@pytest.fixture
def stage(database_url: str, redis_url: str, redis: Redis, hearing: Hearing) -> Stage:
    seed_demo(
        database_url,
        registrar="127.0.0.1:5060",
        username="u",
        password="long-enough",
        secrets=SECRETS,
    )
    return Stage(database_url, redis_url, redis, hearing)


@asynccontextmanager
async def media() -> AsyncIterator[MediaServer]:
    server = MediaServer(host="127.0.0.1", port=0)
    async with server.listening():
        yield server


# --- Claims --------------------------------------------------------------------------------------


async def test_of_many_workers_one_wins_and_no_offer_stays_behind(redis: Redis) -> None:
    bridge = FakeBridge(redis, DEMO_RESTAURANT_ID)
    offer = await bridge.offer()
    async with media() as server:
        queues = [OfferQueue(redis, worker_id=f"worker-{n}") for n in range(5)]
        claims = await asyncio.gather(*(q.claim(offer, server.expect_stream()) for q in queues))
    assert sorted(claims) == [False, False, False, False, True]
    assert await bridge.claim() is not None
    assert await redis.llen(redis_keys.call_claim(bridge.call_id)) == 0


async def test_a_stale_attempt_claims_nothing(redis: Redis) -> None:
    bridge = FakeBridge(redis, DEMO_RESTAURANT_ID)
    stale = await bridge.offer()
    await bridge.offer()
    async with media() as server:
        queue = OfferQueue(redis, worker_id="worker-1")
        assert await queue.next_offer() == stale
        assert not await queue.claim(stale, server.expect_stream())
        newest = await queue.next_offer()
        assert newest is not None
        assert newest.attempt == 2
        assert await queue.claim(newest, server.expect_stream())
    assert await redis.llen(redis_keys.worker_offers("worker-1")) == 0


async def test_what_a_dead_worker_had_taken_goes_back_to_the_head(redis: Redis) -> None:
    first, second = (FakeBridge(redis, DEMO_RESTAURANT_ID) for _ in range(2))
    taken = await first.offer()
    await second.offer()
    await OfferQueue(redis, worker_id="worker-1").next_offer()
    reborn = OfferQueue(redis, worker_id="worker-1")
    await reborn.give_back()
    assert await reborn.next_offer() == taken


async def test_an_offer_that_cannot_be_read_is_dropped(redis: Redis) -> None:
    await redis.lpush(redis_keys.QUEUE_INCOMING_CALLS, '{"price": 1}')
    queue = OfferQueue(redis, worker_id="worker-1")
    assert await queue.next_offer() is None
    assert await redis.llen(redis_keys.worker_offers("worker-1")) == 0


async def test_a_claim_whose_stream_never_comes_frees_the_slot(stage: Stage) -> None:
    lost, next_call = stage.bridge(), stage.bridge()
    async with stage.play([Say("Bonjour.", 200)]):
        await lost.offer()
        assert await lost.claim() is not None
        claim = await next_call.claimed()
        async with next_call.stream(claim.url):
            next_call.say("d_accord")
            await next_call.hears_all(200)


async def test_one_slot_serves_one_call_and_two_serve_two(stage: Stage) -> None:
    first, second = stage.bridge(), stage.bridge()
    async with stage.play([Say("…", 200)]), first.call():
        await second.offer()
        assert await second.claim() is None
    async with stage.play([Say("…", 200)], worker_slots=2), stage.bridge().call():
        await second.offer()
        assert await second.claim() is not None


# --- Tokens and streams --------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/calls/", "/calls/wrong", "/calls/%00", "/other/{token}"])
async def test_any_other_path_or_token_is_refused(path: str) -> None:
    async with media() as server:
        awaited = server.expect_stream()
        with pytest.raises(InvalidStatus) as refused:
            await connect(server.base_url + path.format(token=awaited.token))
        assert refused.value.response.status_code == 403
        assert not awaited.connection.done()


async def test_a_token_opens_one_stream() -> None:
    async with media() as server:
        awaited = server.expect_stream()
        async with connect(awaited.url) as stream:
            await awaited.connection
            with pytest.raises(InvalidStatus):
                await connect(awaited.url)
            server.release(awaited)
            await stream.wait_closed()
        with pytest.raises(InvalidStatus):
            await connect(awaited.url)


async def test_a_stream_that_never_sends_is_closed_and_the_slot_free(stage: Stage) -> None:
    bridge = stage.bridge()
    async with stage.play([Say("Bonjour.", 200)]):
        await bridge.offer()
        claim = await bridge.claim()
        assert claim is not None
        async with asyncio.timeout(DEADLINE_S), connect(claim.url) as mute:
            await mute.wait_closed()
        async with stage.bridge().call() as other:
            other.say("d_accord")
            await other.hears_all(200)


async def test_garbage_on_the_stream_is_logged_and_the_call_goes_on(stage: Stage) -> None:
    bridge = stage.bridge()
    with structlog.testing.capture_logs() as logs:
        async with stage.play([Say("Bonjour.", 200)]), bridge.call():
            for garbage in (b"\x00", b"", bytes(30_001), bytes(60_000), "{}", "%%%", "x" * 9_000):
                await bridge.send_raw(garbage)
            await bridge.send_raw('{"type":"streamAudio"}')
            bridge.say("d_accord")
            await bridge.hears_all(200)
    events = [entry["event"] for entry in logs]
    assert events.count("caller_frame_unreadable") == 1
    assert events.count("stream_message_unreadable") == 1


async def test_the_wrong_call_on_a_stream_ends_it(stage: Stage) -> None:
    bridge, other = stage.bridge(), stage.bridge()
    async with stage.play([Say("…", 200)]):
        await bridge.offer()
        claim = await bridge.claim()
        assert claim is not None
        async with other.stream(claim.url):
            await asyncio.wait_for(other.closed.wait(), DEADLINE_S)


# --- The process ---------------------------------------------------------------------------------


async def test_a_drained_worker_finishes_its_call_and_takes_no_other(stage: Stage) -> None:
    bridge, late = stage.bridge(), stage.bridge()
    async with RealtimeSimulator(hearing=stage.hearing) as realtime:
        worker = Worker(worker_settings(stage.database_url, stage.redis_url, realtime.url))
        serving = asyncio.create_task(worker.serve())
        await asyncio.wait_for(worker.ready.wait(), DEADLINE_S)
        async with bridge.call():
            worker.stop()
            await late.offer()
            assert await late.claim() is None
            bridge.say("d_accord")
            await bridge.hears(200)
            assert not serving.done()
        await asyncio.wait_for(serving, DEADLINE_S)
    assert await stage.redis.llen(redis_keys.QUEUE_INCOMING_CALLS) == 1


async def test_a_heartbeat_says_what_the_worker_does(stage: Stage) -> None:
    async with stage.play([Say("…", 200)], worker_slots=3), stage.bridge().call():
        beat = await until(partial(heartbeat_in_a_call, stage.redis))
    assert (beat.slots, beat.active_calls, beat.draining) == (3, 1, False)


async def heartbeat_in_a_call(redis: Redis) -> WorkerHeartbeat | None:
    raw: Any = await redis.get(redis_keys.worker_heartbeat("worker-test"))
    beat = WorkerHeartbeat.model_validate_json(raw) if raw else None
    return beat if beat and beat.active_calls else None


async def test_redis_away_is_waited_for_and_never_fatal(stage: Stage) -> None:
    """1 no Redis, 2 the worker waits, 3 Redis is there, 4 it claims."""
    proxy = Gate(stage.redis_url)
    async with proxy.open() as url:
        proxy.shut = True
        client = asyncio_redis(
            url, connect_timeout_s=REDIS_CONNECT_SECONDS, timeout_s=REDIS_ANSWER_SECONDS
        )
        queue = OfferQueue(client, worker_id="worker-1")
        assert await queue.next_offer() is None
        assert await queue.next_offer() is None
        proxy.shut = False
        offer = await stage.bridge().offer()
        async with asyncio.timeout(DEADLINE_S):
            while (found := await queue.next_offer()) is None:
                pass
        await client.aclose()
    assert found == offer


class Gate:
    """A TCP proxy that can be shut."""

    def __init__(self, redis_url: str) -> None:
        self._credentials, _, address = redis_url.rpartition("@")
        host, _, port = address.partition("/")[0].partition(":")
        self._to = (host, int(port))
        self.shut = False
        self._serving: set[asyncio.Task[Any]] = set()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[str]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        try:
            yield f"{self._credentials}@127.0.0.1:{port}/0"
        finally:
            server.close()
            await asyncio.gather(*self._serving)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if (task := asyncio.current_task()) is not None:
            self._serving.add(task)
        if self.shut:
            writer.close()
            return
        up_reader, up_writer = await asyncio.open_connection(*self._to)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_pipe(reader, up_writer))
            tasks.create_task(_pipe(up_reader, writer))


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(4_096):
        writer.write(data)
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


async def test_the_process_claims_and_ends_on_sigterm(stage: Stage) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": stage.database_url,
        "REDIS_URL": stage.redis_url,
        "ALLORESTO_WORKER_ID": "worker-test",
        "ALLORESTO_REALTIME_URL": "ws://127.0.0.1:9/v1",
    }
    process = subprocess.Popen(  # noqa: ASYNC220  # returns at once
        [sys.executable, "-m", "aiworker.ai_worker"],
        env=environment,
        cwd=ROOT,
        stderr=subprocess.PIPE,
    )
    try:
        await stage.bridge().claimed()
        process.send_signal(signal.SIGTERM)
        status = await asyncio.to_thread(process.wait, DEADLINE_S)
    finally:
        process.kill()
        _, log = process.communicate()
    assert status == 0
    assert b"worker_ended" in log
    assert b"Traceback" not in log
