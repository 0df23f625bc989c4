"""A headless Chromium driven over its DevTools protocol: enough to look at a page and press."""

import asyncio
import base64
import contextlib
import itertools
import json
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
from websockets.asyncio.client import ClientConnection, connect

from tests.waiting import DEADLINE_S, until

PROGRAM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
MAX_MESSAGE_BYTES = 32 * 1024 * 1024
"""A screenshot in base64."""


class Page:
    """One tab. `complaints` are errors the console showed: a refused script, a failed request."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._ids = itertools.count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.complaints: list[str] = []

    async def read(self) -> None:
        async for message in self._connection:
            answer = json.loads(message)
            if "id" in answer:
                self._answers.pop(answer["id"]).set_result(answer)
            elif answer["method"] == "Log.entryAdded":
                entry = answer["params"]["entry"]
                if entry["level"] == "error":
                    self.complaints.append(f"{entry['text']} {entry.get('url', '')}")
            elif answer["method"] == "Runtime.exceptionThrown":
                self.complaints.append(str(answer["params"]["exceptionDetails"]))

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        number = next(self._ids)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        await self._connection.send(
            json.dumps({"id": number, "method": method, "params": parameters})
        )
        reply = await asyncio.wait_for(answer, DEADLINE_S)
        assert "error" not in reply, reply
        result: dict[str, Any] = reply["result"]
        return result

    async def open(self, url: str) -> None:
        await self.call("Page.navigate", url=url)

    async def evaluate(self, script: str) -> Any:
        result = await self.call("Runtime.evaluate", expression=script, returnByValue=True)
        return result["result"].get("value")

    async def until(self, script: str) -> None:
        """Wait until the script is true on the page."""
        await until(lambda: self.evaluate(script))

    async def screenshot(self) -> bytes:
        result = await self.call("Page.captureScreenshot", format="png")
        return base64.b64decode(result["data"])


@contextlib.asynccontextmanager
async def chromium(profile: Path, *, javascript: str = "on") -> AsyncIterator[Page]:
    """A blank tab; the process is gone afterwards."""
    assert PROGRAM is not None
    process = await asyncio.create_subprocess_exec(
        PROGRAM,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--hide-scrollbars",
        "--window-size=1280,900",
        "--remote-debugging-port=0",
        f"--user-data-dir={profile}",
        *(["--blink-settings=scriptEnabled=false"] if javascript == "off" else []),
        "about:blank",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        async with connect(await _tab(profile), max_size=MAX_MESSAGE_BYTES) as connection:
            page = Page(connection)
            reading = asyncio.create_task(page.read())
            for domain in ("Page", "Runtime", "Log", "Network"):
                await page.call(f"{domain}.enable")
            yield page
            reading.cancel()
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _tab(profile: Path) -> str:
    """The WebSocket of the first tab, once Chromium said where it listens."""
    written = profile / "DevToolsActivePort"
    async with httpx2.AsyncClient(timeout=DEADLINE_S) as client:

        async def url() -> str | None:
            lines = written.read_text().splitlines() if written.exists() else []
            if not lines:
                return None
            targets = (await client.get(f"http://127.0.0.1:{lines[0]}/json/list")).json()
            return next((t["webSocketDebuggerUrl"] for t in targets if t["type"] == "page"), None)

        return await until(url)
