"""The `ai-worker` process: claims calls while it has free slots, serves them, drains on SIGTERM.

Able to claim within 200 ms of its start: Realtime's client and the database are imported in a
thread meanwhile, and the first call waits for them while its caller hears the greeting.
"""

import asyncio
import signal
import time
from datetime import UTC, datetime
from typing import Final

import structlog
import uvloop
from prometheus_client import start_http_server

from aiworker import metrics
from aiworker.call_events import CallEventLog
from aiworker.claim import OfferQueue
from aiworker.heartbeat import keep_row, send_heartbeats
from aiworker.media.server import MediaServer, Seat
from aiworker.services import CallServices, HeavyServices, build_heavy
from aiworker.settings import WorkerSettings
from controlplane.contracts.messages import CallOffer, WorkerHeartbeat
from controlplane.log import configure_logging
from controlplane.redis_clients import asyncio_redis

log = structlog.get_logger()

FIRST_CLAIM_SECONDS: Final = 0.1
"""An offer that waited for this worker is claimed by then; the heavy imports take 0.5 s more."""
REDIS_CONNECT_SECONDS: Final = 1.0
REDIS_ANSWER_SECONDS: Final = 3.0
"""Over the 1 s a BLMOVE blocks."""
EVENTS_FLUSH_SECONDS: Final = 3.0
"""For the last events of the last call."""
CALL_CANCEL_SECONDS: Final = 3.0
"""For calls cut by the drain's deadline to close their record."""


def run() -> int:
    """Run the process; returns its exit status."""
    settings = WorkerSettings()
    configure_logging(process="ai-worker", level=settings.log_level, human=settings.log_human)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve_until_signalled(settings))
    return 0


async def serve_until_signalled(settings: WorkerSettings) -> None:
    """First SIGTERM or SIGINT: finish the calls. Second, or the drain's deadline: end now."""
    worker = Worker(settings)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, worker.stop)
    await worker.serve()


class Worker:
    """One worker process."""

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
        self._media = MediaServer(
            host=settings.media_host, port=settings.media_port, advertised=settings.media_url
        )
        self._heavy: asyncio.Future[HeavyServices]
        self._claimed = asyncio.Event()
        """The first call is claimed."""
        self.ready = asyncio.Event()
        """It claims."""

    def stop(self) -> None:
        """Once: claim no more. Twice: end the calls too."""
        if self._draining.is_set():
            self._ending.set()
        self._draining.set()
        metrics.DRAINING.set(1)

    async def serve(self) -> None:
        """From the first claim to the last call's end."""
        settings = self._settings
        metrics.SLOTS.set(settings.worker_slots)
        if settings.metrics_port:
            start_http_server(settings.metrics_port, settings.metrics_host)
        self._heavy = asyncio.create_task(self._build_heavy())
        background = [
            asyncio.create_task(self._events.publish()),
            asyncio.create_task(send_heartbeats(self._redis, self._heartbeat)),
            asyncio.create_task(self._keep_row()),
        ]
        try:
            async with self._media.listening():
                log.info("worker_ready", worker_id=settings.worker_id, url=self._media.base_url)
                await self._claim_calls()
                await self._finish_calls()
        finally:
            for task in background:
                task.cancel()
            await asyncio.gather(*background, return_exceptions=True)
            await self._events.flush(EVENTS_FLUSH_SECONDS)
            await (await self._heavy).close()
            await self._redis.aclose()
            log.info("worker_ended", worker_id=settings.worker_id)

    async def _build_heavy(self) -> HeavyServices:
        """Import what is heavy once a first claim had its chance: imports hold the interpreter."""
        try:
            async with asyncio.timeout(FIRST_CLAIM_SECONDS):
                await self._claimed.wait()
        except TimeoutError:
            pass
        return await asyncio.to_thread(build_heavy, self._settings)

    async def _claim_calls(self) -> None:
        """Until the drain: a free slot, an offer, a claim, a call."""
        queue = OfferQueue(self._redis, worker_id=self._settings.worker_id)
        await queue.give_back()
        self.ready.set()
        while not self._draining.is_set():
            if not await self._slot_is_free():
                continue
            offer = await queue.next_offer()
            if offer is None or self._draining.is_set():
                self._free.release()
                continue
            seat = self._media.keep_seat()
            if not await queue.claim(offer, seat):
                self._media.release(seat)
                self._free.release()
                continue
            self._claimed.set()
            self._start_call(offer, seat)
        await queue.give_back()

    async def _slot_is_free(self) -> bool:
        """Wait for one, or for the drain."""
        acquire = asyncio.create_task(self._free.acquire())
        drain = asyncio.create_task(self._draining.wait())
        await asyncio.wait({acquire, drain}, return_when=asyncio.FIRST_COMPLETED)
        drain.cancel()
        if acquire.done():
            return True
        acquire.cancel()
        return False

    def _start_call(self, offer: CallOffer, seat: Seat) -> None:
        call = asyncio.create_task(self._serve(offer, seat), name=f"call-{offer.call_id}")
        self._calls.add(call)
        metrics.CALLS_ACTIVE.inc()
        call.add_done_callback(self._call_ended)

    async def _serve(self, offer: CallOffer, seat: Seat) -> None:
        """One call, and its slot back whatever happens."""
        try:
            heavy = await asyncio.shield(self._heavy)
            from aiworker.call_session import serve_call  # warm by now

            services = CallServices(
                settings=self._settings, redis=self._redis, events=self._events, heavy=heavy
            )
            await serve_call(offer, seat, services)
        except Exception:
            metrics.ERRORS.labels(kind="call").inc()
            log.exception("call_failed", call_id=str(offer.call_id))
        finally:
            self._media.release(seat)
            self._free.release()

    def _call_ended(self, call: "asyncio.Task[None]") -> None:
        self._calls.discard(call)
        metrics.CALLS_ACTIVE.dec()

    async def _finish_calls(self) -> None:
        """Let calls end by themselves, up to the drain's deadline or a second signal."""
        log.info("worker_draining", calls=len(self._calls))
        over = asyncio.create_task(self._ending.wait())
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

    async def _keep_row(self) -> None:
        sessions = (await asyncio.shield(self._heavy)).sessions
        await keep_row(
            sessions, worker_id=self._settings.worker_id, slots=self._settings.worker_slots
        )

    def _heartbeat(self) -> WorkerHeartbeat:
        return WorkerHeartbeat(
            worker_id=self._settings.worker_id,
            slots=self._settings.worker_slots,
            active_calls=len(self._calls),
            draining=self._draining.is_set(),
            sent_at=datetime.now(UTC),
        )


if __name__ == "__main__":
    raise SystemExit(run())
