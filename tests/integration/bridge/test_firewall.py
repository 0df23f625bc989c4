"""Strangers' packets never reach the SIP port, and carriers' do: with the real nftables, where this
machine lets us load a table. First the table before plain sockets, then the agent that keeps it.
"""

import contextlib
import signal
import socket
from collections.abc import Iterator
from ipaddress import IPv4Address, ip_network
from pathlib import Path

import pytest

from controlplane.bridge.firewall import FirewallFailed, nft
from controlplane.bridge.firewall_table import (
    FAMILY,
    INVITES_PER_SECOND,
    FirewallTable,
    table_name,
)
from controlplane.local.launch.ports import free_sip_port
from controlplane.local.launch.services import LocalServices
from tests.integration.bridge_under_test import SWITCHES, open_bridge
from tests.integration.hostile_caller import HostileCaller
from tests.integration.hostile_site import (
    STRANGER,
    X_ADDRESS,
    Y_ADDRESS,
    RedisTap,
    Site,
    X,
    place_both,
)
from tests.waiting import DEADLINE_S, block_until

pytestmark = pytest.mark.integration

OWN = "127.0.0.1"
BRIDGE_ID = "firewall-test"
SILENCE_S = 0.3
"""A packet of loopback arrives within a millisecond."""


@pytest.fixture(scope="module", autouse=True)
def permitted() -> None:
    try:
        nft("list", "tables")
    except FirewallFailed as error:
        pytest.skip(f"no nftables here: {error}")


@pytest.fixture
def port() -> Iterator[int]:
    port = free_sip_port()
    load(port, X_ADDRESS, Y_ADDRESS)
    yield port
    nft("delete", "table", FAMILY, table_name(BRIDGE_ID))


def load(port: int, *carriers: str) -> None:
    table = FirewallTable(
        bridge_id=BRIDGE_ID,
        ports=frozenset({port}),
        own=IPv4Address(OWN),
        networks=frozenset(map(ip_network, carriers)),
    )
    nft("-f", "-", script=table.script())


@contextlib.contextmanager
def udp(host: str, port: int = 0) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind((host, port))
        one.settimeout(SILENCE_S)
        yield one


def arrives(listener: socket.socket, packet: bytes) -> bool:
    try:
        return listener.recv(65_535) == packet
    except TimeoutError:
        return False


@pytest.mark.parametrize(
    "packet", [b"INVITE sip:x SIP/2.0\r\n\r\n", b"SIP/2.0 200 OK\r\n\r\n", b"\0"]
)
@pytest.mark.parametrize(
    ("source", "let_in"), [(X_ADDRESS, True), (Y_ADDRESS, True), (OWN, True), (STRANGER, False)]
)
def test_who_is_let_in(port: int, source: str, let_in: bool, packet: bytes) -> None:  # noqa: FBT001
    with udp(OWN, port) as listener, udp(source) as sender:
        sender.sendto(packet, (OWN, port))
        assert arrives(listener, packet) is let_in


@pytest.mark.parametrize(("source", "let_in"), [(X_ADDRESS, True), (STRANGER, False)])
def test_tcp_is_guarded_too(port: int, source: str, let_in: bool) -> None:  # noqa: FBT001
    with socket.create_server((OWN, port)), socket.socket() as caller:
        caller.bind((source, 0))
        caller.settimeout(SILENCE_S)
        if let_in:
            caller.connect((OWN, port))
        else:
            with pytest.raises(TimeoutError):
                caller.connect((OWN, port))


def test_answers_to_what_we_sent_come_in_from_anywhere(port: int) -> None:
    """A registrar may be in no network of its carrier; what comes from beside it stays out."""
    with udp(OWN, port) as ours, udp(STRANGER) as registrar, udp(STRANGER) as beside:
        ours.sendto(b"REGISTER", registrar.getsockname())
        assert arrives(registrar, b"REGISTER")
        registrar.sendto(b"SIP/2.0 200 OK", (OWN, port))
        assert arrives(ours, b"SIP/2.0 200 OK")
        beside.sendto(b"SIP/2.0 200 OK", (OWN, port))
        assert not arrives(ours, b"SIP/2.0 200 OK")


def test_other_ports_are_nobodys_business(port: int) -> None:
    with udp(OWN) as rtp, udp(STRANGER) as sender:
        sender.sendto(b"RTP", rtp.getsockname())
        assert arrives(rtp, b"RTP")


def test_a_carrier_that_is_taken_off_is_shut_out_though_it_has_talked(port: int) -> None:
    with udp(OWN, port) as ours, udp(X_ADDRESS) as carrier:
        carrier.sendto(b"1", (OWN, port))
        assert arrives(ours, b"1")
        ours.sendto(b"2", carrier.getsockname())
        load(port, Y_ADDRESS)
        carrier.sendto(b"3", (OWN, port))
        assert not arrives(ours, b"3")


def test_one_carriers_flood_leaves_the_other_its_calls(port: int) -> None:
    invite = b"INVITE sip:x SIP/2.0\r\n\r\n"
    with udp(OWN, port) as ours, udp(X_ADDRESS) as loop, udp(Y_ADDRESS) as other:
        for _ in range(500):
            loop.sendto(invite, (OWN, port))
        other.sendto(b"INVITE other", (OWN, port))
        got = []
        with contextlib.suppress(TimeoutError):
            while True:
                got.append(ours.recv(65_535))
    assert b"INVITE other" in got
    assert len(got) < 5 * INVITES_PER_SECOND


# --- The agent -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", SWITCHES)
async def test_the_agent_keeps_it_and_leaves_it_to_a_switch_that_lives(
    kind: str, services: LocalServices, migrated_template: str, tmp_path: Path
) -> None:
    with (
        open_bridge(kind, services, migrated_template, tmp_path, firewall="nftables") as bridge,
        contextlib.closing(RedisTap(services.redis_url)) as tap,
    ):
        site = Site(bridge, tap, metrics_port=0)
        try:
            place_both(site)
            block_until(lambda: bridge.gateways() and bridge.log("firewall_in_force"))
            assert bridge.log("firewall")[0]["kept_by"] == "agent"
            assert await invite(site, STRANGER) is None
            assert await invite(site, X_ADDRESS) == 200
            bridge.agent.send_signal(signal.SIGKILL)
            block_until(lambda: not bridge.agent.alive)
            assert await invite(site, STRANGER) is None
            assert await invite(site, X_ADDRESS) == 200
        finally:
            nft("delete", "table", FAMILY, table_name(bridge.bridge_id))


async def invite(site: Site, source: str) -> int | None:
    """The answer's status; None: nothing came back."""
    async with HostileCaller(source, site.address) as caller:
        deadline_s = SILENCE_S if source == STRANGER else DEADLINE_S
        return await caller.exchange(caller.request(site.uri(f"gw+{X}")), deadline_s=deadline_s)
