"""A bridge and its FreeSWITCH as a worker sees them: offers in Redis, one WebSocket, playback.

It speaks the real protocol over real sockets: L16 frames of 40 ms at their pace, `streamAudio`
chunks played one after the other, `Cleared` and `Marked` by what was played.
"""

import asyncio
import base64
import json
import time
import wave
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, TypeVar
from uuid import UUID

import psycopg
import pytest
from redis.asyncio import Redis
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from aiworker.ai_worker import Worker
from aiworker.settings import WorkerSettings
from aiworker.simulator import tone_code
from aiworker.simulator.brain import Output
from aiworker.simulator.faults import Fault
from aiworker.simulator.hearing import Hearing
from aiworker.simulator.link import SimulatorSettings
from aiworker.simulator.server import RealtimeSimulator
from controlplane.contracts import redis_keys
from controlplane.contracts.identifiers import new_id
from controlplane.contracts.media import L16_BYTES_PER_MS, STREAM_BUFFER_MS
from controlplane.contracts.messages import (
    AudioChunk,
    CallClaim,
    CallEvent,
    CallOffer,
    Clear,
    Cleared,
    GreetingEnded,
    KeepAlive,
    Mark,
    Marked,
    Message,
    Started,
    WorkerMessage,
    encode_bridge_message,
    parse_call_event,
    parse_worker_message,
)
from controlplane.database import libpq_url
from controlplane.local.demo.restaurant import DEMO_RESTAURANT_ID
from tests.integration.realtime_steps import step_by_step
from tests.waiting import DEADLINE_S, elapse

CALLER_SOUNDS: Final = Path(__file__).resolve().parents[2] / "freeswitch" / "sounds" / "caller"
QUICK: Final = SimulatorSettings(speed=20, think_ms=20, transcription_ms=20)
QUICK_TURN_MS: Final = 350
"""This much silence ends a turn: the recordings used here have no longer pause inside."""
QUICK_POLL_S: Final = 0.1
"""A drain may wait this long for the claim loop."""
SILENCE: Final = bytes(STREAM_BUFFER_MS * L16_BYTES_PER_MS)


_M = TypeVar("_M", bound=Message)


def recording(name: str) -> bytes:
    """Return one of the demo caller's recordings as L16."""
    with wave.open(str(CALLER_SOUNDS / f"{name}.wav")) as sound:
        l16: bytes = sound.readframes(sound.getnframes())
        return l16


Greeting = Literal["playing", "ended"]


@dataclass
class Played:
    """A chunk in FreeSWITCH's queue."""

    chunk: AudioChunk
    l16: bytes
    arrived: float
    starts: float
    ends: float


@dataclass
class FakeBridge:
    """Plays the bridge's side of one call."""

    redis: Redis
    restaurant_id: UUID
    call_id: UUID = field(default_factory=new_id)
    attempt: int = 0
    heard: bytearray = field(default_factory=bytearray)
    """Holds the L16 of all that was played; silence between is left out."""
    chunks: list[Played] = field(default_factory=list)
    requests: list[WorkerMessage] = field(default_factory=list)
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    cleared_at: list[float] = field(default_factory=list)
    _queue: list[Played] = field(default_factory=list)
    _heard_ms: dict[str, int] = field(default_factory=dict)
    _says: bytearray = field(default_factory=bytearray)
    _socket: ClientConnection | None = None
    _generation: int = 0
    _heard_seq: int = -1
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    # --- Offer and stream ----------------------------------------------------------------------

    async def offer(self, *, resumed: bool = False) -> CallOffer:
        """Put the next attempt in the queue."""
        self.attempt += 1
        offer = CallOffer(
            call_id=self.call_id,
            restaurant_id=self.restaurant_id,
            bridge_id="bridge-test",
            channel_uuid=new_id(),
            attempt=self.attempt,
            caller_number="+33639980123",
            resumed=resumed,
        )
        await self.redis.set(redis_keys.call_offer(self.call_id), self.attempt, px=2_500)
        await self.redis.lpush(redis_keys.QUEUE_INCOMING_CALLS, offer.to_json())
        return offer

    async def claim(self) -> CallClaim | None:
        """Wait 2 s for the claim, as a bridge does."""
        popped = await self.redis.blpop([redis_keys.call_claim(self.call_id)], timeout=2)
        return CallClaim.model_validate_json(popped[1]) if popped else None

    async def claimed(self) -> CallClaim:
        """Offer until a worker claims: one that starts on a loaded machine takes seconds."""
        async with asyncio.timeout(DEADLINE_S):
            while True:
                await self.offer()
                if (claim := await self.claim()) is not None:
                    return claim

    @asynccontextmanager
    async def stream(
        self, url: str, *, greeting: Greeting = "ended", audio: bool = True
    ) -> AsyncIterator["FakeBridge"]:
        """Connect as mod_audio_stream does; send `Started`, then caller frames at their pace."""
        async with connect(url, compression=None) as self._socket:
            self.closed.clear()
            self._generation = 0
            await self.tell(Started(call_id=self.call_id, greeting=greeting))
            tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._tick())]
            if audio:
                tasks.append(asyncio.create_task(self._speak()))
            try:
                yield self
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    @asynccontextmanager
    async def call(
        self, *, resumed: bool = False, greeting: Greeting = "ended"
    ) -> AsyncIterator["FakeBridge"]:
        """Offer the call, wait for its claim, and stream."""
        await self.offer(resumed=resumed)
        claim = await self.claim()
        assert claim is not None
        async with self.stream(claim.url, greeting=greeting):
            yield self

    # --- The caller ----------------------------------------------------------------------------

    def say(self, name: str) -> None:
        """Speak a recording from the next frame on."""
        self._says += recording(name)

    async def said(self) -> None:
        """Wait until all of it was sent."""
        await self.until(lambda: not self._says)

    async def hears(self, ms: int) -> None:
        """Wait until the caller has heard this much of the assistant, in all."""
        await self.until(lambda: len(self.heard) >= ms * L16_BYTES_PER_MS)

    async def hears_all(self, ms: int) -> None:
        """Wait for the same, and then for silence."""
        await self.hears(ms)
        await self.until(lambda: not self._queue)

    async def tell(self, message: Message) -> None:
        assert self._socket is not None
        await self._socket.send(encode_bridge_message(message))

    async def end_greeting(self) -> None:
        await self.tell(GreetingEnded())

    async def send_raw(self, data: bytes | str) -> None:
        assert self._socket is not None
        await self._socket.send(data)

    # --- What a test waits for -----------------------------------------------------------------

    async def until(self, true: Callable[[], object], *, seconds: float = DEADLINE_S) -> None:
        """Wait until `true()`, asked whenever something happened. Raises `TimeoutError`."""
        async with asyncio.timeout(seconds):
            while not true():
                self._changed.clear()
                await self._changed.wait()

    async def request(self, kind: type[_M], *, seconds: float = DEADLINE_S) -> _M:
        """Return the first request of this kind."""
        await self.until(lambda: any(isinstance(r, kind) for r in self.requests), seconds=seconds)
        return next(r for r in self.requests if isinstance(r, kind))

    @property
    def playing(self) -> bool:
        return bool(self._queue)

    def heard_ms(self, item: str) -> int:
        return self._heard_ms.get(item, 0)

    def heard_frames(self) -> list[int | None]:
        """Return the index of every tone-coded frame of 20 ms heard."""
        return tone_code.decode_frames(bytes(self.heard))

    # --- The switch ----------------------------------------------------------------------------

    async def _speak(self) -> None:
        assert self._socket is not None
        due = time.monotonic()
        while True:
            frame = bytes(self._says[: len(SILENCE)])
            del self._says[: len(SILENCE)]
            await self._socket.send(frame + SILENCE[len(frame) :])
            due += STREAM_BUFFER_MS / 1_000
            await elapse(due - time.monotonic(), because="audio comes at its own pace")

    async def _tick(self) -> None:
        while True:
            await self._play()
            self._changed.set()
            await elapse(0.01, because="FreeSWITCH plays in real time")

    async def _listen(self) -> None:
        assert self._socket is not None
        try:
            async for text in self._socket:
                body = json.loads(text)
                if body["type"] == "streamAudio":
                    self._queue_chunk(body["data"])
                else:
                    await self._obey(parse_worker_message(str(text)))
                self._changed.set()
        except ConnectionClosed:
            pass
        self.closed.set()
        self._changed.set()

    def _queue_chunk(self, data: dict[str, Any]) -> None:
        assert (data.pop("audioDataType"), data.pop("sampleRate")) == ("raw", 8_000)
        l16 = base64.b64decode(data.pop("audioData"))
        chunk = AudioChunk.model_validate(data)
        assert len(l16) == chunk.ms * L16_BYTES_PER_MS
        assert chunk.ms % 20 == 0
        if chunk.generation < self._generation:
            return
        now = time.monotonic()
        starts = max(now, self._queue[-1].ends if self._queue else now)
        played = Played(chunk, l16, now, starts, starts + chunk.ms / 1_000)
        self.chunks.append(played)
        self._queue.append(played)

    async def _play(self) -> None:
        now = time.monotonic()
        while self._queue and self._queue[0].ends <= now:
            done = self._queue.pop(0)
            self._hear(done, done.chunk.ms)
            await self._mark()

    def _hear(self, played: Played, ms: int) -> None:
        item = played.chunk.item
        self._heard_ms[item] = self._heard_ms.get(item, 0) + ms
        self.heard += played.l16[: ms * L16_BYTES_PER_MS]
        self._heard_seq = played.chunk.seq

    async def _mark(self) -> None:
        due = [r for r in self.requests if isinstance(r, Mark) and r.seq <= self._heard_seq]
        for mark in due:
            self.requests.remove(mark)
            await self.tell(Marked(seq=mark.seq))

    async def _obey(self, request: WorkerMessage) -> None:
        if not isinstance(request, KeepAlive):
            self.requests.append(request)
        if isinstance(request, Clear):
            await self._clear(request)
        elif isinstance(request, Mark) and not self._queue:
            await self._mark()

    async def _clear(self, request: Clear) -> None:
        self.cleared_at.append(time.monotonic())
        await self._play()
        item = self.chunks[-1].chunk.item if self.chunks else None
        if self._queue:
            now, first = time.monotonic(), self._queue[0]
            self._hear(first, max(0, int((now - first.starts) * 50)) * 20)
            item = first.chunk.item
        self._queue.clear()
        self._generation = request.generation
        played = self._heard_ms.get(item, 0) if item else 0
        await self.tell(Cleared(generation=request.generation, item=item, played_ms=played))


@asynccontextmanager
async def working(settings: WorkerSettings) -> AsyncIterator[Worker]:
    """Run a worker that claims, in this process; it is drained at the end."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("aiworker.claim.POLL_SECONDS", QUICK_POLL_S)
        async with _serving(Worker(settings)) as worker:
            yield worker


@asynccontextmanager
async def _serving(worker: Worker) -> AsyncIterator[Worker]:
    serving = asyncio.create_task(worker.serve())
    try:
        async with asyncio.timeout(DEADLINE_S):
            await worker.ready.wait()
        yield worker
    finally:
        worker.stop()
        worker.stop()
        async with asyncio.timeout(DEADLINE_S):
            await serving


def worker_settings(
    database_url: str, redis_url: str, realtime_url: str, **changes: Any
) -> WorkerSettings:
    """Return a worker's settings on this test's services."""
    given: dict[str, Any] = {
        "worker_id": "worker-test",
        "realtime_url": realtime_url,
        "vad_silence_ms": QUICK_TURN_MS,
    } | changes
    return WorkerSettings(
        DATABASE_URL=database_url, REDIS_URL=redis_url, OPENAI_API_KEY="sk-test", **given
    )


@dataclass(frozen=True)
class Stage:
    """Puts a demo restaurant, a Realtime simulator and a worker on this test's own services."""

    database_url: str
    redis_url: str
    redis: Redis
    hearing: Hearing

    def bridge(self) -> FakeBridge:
        return FakeBridge(self.redis, DEMO_RESTAURANT_ID)

    @asynccontextmanager
    async def play(
        self, *steps: Sequence[Output], faults: Sequence[Fault] = (), **settings: Any
    ) -> AsyncIterator[RealtimeSimulator]:
        """Run a worker over a model that says these steps, one a response."""
        async with RealtimeSimulator(
            brain=step_by_step(*steps), hearing=self.hearing, settings=QUICK, faults=faults
        ) as realtime:
            async with working(
                worker_settings(self.database_url, self.redis_url, realtime.url, **settings)
            ):
                yield realtime

    async def events(self) -> list[CallEvent]:
        """Return what was told to the recorder; an event told twice has the same id."""
        entries: Any = await self.redis.xrange(redis_keys.CALL_EVENTS)
        told = [parse_call_event(fields["event"]) for _, fields in entries]
        return list({event.id: event for event in told}.values())

    def orders(self) -> list[tuple[Any, ...]]:
        """Return number, total_cents, customer_name and customer_phone_e164 of each order."""
        with psycopg.connect(libpq_url(self.database_url)) as database:
            return database.execute(
                "SELECT number, total_cents, customer_name, customer_phone_e164"
                ' FROM "order" ORDER BY number'
            ).fetchall()
