"""A proxy before Postgres that cuts a connection where it hurts: between COMMIT and its answer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import make_url

_COMMIT: Final = b"COMMIT\x00"
"""A whole statement: a transaction may begin as READ COMMITTED."""
_BYTES: Final = 65_536
_LOOPBACK: Final = "127.0.0.1"


@dataclass
class CommittingProxy:
    """Carries bytes to Postgres until it is told otherwise."""

    target: int
    """Postgres's port."""
    port: int = 0
    cut_at_commit: bool = False
    """The next COMMIT arrives, its answer does not, and nobody can connect any more."""
    refuses: bool = False
    mute: bool = False
    """Nothing is carried either way any more, and nothing is closed."""
    commits: int = 0
    _open: set[asyncio.Task[None]] = field(default_factory=set)

    def url(self, of: str) -> str:
        return (
            make_url(of).set(host=_LOOPBACK, port=self.port).render_as_string(hide_password=False)
        )

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            if not self.refuses:
                await self._carry(reader, writer)
        finally:
            self._open.discard(task)
            writer.close()

    async def close(self) -> None:
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_server, to_server = await asyncio.open_connection(_LOOPBACK, self.target)
        ways = [
            asyncio.create_task(self._ask(reader, to_server)),
            asyncio.create_task(self._answer(from_server, writer)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            to_server.close()

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while asked := await reader.read(_BYTES):
                self.commits += _COMMIT in asked
                if self.cut_at_commit and _COMMIT in asked:
                    self.refuses = True
                if not self.mute:
                    writer.write(asked)
                    await writer.drain()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while answer := await reader.read(_BYTES):
                if self.cut_at_commit and self.refuses:
                    return
                if not self.mute:
                    writer.write(answer)
                    await writer.drain()


@asynccontextmanager
async def committing_proxy(database_url: str) -> AsyncIterator[CommittingProxy]:
    """Run one before the database of this URL."""
    port = make_url(database_url).port
    assert port is not None
    proxy = CommittingProxy(port)
    server = await asyncio.start_server(proxy.serve, _LOOPBACK, 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        await proxy.close()
