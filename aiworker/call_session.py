"""Step 8 of a call: its story, as the worker lives it. Read `serve_call` from top to bottom.

The bridge has the channel, Realtime has the voice; this is where they meet, once a call.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError
from structlog.contextvars import bound_contextvars

from aiworker.call_memory import CallMemory, CallState
from aiworker.clients import Clients
from aiworker.media.server import AwaitedStream
from aiworker.media.stream import MediaStream, StreamOver
from aiworker.metrics import CALLS_ENDED, ERRORS, TIME_TO_STREAM
from aiworker.realtime.connection import RealtimeLink
from aiworker.realtime.errors import RealtimeUnavailable
from aiworker.settings import WorkerSettings
from aiworker.supervised_loop import OneByOne, repeat
from aiworker.worker_call import WorkerCall
from controlplane.contracts.media import KEEP_ALIVE_SECONDS
from controlplane.contracts.messages import CallOffer, KeepAlive
from controlplane.contracts.restaurant_config import RestaurantConfig
from controlplane.errors import AlloRestoError
from controlplane.restaurants.config_cache import load_restaurant_config

log = structlog.get_logger()

STREAM_SECONDS: Final = 3.0
"""The WebSocket comes by then: the bridge gives up after 1.5 s and offers the call again."""
CONFIG_SECONDS: Final = 2.5
"""The caller hears the greeting meanwhile."""
CONFIG_RETRY_SECONDS: Final = 0.25
"""A worker that gave up at once would be followed by three others within a tenth of a second, and
the caller left to the way out before a Postgres that restarts is back."""
LONGEST_SECONDS: Final = 3_600.0
"""`max_call_seconds` is 50 min at most: a call still there then frees its slot."""
TICK_SECONDS: Final = 0.2
"""A silence of seconds is broken this exactly."""
QUICK_TICK_SECONDS: Final = 0.05
"""While an interruption is decided, half a second is half a second this exactly."""


class CallNotServed(AlloRestoError):
    """The call cannot be served by this worker: the bridge offers it again, or falls back."""


async def serve_call(
    offer: CallOffer, awaited: AwaitedStream, settings: WorkerSettings, clients: Clients
) -> None:
    """Serve a claimed call from its WebSocket to its end. Raises nothing but cancellation."""
    began = time.monotonic()
    with bound_contextvars(
        call_id=str(offer.call_id),
        channel_uuid=str(offer.channel_uuid),
        restaurant_id=str(offer.restaurant_id),
    ):
        try:
            stream = await accept_stream(awaited)
            config = await read_config(offer, clients)
            memory = CallMemory(clients.redis, offer.call_id)
            call = WorkerCall(offer, config, stream, memory, settings, clients)
            if offer.resumed:
                await call.remember(await memory.recall() or CallState())
            log.info("call_started", resumed=offer.resumed, attempt=offer.attempt)
            end = await talk(call, stream, clients)
        except CallNotServed as error:
            end = str(error)
        CALLS_ENDED.labels(end=end).inc()
        log.info("call_ended", end=end, seconds=round(time.monotonic() - began, 1))


async def accept_stream(awaited: AwaitedStream) -> MediaStream:
    """Wait for FreeSWITCH to connect. Raises `CallNotServed`."""
    began = time.monotonic()
    try:
        async with asyncio.timeout(STREAM_SECONDS):
            connection = await awaited.connection
    except TimeoutError:
        log.warning("stream_never_came")
        raise CallNotServed("stream_never_came") from None
    TIME_TO_STREAM.observe(time.monotonic() - began)
    return MediaStream(connection)


async def read_config(offer: CallOffer, clients: Clients) -> RestaurantConfig:
    """Read the restaurant's menu and voice, from a Postgres that may be restarting. Raises
    `CallNotServed` after `CONFIG_SECONDS`.
    """
    try:
        async with asyncio.timeout(CONFIG_SECONDS):
            while True:
                try:
                    return await load_restaurant_config(
                        clients.redis, clients.sessions, offer.restaurant_id
                    )
                except (SQLAlchemyError, OSError) as error:
                    log.warning("restaurant_config_not_read", error=type(error).__name__)
                    await asyncio.sleep(CONFIG_RETRY_SECONDS)
    except (AlloRestoError, TimeoutError) as error:
        ERRORS.labels(kind="restaurant_config").inc()
        log.error("restaurant_config_unavailable", error=type(error).__name__)
        raise CallNotServed("restaurant_config_unavailable") from error


async def talk(
    call: WorkerCall,
    stream: MediaStream,
    clients: Clients,
    *,
    longest_seconds: float = LONGEST_SECONDS,
) -> str:
    """Let everything go on at once until the stream is over. Returns how it ended."""
    end = "closed"
    try:
        async with asyncio.timeout(longest_seconds), asyncio.TaskGroup() as tasks:
            tasks.create_task(listen(call, stream))
            tasks.create_task(_until_over(call.speech_output.send_next, name="speech_output"))
            tasks.create_task(_until_over(partial(converse, call, clients), name="converse"))
            tasks.create_task(_until_over(call.use_next_tool, name="tools"))
            tasks.create_task(repeat(partial(call.memory.write_change, call.state), name="memory"))
            tasks.create_task(_until_over(partial(watch_the_clock, call), name="clock"))
            tasks.create_task(_until_over(partial(keep_alive, call), name="keep_alive"))
    except* StreamOver as over:
        end = str(over.exceptions[0].args[0])
    except* TimeoutError:
        log.error("call_never_ended")
        end = "too_long"
    finally:
        call.finish()
    return end


async def _until_over(step: Callable[[], Awaitable[None]], *, name: str) -> None:
    await repeat(step, name=name, ends_with=(StreamOver,))


async def listen(call: WorkerCall, stream: MediaStream) -> None:
    """Give the caller's audio and the bridge's messages to the call as they come."""
    one_by_one = OneByOne("stream_message", lets_through=StreamOver)
    async for message in stream.messages():
        with one_by_one:
            if isinstance(message, bytes):
                call.hear(message)
            else:
                call.on_bridge_message(message)


async def converse(call: WorkerCall, clients: Clients) -> None:
    """Hold a Realtime session until it is lost, then leave the call to a human if another one would
    be of no use.
    """
    try:
        await hold_session(call, clients)
    except RealtimeUnavailable as error:
        ERRORS.labels(kind="realtime_lost").inc()
        log.error("realtime_lost", reason=error.reason, retry=error.retry)
        call.session_lost()
        if not call.may_reopen(error):
            await call.leave_to_human()


async def hold_session(call: WorkerCall, clients: Clients) -> None:
    """Talk over a session until it is lost. Raises `RealtimeUnavailable`, and nothing else."""
    try:
        await use_link(call, await open_link(call, clients))
    except (RealtimeUnavailable, StreamOver):
        raise
    except Exception as error:  # the edge of a session: the call goes on over the next
        log.exception("realtime_session_failed")
        raise RealtimeUnavailable("unforeseen_failure") from error


async def use_link(call: WorkerCall, link: RealtimeLink) -> None:
    """Talk over a session until it is lost, which raises `RealtimeUnavailable`."""
    one_by_one = OneByOne("realtime_event", lets_through=RealtimeUnavailable)
    try:
        call.session_opened(link)
        async for event in link.events():
            with one_by_one:
                call.on_realtime_event(event)
    finally:
        await link.close()


async def open_link(call: WorkerCall, clients: Clients) -> RealtimeLink:
    """Open a session; once more if it fails and that may help. Raises `RealtimeUnavailable`."""
    model, session = call.model, call.session_config
    try:
        return await RealtimeLink.open(clients.realtime, model=model, session=session)
    except RealtimeUnavailable as error:
        ERRORS.labels(kind="realtime_connect").inc()
        log.warning("realtime_not_opened", reason=error.reason)
        if not error.retry:
            raise
    call.fillers.say_if_silent()
    return await RealtimeLink.open(clients.realtime, model=model, session=session)


async def watch_the_clock(call: WorkerCall) -> None:
    """Tell the call that time passes: interruptions and silences wait for that."""
    await asyncio.sleep(QUICK_TICK_SECONDS if call.deciding else TICK_SECONDS)
    call.tick()


async def keep_alive(call: WorkerCall) -> None:
    """Tell the bridge that this worker lives: its WebSocket would stay open if it did not."""
    call.speech_output.control(KeepAlive())
    await asyncio.sleep(KEEP_ALIVE_SECONDS)
