"""Step 7 of a call: its connection to the Realtime API, or to a server that speaks its protocol.

`RealtimeLink.open` is all or nothing: connected, configured, and the server says it speaks PCMU
both ways; else `RealtimeUnavailable`. What it says comes out as the types of `events.py`; what it
says badly is counted and dropped. What is sent never waits: audio is bounded by dropping the
oldest, so a slow server cannot hold up the reading of the caller's stream.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any, Final

import structlog
from openai import AsyncOpenAI
from openai.resources.realtime.realtime import AsyncRealtimeConnection
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from aiworker.metrics import ERRORS, REALTIME_CONNECT
from aiworker.realtime.client_events import ClientEvent, append_audio, to_text, update_session
from aiworker.realtime.errors import RealtimeUnavailable, may_retry
from aiworker.realtime.events import (
    MalformedEvent,
    ServerError,
    ServerEvent,
    SessionUpdated,
    Unknown,
    parse_event,
)
from aiworker.realtime.session import check_formats
from aiworker.supervised_loop import start
from controlplane.contracts.media import PCMU_BYTES_PER_MS

log = structlog.get_logger()

CONNECT_SECONDS: Final = 2.0
"""TCP, TLS and the HTTP upgrade are done by then; the greeting lasts longer."""
CONFIGURE_SECONDS: Final = 1.0
"""One round trip, from session.update to session.updated, takes no longer."""
_PING_SECONDS: Final = 5.0
"""A peer that is gone without a close is noticed after one interval and one timeout."""
_CLOSE_SECONDS: Final = 0.5
_AUDIO_BACKLOG_MS: Final = 12_000
"""Caller audio that Realtime does not take is kept so long; older is dropped, not sent late. It is
more than what was said over a greeting, which comes in one piece.
"""
_CONTROL_BACKLOG: Final = 256
"""A connection with more unsent control events is given up."""
_MAX_EVENT_BYTES: Final = 4 * 1024 * 1024
_EVENT_IDS_REMEMBERED: Final = 256
"""An event that comes twice comes again soon."""
_UNKNOWN_TYPES_NAMED: Final = 32
"""A server that makes up more names in one session fills neither the memory nor the log."""


class RealtimeLink:
    """It is a configured session: made by `open`, over with `close` or `RealtimeUnavailable`."""

    def __init__(self, connection: AsyncRealtimeConnection) -> None:
        self._connection = connection
        self._controls: deque[str] = deque()
        self._audio = bytearray()
        self._audio_wanted = asyncio.Event()
        self._sender: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None
        self._given_up: str | None = None
        self._unknown: set[str] = set()
        """These types of events were met, and nobody knows them."""
        self._seen: dict[str, None] = {}
        """The ids of the last events, the oldest first."""
        self.heard_from_at = time.monotonic()
        """The last event came then."""

    @classmethod
    async def open(
        cls,
        client: AsyncOpenAI,
        *,
        model: str,
        session: dict[str, Any],
        deadline: float = CONNECT_SECONDS,
    ) -> "RealtimeLink":
        """Connect and configure. Raises `RealtimeUnavailable`."""
        began = time.monotonic()
        connection = await _connect(client, model, deadline)
        link = cls(connection)
        try:
            async with asyncio.timeout(CONFIGURE_SECONDS):
                await link._configure(session)
        except TimeoutError:
            await link.close()
            raise RealtimeUnavailable("session_not_configured") from None
        except BaseException:
            await link.close()
            raise
        REALTIME_CONNECT.observe(time.monotonic() - began)
        link._sender = start(link._send_all(), name="realtime-send")
        return link

    async def _configure(self, session: dict[str, Any]) -> None:
        with suppress(ConnectionClosed):  # `_receive` says with which code
            await self._connection.send_raw(to_text(update_session(session)))
        while True:
            event = await self._receive()
            if isinstance(event, ServerError):
                raise RealtimeUnavailable(event.code, retry=may_retry(event.code))
            if isinstance(event, SessionUpdated):
                return

    def append_audio(self, pcmu: bytes) -> None:
        """Send caller audio soon. It never waits; the oldest is dropped past 12 s."""
        self._audio += pcmu
        excess = len(self._audio) - _AUDIO_BACKLOG_MS * PCMU_BYTES_PER_MS
        if excess > 0:
            del self._audio[:excess]
        self._audio_wanted.set()

    def send(self, event: ClientEvent) -> None:
        """Send a client event soon, before any audio not yet sent."""
        if len(self._controls) >= _CONTROL_BACKLOG:
            self.give_up("send_backlog")
            return
        self._controls.append(to_text(event))
        self._audio_wanted.set()

    async def events(self) -> AsyncIterator[ServerEvent]:
        """Iterate until the connection is lost, which raises `RealtimeUnavailable`."""
        while True:
            event = await self._receive()
            self.heard_from_at = time.monotonic()
            yield event

    def probe(self) -> None:
        """Ask for an answer that changes nothing: an empty `session.update`."""
        self.send(update_session({"type": "realtime"}))

    def give_up(self, reason: str) -> None:
        """Make `events` raise `RealtimeUnavailable(reason)`: the session is of no use."""
        if self._given_up is None:
            self._given_up = reason
            self._closing = start(self.close(), name="realtime-close")

    async def close(self) -> None:
        """Close, and wait for it no longer than half a second."""
        if self._sender is not None:
            self._sender.cancel()
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._connection.close()
        except (TimeoutError, OSError):
            log.debug("realtime_close_timeout")

    async def _receive(self) -> ServerEvent:
        """Return the next event that can be read. Raises `RealtimeUnavailable`."""
        while True:
            try:
                frame = await self._connection.recv_bytes()
            except ConnectionClosed as error:
                code = error.rcvd.code if error.rcvd is not None else 1006
                raise RealtimeUnavailable(self._given_up or f"closed_{code}") from error
            try:
                event = parse_event(frame)
            except MalformedEvent as error:
                _count_malformed(error, len(frame))
                continue
            if self._is_double(event):
                continue
            if isinstance(event, Unknown):
                self._count_unknown(event)
            elif isinstance(event, SessionUpdated):
                check_formats(event)
            return event

    def _is_double(self, event: ServerEvent) -> bool:
        """Say whether it came before; audio said twice would be heard twice."""
        name = None if isinstance(event, Unknown) else event.event_id
        if not isinstance(name, str):
            return False
        if name in self._seen:
            ERRORS.labels(kind="realtime_event_double").inc()
            return True
        self._seen[name] = None
        if len(self._seen) > _EVENT_IDS_REMEMBERED:
            del self._seen[next(iter(self._seen))]
        return False

    def _count_unknown(self, event: Unknown) -> None:
        """Count each type once a session."""
        if event.type in self._unknown or len(self._unknown) >= _UNKNOWN_TYPES_NAMED:
            return
        self._unknown.add(event.type)
        ERRORS.labels(kind="realtime_event_unknown").inc()
        log.warning("realtime_event_unknown", event_type=event.type)

    async def _send_all(self) -> None:
        """Send what waits; a lost connection is raised by `events`, which runs beside this."""
        try:
            while True:
                await self._audio_wanted.wait()
                self._audio_wanted.clear()
                while self._controls:
                    await self._connection.send_raw(self._controls.popleft())
                if self._audio:
                    audio, self._audio = self._audio, bytearray()
                    await self._connection.send_raw(append_audio(bytes(audio)))
        except (ConnectionClosed, OSError):
            log.debug("realtime_send_ended")
        except Exception:  # a session that hears nothing any more is worse than none
            self.give_up("send_failed")
            raise


def _count_malformed(error: MalformedEvent, length: int) -> None:
    if error.event_type is None:
        ERRORS.labels(kind="realtime_garbage").inc()
        log.warning("realtime_event_unreadable", length=length)
    else:
        ERRORS.labels(kind="realtime_event").inc()
        log.warning("realtime_event_skipped", event_type=error.event_type)


async def _connect(client: AsyncOpenAI, model: str, deadline: float) -> AsyncRealtimeConnection:
    manager = client.realtime.connect(
        model=model,
        websocket_connection_options={
            "max_size": _MAX_EVENT_BYTES,
            "compression": None,
            "open_timeout": deadline,  # type: ignore[typeddict-unknown-key]  # passed through
            "ping_interval": _PING_SECONDS,
            "ping_timeout": _PING_SECONDS,
            "close_timeout": _CLOSE_SECONDS,
        },
    )
    try:
        async with asyncio.timeout(deadline):
            return await manager.enter()
    except InvalidStatus as error:
        status = error.response.status_code
        retry = status not in {401, 403, 404}
        raise RealtimeUnavailable(f"refused_{status}", retry=retry) from error
    except (TimeoutError, OSError, InvalidHandshake) as error:
        raise RealtimeUnavailable(f"connect_{type(error).__name__}") from error
