"""`alloresto run`: each process names the settings it lacks, in the runtime it is made for."""

import asyncio
import os
import subprocess
import sys
from contextlib import suppress

import httpx2
import pytest

from controlplane.commands.run import RUN
from controlplane.local.launch.ports import free_tcp_port
from tests.waiting import DEADLINE_S, until

pytestmark = pytest.mark.integration

RUN_AND_TELL_THE_RUNTIME = """
import sys
from controlplane.cli import main

ended = main(["run", sys.argv[1]])
monkey = sys.modules.get("gevent.monkey")
patched = monkey and monkey.is_object_patched('socket', 'socket')
print(f"gevent, sockets patched: {patched}" if monkey else "asyncio")
sys.exit(ended)
"""
RUNTIMES = {
    "bridge-agent": "gevent, sockets patched: True",
    "controller": "gevent, sockets patched: True",
    "ai-worker": "asyncio",
    "notifier": "asyncio",
    "web": "asyncio",
}


@pytest.mark.parametrize("process", RUN.subcommands)
def test_a_process_without_settings_names_them(process: str) -> None:
    ours = ("ALLORESTO_", "DATABASE_URL", "REDIS_URL", "OPENAI_API_KEY")
    env = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    ended = subprocess.run(
        [sys.executable, "-c", RUN_AND_TELL_THE_RUNTIME, process],
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=DEADLINE_S,
    )
    assert ended.returncode == 2
    assert "alloresto: DATABASE_URL: Field required" in ended.stderr
    assert "alloresto: REDIS_URL: Field required" in ended.stderr
    assert ended.stdout.strip() == RUNTIMES[process]


async def test_the_site_s_metrics_are_on_a_port_of_their_own() -> None:
    """Its public port has none; Postgres need not be there."""
    public, own = free_tcp_port(), free_tcp_port()
    settings = {
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
        "REDIS_URL": "redis://127.0.0.1:1",
        "ALLORESTO_LINK_SECRET": "a secret of tests only",
        "ALLORESTO_WEB_PORT": str(public),
        "ALLORESTO_METRICS_PORT": str(own),
    }
    web = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "controlplane.cli", "run", "web"),
        env={**os.environ, **settings},
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with httpx2.AsyncClient(timeout=DEADLINE_S) as client:

            async def status(port: int, path: str) -> int:
                with suppress(httpx2.ConnectError):
                    return (await client.get(f"http://127.0.0.1:{port}{path}")).status_code
                return 0

            async def serving() -> bool:
                return await status(public, "/healthz") == 200

            await until(serving)
            assert await status(own, "/metrics") == 200
            assert await status(public, "/metrics") == 404
    finally:
        web.terminate()
        await asyncio.wait_for(web.wait(), DEADLINE_S)
