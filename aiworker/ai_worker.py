"""The `ai-worker` process: claims calls while it has free slots, serves them, drains on SIGTERM.

It claims before it can serve: what a call is made of is imported in a thread meanwhile (`warm_up`),
and the first call waits for that while its caller hears the greeting.
"""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import structlog
import uvloop
from prometheus_client import start_http_server
from redis.asyncio import Redis
from redis.exceptions import RedisError

from aiworker import heartbeat, metrics
from aiworker.call_events import CallEventLog
from aiworker.claim import OfferQueue
from aiworker.media.server import AwaitedStream, MediaServer, tls_context
from aiworker.settings import WorkerSettings
from aiworker.supervised_loop import repeat, start
from controlplane.contracts.claim_keys import ClaimKeys
from controlplane.contracts.heartbeats import WorkerHeartbeat
from controlplane.contracts.messages import CallOffer
from controlplane.log import configure_logging
from controlplane.redis_clients import asyncio_redis

if TYPE_CHECKING:
    from aiworker.clients import Clients

log = structlog.get_logger()

FIRST_CLAIM_SECONDS: Final = 0.1
"""An offer that waited for this worker is claimed by then; the warm-up takes 0.5 s more."""
ROW_EVERY_SECONDS: Final = 30.0
"""The row says which workers there were today; that they live this second, Redis says."""
REDIS_CONNECT_SECONDS: Final = 1.0
REDIS_ANSWER_SECONDS: Final = 3.0
"""This is longer than the 1 s for which a BLMOVE blocks."""
EVENTS_FLUSH_SECONDS: Final = 3.0
"""The last events of the last call have this long to be published."""
ORDERS_SECONDS: Final = 8.0
"""Orders that callers handed in have this long to be placed after the last call: an attempt more
than a caller waits for. The rest is noted in Redis for another worker."""
SETTLE_EVERY_SECONDS: Final = 15.0
"""What a dead worker left is a minute old before another one touches it."""
CALL_CANCEL_SECONDS: Final = 3.0
"""Calls that the drain's deadline cuts have this long to close their records."""


def run() -> int:
    """Run the process; returns its exit status."""
    settings = WorkerSettings.from_environment()
    configure_logging(process="ai-worker", level=settings.log_level, human=settings.log_human)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve_until_signalled(settings))
    return 0


async def serve_until_signalled(settings: WorkerSettings) -> None:
    """Serve. The first SIGTERM or SIGINT lets calls finish; the second, or the drain's deadline,
    ends them.
    """
    worker = Worker(settings)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, worker.stop)
    await worker.serve()


class Worker:
    """The process: it claims calls, serves them, and says that it lives."""

    def __init__(self, settings: WorkerSettings) -> None:
        self._settings = settings
        self._draining = asyncio.Event()
        self._ending = asyncio.Event()
        self._free = asyncio.Semaphore(settings.worker_slots)
        self._calls: set[asyncio.Task[None]] = set()
        self._redis = asyncio_redis(
            settings.redis_url,
            connect_timeout_s=REDIS_CONNECT_SECONDS,
            timeout_s=REDIS_ANSWER_SECONDS,
        )
        self._events = CallEventLog(self._redis)
        self._claim_keys = ClaimKeys.from_text(settings.claim_keys)
        self._media = MediaServer(
            host=settings.media_host,
            port=settings.media_port,
            advertised=settings.media_url,
            tls=tls_context(settings.media_certificate, settings.media_key),
        )
        self._warm: asyncio.Future[Warm]
        self._claimed = asyncio.Event()
        """It is set once the first call is claimed."""
        self.ready = asyncio.Event()
        """It is set once the worker claims."""

    def stop(self) -> None:
        """Claim no more; called again, end the calls too."""
        if self._draining.is_set():
            self._ending.set()
        self._draining.set()
        metrics.DRAINING.set(1)

    async def serve(self) -> None:
        """Claim and serve until the drain, then until the last call has ended."""
        settings = self._settings
        metrics.SLOTS.set(settings.worker_slots)
        if settings.metrics_port:
            start_http_server(settings.metrics_port, settings.metrics_host)
        self._warm = start(self._warm_up(), name="warm_up")
        background = [start(loop, name="background") for loop in self._background()]
        try:
            async with self._media.listening():
                log.info("worker_ready", worker_id=settings.worker_id, url=self._media.base_url)
                await self._claim_calls()
                await self._finish_calls()
                await self._finish_orders()
        finally:
            for task in background:
                task.cancel()
            await asyncio.gather(*background, return_exceptions=True)
            await self._events.flush(EVENTS_FLUSH_SECONDS)
            await (await self._warm).clients.close()
            await self._redis.aclose()
            log.info("worker_ended", worker_id=settings.worker_id)

    def _background(self) -> list[Coroutine[Any, Any, None]]:
        """List what goes on beside the calls for as long as the process lives."""
        return [
            repeat(self._events.publish, name="call_events"),
            repeat(self._send_heartbeat, name="heartbeat", every_seconds=heartbeat.EVERY_SECONDS),
            repeat(self._write_row, name="worker_row", every_seconds=ROW_EVERY_SECONDS),
            repeat(
                self._settle_orders, name="unsettled_orders", every_seconds=SETTLE_EVERY_SECONDS
            ),
        ]

    async def _warm_up(self) -> "Warm":
        """Warm up once a first claim had its chance: imports hold the interpreter. A worker that
        cannot serve ends, for it would claim every call and serve none.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(FIRST_CLAIM_SECONDS):
                await self._claimed.wait()
        try:
            return await asyncio.to_thread(warm_up, self._settings, self._redis, self._events)
        except Exception:
            self.stop()
            raise

    async def _claim_calls(self) -> None:
        """Claim calls until the drain begins, then return what was not claimed."""
        queue = OfferQueue(self._redis, worker_id=self._settings.worker_id, keys=self._claim_keys)
        await queue.give_back()
        self.ready.set()
        await repeat(partial(self._claim_call, queue), name="claim", until=self._draining)
        await queue.give_back()

    async def _claim_call(self, queue: OfferQueue) -> None:
        """Wait for a free slot and an offer, claim it, and start its call."""
        if not await self._take_slot():
            return
        claimed = None
        try:
            claimed = await self._claim_offer(queue)
        finally:
            if claimed is None:
                self._free.release()
        if claimed is not None:
            self._claimed.set()
            self._start_call(*claimed)

    async def _claim_offer(self, queue: OfferQueue) -> tuple[CallOffer, AwaitedStream] | None:
        """Claim an offer; None when there is none, another worker has it, or the drain began."""
        offer = await queue.next_offer()
        if offer is None or self._draining.is_set():
            return None
        awaited, won = self._media.expect_stream(), False
        try:
            won = await queue.claim(offer, awaited)
        finally:
            if not won:
                self._media.release(awaited)
        return (offer, awaited) if won else None

    async def _take_slot(self) -> bool:
        """Wait for a free slot; False when the drain came first."""
        acquire = start(self._free.acquire(), name="free-slot")
        drain = start(self._draining.wait(), name="draining")
        await asyncio.wait({acquire, drain}, return_when=asyncio.FIRST_COMPLETED)
        drain.cancel()
        if acquire.done():
            return True
        acquire.cancel()
        return False

    def _start_call(self, offer: CallOffer, awaited: AwaitedStream) -> None:
        call = start(self._serve(offer, awaited), name=f"call-{offer.call_id}")
        self._calls.add(call)
        metrics.CALLS_ACTIVE.inc()
        call.add_done_callback(self._call_ended)

    async def _serve(self, offer: CallOffer, awaited: AwaitedStream) -> None:
        """Serve one call, and free its slot whatever happens."""
        try:
            warm = await asyncio.shield(self._warm)
            await warm.serve_call(offer, awaited, self._settings, warm.clients)
        except Exception:
            metrics.ERRORS.labels(kind="call").inc()
            log.exception("call_failed", call_id=str(offer.call_id))
        finally:
            self._media.release(awaited)
            self._free.release()

    def _call_ended(self, call: "asyncio.Task[None]") -> None:
        self._calls.discard(call)
        metrics.CALLS_ACTIVE.dec()

    async def _finish_calls(self) -> None:
        """Let calls end by themselves, up to the drain's deadline or a second signal."""
        log.info("worker_draining", calls=len(self._calls))
        over = start(self._ending.wait(), name="ending")
        deadline = time.monotonic() + self._settings.drain_seconds
        while self._calls and not over.done() and (left := deadline - time.monotonic()) > 0:
            await asyncio.wait(
                {over, *self._calls}, timeout=left, return_when=asyncio.FIRST_COMPLETED
            )
        over.cancel()
        if self._calls:
            log.warning("calls_cut", calls=len(self._calls))
            for call in self._calls:
                call.cancel()
            await asyncio.wait(self._calls, timeout=CALL_CANCEL_SECONDS)

    async def _finish_orders(self) -> None:
        """Let what callers confirmed be placed: some hung up meanwhile."""
        warm = await asyncio.shield(self._warm)
        await warm.clients.orders.close(ORDERS_SECONDS)

    async def _settle_orders(self) -> None:
        """Settle what dead workers left; while Redis is away, what is noted there waits."""
        warm = await asyncio.shield(self._warm)
        try:
            await warm.clients.orders.settle_abandoned()
        except (RedisError, OSError, TimeoutError) as error:
            log.warning("unsettled_orders_unreadable", error=type(error).__name__)

    async def _write_row(self) -> None:
        warm = await asyncio.shield(self._warm)
        await warm.write_row(
            warm.clients.sessions,
            worker_id=self._settings.worker_id,
            slots=self._settings.worker_slots,
        )

    async def _send_heartbeat(self) -> None:
        beat = WorkerHeartbeat(
            worker_id=self._settings.worker_id,
            slots=self._settings.worker_slots,
            active_calls=len(self._calls),
            draining=self._draining.is_set(),
            sent_at=datetime.now(UTC),
        )
        await heartbeat.send_heartbeat(self._redis, beat)


@dataclass(frozen=True, slots=True)
class Warm:
    """This was imported and built while the worker claimed already."""

    clients: "Clients"
    serve_call: Callable[[CallOffer, AwaitedStream, WorkerSettings, "Clients"], Awaitable[None]]
    write_row: Callable[..., Awaitable[None]]


def warm_up(settings: WorkerSettings, redis: Redis, events: CallEventLog) -> Warm:
    """Import what calls are made of, and build their clients; connects to nothing.

    These are the worker's only imports inside a function. With them at the top of the file (openai
    and SQLAlchemy, mostly) a process needs 1.3 s of a core to come up, not 0.4 s, and an offer
    that waits for a new worker waits as much longer.
    """
    from aiworker.call_session import serve_call
    from aiworker.clients import build_clients
    from aiworker.worker_row import write_row

    return Warm(
        clients=build_clients(settings, redis, events),
        serve_call=serve_call,
        write_row=write_row,
    )


if __name__ == "__main__":
    raise SystemExit(run())
