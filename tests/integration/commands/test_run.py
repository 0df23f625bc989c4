"""`alloresto run`: each process names the settings it lacks, in the runtime it is made for."""

import os
import subprocess
import sys

import pytest

from controlplane.commands.run import RUN
from tests.waiting import DEADLINE_S

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
