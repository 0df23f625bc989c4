"""A small event socket client for contract tests: asyncio, JSON events, everything is kept."""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from typing import Any, Self

from tests.waiting import DEADLINE_S, until

Event = dict[str, Any]


class EventSocketClient:
    """Holds one connection. `events` holds every event received, each with its arrival in `_at`."""

    def __init__(self, port: int, password: str) -> None:
        self._port, self._password = port, password
        self._replies: asyncio.Queue[tuple[dict[str, str], str]] = asyncio.Queue()
        self.events: list[Event] = []
        self._arrived = asyncio.Event()
        self.closed = asyncio.Event()
        self.disconnect_notice = False
        self._reader_task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._reader_task = asyncio.create_task(self._read())
        await self._replies.get()  # auth/request
        headers, _ = await self.send(f"auth {self._password}")
        assert headers["Reply-Text"] == "+OK accepted"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()
        if self._reader_task is not None:
            self._reader_task.cancel()
            await asyncio.gather(self._reader_task, return_exceptions=True)

    async def _read(self) -> None:
        try:
            while True:
                head = await self._reader.readuntil(b"\n\n")
                headers = dict(
                    line.split(": ", 1) for line in head.decode().splitlines() if ": " in line
                )
                length = int(headers.get("Content-Length", 0))
                body = (await self._reader.readexactly(length)).decode("utf-8", "replace")
                if headers.get("Content-Type") == "text/event-json":
                    event = json.loads(body)
                    event["_at"] = time.monotonic()
                    self.events.append(event)
                    self._arrived.set()
                elif headers.get("Content-Type") == "text/disconnect-notice":
                    self.disconnect_notice = True
                else:
                    self._replies.put_nowait((headers, body))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.closed.set()
            self._arrived.set()

    async def send(
        self, command: str, headers: Mapping[str, str] | None = None
    ) -> tuple[dict[str, str], str]:
        """Send one command with its own headers; return its reply's headers and body."""
        self.write(command, headers)
        async with asyncio.timeout(DEADLINE_S):
            return await self._replies.get()

    @property
    def unread_replies(self) -> int:
        """Count the replies that nobody asked for yet."""
        return self._replies.qsize()

    def write(self, command: str, headers: Mapping[str, str] | None = None) -> None:
        """Send without waiting for the reply."""
        lines = [command, *(f"{name}: {value}" for name, value in (headers or {}).items())]
        self._writer.write(("\n".join(lines) + "\n\n").encode())

    async def api(self, command: str) -> str:
        """Return the answer to one API command, as it came."""
        return (await self.send(f"api {command}"))[1]

    async def subscribe(self, events: str) -> None:
        """Send `event json …`."""
        headers, _ = await self.send(f"event json {events}")
        assert headers["Reply-Text"].startswith("+OK")

    async def execute(
        self, uuid: str, application: str, data: str = "", *, event_uuid: str = "", lock: str = ""
    ) -> str:
        """Run an application by `sendmsg`; return the reply's text."""
        headers = {"call-command": "execute", "execute-app-name": application}
        if data:
            headers["execute-app-arg"] = data
        if event_uuid:
            headers["Event-UUID"] = event_uuid
        if lock:
            headers["event-lock"] = lock
        return (await self.send(f"sendmsg {uuid}", headers))[0]["Reply-Text"]

    async def wait(
        self,
        matches: Callable[[Event], bool],
        *,
        start: int = 0,
        deadline_s: float = DEADLINE_S,
    ) -> Event:
        """Return the first event from position `start` that matches."""
        async with asyncio.timeout(deadline_s):
            while True:
                for event in self.events[start:]:
                    if matches(event):
                        return event
                self._arrived.clear()
                await self._arrived.wait()

    async def event(self, name: str, *, start: int = 0, **headers: str) -> Event:
        """Return the first event of that name or CUSTOM subclass with these headers (`_`: `-`)."""
        wanted = {key.replace("_", "-"): value for key, value in headers.items()}
        return await self.wait(
            lambda event: (
                name in (event.get("Event-Name"), event.get("Event-Subclass"))
                and all(event.get(key) == value for key, value in wanted.items())
            ),
            start=start,
        )

    async def channel_row(self, uuid: str) -> dict[str, str]:
        """Return a call's line of `show channels`, which FreeSWITCH writes a moment late."""

        async def row() -> dict[str, str] | None:
            rows = json.loads(await self.api("show channels as json")).get("rows", [])
            active = [row for row in rows if row["uuid"] == uuid and row["callstate"] == "ACTIVE"]
            return dict(active[0]) if active else None

        return await until(row)

    async def channel_count(self, count: int) -> None:
        """Wait until `show channels count` says so many."""

        async def counted() -> bool:
            return await self.api("show channels count") == f"\n{count} total.\n"

        await until(counted)
