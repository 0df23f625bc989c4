"""The Realtime simulator runs as a process: it says where it listens, and ends when asked."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from openai import AsyncOpenAI

from tests.integration.realtime_simulator_client import MODEL, PCMU_SESSION, Client

pytestmark = pytest.mark.integration

START_S = 20.0
"""A Python process with numpy on a machine under load."""


@asynccontextmanager
async def process(*arguments: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    running = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "aiworker.simulator", *arguments),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert running.stdout
        async with asyncio.timeout(START_S):
            ready = json.loads(await running.stdout.readline())
        assert ready["pid"] == running.pid
        yield running, ready["url"]
    finally:
        if running.returncode is None:
            running.kill()
        await running.wait()


async def test_it_serves_a_session_writes_the_journal_and_ends_on_sigterm(tmp_path: Path) -> None:
    journal, script = tmp_path / "journal.jsonl", tmp_path / "faults.json"
    faults = [{"kind": "error", "error_code": "server_error", "on": "response.done"}]
    script.write_text(json.dumps(faults), "utf-8")
    options = ("--monologue-ms", "400", "--journal", str(journal), "--faults", str(script))
    async with process(*options) as (running, url):
        async with (
            AsyncOpenAI(api_key="sk-test", websocket_base_url=url) as openai,
            openai.realtime.connect(model=MODEL) as connection,
        ):
            client = Client(connection)
            await client.until("session.created")
            await client.send("session.update", session=PCMU_SESSION)
            await client.until("session.updated")
            await client.respond()
            assert (await client.until("error"))["error"]["code"] == "server_error"
        running.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(running.wait(), START_S) == 0
    entries: list[dict[str, Any]] = [
        json.loads(line) for line in journal.read_text("utf-8").splitlines()
    ]
    audio = [entry for entry in entries if entry["entry"] == "AudioSent"]
    assert client.frames() == list(range(20))
    assert sum(entry["frames"] for entry in audio) == 20
    assert entries[-1]["entry"] == "SessionClosed"
    assert [entry["at"] for entry in entries] == sorted(entry["at"] for entry in entries)


@pytest.mark.parametrize(
    ("option", "file", "content", "place"),
    [
        ("--faults", "faults.json", '[{"kind": "explode"}]', "faults.json: 0.kind: "),
        ("--scripts", "one.yaml", "conversation: a\nopening: b\n", "one.yaml: opening: Extra"),
    ],
)
async def test_a_file_that_is_wrong_is_refused_at_the_start(
    tmp_path: Path, option: str, file: str, content: str, place: str
) -> None:
    (tmp_path / file).write_text(content, "utf-8")
    given = tmp_path if option == "--scripts" else tmp_path / file
    running = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "aiworker.simulator", option, str(given)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(START_S):
        _, errors = await running.communicate()
    assert running.returncode
    assert place in errors.decode()
