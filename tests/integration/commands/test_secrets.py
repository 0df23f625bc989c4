"""The keys of the SIP passwords are rotated under a running agent, without one REGISTER more."""

import asyncio
import os
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path
from typing import Final

import pytest
from redis.asyncio import Redis

from controlplane.local.launch.services import LocalServices
from controlplane.secret_box import SecretBox
from freeswitch.simulator.registrar import Registrar
from tests.accounts import SECRET_KEYS
from tests.integration.bridge_under_test import SWITCHES, Bridge, open_bridge, tell
from tests.waiting import DEADLINE_S, until

pytestmark = pytest.mark.integration

PASSWORD: Final = f"s3cret-{secrets.token_hex(8)}"
NEW_KEY: Final = SecretBox.new_key()
BOTH: Final = f"{NEW_KEY},{SECRET_KEYS}"
NAMES: Final = ("pizza-0a1b2c3d", "sushi-0a1b2c3d", "tacos-0a1b2c3d")
LOCKED: Final = "locked-0a1b2c3d"


@pytest.fixture(scope="module", params=SWITCHES)
def bridge(
    request: pytest.FixtureRequest,
    services: LocalServices,
    migrated_template: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Bridge]:
    folder: Path = tmp_path_factory.mktemp("secrets")
    with open_bridge(
        request.param, services, migrated_template, folder, secret_keys=BOTH
    ) as bridge:
        yield bridge


@pytest.fixture
async def carrier() -> AsyncIterator[tuple[Registrar, str]]:
    registrar = Registrar(dict.fromkeys((*NAMES, LOCKED), PASSWORD))
    host, port = await registrar.open()
    yield registrar, f"{host}:{port}"
    registrar.close()


def alloresto(
    bridge: Bridge, *arguments: str, keys: str = BOTH
) -> "subprocess.CompletedProcess[str]":
    """The command as an admin runs it."""
    return subprocess.run(
        [sys.executable, "-m", "controlplane.cli", *arguments],
        env={**os.environ, "DATABASE_URL": bridge.database_url, "ALLORESTO_SECRET_KEYS": keys},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )


def registered(bridge: Bridge, name: str) -> bool:
    return bridge.state(name)[0] == "REGED"


async def test_a_rotation_registers_nobody_again(
    bridge: Bridge, carrier: tuple[Registrar, str], redis: Redis
) -> None:
    """
    1. Three accounts sealed with the old key register; the agent has both keys.
    2. One whose secret no key opens is refused by name, and keeps no other from registering.
    3. Rotation: three sealed again, the fourth named; no gateway made again, no REGISTER more.
    4. Again: nothing to do. The old key is taken away: everything still opens, but that one.
    5. Nobody printed or logged a password, sealed or open.
    """
    registrar, address = carrier
    for name in (*NAMES, LOCKED):
        bridge.place(name, registrar=address, password=PASSWORD, expire_seconds=3_600)
    foreign = SecretBox.from_keys(SecretBox.new_key())
    owner = bridge.query("SELECT restaurant_id FROM sip_registration WHERE username = %s", LOCKED)
    sealed = foreign.seal(PASSWORD, owner=owner[0][0])
    bridge.query(
        "UPDATE sip_registration SET password_encrypted = %s WHERE username = %s", sealed, LOCKED
    )
    await tell(redis)
    for name in NAMES:
        await until(partial(registered, bridge, name))
    refused = {line["gateway"] for line in bridge.log("gateway_not_reconciled")}
    assert refused == {LOCKED}

    before = versions(bridge)
    seen = registrar.registers_seen
    checked = await asyncio.to_thread(alloresto, bridge, "secrets", "check")
    assert "0 sealed with the newest key, 3 with an older one" in checked.stdout
    assert checked.returncode == 1
    rotated = await asyncio.to_thread(alloresto, bridge, "secrets", "rotate")
    assert rotated.returncode == 1
    assert rotated.stdout == "3 sealed again, 0 had the newest key already\n"
    assert f"{LOCKED}: no key of ALLORESTO_SECRET_KEYS opens this secret" in rotated.stderr
    await tell(redis)

    again = await asyncio.to_thread(alloresto, bridge, "secrets", "rotate")
    assert again.stdout == "0 sealed again, 3 had the newest key already\n"
    alone = await asyncio.to_thread(alloresto, bridge, "secrets", "check", keys=NEW_KEY)
    assert "3 sealed with the newest key, 0 with an older one" in alone.stdout
    assert versions(bridge) == before
    assert registrar.registers_seen == seen
    assert bridge.gateways() == set(NAMES)

    written = bridge.log_file.read_text() + "".join(
        text for run in (checked, rotated, again, alone) for text in (run.stdout, run.stderr)
    )
    for secret in (PASSWORD, sealed, SECRET_KEYS, NEW_KEY):
        assert secret not in written


def versions(bridge: Bridge) -> list[tuple[object, ...]]:
    return bridge.query(
        "SELECT gateway_name, config_version, epoch FROM sip_registration ORDER BY gateway_name"
    )


def test_a_password_is_in_no_other_place(bridge: Bridge) -> None:
    """Not in a log, a command line, an environment, nor in a file that others may read."""
    files = [file for file in bridge.log_file.parent.rglob("*") if file.is_file()]
    assert files
    for file in files:
        holds = PASSWORD.encode() in file.read_bytes()
        assert not holds or file.stat().st_mode & 0o077 == 0 or closed(file), file
    for process in Path("/proc").glob("[0-9]*"):
        for name in ("cmdline", "environ"):
            try:
                text = (process / name).read_bytes()
            except OSError:
                continue
            assert PASSWORD.encode() not in text, process / name


def closed(file: Path) -> bool:
    """Whether a folder above it lets nobody else in."""
    return any(folder.stat().st_mode & 0o077 == 0 for folder in file.parents[:3])


@pytest.mark.parametrize(
    ("keys", "message"),
    [("", "ALLORESTO_SECRET_KEYS is not set"), ("nonsense", "keys of 32 bytes in base64url")],
)
def test_wrong_keys_end_with_a_line_that_says_so(bridge: Bridge, keys: str, message: str) -> None:
    for action in ("rotate", "check"):
        run = alloresto(bridge, "secrets", action, keys=keys)
        assert run.returncode == 1
        assert message in run.stderr
        assert "Traceback" not in run.stderr
