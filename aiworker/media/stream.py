"""A call's WebSocket brings the caller's frames and the bridge's messages, and takes ours.

Reading never waits for anything else: FreeSWITCH's memory grows with a slow reader. Garbage is
logged once a kind and dropped; the call goes on.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import structlog
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from aiworker.metrics import ERRORS
from controlplane.contracts.messages import BridgeMessage, MessageError, decode_bridge_message

log = structlog.get_logger()

FIRST_MESSAGE_SECONDS: Final = 2.0
"""The bridge sends `Started` as soon as the stream is connected, FreeSWITCH audio every 40 ms."""
FIRST_AUDIO_SECONDS: Final = 5.0
"""A caller whose phone sends nothing while silent (RFC 3389) says something by then."""
_SEND_SECONDS: Final = 5.0
"""A peer that takes nothing for this long is gone."""


class StreamOver(Exception):
    """The WebSocket is closed, or has never carried what a call's stream carries."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


class MediaStream:
    """It is one call's stream."""

    def __init__(self, connection: ServerConnection) -> None:
        self._connection = connection
        self._complained: set[str] = set()

    async def messages(self) -> AsyncIterator[bytes | BridgeMessage]:
        """Iterate over caller audio and the bridge's messages. Raises `StreamOver` at the end."""
        deadline = asyncio.timeout(FIRST_MESSAGE_SECONDS)
        heard = False
        try:
            async with deadline:
                async for raw in self._connection:
                    if isinstance(raw, bytes):
                        if not heard:
                            heard = True
                            deadline.reschedule(None)
                        yield raw
                        continue
                    if not heard:
                        loop = asyncio.get_running_loop()
                        deadline.reschedule(loop.time() + FIRST_AUDIO_SECONDS)
                    if (message := self._read(raw)) is not None:
                        yield message
        except TimeoutError:
            ERRORS.labels(kind="stream_mute").inc()
            raise StreamOver("never_sent") from None
        except ConnectionClosed as error:
            raise StreamOver("connection_lost") from error
        raise StreamOver("closed")

    async def send(self, text: str) -> None:
        """Send a text frame. Raises `StreamOver`."""
        try:
            async with asyncio.timeout(_SEND_SECONDS):
                await self._connection.send(text)
        except (ConnectionClosed, TimeoutError) as error:
            raise StreamOver("connection_lost") from error

    def complain(self, kind: str, length: int) -> None:
        """Count garbage, and log the first of each kind: a flood of it must not flood the log."""
        ERRORS.labels(kind=kind).inc()
        if kind not in self._complained:
            self._complained.add(kind)
            log.warning(kind, length=length)

    def _read(self, text: str) -> BridgeMessage | None:
        try:
            return decode_bridge_message(text)
        except MessageError:
            self.complain("stream_message_unreadable", len(text))
            return None
