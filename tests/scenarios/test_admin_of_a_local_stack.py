"""`alloresto up` in a folder, and an admin's commands in another terminal there: they just work."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from controlplane.commands.stack_address import STACK_FILE
from controlplane.local.demo.restaurant import DEMO_SLUG
from controlplane.local.demo.stack import BRIDGE_ID, Stack
from tests.waiting import DEADLINE_S

pytestmark = pytest.mark.scenario

TOLD = "alloresto: on the stack that `make up` runs in this folder\n"


def alloresto(folder: Path, words: str) -> str:
    """What it printed; told on standard error where it looked, and nothing else."""
    ours = ("ALLORESTO_", "DATABASE_URL", "REDIS_URL")
    ended = subprocess.run(
        [sys.executable, "-m", "controlplane.cli", *words.split()],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if not name.startswith(ours)},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, TOLD), ended.stdout
    return ended.stdout


def test_commands_find_the_stack_of_their_folder(stack: Stack, tmp_path: Path) -> None:
    # 1 the stack says where it is  2 its restaurant is listed, registered on its bridge
    # 3 its keys open the sealed password  4 its FreeSWITCH answers over ESL
    (tmp_path / STACK_FILE.parent).mkdir()
    stack.address.save(tmp_path / STACK_FILE)
    registrations = alloresto(tmp_path, "sip list")
    assert DEMO_SLUG in registrations
    assert "1 accounts, 1 registered, 0 need a human" in registrations
    assert f"{BRIDGE_ID} " in alloresto(tmp_path, "bridge list")
    assert "1 sealed with the newest key" in alloresto(tmp_path, "secrets check")
    assert "Gateways: 1, 1 registered" in alloresto(tmp_path, "fs status")
