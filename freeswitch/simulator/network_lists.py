"""Network lists say who may call: `acl.conf.xml` and the bridge agent's file below it
(switch_core.c, `switch_load_network_lists`).
"""

from ipaddress import ip_address, ip_network
from pathlib import Path
from xml.etree import ElementTree

from freeswitch.simulator.gateway_file import GatewayFileError

INCLUDED = Path("acl") / "carriers.xml"
"""The file is below the gateway folder, as in `conf/autoload_configs/acl.conf.xml`."""


class NetworkLists:
    """Holds lists of networks by name; an address in none of its networks is not in a list."""

    def __init__(self, *, carrier_networks: str, gateway_folder: Path) -> None:
        """The list `carriers` holds `carrier_networks` until the bridge agent's file says more."""
        self._first = carrier_networks
        self._file = gateway_folder / INCLUDED
        self._lists: dict[str, list[str]] = {}

    def load(self) -> None:
        """Read them again. Raises `GatewayFileError`, and then keeps what there was."""
        lists = {"carriers": self._first.split(",")}
        if self._file.exists():
            try:
                root = ElementTree.fromstring(self._file.read_text(encoding="utf-8"))
            except (ElementTree.ParseError, OSError, UnicodeError) as error:
                raise GatewayFileError(self._file.name) from error
            for element in root.iter("list"):
                nodes = [node.attrib["cidr"] for node in element.iter("node")]
                lists[element.attrib["name"]] = nodes
        self._lists = lists

    def check(self, address: str, name: str) -> bool:
        """Tell whether the list of that name has the address; False when there is no such list."""
        try:
            found = ip_address(address.lower().removeprefix("::ffff:"))
        except ValueError:
            return False
        return any(found in ip_network(cidr.strip()) for cidr in self._lists.get(name, []))
