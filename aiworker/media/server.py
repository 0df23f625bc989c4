"""Step 6 of a call: FreeSWITCH connects to this server, by one path a claimed call, used once.

`/calls/<token>` where the token is 256 random bits, given to the bridge in the claim. Anything else
gets HTTP 403, and so does a second connection with a token already used.
"""

import asyncio
import hmac
import http
import logging
import secrets
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response

from aiworker.metrics import ERRORS
from controlplane.errors import ConfigurationError

log = structlog.get_logger()

_PATH = "/calls/"
_TOKEN_BYTES = 32
MAX_MESSAGE_BYTES = 64 * 1024
"""A caller's frame is 640 bytes, a bridge's message 4 kB at most. Past this the WebSocket is closed
(1009); garbage below it is logged and dropped."""
_RECEIVE_QUEUE_MESSAGES = 16
"""It holds 0.6 s of caller frames; the reader never waits for Realtime, so it is never full."""
MAX_CONNECTIONS = 512
"""More than a worker's 200 slots, each while its call before still closes; strangers get no more
memory than that."""
PING_SECONDS = 10.0
"""mod_audio_stream answers each ping, also while a caller's telephone sends nothing."""
PONG_SECONDS = 15.0
"""A bridge that is lost without a word (its machine, the network) frees its slot 25 s later."""
_CLOSE_SECONDS = 1.0
"""mod_audio_stream answers a close at once; one that doesn't is cut."""


@dataclass(frozen=True, eq=False)
class AwaitedStream:
    """A claimed call is to come by this WebSocket; it lasts from the claim to the call's end."""

    token: str
    url: str
    connection: asyncio.Future[ServerConnection]
    """It is the accepted WebSocket, once there is one."""
    over: asyncio.Event = field(default_factory=asyncio.Event)


class MediaServer:
    """It is one listening socket for all the calls of the process."""

    def __init__(
        self,
        *,
        host: str,
        port: int,
        advertised: str | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._host, self._port, self._advertised, self._tls = host, port, advertised, tls
        self._waiting: dict[str, AwaitedStream] = {}
        self._connected: dict[str, AwaitedStream] = {}
        self._server: Server | None = None

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["MediaServer"]:
        """Listen, until the block ends; then close what is still open."""
        self._server = await serve(
            self._serve_stream,
            self._host,
            self._port,
            ssl=self._tls,
            process_request=self._admit,
            compression=None,  # the peer is FreeSWITCH in the same data centre: CPU costs more
            max_size=MAX_MESSAGE_BYTES,
            max_queue=_RECEIVE_QUEUE_MESSAGES,
            ping_interval=PING_SECONDS,
            ping_timeout=PONG_SECONDS,
            create_connection=_BoundedConnection,
            logger=_silent(),  # one line of our own for each handshake that fails
            close_timeout=_CLOSE_SECONDS,
            server_header=None,
        )
        try:
            yield self
        finally:
            self._server.close()
            await self._server.wait_closed()

    @property
    def base_url(self) -> str:
        """Bridges connect to this `ws://host:port`, or `wss://` with TLS."""
        if self._advertised is not None:
            return self._advertised
        if self._server is None:
            raise RuntimeError("the media server is not listening")
        host, port = next(iter(self._server.sockets)).getsockname()[:2]
        return f"{'ws' if self._tls is None else 'wss'}://{host}:{port}"

    def expect_stream(self) -> AwaitedStream:
        """Make a new token, which FreeSWITCH may connect with once."""
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        awaited = AwaitedStream(
            token=token,
            url=f"{self.base_url}{_PATH}{token}",
            connection=asyncio.get_running_loop().create_future(),
        )
        self._waiting[token] = awaited
        return awaited

    def release(self, awaited: AwaitedStream) -> None:
        """Forget the token; a WebSocket it still has is closed. Idempotent."""
        self._waiting.pop(awaited.token, None)
        self._connected.pop(awaited.token, None)
        awaited.over.set()
        if not awaited.connection.done():
            awaited.connection.cancel()

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        path, _, _ = request.path.partition("?")
        token = path.removeprefix(_PATH) if path.startswith(_PATH) else ""
        awaited = self._find(token)
        if awaited is None:
            ERRORS.labels(kind="stream_refused").inc()
            log.warning("stream_refused", remote=_host_of(connection))
            return connection.respond(http.HTTPStatus.FORBIDDEN, "Forbidden\n")
        del self._waiting[awaited.token]
        self._connected[awaited.token] = awaited
        return None

    def _find(self, token: str) -> AwaitedStream | None:
        """Compare with every token in constant time; there are no more than free slots."""
        offered = token.encode(errors="surrogateescape")
        found = None
        for expected, awaited in self._waiting.items():
            if hmac.compare_digest(expected.encode(), offered):
                found = awaited
        return found

    async def _serve_stream(self, connection: ServerConnection) -> None:
        path = connection.request.path if connection.request else ""
        awaited = self._connected.get(path.partition("?")[0].removeprefix(_PATH))
        if awaited is None or awaited.connection.done():
            return
        awaited.connection.set_result(connection)
        await awaited.over.wait()


class _BoundedConnection(ServerConnection):
    """It is refused when there are too many, and logs once what no handshake can be made of."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the handshake, unless there are `MAX_CONNECTIONS` already."""
        super().connection_made(transport)
        if len(self.server.handlers) > MAX_CONNECTIONS:
            ERRORS.labels(kind="stream_too_many").inc()
            self.transport.abort()

    async def handshake(self, *args: Any, **kwargs: Any) -> None:
        """Make it; what is no WebSocket's opening is counted and logged without its content."""
        try:
            await super().handshake(*args, **kwargs)
        except Exception as error:
            ERRORS.labels(kind="handshake_failed").inc()
            log.warning("handshake_failed", error=type(error).__name__, remote=_host_of(self))
            raise


def tls_context(certificate: Path | None, key: Path | None) -> ssl.SSLContext | None:
    """Read a server's certificate and key; None where there is neither. Raises
    `ConfigurationError`.
    """
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise ConfigurationError(
            "ALLORESTO_MEDIA_CERTIFICATE and ALLORESTO_MEDIA_KEY go together: one is not set"
        )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate, key)
    except OSError as error:  # `ssl.SSLError` among them
        raise ConfigurationError(
            f"ALLORESTO_MEDIA_CERTIFICATE, ALLORESTO_MEDIA_KEY: {type(error).__name__}"
        ) from error
    return context


def _silent() -> logging.Logger:
    logger = logging.getLogger("aiworker.media.websockets")
    logger.setLevel(logging.CRITICAL)
    return logger


def _host_of(connection: ServerConnection) -> str:
    address = connection.remote_address
    return str(address[0]) if address else "unknown"
