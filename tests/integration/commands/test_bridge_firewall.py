"""`alloresto bridge firewall` prints a table that nft takes, and says who keeps it."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from redis import Redis
from sqlalchemy import Engine, insert

from controlplane.bridge.firewall import FirewallFailed, nft
from controlplane.cli import main
from controlplane.contracts import redis_keys
from controlplane.contracts.heartbeats import BridgeHeartbeat
from controlplane.database import sync_engine
from controlplane.models.nodes import SipBridgeNode
from tests.accounts import add_carrier

pytestmark = pytest.mark.integration

Said = pytest.CaptureFixture[str]


@pytest.fixture
def engine(database_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("REDIS_URL", redis_url)
    engine = sync_engine(database_url, application_name="test", pool_size=1)
    with engine.begin() as connection:
        add_carrier(connection, "x", source_networks=["192.0.2.0/24", "2001:db8::/32"])
        add_carrier(connection, "y", source_networks=["198.51.100.7/32", "0.0.0.0/0"])
        for name, address in (("firewalled-1", "203.0.113.1:5090"), ("firewalled-2", None)):
            connection.execute(
                insert(SipBridgeNode).values(
                    id=name, sip_address=address, last_seen_at=datetime.now(UTC)
                )
            )
    yield engine
    engine.dispose()


def beat(
    redis_url: str, name: str, *, keeps_firewall: bool | None = None, sip_bound: str = ""
) -> None:
    message = BridgeHeartbeat(
        bridge_id=name,
        capacity=200,
        active_calls=0,
        sent_at=datetime.now(UTC),
        sip_address="203.0.113.1:5091",
        sip_bound=sip_bound,
        keeps_firewall=keeps_firewall,
    )
    with Redis.from_url(redis_url) as redis:
        redis.set(redis_keys.bridge_heartbeat(name), message.to_json(), ex=5)


@pytest.mark.usefixtures("engine")
def test_all_bridges_tables_are_one_file_that_nft_takes(capsys: Said) -> None:
    assert main(["bridge", "firewall"]) == 0
    told = capsys.readouterr()
    assert "y: source_networks, number 2: the whole Internet is no carrier" in told.err
    assert "elements = { 192.0.2.0/24, 198.51.100.7/32 }" in told.out
    assert "elements = { 2001:db8::/32 }" in told.out
    for name, port in (("firewalled-1", 5090), ("firewalled-2", 5080)):
        table = told.out.partition(f"table inet alloresto-{name} {{")[2]
        assert f"th dport {{ {port} }}" in table.partition("table inet")[0]
    try:
        nft("--check", "-f", "-", script=told.out)
    except FirewallFailed as error:
        if "not permitted" not in str(error) and "not installed" not in str(error):
            raise


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize(
    ("keeps", "keeper"), [(True, "its agent keeps this table"), (None, "for its host: nft -f FILE")]
)
def test_who_keeps_it_is_said(
    redis_url: str,
    capsys: Said,
    keeps: bool | None,  # noqa: FBT001
    keeper: str,
) -> None:
    beat(redis_url, "firewalled-1", keeps_firewall=keeps)
    assert main(["bridge", "firewall", "firewalled-1"]) == 0
    told = capsys.readouterr().out
    assert f"# firewalled-1: {keeper}" in told
    assert "th dport { 5091 }" in told
    assert "firewalled-2" not in told


@pytest.mark.usefixtures("engine")
def test_the_port_is_the_one_it_listens_at_behind_translated_addresses(
    redis_url: str, capsys: Said
) -> None:
    beat(redis_url, "firewalled-1", sip_bound="10.0.0.4:5080")
    assert main(["bridge", "firewall", "firewalled-1"]) == 0
    assert "th dport { 5080 }" in capsys.readouterr().out


@pytest.mark.usefixtures("engine")
def test_another_port_and_an_unknown_bridge(capsys: Said) -> None:
    ports = ["--port", "5060", "--port", "5061"]
    assert main(["bridge", "firewall", "firewalled-2", *ports]) == 0
    assert "th dport { 5060, 5061 }" in capsys.readouterr().out
    assert main(["bridge", "firewall", "firewalled"]) == 1
    assert "no bridge is called 'firewalled'" in capsys.readouterr().err
