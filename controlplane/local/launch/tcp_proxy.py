"""A TCP proxy on loopback: one address behind which the server changes, as a Kubernetes Service, a
DNS name or a provider's proxy do it in a failover.

New connections go where `route` says; those that exist stay where they are, which is what makes a
demoted server's clients stay with it. It can also be slow, cut everything, or take nobody.
"""

import asyncio
import contextlib
import ssl
import threading
from collections import Counter
from typing import Final, Self, TypeAlias
from urllib.parse import urlsplit, urlunsplit

from controlplane.local.launch.ports import LOOPBACK

CHUNK_BYTES: Final = 65_536
START_S: Final = 10.0
"""The thread listens within milliseconds."""

_Reader: TypeAlias = asyncio.StreamReader
_Writer: TypeAlias = asyncio.StreamWriter
_Ends: TypeAlias = tuple[_Reader, _Writer]


class TcpProxy:
    """One listening port; a thread of its own carries its bytes. A context manager."""

    def __init__(self, port: int, *, tls: ssl.SSLContext | None = None) -> None:
        """`port` of loopback is where connections go at first. With `tls` clients speak TLS to the
        proxy, as to a provider's.
        """
        self._tls = tls
        self.port = 0
        """Clients connect here once it is started."""
        self.delay_s = 0.0
        """Each chunk, of either direction, is passed on this late."""
        self._target: int | None = port
        self._open: Counter[int] = Counter()
        self._pairs: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._listening = threading.Event()
        self._stopping = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="tcp-proxy", daemon=True)

    def route(self, port: int | None) -> None:
        """Send new connections to `port` of loopback; None closes each as soon as it is made."""
        self._target = port

    def cut(self) -> None:
        """Close every connection there is."""
        self._loop.call_soon_threadsafe(self._cut)

    def connections(self, port: int) -> int:
        """Count the connections now open to that port."""
        return self._open[port]

    def url(self, of: str) -> str:
        """Return the server's URL with the proxy's address in it."""
        parts = urlsplit(of)
        login = parts.netloc.rpartition("@")[0]
        address = f"{LOOPBACK}:{self.port}"
        return urlunsplit(parts._replace(netloc=f"{login}@{address}" if login else address))

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._listening.wait(START_S):
            raise TimeoutError("the proxy does not listen")
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(START_S)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._accept, LOOPBACK, 0, ssl=self._tls)
        self.port = server.sockets[0].getsockname()[1]
        self._listening.set()
        await self._stopping.wait()
        server.close()
        self._cut()
        await asyncio.gather(*self._pairs, return_exceptions=True)

    def _cut(self) -> None:
        for pair in self._pairs:
            pair.cancel()

    def _accept(self, reader: _Reader, writer: _Writer) -> None:
        pair = asyncio.create_task(self._carry(reader, writer, self._target))
        self._pairs.add(pair)
        pair.add_done_callback(self._pairs.discard)

    async def _carry(self, reader: _Reader, writer: _Writer, port: int | None) -> None:
        try:
            if port is not None:
                await self._join((reader, writer), await asyncio.open_connection(LOOPBACK, port))
        except OSError:
            pass  # the server is away: its client sees a connection that closes
        finally:
            writer.close()

    async def _join(self, client: _Ends, server: _Ends) -> None:
        """Carry bytes both ways until either side closes; then close the server's too."""
        port = server[1].get_extra_info("peername")[1]
        ways = [
            asyncio.create_task(self._copy(client[0], server[1])),
            asyncio.create_task(self._copy(server[0], client[1])),
        ]
        self._open[port] += 1
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._open[port] -= 1
            for way in ways:
                way.cancel()
            server[1].close()

    async def _copy(self, reader: _Reader, writer: _Writer) -> None:
        with contextlib.suppress(OSError):
            while chunk := await reader.read(CHUNK_BYTES):
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                writer.write(chunk)
                await writer.drain()
