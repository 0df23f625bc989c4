"""A bridge agent as a process of its own, beside a switch, for tests of what it does.

The worker's side is the test's: it takes offers and awaits streams with the workers' own code, and
then behaves as badly as the test wants.
"""

import asyncio
import base64
import contextlib
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar
from uuid import UUID

import pytest
from redis import Redis as BlockingRedis
from redis.asyncio import Redis
from sqlalchemy.dialects.postgresql import insert
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from aiworker.claim import OfferQueue
from aiworker.media.server import AwaitedStream, MediaServer
from aiworker.simulator.tone_code import encode_speech
from controlplane.contracts import redis_keys
from controlplane.contracts.assignments import RegistrationsPlaced
from controlplane.contracts.media import KEEP_ALIVE_SECONDS
from controlplane.contracts.messages import (
    AudioChunk,
    BridgeMessage,
    CallOffer,
    KeepAlive,
    Message,
    Started,
    decode_bridge_message,
)
from controlplane.database import sync_engine
from controlplane.local.bench.measures import heard_frames
from controlplane.local.launch.freeswitch import FreeSwitchPorts, FreeSwitchServer, find_freeswitch
from controlplane.local.launch.process import ManagedProcess
from controlplane.local.launch.services import LocalServices
from controlplane.local.launch.simulator import SimulatorServer
from controlplane.models.nodes import SipBridgeNode
from freeswitch.telephone.dialog import Dialog
from tests.accounts import SECRET_KEYS, add_account, add_carrier
from tests.databases import administer, drop, fresh_name, query, url_of
from tests.integration.switch_under_test import Server, heard, tone, write_wave
from tests.waiting import DEADLINE_S, elapse, until

SWITCHES: Final = ("simulator", "freeswitch")
BRIDGE_ID: Final = "bridge-0"
ACCOUNT_PASSWORD: Final = "s3cret-phrase"
CALLER_NUMBER: Final = "+33639980123"
LOOK: Final = RegistrationsPlaced().to_json()
"""For the bridge's channel: have it look at Postgres now."""
CHUNK_MS: Final = 100
RUN_AGENT: Final = "from controlplane.cli import main; main(['run', 'bridge-agent'])"

PROMPT_HZ: Final = {
    "greeting_generic": 600,
    "busy": 700,
    "transfer": 900,
    "goodbye": 1_100,
    "one_moment": 1_250,
    "still_waiting": 1_450,
    "leave_message": 1_650,
    "message_left": 1_850,
    "transfer_person": 2_050,
    "accept_transfer": 2_250,
}
PROMPT_MS: Final = 300

_T = TypeVar("_T")
_M = TypeVar("_M", bound=Message)


def short_prompts(folder: Path) -> Path:
    """Write prompts of one tone each, so that a caller's frames say which prompt was played."""
    folder.mkdir()
    for name, hertz in PROMPT_HZ.items():
        write_wave(folder / f"{name}.wav", tone(hertz, PROMPT_MS))
    return folder


@contextlib.contextmanager
def fresh_database(services: LocalServices, template: str) -> Iterator[str]:
    """Make a migrated database of one module's own."""
    name = fresh_name("bridge")
    administer(services, "CREATE DATABASE {} TEMPLATE {}", name, template)
    try:
        yield url_of(services, name)
    finally:
        drop(services, name)


@contextlib.contextmanager
def open_switch(kind: str, folder: Path, *, sounds: Path) -> Iterator[Server]:
    """Start the simulator, or the real FreeSWITCH where one is found."""
    ports = FreeSwitchPorts.free(legs=20)
    runtime = folder / kind
    server: Server
    if kind == "simulator":
        server = SimulatorServer(
            runtime_folder=runtime, ports=ports, sounds_folder=sounds, time_factor=0.1
        )
    else:
        program = find_freeswitch()
        if program is None:
            pytest.skip("no FreeSWITCH: set FREESWITCH_PREFIX")
        server = FreeSwitchServer(
            program, runtime_folder=runtime, ports=ports, sounds_folder=sounds
        )
    with server:
        yield server


@dataclass
class Bridge:
    """The bridge agent, its switch and its database."""

    agent: ManagedProcess
    switch: Server
    database_url: str
    redis_url: str
    log_file: Path
    bridge_id: str = BRIDGE_ID

    def uri(self, gateway: str) -> str:
        return f"sip:gw+{gateway}@{self.switch.sip_address}"

    def log(self, event: str | None = None) -> list[dict[str, Any]]:
        """Return the agent's log lines so far, of one event or all."""
        text = self.log_file.read_text(encoding="utf-8") if self.log_file.exists() else ""
        lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
        return [line for line in lines if event in (None, line["event"])]

    def query(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        return query(self.database_url, statement, *values)

    def place(
        self,
        name: str,
        *,
        registrar: str,
        password: str = ACCOUNT_PASSWORD,
        bridge_id: str | None = BRIDGE_ID,
        **carrier: Any,
    ) -> UUID:
        """Add a live restaurant whose account `name` a bridge registers; `carrier` sets its
        columns.
        """
        engine = sync_engine(self.database_url, application_name="test", pool_size=1)
        try:
            with engine.begin() as connection:
                for node in {self.bridge_id, bridge_id} - {None}:
                    connection.execute(
                        insert(SipBridgeNode)
                        .values(id=node, last_seen_at=datetime.now(UTC))
                        .on_conflict_do_nothing()
                    )
                carrier_id = add_carrier(connection, registrar=registrar, **carrier)
                return add_account(
                    connection,
                    name,
                    carrier_id=carrier_id,
                    password=password,
                    bridge_id=bridge_id,
                    epoch=1,
                )
        finally:
            engine.dispose()

    def state(self, name: str) -> tuple[str, int | None]:
        """Return what Postgres says of a registration."""
        rows = self.query(
            "SELECT state, last_sip_code FROM sip_registration WHERE gateway_name = %s", name
        )
        return rows[0][0], rows[0][1]

    def gateways(self) -> set[str]:
        """Return the gateways the switch has, those it is still un-REGISTERing too."""
        return set(re.findall(r"external::(\S+)\s+gateway", self.switch.api("sofia status")))


@contextlib.contextmanager
def run_bridge(
    switch: Server,
    *,
    database_url: str,
    redis_url: str,
    folder: Path,
    bridge_id: str = BRIDGE_ID,
    setup: str = "",
    **settings: object,
) -> Iterator[Bridge]:
    """Run the bridge agent beside `switch`, as `controlplane/local/demo/stack.py` starts it.

    It is running at once. `settings` are more of `BridgeSettings`; `setup` is Python run before it.
    """
    log_file = folder / f"{bridge_id}-agent.log"
    agent = ManagedProcess(
        [sys.executable, "-c", f"{setup}\n{RUN_AGENT}"],
        name="bridge-agent",
        env={
            **os.environ,
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "ALLORESTO_BRIDGE_ID": bridge_id,
            "ALLORESTO_SECRET_KEYS": SECRET_KEYS,
            "ALLORESTO_ESL_PORT": str(switch.ports.esl),
            "ALLORESTO_ESL_PASSWORD": switch.esl_password,
            "ALLORESTO_GATEWAY_FOLDER": str(switch.gateway_folder),
            "ALLORESTO_SOUNDS_FOLDER": str(switch.sounds_folder),
            "ALLORESTO_VOICEMAIL_FOLDER": str(switch.voicemail_folder),
            "ALLORESTO_CALLER_CALLS": "0",  # every caller of a test has the same number
            "ALLORESTO_CALLER_CALLS_AT_ONCE": "0",
            **{f"ALLORESTO_{name.upper()}": str(value) for name, value in settings.items()},
        },
        log_file=log_file,
        stop_signal=signal.SIGINT,  # SIGTERM would drain it
        stop_grace=3.0,
    )
    with agent:
        yield Bridge(agent, switch, database_url, redis_url, log_file, bridge_id)


async def tell(redis: Redis, *bridge_ids: str) -> None:
    """Tell bridges what a controller would after placing something, once each agent listens."""
    for bridge_id in bridge_ids or (BRIDGE_ID,):
        channel = redis_keys.bridge_assignments(bridge_id)
        await until(partial(redis.publish, channel, LOOK))


@contextlib.contextmanager
def open_bridge(
    kind: str, services: LocalServices, template: str, folder: Path, **settings: object
) -> Iterator[Bridge]:
    """Run a switch with its agent, over a database of their own. `settings` are `run_bridge`'s."""
    with (
        fresh_database(services, template) as database_url,
        open_switch(kind, folder, sounds=short_prompts(folder / "sounds")) as switch,
        run_bridge(
            switch,
            database_url=database_url,
            redis_url=services.redis_url,
            folder=folder,
            **settings,  # type: ignore[arg-type]
        ) as bridge,
    ):
        yield bridge


def controller(database_url: str, redis_url: str, folder: Path) -> ManagedProcess:
    """The controller as a process, to be started."""
    return ManagedProcess(
        [sys.executable, "-m", "controlplane.cli", "run", "controller"],
        name="controller",
        env={**os.environ, "DATABASE_URL": database_url, "REDIS_URL": redis_url},
        log_file=folder / "controller.log",
        stop_grace=3.0,
    )


@contextlib.contextmanager
def open_bridges(
    kind: str, services: LocalServices, template: str, folder: Path, *bridge_ids: str
) -> Iterator[dict[str, Bridge]]:
    """Switches with an agent each, over one database that knows them as nodes."""
    with BlockingRedis.from_url(services.redis_url) as redis:
        redis.flushall()  # no other module's bridge beats on
    sounds = short_prompts(folder / "sounds")
    with fresh_database(services, template) as database_url, contextlib.ExitStack() as stack:
        bridges: dict[str, Bridge] = {}
        for bridge_id in bridge_ids:
            (folder / bridge_id).mkdir()
            switch = stack.enter_context(open_switch(kind, folder / bridge_id, sounds=sounds))
            bridge = stack.enter_context(
                run_bridge(
                    switch,
                    database_url=database_url,
                    redis_url=services.redis_url,
                    folder=folder,
                    bridge_id=bridge_id,
                )
            )
            bridge.query(
                "INSERT INTO sip_bridge_node (id, capacity, last_seen_at) VALUES (%s, 200, now())"
                " ON CONFLICT DO NOTHING",
                bridge_id,
            )
            bridges[bridge_id] = bridge
        yield bridges


# --- The worker's side ---------------------------------------------------------------------------


@dataclass
class Stream:
    """The WebSocket of one call, at its worker's end."""

    awaited: AwaitedStream
    connection: ServerConnection
    messages: list[BridgeMessage] = field(default_factory=list)
    l16: bytearray = field(default_factory=bytearray)
    """Holds the caller's audio."""
    sent: int = 0
    """Counts the chunks sent."""
    beating: "asyncio.Task[None] | None" = None
    """Cancel it, and the worker hangs."""

    @property
    def audio_bytes(self) -> int:
        return len(self.l16)

    async def message(self, kind: type[_M], *, start: int = 0) -> _M:
        """Return the first message of this kind from index `start` on."""
        return await until(
            lambda: next((m for m in self.messages[start:] if isinstance(m, kind)), None)
        )

    async def ask(self, message: Message) -> None:
        await self.connection.send(message.to_json())

    async def speak(
        self, *codes: int, item: str = "item_a", generation: int = 0, chunks: int = 1
    ) -> int:
        """Send chunks of 100 ms whose frames count up from `codes[0]`; return the last seq."""
        for n in range(chunks):
            chunk = AudioChunk(item=item, seq=self.sent, generation=generation, ms=CHUNK_MS)
            l16 = encode_speech(CHUNK_MS, codes[0] + n * (CHUNK_MS // 20))
            await self.connection.send(stream_audio(l16, **chunk.model_dump()))
            self.sent += 1
        return self.sent - 1

    async def beat(self) -> None:
        """Say every second that its worker lives."""
        with contextlib.suppress(ConnectionClosed):
            while True:
                await self.ask(KeepAlive())
                await elapse(KEEP_ALIVE_SECONDS, because="its worker lives")

    async def listen(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for received in self.connection:
                if isinstance(received, bytes):
                    self.l16 += received
                else:
                    self.messages.append(decode_bridge_message(received))


def stream_audio(l16: bytes, **keys: object) -> str:
    """Write a `streamAudio` message as mod_audio_stream reads it."""
    data = {
        "audioDataType": "raw",
        "sampleRate": 8_000,
        "audioData": base64.b64encode(l16).decode(),
    }
    return json.dumps({"type": "streamAudio", "data": {**data, **keys}})


class Worker:
    """Takes calls as a real worker does; what it then does with them is the test's affair."""

    def __init__(self, redis: Redis, media: MediaServer, *, worker_id: str = "worker-1") -> None:
        self.media = media
        self.worker_id = worker_id
        self._queue = OfferQueue(redis, worker_id=worker_id)

    async def offer(self) -> CallOffer:
        """Return the next offer of the queue."""
        async with asyncio.timeout(DEADLINE_S):
            while (offer := await self._queue.next_offer()) is None:
                pass
        return offer

    async def claim(self, offer: CallOffer, url: str | None = None) -> AwaitedStream:
        """Claim the offer, for a stream of ours or for any `url`."""
        awaited = self.media.expect_stream()
        if url is not None:
            awaited = AwaitedStream(token="", url=url, connection=awaited.connection)
        assert await self._queue.claim(offer, awaited)
        return awaited

    @asynccontextmanager
    async def take(self) -> AsyncIterator[Stream]:
        """Serve the next call, and close it at the end if it is still open."""
        offer = await self.offer()
        async with self.serve(offer) as stream:
            yield stream

    @asynccontextmanager
    async def serve(self, offer: CallOffer) -> AsyncIterator[Stream]:
        awaited = await self.claim(offer)
        async with asyncio.timeout(DEADLINE_S):
            connection = await awaited.connection
        stream = Stream(awaited, connection)
        listening = asyncio.create_task(stream.listen())
        stream.beating = asyncio.create_task(stream.beat())
        try:
            started = await stream.message(Started)
            assert started.call_id == offer.call_id
            yield stream
        finally:
            stream.beating.cancel()
            self.media.release(awaited)
            await asyncio.wait([listening], timeout=DEADLINE_S)
            listening.cancel()


# --- What the caller hears -----------------------------------------------------------------------


def prompts(dialog: Dialog, *, since: float = 0.0) -> list[str]:
    """Name the prompts heard at least half through, in order."""
    names = {hertz: name for name, hertz in PROMPT_HZ.items()}
    frames = [frame for frame in dialog.received if frame.at >= since]
    return [names[hertz] for hertz, ms in heard(frames) if hertz in names and ms >= PROMPT_MS / 2]


def codes(dialog: Dialog) -> list[int]:
    """Return the numbers of the assistant's frames heard, in order."""
    return [frame.code for frame in heard_frames(dialog.received)]


async def until_heard(dialog: Dialog, prompt: str, *, since: float = 0.0) -> None:
    await until(lambda: prompt in prompts(dialog, since=since))
