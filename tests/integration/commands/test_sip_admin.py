"""An admin gets from a wrong password to a moved registration with `alloresto sip` alone.

Two bridges with their agents, a controller, a registrar; the commands are the console's.
"""

import asyncio
import io
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

from controlplane.cli import main
from controlplane.local.launch.installation import find_freeswitch
from controlplane.local.launch.services import LocalServices
from controlplane.models.sip_registration import MoveRefusal
from freeswitch.simulator.registrar import Registrar
from tests.accounts import SECRET_KEYS
from tests.integration.bridge_under_test import (
    SWITCHES,
    Bridge,
    controller,
    open_bridges,
)
from tests.waiting import until

pytestmark = pytest.mark.integration

NAMES = ("bridge-a", "bridge-b")
USER, PASSWORD = "0033199001234", "le bon"
DEADLINE_S = 90.0
"""A refused REGISTER is tried again after 30 s by the real one; most steps take one or two."""
HOME = "SELECT bridge_id FROM sip_registration WHERE gateway_name = %s"

Said = pytest.CaptureFixture[str]


@dataclass
class Site:
    """What runs."""

    kind: str
    bridges: dict[str, Bridge]

    @property
    def one(self) -> Bridge:
        return self.bridges[NAMES[0]]


@pytest.fixture(scope="module", params=SWITCHES)
def site(
    request: pytest.FixtureRequest,
    services: LocalServices,
    migrated_template: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("admin")
    opening = open_bridges(request.param, services, migrated_template, folder, *NAMES)
    with opening as bridges, controller(bridges[NAMES[0]].database_url, services.redis_url, folder):
        yield Site(request.param, bridges)


async def test_from_a_wrong_password_to_a_moved_registration(
    site: Site, monkeypatch: pytest.MonkeyPatch, capsys: Said
) -> None:
    # 1 a carrier, an account with a wrong password  2 it is suspended, and explained
    # 3 the password is corrected, it registers  4 it is moved and watched
    # 5 its history, the list, and fs_cli on its bridge say so
    monkeypatch.setenv("DATABASE_URL", site.one.database_url)
    monkeypatch.setenv("ALLORESTO_SECRET_KEYS", SECRET_KEYS)
    slug = f"chez-luigi-{uuid4().hex[:4]}"
    site.one.query(
        "INSERT INTO restaurant (id, slug, name, spoken_name, address, timezone, phone_e164,"
        " status, preparation_minutes, voice, realtime_model) VALUES (gen_random_uuid(), %s,"
        " 'Chez Luigi', 'Luigi', 'Lyon', 'Europe/Paris', '+33199005678', 'live', 20, 'm', 'm')",
        slug,
    )

    async def said(words: str, *, typed: str = "") -> str:
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{typed}\n"))
        assert await asyncio.to_thread(main, words.split()) == 0, capsys.readouterr().err
        return capsys.readouterr().out

    known = "SELECT count(*) FROM sip_bridge_node"
    await until(lambda: site.one.query(known) == [(2,)], deadline_s=DEADLINE_S)
    registrar = Registrar({USER: PASSWORD})
    await registrar.open("127.0.0.1")
    try:
        await said(
            f"carrier add {slug} --registrar 127.0.0.1:{registrar.port}"
            " --networks 127.0.0.0/8 --max-auth-failures 1"
        )
        added = await said(f"sip add {slug} --carrier {slug} --username {USER}", typed="faux")
        name = re.findall(r"added (\S+)", added)[0]
        await until(lambda: site.one.state(name)[0] == "SUSPENDED", deadline_s=DEADLINE_S)
        explained = await said(f"sip explain {name}")
        assert "1 of 1 times in a row" in explained
        assert f"Then: alloresto sip retry {name}" in explained
        await said(f"sip set {name} --password", typed=PASSWORD)
        await until(lambda: site.one.state(name)[0] == "REGED", deadline_s=DEADLINE_S)
        [(home,)] = site.one.query(HOME, name)
        other = next(bridge for bridge in NAMES if bridge != home)

        async def moved() -> bool:
            """Not while the controller doubts a bridge whose heartbeat is late: the admin tries
            again."""
            code = await asyncio.to_thread(main, ["sip", "move", name, other])
            told = capsys.readouterr()
            assert code == 0 or MoveRefusal.NOT_READY in told.err, told.err
            return f"done: registered on {other}" in told.out.splitlines()[-1:]

        await until(moved, deadline_s=DEADLINE_S)
        assert registrar.contact(USER) is not None
        history = await said(f"sip trace {name}")
        assert re.search(rf"{other}\s+epoch 2\s+placed\s+admin", history), history
        assert re.search(r"40[13] \w+.*SUSPENDED.*REGED\s+200 OK", history, re.DOTALL), history
        assert re.search(rf"{other}\s+REGED\s+200 OK\s+.*admin", await said("sip list"))
        if site.kind == "freeswitch":
            await until(
                lambda: f"{name}  {slug}  REGED  200 OK" in ar(site, other),
                deadline_s=DEADLINE_S,
            )
        for bridge in site.bridges.values():
            assert [
                one for one in bridge.log("loop_turn_failed") if one["loop"] == "fs_cli_tables"
            ] == []
    finally:
        registrar.close()


def ar(site: Site, bridge: str) -> str:
    """What `ar_registrations` says in that bridge's fs_cli."""
    program = find_freeswitch()
    assert program is not None
    switch = site.bridges[bridge].switch
    at = ["-H", "127.0.0.1", "-P", str(switch.ports.esl), "-p", switch.esl_password]
    command = [str(Path(program).with_name("fs_cli")), *at, "-x", "ar_registrations"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S, check=True)
    return str(done.stdout)
