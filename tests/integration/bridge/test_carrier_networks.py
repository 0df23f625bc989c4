"""Whose calls reach whose restaurants, by where they come from: on the simulator, then the real
FreeSWITCH.

Two carriers, each with an address of loopback, and a restaurant at each.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import psycopg
import pytest

from controlplane.bridge.gateways.carrier_networks import (
    UNION,
    CarrierNetworks,
    list_name,
    lists_xml,
    parse_networks,
)
from controlplane.bridge.whole_file import write_whole
from controlplane.database import libpq_url, sync_engine
from controlplane.esl.client import EslClient
from controlplane.esl.errors import EslError
from freeswitch.telephone.phone import CallRefused, Phone
from tests.accounts import add_carrier
from tests.integration.bridge_under_test import SWITCHES, open_switch, short_prompts
from tests.integration.event_socket_client import EventSocketClient
from tests.integration.switch_under_test import Server, write_gateway
from tests.waiting import DEADLINE_S, gevent_until

pytestmark = pytest.mark.integration

X_ADDRESS, Y_ADDRESS, STRANGER = "127.0.0.2", "127.0.0.3", "127.0.0.4"
X_GATEWAY, Y_GATEWAY = "xavier-0a1b2c3d", "yvonne-0a1b2c3d"
LISTLESS_GATEWAY, LOST_GATEWAY = "listless-0a1b2c3d", "lost-0a1b2c3d"
LISTS: Final = {"x": parse_networks([f"{X_ADDRESS}/32"]), "y": parse_networks([f"{Y_ADDRESS}/32"])}
CALLER: Final = "+33639980123"


@pytest.fixture(scope="module", params=SWITCHES)
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    folder: Path = tmp_path_factory.mktemp("networks")
    with open_switch(request.param, folder, sounds=short_prompts(folder / "sounds")) as switch:
        for name, acl in (
            (X_GATEWAY, "carrier_x"),
            (Y_GATEWAY, "carrier_y"),
            (LISTLESS_GATEWAY, ""),
            (LOST_GATEWAY, "carrier_gone"),
        ):
            write_gateway(switch.gateway_folder, name, alloresto_carrier_acl=acl)
        switch.api("sofia profile external rescan")
        yield switch


@pytest.fixture
def lists(server: Server) -> None:
    write_whole(server.gateway_folder / "acl" / "carriers.xml", lists_xml(LISTS)[0].encode())
    assert server.api("reloadacl") == "+OK acl reloaded"


async def call(server: Server, gateway: str, *, source: str) -> int:
    """The answer's status; an answered call is hung up."""
    async with Phone(host=source) as phone:
        try:
            dialog = await phone.call(
                f"sip:gw+{gateway}@{server.sip_address}",
                from_number=CALLER,
                deadline_s=DEADLINE_S,
                # Nothing a caller sends may choose the list, nor the address that is looked up.
                headers={
                    "X-alloresto_carrier_acl": "carrier_x carrier_y",
                    "X-AUTH-IP": X_ADDRESS,
                    "P-Preferred-Identity": f"<sip:{X_GATEWAY}@{X_ADDRESS}>",
                },
            )
        except CallRefused as refused:
            return refused.status
        await dialog.hangup()
        return 200


@pytest.mark.usefixtures("lists")
@pytest.mark.parametrize(
    ("gateway", "source", "status"),
    [
        (X_GATEWAY, X_ADDRESS, 200),
        (Y_GATEWAY, Y_ADDRESS, 200),
        (Y_GATEWAY, X_ADDRESS, 403),
        (X_GATEWAY, Y_ADDRESS, 403),
        (X_GATEWAY, STRANGER, 403),
        (LOST_GATEWAY, X_ADDRESS, 403),
        (LISTLESS_GATEWAY, X_ADDRESS, 603),
        ("nobody-0a1b2c3d", X_ADDRESS, 503),
        ("nobody-0a1b2c3d", STRANGER, 403),
    ],
)
async def test_a_carrier_reaches_its_own_restaurants_only(
    server: Server, gateway: str, source: str, status: int
) -> None:
    assert await call(server, gateway, source=source) == status


@pytest.mark.usefixtures("lists")
async def test_the_other_carriers_call_is_refused_before_it_is_answered(server: Server) -> None:
    async with EventSocketClient(server.ports.esl, server.esl_password) as client:
        await client.subscribe("CHANNEL_EXECUTE CHANNEL_ANSWER CHANNEL_HANGUP_COMPLETE")
        assert await call(server, Y_GATEWAY, source=X_ADDRESS) == 403
        ended = await client.event("CHANNEL_HANGUP_COMPLETE")
        assert ended["Hangup-Cause"] == "INCOMING_CALL_BARRED"
        events = [(event["Event-Name"], event.get("Application")) for event in client.events]
        assert ("CHANNEL_EXECUTE", "check_acl") in events
        assert not {("CHANNEL_EXECUTE", "answer"), ("CHANNEL_ANSWER", None)} & set(events)


@pytest.mark.usefixtures("lists")
def test_the_agents_lists_replace_the_first_one(server: Server) -> None:
    assert server.api(f"acl {X_ADDRESS} {UNION}") == "true"
    assert server.api(f"acl {X_ADDRESS} carrier_x") == "true"
    assert server.api(f"acl {Y_ADDRESS} carrier_x") == "false"
    assert server.api(f"acl {STRANGER} {UNION}") == "false"  # 127.0.0.0/8, until the agent wrote
    assert server.api(f"acl {X_ADDRESS} carrier_unknown") == "false"
    assert server.api(f"acl ::ffff:{X_ADDRESS} carrier_x") == "true"


@pytest.mark.usefixtures("lists")
def test_a_broken_gateway_file_leaves_the_lists_as_they_were(server: Server) -> None:
    broken = server.gateway_folder / "broken.xml"
    broken.write_text("<include>\n<gateway name='a'>\n</include>\n")
    try:
        assert server.api("reloadacl").startswith("-ERR")
        assert server.api(f"acl {X_ADDRESS} carrier_x") == "true"
    finally:
        broken.unlink()
    assert server.api("reloadacl") == "+OK acl reloaded"


def test_the_agent_makes_them_true(server: Server, database_url: str) -> None:
    """1 first lists · 2 nothing to do · 3 a carrier moves · 4 one with a bad row, the others go on
    · 5 FreeSWITCH lost them · 6 a carrier leaves."""
    engine = sync_engine(database_url, application_name="test", pool_size=1)
    client = EslClient(
        host="127.0.0.1",
        port=server.ports.esl,
        password=server.esl_password,
        name="test",
        events=["RELOADXML"],
    )
    reloads: list[str] = []
    client.on("RELOADXML", lambda _: reloads.append("reload"))
    client.start()
    try:
        client.wait_connected(DEADLINE_S)
        networks = CarrierNetworks(esl=client, engine=engine, gateway_folder=server.gateway_folder)

        def change(carrier_id: str, *source_networks: str) -> None:
            with engine.begin() as connection:
                add_carrier(connection, carrier_id, source_networks=list(source_networks))

        def listed(address: str, name: str) -> bool:
            return client.api(f"acl {address} {name}").strip() == "true"

        change("x", f"{X_ADDRESS}/32")
        change("y", f"{Y_ADDRESS}/32", "2001:db8::/32")
        assert networks.make_true() == {"x", "y"}
        assert listed(X_ADDRESS, list_name("x"))
        assert listed("2001:db8::7", list_name("y"))
        assert not listed("2001:db9::7", list_name("y"))
        file = server.gateway_folder / "acl" / "carriers.xml"
        assert file.stat().st_mode & 0o777 == 0o600

        gevent_until(lambda: bool(reloads))
        written_at = file.stat().st_mtime_ns
        assert networks.make_true() == {"x", "y"}
        assert file.stat().st_mtime_ns == written_at

        change("x", "127.0.0.9/32")
        networks.make_true()
        assert listed("127.0.0.9", UNION)
        assert not listed(X_ADDRESS, UNION)

        change("x", "0.0.0.0/0", "not a network")
        change("y", "0.0.0.0/0", f"{Y_ADDRESS}/32")
        assert networks.make_true() == {"y"}
        assert not listed("127.0.0.9", list_name("x"))
        assert not listed(STRANGER, UNION)
        assert listed(Y_ADDRESS, list_name("y"))

        file.unlink()
        server.api("reloadacl")
        assert not listed(Y_ADDRESS, list_name("y"))
        networks.make_true()
        assert listed(Y_ADDRESS, list_name("y"))

        with psycopg.connect(libpq_url(database_url), autocommit=True) as connection:
            connection.execute("DELETE FROM carrier WHERE id = 'y'")
        assert networks.make_true() == set()
        assert not listed(Y_ADDRESS, list_name("y"))
    finally:
        client.close()
        engine.dispose()


def test_lists_that_do_not_come_into_force_are_an_error(server: Server, database_url: str) -> None:
    engine = sync_engine(database_url, application_name="test", pool_size=1)
    client = EslClient(
        host="127.0.0.1",
        port=server.ports.esl,
        password=server.esl_password,
        name="test",
        events=["RELOADXML"],
    )
    client.start()
    broken = server.gateway_folder / "broken.xml"
    broken.write_text("<include>\n<gateway name='a'>\n</include>\n")
    try:
        client.wait_connected(DEADLINE_S)
        networks = CarrierNetworks(esl=client, engine=engine, gateway_folder=server.gateway_folder)
        with engine.begin() as connection:
            add_carrier(connection, "z", source_networks=["127.0.0.8/32"])
        with pytest.raises(EslError):
            networks.make_true()
    finally:
        broken.unlink()
        client.close()
        engine.dispose()
