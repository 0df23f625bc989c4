"""What a person typed is what the carrier's digest is made with, or it was refused.

On both switches. Every account is written, added and registered for real, at a registrar that knows
the exact bytes.
"""

import asyncio
import random
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from uuid import UUID

import pytest

from controlplane.bridge.gateways.gateway_files import remove_gateway_file, write_gateway_file
from controlplane.bridge.gateways.gateway_xml import GatewaySettings
from controlplane.contracts.sip_credentials import InvalidGateway
from freeswitch.simulator.registrar import Registrar
from tests.integration.bridge_under_test import SWITCHES, open_switch, short_prompts
from tests.integration.switch_under_test import Server
from tests.waiting import until

pytestmark = pytest.mark.integration

ACCOUNTS: Final = 60
REGISTERED_S: Final = 15.0
PIECES: Final = (
    *("$${", "$${core_uuid}", "${uuid}", "$", "{", "}", "<include>", "</param>", "<?xml", "<!--"),
    *("--", "]]>", "&amp;", "&#10;", "&", '"', "'", "\\", "\\n", "%0A", "%n", ":", ";", "@", " "),
    *('X-PRE-PROCESS cmd="exec"', "x-pre-process", "#", "/", "é", "ü", "日本", "\u00a0", "\u2028"),
    *("\n", "\r", "\t", "\0", "\x7f", "\x85", "🍕", "=", ",", "|", "^", "~", "`", "?", "*"),
)
PLAIN: Final = string.ascii_letters + string.digits
USERS: Final = PLAIN + "_.+-"


@pytest.fixture(scope="module", params=SWITCHES)
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    folder: Path = tmp_path_factory.mktemp("passwords")
    with open_switch(request.param, folder, sounds=short_prompts(folder / "sounds")) as switch:
        yield switch


def passwords(chance: random.Random) -> Iterator[str]:
    """Each piece once between letters, then pieces mixed at random."""
    yield from (f"a{piece}z" for piece in PIECES)
    while True:
        pieces = chance.choices([*PIECES, *PLAIN], k=chance.randint(1, 8))
        yield "".join(pieces)


async def test_a_password_arrives_byte_for_byte_or_is_refused(server: Server) -> None:
    chance = random.Random(20_261_122)
    registrar = Registrar({})
    host, port = await registrar.open()
    taken: dict[str, str] = {}
    refused: list[str] = []
    try:
        for typed in passwords(chance):
            user = f"u{len(taken)}." + "".join(chance.choices(USERS, k=6))
            refusal = write(server.gateway_folder, settings(user, typed, f"{host}:{port}"))
            if refusal is not None:
                assert refusal.field == "password"
                assert typed not in str(refusal)
                refused.append(typed)
                continue
            taken[user] = typed
            registrar.set_password(user, typed)
            if len(taken) == ACCOUNTS:
                break
        await asyncio.to_thread(server.api, "sofia profile external rescan")
        await until(lambda: all(registrar.contact(user) for user in taken))
        for piece in ("$${", "<include>", "--", "\n", "\0", "\u2028", ":", "x-pre-process"):
            assert f"a{piece}z" in refused
        assert not [typed for typed in taken.values() if "$${" in typed]
    finally:
        for user in taken:
            remove_gateway_file(server.gateway_folder, name_of(user))
        registrar.close()


def write(folder: Path, account: GatewaySettings) -> InvalidGateway | None:
    try:
        write_gateway_file(folder, account)
    except InvalidGateway as refusal:
        return refusal
    return None


def name_of(user: str) -> str:
    return f"{user.partition('.')[0]}-0a1b2c3d"


def settings(user: str, password: str, registrar: str) -> GatewaySettings:
    return GatewaySettings(
        gateway_name=name_of(user),
        registrar=registrar,
        username=user,
        password=password,
        restaurant_id=UUID(int=1),
    )
