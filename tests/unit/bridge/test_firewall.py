"""The firewall's table is loaded when it changes or is gone, counted when it fails, and never made
from a view of the carriers that nobody has.
"""

from ipaddress import IPv4Address, ip_network

import pytest

from controlplane.bridge import firewall as firewall_module
from controlplane.bridge.firewall import Firewall, FirewallFailed
from controlplane.bridge.firewall_table import FirewallTable, controllers, table_name
from controlplane.bridge.gateways.carrier_networks import Network
from controlplane.bridge.metrics import FIREWALL_DROPPED, FIREWALL_IN_FORCE
from controlplane.bridge.sip_probe import ProfileAddress
from controlplane.errors import ConfigurationError

pytestmark = pytest.mark.unit

PROFILE = ProfileAddress("192.0.2.1", 5080, "198.51.100.1:5080")
NETWORKS = frozenset({ip_network("203.0.113.0/24"), ip_network("2001:db8::/32")})


def table(**changed: object) -> FirewallTable:
    values = {"bridge_id": "b-1", "ports": frozenset({5080}), "own": None, "networks": NETWORKS}
    return FirewallTable(**{**values, **changed})  # type: ignore[arg-type]


def test_the_table_lets_in_carriers_the_bridge_itself_and_answers() -> None:
    script = table(own=IPv4Address("192.0.2.1")).script()
    assert script.startswith("table inet alloresto-b-1\ndelete table inet alloresto-b-1\n")
    assert "elements = { 203.0.113.0/24 }" in script
    assert "elements = { 2001:db8::/32 }" in script
    for rule in ("ip saddr 192.0.2.1 accept", "ct direction reply accept", "th dport { 5080 }"):
        assert rule in script
    assert script.index("ip saddr @carriers4") < script.index("counter name strangers drop")


def test_controllers_are_let_in_by_name() -> None:
    assert controllers(" 10.1.0.0/16, 2001:db8:1::/48 ,") == {
        ip_network("10.1.0.0/16"),
        ip_network("2001:db8:1::/48"),
    }
    assert controllers("") == frozenset()
    with pytest.raises(ConfigurationError, match="ALLORESTO_CONTROLLER_NETWORKS"):
        controllers("everybody")


def test_without_carriers_the_sets_are_empty_not_missing() -> None:
    script = table(networks=frozenset()).script()
    assert "elements" not in script
    assert "set carriers4" in script
    assert 'iifname "lo" accept' in script


@pytest.mark.parametrize("name", ["0", "bridge-0.eu_1", "brücke", "a" * 64])
def test_a_tables_name_is_one_that_nft_takes(name: str) -> None:
    assert (
        table_name(name)
        .removeprefix("alloresto-")
        .replace("_", "")
        .replace(".", "")
        .replace("-", "")
        .isascii()
    )
    assert " " not in table_name(name)


class Nft:
    """Stands for the program: it has one table, or fails."""

    def __init__(self) -> None:
        self.scripts: list[str] = []
        self.there = False
        self.fails = ""
        self.dropped = 0

    def __call__(self, *arguments: str, script: str = "") -> str:
        if self.fails:
            raise FirewallFailed(self.fails)
        if script:
            self.scripts.append(script)
            self.there, self.dropped = True, 0
        elif "delete" in arguments:
            self.there = False
        elif "counters" in arguments:
            if not self.there:
                raise FirewallFailed("No such file or directory")
            counter = f'{{"counter": {{"name": "strangers", "packets": {self.dropped}}}}}'
            return f'{{"nftables": [{{"metainfo": {{}}}}, {counter}]}}'
        return ""


@pytest.fixture
def nft(monkeypatch: pytest.MonkeyPatch) -> Nft:
    nft = Nft()
    monkeypatch.setattr(firewall_module, "nft", nft)
    monkeypatch.setattr(firewall_module, "COUNT_S", 0.0)
    return nft


class Known:
    """What the agent knows of its profile and of the carriers."""

    def __init__(self) -> None:
        self.profile: ProfileAddress | None = PROFILE
        self.networks: frozenset[Network] | None = NETWORKS

    def firewall(self, *, wanted: bool = True) -> Firewall:
        return Firewall(
            wanted=wanted,
            bridge_id="b-1",
            profile=lambda: self.profile,
            networks=lambda: self.networks,
        )


def test_it_is_loaded_once_and_again_when_something_changes(nft: Nft) -> None:
    known = Known()
    firewall = known.firewall()
    for _ in range(3):
        firewall.look()
    assert len(nft.scripts) == 1
    known.networks = NETWORKS | {ip_network("198.51.100.9/32")}
    firewall.look()
    known.profile = ProfileAddress("192.0.2.1", 5090, "192.0.2.1:5090", tls_port=5091)
    firewall.look()
    assert ["198.51.100.9" in script for script in nft.scripts] == [False, True, True]
    assert "th dport { 5090, 5091 }" in nft.scripts[-1]


@pytest.mark.parametrize("unknown", ["profile", "networks"])
def test_nothing_is_loaded_or_taken_away_before_all_is_known(nft: Nft, unknown: str) -> None:
    """With Postgres away at the start, an earlier agent's table lets the carriers in."""
    known = Known()
    setattr(known, unknown, None)
    known.firewall().look()
    assert nft.scripts == []


def test_a_table_that_somebody_flushed_comes_back(nft: Nft) -> None:
    firewall = Known().firewall()
    firewall.look()
    nft.there = False
    firewall.look()
    assert (len(nft.scripts), nft.there) == (2, True)


def test_what_it_drops_is_counted_over_new_tables(nft: Nft) -> None:
    before = FIREWALL_DROPPED.labels("strangers")._value.get()
    known = Known()
    firewall = known.firewall()
    firewall.look()
    for dropped in (7, 9):
        nft.dropped = dropped
        firewall.look()
    known.networks = frozenset()
    firewall.look()
    nft.dropped = 4
    firewall.look()
    assert FIREWALL_DROPPED.labels("strangers")._value.get() - before == 9 + 4


def test_counters_that_somebody_set_back_go_on(nft: Nft) -> None:
    before = FIREWALL_DROPPED.labels("strangers")._value.get()
    firewall = Known().firewall()
    firewall.look()
    for nft.dropped in (9, 2, 5):
        firewall.look()
    assert FIREWALL_DROPPED.labels("strangers")._value.get() - before == 9 + 5


def test_a_failure_is_raised_for_its_loop_and_made_up_for(nft: Nft) -> None:
    firewall = Known().firewall()
    nft.fails = "Operation not permitted"
    with pytest.raises(FirewallFailed):
        firewall.look()
    assert FIREWALL_IN_FORCE._value.get() == 0
    nft.fails = ""
    firewall.look()
    assert FIREWALL_IN_FORCE._value.get() == 1


def test_where_it_may_not_the_loop_ends_and_nothing_is_touched(nft: Nft) -> None:
    nft.fails = "Operation not permitted"
    for firewall in (Known().firewall(), Known().firewall(wanted=False)):
        firewall.run()
        firewall.remove()
        assert not firewall.kept


def test_it_is_removed_with_its_freeswitch(nft: Nft) -> None:
    firewall = Known().firewall()
    firewall.look()
    firewall.kept = True
    firewall.remove()
    assert not nft.there
