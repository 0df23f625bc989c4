"""A gateway lives as we expect at a real registrar, on the simulator and on FreeSWITCH."""

from collections.abc import AsyncIterator

import pytest

from freeswitch.simulator.registrar import Registrar
from freeswitch.telephone.phone import Phone
from tests.integration.event_socket_client import Event, EventSocketClient
from tests.integration.switch_under_test import SwitchUnderTest, park, write_gateway
from tests.waiting import until

pytestmark = pytest.mark.integration

PASSWORD = "s3cret-phrase"
ADDED = "Reload XML [Success]\n+OK start gateway {} complete\n"


@pytest.fixture
async def registrar() -> AsyncIterator[tuple[Registrar, str]]:
    """A carrier with accounts named as the gateways, and its `host:port`."""
    names = ("pizza-0a1b2c3d", "sushi-0a1b2c3d", "moved-0a1b2c3d", "late-0a1b2c3d")
    registrar = Registrar(dict.fromkeys(names, PASSWORD))
    host, port = await registrar.open()
    yield registrar, f"{host}:{port}"
    registrar.close()


def states(client: EventSocketClient, name: str) -> list[tuple[str, str]]:
    return [
        (event["State"], event["Ping-Status"])
        for event in client.events
        if event.get("Event-Subclass") == "sofia::gateway_state" and event["Gateway"] == name
    ]


async def state(client: EventSocketClient, name: str, wanted: str) -> Event:
    return await client.event("sofia::gateway_state", Gateway=name, State=wanted)


async def test_registration_call_and_deletion(
    switch: SwitchUnderTest,
    client: EventSocketClient,
    phone: Phone,
    registrar: tuple[Registrar, str],
) -> None:
    carrier, address = registrar
    name = "pizza-0a1b2c3d"
    folder = switch.server.gateway_folder
    write_gateway(folder, name, registrar=address, password=PASSWORD)

    answer = await client.api(f"sofia profile external startgw {name}")
    added = await client.event("sofia::gateway_add", Gateway=name)
    reged = await state(client, name, "REGED")

    assert answer == ADDED.format(name)
    assert added["profile-name"] == "external"
    assert states(client, name) == [("TRYING", "DOWN"), ("REGISTER", "DOWN"), ("REGED", "UP")]
    accepted = await state(client, name, "REGISTER")
    assert (accepted["Status"], accepted["Phrase"]) == ("200", "OK")
    assert 0.1 < reged["_at"] - added["_at"] < 3.5
    contact = carrier.contact(name)
    assert contact is not None
    assert contact.startswith(f"sip:gw+{name}@{switch.server.sip_address};")
    assert contact.endswith(f";gw={name}")
    status = await client.api(f"sofia status gateway {name}")
    assert "State   \tREGED\nStatus  \tUP\n" in status
    assert f"Name    \t{name}\n" in status
    assert PASSWORD not in status
    overview = await client.api("sofia xmlstatus gateway")
    assert f"<name>{name}</name>" in overview
    assert "<state>REGED</state>" in overview

    call = await park(switch, client, phone, uri=contact)
    created = await client.event("CHANNEL_CREATE", Unique_ID=call.uuid)
    assert created["variable_sip_gateway"] == name

    (folder / f"{name}.xml").unlink()
    killed = await client.api(f"sofia profile external killgw {name}")
    deleted = await client.event("sofia::gateway_delete", Gateway=name)
    assert killed.startswith("+OK")
    assert deleted["profile-name"] == "external"
    assert deleted["_at"] - reged["_at"] < 3.5
    await until(lambda: carrier.contact(name) is None)
    assert await client.api(f"sofia status gateway {name}") == "Invalid Gateway!\n"
    assert await client.api(f"uuid_exists {call.uuid}") == "true"  # the call goes on


async def test_an_existing_name_is_not_changed(
    switch: SwitchUnderTest, client: EventSocketClient, registrar: tuple[Registrar, str]
) -> None:
    _, address = registrar
    name = "moved-0a1b2c3d"
    folder = switch.server.gateway_folder
    write_gateway(folder, name, registrar=address, password=PASSWORD)
    await client.api(f"sofia profile external startgw {name}")
    await client.event("sofia::gateway_add", Gateway=name)
    write_gateway(
        folder, name, registrar=address, password=PASSWORD, alloresto_restaurant_id="other"
    )

    assert await client.api(f"sofia profile external startgw {name}") == ADDED.format(name)
    await client.api("sofia profile external rescan")

    kept = await client.api(f"sofia_gateway_data {name} ivar alloresto_restaurant_id")
    assert kept != "other"
    added = [e for e in client.events if e.get("Event-Subclass") == "sofia::gateway_add"]
    assert len(added) == 1
    (folder / f"{name}.xml").unlink()
    await client.api(f"sofia profile external killgw {name}")
    await client.event("sofia::gateway_delete", Gateway=name)


async def test_refused_credentials(
    switch: SwitchUnderTest, client: EventSocketClient, registrar: tuple[Registrar, str]
) -> None:
    carrier, address = registrar
    name = "sushi-0a1b2c3d"
    write_gateway(switch.server.gateway_folder, name, registrar=address, password="wrong")

    await client.api(f"sofia profile external startgw {name}")
    failed = await state(client, name, "FAILED")
    await state(client, name, "FAIL_WAIT")

    assert failed["Status"] == "403"
    assert failed["Ping-Status"] == "DOWN"
    assert states(client, name) == [
        ("TRYING", "DOWN"),
        ("FAILED", "DOWN"),
        ("FAIL_WAIT", "DOWN"),
    ]
    assert carrier.contact(name) is None
    (switch.server.gateway_folder / f"{name}.xml").unlink()
    await client.api(f"sofia profile external killgw {name}")
    await client.event("sofia::gateway_delete", Gateway=name)


async def test_a_broken_file_blocks_every_later_startgw(
    switch: SwitchUnderTest, client: EventSocketClient
) -> None:
    folder = switch.server.gateway_folder
    broken = folder / "aaa-broken.xml"
    broken.write_text("<include>\n<gateway name='half'>\n<param ")
    write_gateway(folder, "healthy-0a1b2c3d")
    try:
        answer = await client.api("sofia profile external startgw healthy-0a1b2c3d")
    finally:
        broken.unlink()

    assert not answer.startswith("Reload XML [Success]")
    await client.api("sofia profile external rescan")
    await client.event("sofia::gateway_add", Gateway="healthy-0a1b2c3d")
    added = [e for e in client.events if e.get("Event-Subclass") == "sofia::gateway_add"]
    assert len(added) == 1  # not before the broken file had gone
