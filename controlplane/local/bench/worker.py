"""`alloresto bench worker`: what one AI worker process costs, a call.

There is one worker with as many slots as calls; the bridge's side of each call is played here, as
mod_audio_stream does it: the caller's speech up in real time, the assistant's chunks down. The
assistant speaks all the time, which real ones do not: the figures are an upper bound.
"""

import asyncio
import json
import os
import secrets
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import click
from redis.asyncio import Redis
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from controlplane.commands.options import json_line_option
from controlplane.commands.stack_address import DATA_FOLDER
from controlplane.contracts import redis_keys
from controlplane.contracts.identifiers import new_id
from controlplane.contracts.media import L16_BYTES_PER_MS, STREAM_BUFFER_MS
from controlplane.contracts.messages import CallClaim, CallOffer, Started, encode_bridge_message
from controlplane.local.bench.process_cost import cpu_seconds, memory_bytes
from controlplane.local.demo.caller import speech
from controlplane.local.demo.restaurant import DEMO_RESTAURANT_ID, Hours, seed_demo
from controlplane.local.launch.ports import free_tcp_port
from controlplane.local.launch.process import ManagedProcess
from controlplane.local.launch.services import REDIS_DEADLINE_S, LocalServices
from controlplane.log import configure_logging
from controlplane.migrations.schema import upgrade
from controlplane.redis_clients import asyncio_redis
from controlplane.secret_box import SecretBox

CLAIM_DEADLINE_S: Final = 15.0
SETTLE_S: Final = 8.0
"""In this time all calls have said their first words and heard the assistant begin."""

MONOLOGUE_MS: Final = 600_000
QUESTION: Final = "qu_avez_vous_comme_pizzas"
MIB: Final = 1_048_576


@dataclass(frozen=True, slots=True)
class WorkerBench:
    """The benchmark's last line."""

    calls: int
    cpu_percent_per_call: float
    """Percent of one core, user and system time."""
    mib_per_call: float
    """The proportional set size grows by this much with each call beyond the first."""
    base_mib: float
    """The process needs this much with one call: everything imported, one session open."""
    start_to_claim_ms: float
    """Measured from exec to the claim of an offer that was waiting."""


@click.command()
@click.option("--calls", default=50)
@click.option("--seconds", default=20)
@json_line_option
def run_bench_worker(*, calls: int, seconds: int, as_json: bool) -> int:
    """CPU and memory of a worker, a call.

    Measure and print. 0 when every call was streamed to the end.
    """
    configure_logging(process="bench", level="WARNING", human=True)
    with ExitStack() as undo:
        services = undo.enter_context(LocalServices(temporary=True))
        folder = services.data_folder or DATA_FOLDER
        upgrade(services.database_url)
        seed_demo(
            services.database_url,
            registrar="127.0.0.1:5060",
            username="0033199001234",
            password=secrets.token_urlsafe(16),
            secrets=SecretBox.from_keys(SecretBox.new_key()),
            hours=Hours.AROUND_THE_CLOCK,
        )
        port = free_tcp_port()
        simulator = _python(
            undo, folder, "realtime-simulator", os.environ,
            "-m", "aiworker.simulator", "--port", str(port), "--monologue-ms", str(MONOLOGUE_MS),
            "--speed", "2",
        )  # fmt: skip
        environment = {
            **os.environ,
            "OPENAI_API_KEY": "simulator",
            "DATABASE_URL": services.database_url,
            "REDIS_URL": services.redis_url,
            "ALLORESTO_REALTIME_URL": f"ws://127.0.0.1:{port}/v1",
            "ALLORESTO_WORKER_SLOTS": str(calls),
        }

        def start_worker() -> ManagedProcess:
            return _python(
                undo, folder, "ai-worker", environment,
                "-m", "controlplane.cli", "run", "ai-worker",
            )  # fmt: skip

        result, lost = asyncio.run(_measure(services.redis_url, start_worker, calls, seconds))
        simulator.stop()
    if not as_json:
        for name, value in asdict(result).items():
            print(f"{name:24} {value}")
    print(json.dumps(asdict(result)))
    return 0 if lost == 0 else 1


async def _measure(
    redis_url: str, start_worker: Callable[[], ManagedProcess], calls: int, seconds: int
) -> tuple[WorkerBench, int]:
    """Return the figures, and how many streams ended before they should."""
    client = asyncio_redis(
        redis_url, connect_timeout_s=REDIS_DEADLINE_S, timeout_s=CLAIM_DEADLINE_S + REDIS_DEADLINE_S
    )
    first = asyncio.create_task(_Bridge(client).call())
    await asyncio.sleep(0)
    started = time.monotonic()
    worker = await asyncio.to_thread(start_worker)
    bridges = [await first]
    start_to_claim_ms = (bridges[0].claimed_at - started) * 1_000
    await asyncio.sleep(SETTLE_S)
    base = memory_bytes(worker.pid)
    for _ in range(calls - 1):
        bridges.append(await _Bridge(client).call())
    await asyncio.sleep(SETTLE_S)
    cpu_before, began = cpu_seconds(worker.pid), time.monotonic()
    await asyncio.sleep(seconds)
    cpu = (cpu_seconds(worker.pid) - cpu_before) / (time.monotonic() - began)
    loaded = memory_bytes(worker.pid)
    lost = sum(bridge.ended or not bridge.chunks for bridge in bridges)
    for bridge in bridges:
        bridge.hang_up()
    await client.aclose()
    result = WorkerBench(
        calls=calls,
        cpu_percent_per_call=round(100 * cpu / calls, 3),
        mib_per_call=round((loaded - base) / MIB / max(1, calls - 1), 3),
        base_mib=round(base / MIB, 1),
        start_to_claim_ms=round(start_to_claim_ms),
    )
    return result, lost


class _Bridge:
    """Plays the bridge and its switch for one call."""

    def __init__(self, client: Redis) -> None:
        self._redis = client
        self._tasks: list[asyncio.Task[None]] = []
        self.claimed_at = 0.0
        self.chunks = 0
        self.ended = False

    async def call(self) -> "_Bridge":
        """Offer the call, connect, and stream from then on."""
        offer = CallOffer(
            call_id=new_id(),
            restaurant_id=DEMO_RESTAURANT_ID,
            bridge_id="bench",
            channel_uuid=new_id(),
            attempt=1,
        )
        lifetime_ms = int(CLAIM_DEADLINE_S * 1_000)
        await self._redis.set(redis_keys.call_offer(offer.call_id), 1, px=lifetime_ms)
        await self._redis.lpush(redis_keys.QUEUE_INCOMING_CALLS, offer.to_json())
        claimed = await self._redis.blpop(
            [redis_keys.call_claim(offer.call_id)], timeout=CLAIM_DEADLINE_S
        )
        if claimed is None:
            raise TimeoutError("the worker claimed nothing")
        self.claimed_at = time.monotonic()
        url = CallClaim.model_validate_json(claimed[1]).url
        socket = await connect(url, compression=None, max_size=None)
        await socket.send(encode_bridge_message(Started(call_id=offer.call_id, greeting="ended")))
        self._tasks = [
            asyncio.create_task(self._speak(socket)),
            asyncio.create_task(self._listen(socket)),
        ]
        return self

    def hang_up(self) -> None:
        """Stop streaming to the worker."""
        for task in self._tasks:
            task.cancel()

    async def _speak(self, socket: ClientConnection) -> None:
        """Say one question, then silence, in real time."""
        frame = L16_BYTES_PER_MS * STREAM_BUFFER_MS
        question = speech(QUESTION)
        due = time.monotonic()
        position = 0
        while True:
            await socket.send(question[position : position + frame].ljust(frame, bytes(1)))
            position += frame
            due += STREAM_BUFFER_MS / 1_000
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    async def _listen(self, socket: ClientConnection) -> None:
        try:
            async for message in socket:
                self.chunks += "streamAudio" in message[:40] if isinstance(message, str) else 0
        except ConnectionClosed:
            pass
        self.ended = True


def _python(
    undo: ExitStack, folder: Path, name: str, environment: Mapping[str, str], *arguments: str
) -> ManagedProcess:
    process = ManagedProcess(
        [sys.executable, *arguments],
        name=name,
        env=environment,
        log_file=folder / f"{name}.log",
        stop_grace=2.0,
    )
    undo.callback(process.stop)
    return process.start()
