"""Step 7 of a call: its connection to the Realtime API, or to a server that speaks its protocol.

`RealtimeLink.open` is all or nothing: connected, configured, and the server says it speaks PCMU
both ways; else `RealtimeUnavailable`. Afterwards events are plain dicts (the SDK's typed parsing is
lenient and costs more than the audio), and what is sent never waits: audio is bounded by dropping
the oldest, so a slow server cannot hold up the reading of the caller's stream.
"""

import asyncio
import json
import time
from base64 import b64encode
from collections import deque
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any, Final

import structlog
from openai import AsyncOpenAI
from openai.resources.realtime.realtime import AsyncRealtimeConnection
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from aiworker.metrics import ERRORS, REALTIME_CONNECT
from controlplane.contracts.media import PCMU_BYTES_PER_MS
from controlplane.errors import ServiceUnavailable

log = structlog.get_logger()

Event = dict[str, Any]

CONNECT_SECONDS: Final = 2.0
"""TCP, TLS and the HTTP upgrade; the greeting lasts longer."""
CONFIGURE_SECONDS: Final = 1.0
"""From session.update to session.updated: one round trip."""
_PING_SECONDS: Final = 5.0
"""A peer that is gone without a close is noticed after one interval and one timeout."""
_CLOSE_SECONDS: Final = 0.5
_AUDIO_BACKLOG_MS: Final = 5_000
"""Caller audio kept while Realtime does not take it; older is dropped, not sent late."""
_CONTROL_BACKLOG: Final = 256
"""Unsent control events past which the connection is given up."""
_MAX_EVENT_BYTES: Final = 4 * 1024 * 1024

BENIGN_ERRORS: Final = frozenset(
    {
        "conversation_already_has_active_response",
        "response_cancel_not_active",
        "input_audio_buffer_commit_empty",
        "item_truncate_invalid_item_id",
        "item_delete_invalid_item_id",
    }
)
FATAL_ERRORS: Final = frozenset(
    {
        "insufficient_quota",
        "invalid_api_key",
        "account_deactivated",
        "billing_hard_limit_reached",
        "session_expired",
    }
)
_NO_RETRY: Final = FATAL_ERRORS - {"session_expired"}


class RealtimeUnavailable(ServiceUnavailable):
    """No usable session. `reason` is short and static; `retry` is False when it can't help."""

    def __init__(self, reason: str, *, retry: bool = True) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry = retry


class RealtimeLink:
    """A configured session. Made by `open`; ends by `close` or by `RealtimeUnavailable`."""

    def __init__(self, connection: AsyncRealtimeConnection) -> None:
        self._connection = connection
        self._controls: deque[str] = deque()
        self._audio = bytearray()
        self._audio_wanted = asyncio.Event()
        self._sender: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None
        self._given_up: str | None = None
        self.heard_from_at = time.monotonic()
        """When the last event came."""

    @classmethod
    async def open(
        cls, client: AsyncOpenAI, *, model: str, session: Event, deadline: float = CONNECT_SECONDS
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
        link._sender = asyncio.create_task(link._send_all(), name="realtime-send")
        return link

    async def _configure(self, session: Event) -> None:
        with suppress(ConnectionClosed):  # `_receive` says with which code
            await self._connection.send_raw(
                json.dumps({"type": "session.update", "session": session})
            )
        while True:
            event = await self._receive()
            if event.get("type") == "error":
                code = error_code(event)
                raise RealtimeUnavailable(code, retry=code not in _NO_RETRY)
            if event.get("type") == "session.updated":
                check_formats(event)
                return

    def append_audio(self, pcmu: bytes) -> None:
        """Send caller audio soon. Never waits; the oldest is dropped past 5 s."""
        self._audio += pcmu
        excess = len(self._audio) - _AUDIO_BACKLOG_MS * PCMU_BYTES_PER_MS
        if excess > 0:
            del self._audio[:excess]
        self._audio_wanted.set()

    def send(self, event: Event) -> None:
        """Send a client event soon, before any audio not yet sent."""
        if len(self._controls) >= _CONTROL_BACKLOG:
            raise RealtimeUnavailable("send_backlog")
        self._controls.append(json.dumps(event))
        self._audio_wanted.set()

    async def events(self) -> AsyncIterator[Event]:
        """Server events until the connection is lost, which raises `RealtimeUnavailable`."""
        while True:
            event = await self._receive()
            self.heard_from_at = time.monotonic()
            yield event

    def probe(self) -> None:
        """Ask for an answer that changes nothing: an empty `session.update`."""
        self.send({"type": "session.update", "session": {"type": "realtime"}})

    def give_up(self, reason: str) -> None:
        """The session answers nothing: make `events` raise `RealtimeUnavailable(reason)`."""
        if self._given_up is None:
            self._given_up = reason
            self._closing = asyncio.create_task(self.close(), name="realtime-close")

    async def close(self) -> None:
        """Close, and wait for it no longer than half a second."""
        if self._sender is not None:
            self._sender.cancel()
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._connection.close()
        except (TimeoutError, OSError):
            log.debug("realtime_close_timeout")

    async def _receive(self) -> Event:
        while True:
            try:
                raw = await self._connection.recv_bytes()
            except ConnectionClosed as error:
                code = error.rcvd.code if error.rcvd is not None else 1006
                raise RealtimeUnavailable(self._given_up or f"closed_{code}") from error
            try:
                event = json.loads(raw)
            except ValueError:
                event = None
            if isinstance(event, dict):
                return event
            ERRORS.labels(kind="realtime_garbage").inc()
            log.warning("realtime_event_unreadable", length=len(raw))

    async def _send_all(self) -> None:
        """Runs beside `events`, which is where a lost connection is raised."""
        try:
            while True:
                await self._audio_wanted.wait()
                self._audio_wanted.clear()
                while self._controls:
                    await self._connection.send_raw(self._controls.popleft())
                if self._audio:
                    audio, self._audio = self._audio, bytearray()
                    await self._connection.send_raw(
                        '{"type":"input_audio_buffer.append","audio":"'
                        + b64encode(audio).decode("ascii")
                        + '"}'
                    )
        except (ConnectionClosed, OSError):
            log.debug("realtime_send_ended")


def error_code(event: Event) -> str:
    """The `code` of an error event, else its `type`; never its message, which may quote input."""
    error = event.get("error")
    if not isinstance(error, dict):
        return "unknown"
    return str(error.get("code") or error.get("type") or "unknown")[:64]


def check_formats(event: Event) -> None:
    """Refuse a `session.updated` that does not echo PCMU both ways: it would play as noise."""
    audio = (event.get("session") or {}).get("audio") or {}
    for side in ("input", "output"):
        told = (audio.get(side) or {}).get("format") or {}
        if told.get("type") != "audio/pcmu":
            raise RealtimeUnavailable(f"{side}_format_not_pcmu")


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
