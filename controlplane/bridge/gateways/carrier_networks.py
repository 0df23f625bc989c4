"""Where each carrier's calls may come from, as the network lists FreeSWITCH checks an INVITE by.

One list a carrier, `carrier_<id>`, which the dialplan's first step asks for the gateway's own
carrier, and their union, `carriers`, which the profile asks before anything else. They are in force
before a gateway of that carrier is added: without its list every call to it is refused.
"""

import hashlib
import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Final

import structlog
from sqlalchemy import Connection, Engine, select

from controlplane.bridge import metrics
from controlplane.bridge.whole_file import write_whole
from controlplane.errors import AlloRestoError
from controlplane.esl.client import EslClient
from controlplane.esl.errors import EslCommandFailed
from controlplane.models.carrier import Carrier

LIST_FILE: Final = Path("acl") / "carriers.xml"
"""Below the gateway folder; `conf/autoload_configs/acl.conf.xml` includes it."""
UNION: Final = "carriers"
MAX_NETWORKS: Final = 32
"""A carrier's, as the table has it."""
WIDEST_V4: Final = 8
WIDEST_V6: Final = 19
"""The widest block a registry gives to one operator: anything wider is a mistake."""
MARKER_LIST: Final = "carrier_networks_version"
MARKER_NETWORK: Final = IPv6Network("100::/64")
"""RFC 6666, discard-only: no packet comes from there. The one address of it in `MARKER_LIST` is
the file's checksum, so `acl` tells which version of the file FreeSWITCH has in force."""

Network = IPv4Network | IPv6Network

log = structlog.get_logger()


class InvalidNetwork(AlloRestoError):
    """A carrier's source network that cannot be used; says which one and why, not what it was."""


def list_name(carrier_id: str) -> str:
    """The network list of a carrier: what its gateways carry as `alloresto_carrier_acl`."""
    return f"carrier_{carrier_id}"


def parse_networks(texts: Sequence[str]) -> list[Network]:
    """A carrier's networks. Raises `InvalidNetwork` at the first that is none."""
    if not 0 < len(texts) <= MAX_NETWORKS:
        raise InvalidNetwork(f"source_networks: give 1 to {MAX_NETWORKS} networks")
    return [parse_network(text, position=number) for number, text in enumerate(texts, start=1)]


def parse_network(text: str, *, position: int) -> Network:
    """One network in CIDR notation; `position` counts from 1. Raises `InvalidNetwork`."""

    def refuse(reason: str) -> InvalidNetwork:
        return InvalidNetwork(f"source_networks, number {position}: {reason}")

    try:
        if "%" in text:
            raise ValueError("a zone")
        network = ipaddress.ip_network(text)
    except ValueError:
        raise refuse(
            "write the network's first address and its length: 192.0.2.0/24, 192.0.2.7/32"
        ) from None
    if network.prefixlen == 0:
        raise refuse("the whole Internet is no carrier: name the carrier's own networks")
    if network.network_address.is_unspecified or network.is_multicast:
        # 0.0.0.0/32 is every address to FreeSWITCH (switch_utils.h, switch_test_subnet).
        raise refuse("no call comes from there: name the carrier's own networks")
    if isinstance(network, IPv6Network) and network.network_address.ipv4_mapped:
        raise refuse("write an IPv4 network as such, without ::ffff:")
    widest = WIDEST_V4 if isinstance(network, IPv4Network) else WIDEST_V6
    if network.prefixlen < widest:
        raise refuse(f"wider than /{widest}: name the carrier's own networks")
    return network


class CarrierNetworks:
    """Keeps FreeSWITCH's network lists what the table `carrier` says."""

    def __init__(self, *, esl: EslClient, engine: Engine, gateway_folder: Path) -> None:
        self._esl = esl
        self._engine = engine
        self._file = gateway_folder / LIST_FILE
        self._told: set[str] = set()
        self.known: frozenset[Network] | None = None
        """All carriers' networks, as Postgres had them when it was last read; None before."""
        self.open_carriers: frozenset[str] = frozenset()
        """Those whose calls FreeSWITCH takes, as `make_true` found when it last succeeded."""

    def make_true(self) -> frozenset[str]:
        """Write the lists and have FreeSWITCH load them, unless it has; returns `open_carriers`.

        Raises `EslError`, `SQLAlchemyError`, `OSError`: then no list is known to be in force.
        """
        networks = self._networks()
        self.known = frozenset[Network]().union(*networks.values())
        text, marker = lists_xml(networks)
        if not self._in_force(marker):
            write_whole(self._file, text.encode())
            self._esl.api("reloadacl")
            if not self._in_force(marker):
                raise EslCommandFailed("the carriers' network lists are not in force")
            log.info("carrier_networks_in_force", carriers=len(networks))
        self.open_carriers = frozenset(one for one, found in networks.items() if found)
        return self.open_carriers

    def _in_force(self, marker: str) -> bool:
        return self._esl.api(f"acl {marker} {MARKER_LIST}").strip() == "true"

    def _networks(self) -> dict[str, list[Network]]:
        """Every carrier's. A network that cannot be used is left out, and told once a change: it
        closes neither its carrier's others nor another carrier.
        """
        with self._engine.connect() as connection:
            networks, refused = read_networks(connection)
        for reason in sorted(refused - self._told):
            log.error("carrier_network_refused", reason=reason)
        self._told = refused
        metrics.CARRIER_NETWORKS_REFUSED.set(len(refused))
        return networks


def read_networks(connection: Connection) -> tuple[dict[str, list[Network]], set[str]]:
    """Return every carrier's networks that can be used, and why each other one cannot."""
    query = select(Carrier.id, Carrier.source_networks).order_by(Carrier.id)
    refused, networks = set[str](), dict[str, list[Network]]()
    for carrier_id, texts in connection.execute(query):
        networks[carrier_id] = []
        for position, text in enumerate(texts[:MAX_NETWORKS], start=1):
            try:
                networks[carrier_id].append(parse_network(text, position=position))
            except InvalidNetwork as error:
                refused.add(f"{carrier_id}: {error}")
    return networks, refused


def lists_xml(networks: Mapping[str, Iterable[Network]]) -> tuple[str, str]:
    """The file's text, and the address that marks this version of it in `MARKER_LIST`."""
    own = {list_name(carrier_id): set(found) for carrier_id, found in sorted(networks.items())}
    lists = {UNION: set[Network]().union(*own.values()), **own}
    body = "".join(_list_xml(name, found) for name, found in lists.items())
    checksum = int.from_bytes(hashlib.sha256(body.encode()).digest()[:8])
    marker = MARKER_NETWORK[checksum]
    version = _list_xml(MARKER_LIST, {IPv6Network(marker)})
    return f"<include>\n{body}{version}</include>\n", str(marker)


def _list_xml(name: str, networks: Iterable[Network]) -> str:
    """One element a line, as the preprocessor wants it; only what `ipaddress` printed."""
    nodes = (f'<node type="allow" cidr="{text}"/>\n' for text in sorted(map(str, networks)))
    return f'<list name="{name}" default="deny">\n{"".join(nodes)}</list>\n'
