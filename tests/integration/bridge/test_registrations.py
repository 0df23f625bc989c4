"""What Postgres wants registered, FreeSWITCH registers: on the simulator, then on the real one."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from controlplane.local.launch.services import LocalServices
from freeswitch.simulator.registrar import Registrar
from tests.accounts import SECRETS
from tests.integration.bridge_under_test import (
    ACCOUNT_PASSWORD,
    SWITCHES,
    Bridge,
    open_bridge,
    tell,
)
from tests.waiting import until

pytestmark = pytest.mark.integration

ON_THE_SIMULATOR = pytest.mark.parametrize("bridge", ["simulator"], indirect=True)
"""For what does not depend on the switch."""
NEW_PASSWORD = "an0ther-phrase"


@pytest.fixture(scope="module", params=SWITCHES)
def bridge(
    request: pytest.FixtureRequest,
    services: LocalServices,
    migrated_template: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Bridge]:
    folder: Path = tmp_path_factory.mktemp("registrations")
    with open_bridge(request.param, services, migrated_template, folder) as bridge:
        yield bridge


@pytest.fixture
async def carrier() -> AsyncIterator["Carrier"]:
    registrar = Registrar({})
    host, port = await registrar.open()
    yield Carrier(registrar, f"{host}:{port}")
    registrar.close()


class Carrier:
    """A registrar in this process; its accounts share a password."""

    def __init__(self, registrar: Registrar, address: str) -> None:
        self.registrar, self.address = registrar, address

    def account(self, slug: str) -> str:
        """A new account's name."""
        name = f"{slug}-{uuid4().hex[:8]}"
        self.registrar.set_password(name, ACCOUNT_PASSWORD)
        return name

    def contact(self, user: str) -> str | None:
        return self.registrar.contact(user)


async def until_state(bridge: Bridge, name: str, *states: str) -> None:
    await until(lambda: bridge.state(name)[0] in states)


def refusals(bridge: Bridge) -> dict[str, str]:
    """Why a gateway could not be made true, by its name, as the log says."""
    return {
        line["gateway"]: line["reason"]
        for line in bridge.log()
        if line["level"] == "error" and {"gateway", "reason"} <= line.keys()
    }


async def clean(bridge: Bridge, redis: Redis) -> None:
    """Nothing is placed any more, and nothing is left."""
    await asyncio.to_thread(bridge.query, "UPDATE sip_registration SET bridge_id = NULL")
    await tell(redis)
    await until(lambda: not bridge.gateways())


async def test_placed_changed_and_taken_away(
    bridge: Bridge, carrier: Carrier, redis: Redis
) -> None:
    """
    1. A restaurant is placed here: gateway, REGISTER, REGED in Postgres.
    2. Its account's password changes: the old gateway is deleted before the new one is added.
    3. It is placed elsewhere: the gateway is gone, its file too, the carrier forgets it.
    """
    name = carrier.account("pizza")
    restaurant_id = bridge.place(name, registrar=carrier.address)
    await tell(redis)
    await until_state(bridge, name, "REGED")
    assert bridge.state(name) == ("REGED", 200)
    assert re.match(rf"sip:gw\+{name}@", carrier.contact(name) or "")
    assert not list(bridge.switch.gateway_folder.glob("*.xml")), "a file outlived its startgw"
    given = bridge.switch.api(f"sofia_gateway_data {name} ivar alloresto_restaurant_id")
    assert given.strip() == str(restaurant_id)

    carrier.registrar.set_password(name, NEW_PASSWORD)
    bridge.query(
        "UPDATE sip_registration SET password_encrypted = %s, state = 'DOWN'"
        " WHERE gateway_name = %s",
        SECRETS.seal(NEW_PASSWORD, owner=restaurant_id),
        name,
    )
    await tell(redis)
    await until_state(bridge, name, "REGED")
    version = bridge.switch.api(f"sofia_gateway_data {name} ivar alloresto_config_version")
    assert version.strip() == "2"
    assert carrier.contact(name)
    assert bridge.gateways() == {name}

    await clean(bridge, redis)
    await until(lambda: carrier.contact(name) is None)
    text = bridge.log_file.read_text()
    assert ACCOUNT_PASSWORD not in text
    assert NEW_PASSWORD not in text


@ON_THE_SIMULATOR
async def test_an_account_that_cannot_be_written_keeps_no_other_from_registering(
    bridge: Bridge, carrier: Carrier, redis: Redis
) -> None:
    sushi, tacos = carrier.account("sushi"), carrier.account("tacos")
    bad = {
        sushi: "$${domain}-secret",
        f"quotes-{uuid4().hex[:8]}": 'x"/><X-PRE-PROCESS cmd="exec" data="id"/>',
        f"lines-{uuid4().hex[:8]}": "line\nbreak",
        f"bad name {uuid4().hex[:8]}": "long-enough",
    }
    for name, password in bad.items():
        bridge.place(name, registrar=carrier.address, password=password)
    bridge.place(tacos, registrar=carrier.address)
    await tell(redis)
    await until_state(bridge, tacos, "REGED")
    await until(lambda: set(refusals(bridge)) >= set(bad))
    assert refusals(bridge)[sushi].startswith("password: holds")
    text = bridge.log_file.read_text()
    assert not any(password in text for password in bad.values() if "-" in password[1:])
    assert bridge.gateways() == {tacos}
    await clean(bridge, redis)


@ON_THE_SIMULATOR
async def test_refused_credentials_are_reported(
    bridge: Bridge, carrier: Carrier, redis: Redis
) -> None:
    name = carrier.account("crepes")
    bridge.place(name, registrar=carrier.address, password="not-the-right-one")
    await tell(redis)
    await until_state(bridge, name, "FAILED", "FAIL_WAIT")
    assert bridge.state(name)[1] in (401, 403)
    assert carrier.contact(name) is None
    await clean(bridge, redis)


@ON_THE_SIMULATOR
async def test_a_paused_restaurant_is_not_registered(
    bridge: Bridge, carrier: Carrier, redis: Redis
) -> None:
    """Rows are as the tests above left them; one is live again, one is paused."""
    live, paused = f"live-{uuid4().hex[:8]}", f"paused-{uuid4().hex[:8]}"
    for name in (paused, live):
        carrier.registrar.set_password(name, ACCOUNT_PASSWORD)
        bridge.place(name, registrar=carrier.address)
    bridge.query("UPDATE restaurant SET status = 'paused' WHERE slug = %s", paused)
    await tell(redis)
    await until_state(bridge, live, "REGED")
    assert bridge.gateways() == {live}
    await clean(bridge, redis)


@ON_THE_SIMULATOR
async def test_a_file_of_an_earlier_life_is_removed(
    bridge: Bridge, carrier: Carrier, redis: Redis
) -> None:
    left = bridge.switch.gateway_folder / "gone-0a1b2c3d.xml"
    left.write_text("<include>\n</include>\n")
    await tell(redis)
    await until(lambda: not left.exists())


@ON_THE_SIMULATOR
async def test_a_name_that_is_no_word_keeps_no_other_from_registering(
    bridge: Bridge, carrier: Carrier, redis: Redis
) -> None:
    good = f"good-{uuid4().hex[:8]}"
    carrier.registrar.set_password(good, ACCOUNT_PASSWORD)
    bridge.place(f"line\nbreak {uuid4().hex[:8]}", registrar=carrier.address)
    bridge.place(good, registrar=carrier.address)
    await tell(redis)
    try:
        await until(lambda: good in bridge.gateways(), deadline_s=3.0)
    finally:
        await clean(bridge, redis)


@ON_THE_SIMULATOR
async def test_a_file_of_another_name_does_not_end_reconciling(
    bridge: Bridge, carrier: Carrier, redis: Redis
) -> None:
    """Somebody's copy in the gateway folder is not a gateway's name."""
    name = f"after-{uuid4().hex[:8]}"
    carrier.registrar.set_password(name, ACCOUNT_PASSWORD)
    stray = bridge.switch.gateway_folder / "copy of pizza.xml"
    stray.write_text("<include>\n</include>\n")
    await tell(redis)
    bridge.place(name, registrar=carrier.address)
    await tell(redis)
    try:
        await until(lambda: name in bridge.gateways())
        assert "copy of pizza" in refusals(bridge)
    finally:
        stray.unlink(missing_ok=True)
        await clean(bridge, redis)
