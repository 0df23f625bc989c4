"""The nftables table in front of one bridge's FreeSWITCH: carriers' networks, and nobody else.

FreeSWITCH gives an INVITE a session before it asks where it came from, so 60 a second of a stranger
leave none for carriers, who get 503 with `Retry-After: 300`. Here the stranger is dropped first.
The table is of the hook `input`, whose packets are whole: IP fragments were joined before.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Final

from controlplane.bridge.gateways.carrier_networks import InvalidNetwork, Network, parse_network
from controlplane.errors import ConfigurationError

FAMILY: Final = "inet"
STRANGERS: Final = "strangers"
TOO_MANY: Final = "too_many"
"""Its counters: packets of no carrier's network, and those over a source's rate."""
PACKETS_PER_SECOND: Final = 300
"""One address of a carrier may send so many. 200 accounts that register at 20 a second bring 40, a
call of three minutes about 10 in all."""
INVITES_PER_SECOND: Final = 30
"""One address of a carrier may send so many by UDP: half of what FreeSWITCH takes
(`sessions_per_second`), so that one carrier in a loop leaves room for the others. An INVITE beyond
that comes again after 0.5 s."""
MAX_SOURCES: Final = 4_096
"""So many addresses have a rate at once; each is forgotten after 10 s."""
_UDP_INVITE: Final = f"@th,64,48 0x{b'INVITE'.hex()}"
"""The first six bytes after UDP's header of eight."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FirewallTable:
    """All that the table depends on: two that are equal need no loading."""

    bridge_id: str
    ports: frozenset[int]
    """SIP is heard there, by UDP and TCP."""
    own: IPv4Address | None
    """The profile's own address, from where the agent probes it; None stands for the loopback
    interface, where it is not known."""
    networks: frozenset[Network]

    @property
    def name(self) -> str:
        """Name the table: one a bridge, for several may share a host."""
        return table_name(self.bridge_id)

    def script(self) -> str:
        """Write what `nft -f -` reads: the table takes its older self's place in one transaction.

        Only what `ipaddress` printed and numbers are in it, and a bridge's name.
        """
        name = f"{FAMILY} {self.name}"
        ports = ", ".join(map(str, sorted(self.ports)))
        own = 'iifname "lo"' if self.own is None else f"ip saddr {self.own}"
        families = [("ip", 4), ("ip6", 6)]
        return "\n".join(
            [
                f"table {name}",
                f"delete table {name}",
                f"table {name} {{",
                f"  counter {STRANGERS} {{ }}",
                f"  counter {TOO_MANY} {{ }}",
                *(line for _, version in families for line in self._sets(version)),
                "  chain input {",
                "    type filter hook input priority filter - 10; policy accept;",
                f"    meta l4proto {{ tcp, udp }} th dport {{ {ports} }} jump sip",
                "  }",
                "  chain sip {",
                f"    {own} accept",
                *(line for family, version in families for line in _carriers(family, version)),
                "    # Answers to what we sent: a registrar need be in no network of its carrier.",
                "    ct direction reply accept",
                f"    counter name {STRANGERS} drop",
                "  }",
                "}",
                "",
            ]
        )

    def _sets(self, version: int) -> list[str]:
        kind = f"ipv{version}_addr"
        found = ", ".join(_sorted(one for one in self.networks if one.version == version))
        elements = f" elements = {{ {found} }};" if found else ""
        rate = f"type {kind}; size {MAX_SOURCES}; flags dynamic, timeout; timeout 10s;"
        return [
            f"  set carriers{version} {{ type {kind}; flags interval; auto-merge;{elements} }}",
            f"  set invites{version} {{ {rate} }}",
            f"  set packets{version} {{ {rate} }}",
        ]


def controllers(setting: str) -> frozenset[Network]:
    """Read the networks controllers are in, separated by commas: from there they ask whether
    FreeSWITCH still listens. Raises `ConfigurationError`.
    """
    texts = [text.strip() for text in setting.split(",") if text.strip()]
    try:
        return frozenset(parse_network(text, position=n) for n, text in enumerate(texts, start=1))
    except InvalidNetwork as error:
        raise ConfigurationError(
            "ALLORESTO_CONTROLLER_NETWORKS: write networks as 192.0.2.0/24, separated by commas"
        ) from error


def table_name(bridge_id: str) -> str:
    """Name the table of a bridge, in the letters that nft takes."""
    return "alloresto-" + re.sub(r"[^A-Za-z0-9._-]", "_", bridge_id)


def _carriers(family: str, version: int) -> list[str]:
    """Let a carrier's packets in, up to its rate."""
    source = f"{family} saddr"
    carriers = f"{source} @carriers{version}"
    return [
        f"    {carriers} meta l4proto udp {_UDP_INVITE} {_over('invites', version, source)}",
        f"    {carriers} {_over('packets', version, source)}",
        f"    {carriers} accept",
    ]


def _over(kind: str, version: int, source: str) -> str:
    """Drop what is over the source's rate; twice as much may come at once."""
    rate = {"invites": INVITES_PER_SECOND, "packets": PACKETS_PER_SECOND}[kind]
    limit = f"limit rate over {rate}/second burst {2 * rate} packets"
    return f"update @{kind}{version} {{ {source} {limit} }} counter name {TOO_MANY} drop"


def _sorted(networks: Iterable[Network]) -> list[str]:
    return sorted(map(str, networks))
