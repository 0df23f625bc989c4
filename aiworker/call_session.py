"""The story of a call, as the worker lives it. Read `serve_call` from top to bottom.

The bridge has the channel, Realtime has the voice; this is where they meet, once a call.
"""

import asyncio
import time
from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError
from structlog.contextvars import bound_contextvars

from aiworker.call_memory import CallMemory, CallState
from aiworker.media.server import Seat
from aiworker.media.stream import MediaStream, StreamOver
from aiworker.metrics import CALLS_ENDED, ERRORS, TIME_TO_STREAM
from aiworker.realtime.connection import RealtimeLink, RealtimeUnavailable
from aiworker.services import CallServices
from aiworker.worker_call import Agent
from controlplane.contracts.messages import CallOffer
from controlplane.contracts.restaurant_config import RestaurantConfig
from controlplane.errors import AlloRestoError
from controlplane.restaurants.config_cache import load_restaurant_config

log = structlog.get_logger()

STREAM_SECONDS: Final = 3.0
"""From the claim to the WebSocket: the bridge gives up after 1.5 s and offers the call again."""
CONFIG_SECONDS: Final = 2.5
"""The caller hears the greeting meanwhile."""
TICK_SECONDS: Final = 0.2
"""How exactly a silence of seconds is broken."""
QUICK_TICK_SECONDS: Final = 0.05
"""How exactly half a second is half a second while an interruption is decided."""


class CallNotServed(AlloRestoError):
    """The call cannot be served by this worker: the bridge offers it again, or falls back."""


async def serve_call(offer: CallOffer, seat: Seat, services: CallServices) -> None:
    """One claimed call, from its WebSocket to its end. Raises nothing but cancellation."""
    began = time.monotonic()
    with bound_contextvars(
        call_id=str(offer.call_id),
        channel_uuid=str(offer.channel_uuid),
        restaurant_id=str(offer.restaurant_id),
    ):
        try:
            stream = await accept_stream(seat)
            config = await read_config(offer, services)
            memory = CallMemory(services.redis, offer.call_id)
            agent = Agent(offer, config, stream, memory, services)
            if offer.resumed:
                await agent.remember(await memory.recall() or CallState())
            log.info("call_started", resumed=offer.resumed, attempt=offer.attempt)
            end = await talk(agent, stream, config, services)
        except CallNotServed as error:
            end = str(error)
        CALLS_ENDED.labels(end=end).inc()
        log.info("call_ended", end=end, seconds=round(time.monotonic() - began, 1))


async def accept_stream(seat: Seat) -> MediaStream:
    """Wait for FreeSWITCH to connect. Raises `CallNotServed`."""
    began = time.monotonic()
    try:
        async with asyncio.timeout(STREAM_SECONDS):
            connection = await seat.stream
    except TimeoutError:
        log.warning("stream_never_came")
        raise CallNotServed("stream_never_came") from None
    TIME_TO_STREAM.observe(time.monotonic() - began)
    return MediaStream(connection)


async def read_config(offer: CallOffer, services: CallServices) -> RestaurantConfig:
    """The restaurant's menu and voice. Raises `CallNotServed`."""
    try:
        async with asyncio.timeout(CONFIG_SECONDS):
            return await load_restaurant_config(
                services.redis, services.heavy.sessions, offer.restaurant_id
            )
    except (AlloRestoError, SQLAlchemyError, OSError, TimeoutError) as error:
        ERRORS.labels(kind="restaurant_config").inc()
        log.error("restaurant_config_unavailable", error=type(error).__name__)
        raise CallNotServed("restaurant_config_unavailable") from error


async def talk(
    agent: Agent, stream: MediaStream, config: RestaurantConfig, services: CallServices
) -> str:
    """Everything that goes on at once, until the stream is over. Returns how it ended."""
    end = "closed"
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(listen(agent, stream))
            tasks.create_task(agent.speaker.run())
            tasks.create_task(converse(agent, config, services))
            tasks.create_task(agent.use_tools())
            tasks.create_task(agent.memory.write_changes())
            tasks.create_task(watch_the_clock(agent))
    except* StreamOver as over:
        end = str(over.exceptions[0].args[0])
    finally:
        agent.finish()
    return end


async def listen(agent: Agent, stream: MediaStream) -> None:
    """The caller's audio and the bridge's messages, as they come."""
    async for message in stream.messages():
        if isinstance(message, bytes):
            agent.hear(message)
        else:
            agent.on_bridge_message(message)


async def converse(agent: Agent, config: RestaurantConfig, services: CallServices) -> None:
    """Hold a Realtime session; open it again when it is lost; then leave it to a human."""
    while True:
        try:
            link = await open_link(agent, config, services)
            await use_link(agent, link)
        except RealtimeUnavailable as error:
            ERRORS.labels(kind="realtime_lost").inc()
            log.error("realtime_lost", reason=error.reason, retry=error.retry)
            agent.detach()
            if agent.may_reopen(error):
                continue
        await agent.manners.leave_to_human()


async def use_link(agent: Agent, link: RealtimeLink) -> None:
    """Talk over a session until it is lost, which raises `RealtimeUnavailable`."""
    try:
        agent.attach(link)
        async for event in link.events():
            agent.conversation.on_event(event)
    finally:
        await link.close()


async def open_link(agent: Agent, config: RestaurantConfig, services: CallServices) -> RealtimeLink:
    """Open a session; once more if it fails and that may help. Raises `RealtimeUnavailable`."""
    model = services.settings.realtime_model or config.realtime_model
    try:
        return await RealtimeLink.open(services.heavy.realtime, model=model, session=agent.session)
    except RealtimeUnavailable as error:
        ERRORS.labels(kind="realtime_connect").inc()
        log.warning("realtime_not_opened", reason=error.reason)
        if not error.retry:
            raise
    agent.manners.hold_if_silent()
    return await RealtimeLink.open(services.heavy.realtime, model=model, session=agent.session)


async def watch_the_clock(agent: Agent) -> None:
    """Interruptions to decide, silences to break, last words to wait for."""
    while True:
        quick = agent.conversation.turns.deciding
        await asyncio.sleep(QUICK_TICK_SECONDS if quick else TICK_SECONDS)
        agent.manners.tick()
