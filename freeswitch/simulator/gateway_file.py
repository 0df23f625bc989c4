"""Reads the gateway files that the bridge agent writes, as mod_sofia does at `startgw` and
`rescan`.
"""

from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree


class GatewayFileError(Exception):
    """Raised for a file that is not XML: FreeSWITCH then keeps its old configuration, even for
    other files' gateways.
    """


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """Holds one `<gateway>` element."""

    name: str
    parameters: dict[str, str]
    inbound_variables: dict[str, str] = field(default_factory=dict)

    def get(self, name: str, default: str = "") -> str:
        """Return a parameter, or `default`."""
        return self.parameters.get(name, default)

    def seconds(self, name: str, default: int) -> int:
        """Return a duration parameter; what is no number counts as absent."""
        text = self.get(name)
        return int(text) if text.isdigit() else default


def read_gateways(folder: Path) -> dict[str, GatewaySettings]:
    """Return every gateway of the folder by name. Raises `GatewayFileError`."""
    gateways: dict[str, GatewaySettings] = {}
    for file in sorted(folder.glob("*.xml")):
        try:
            root = ElementTree.fromstring(file.read_text(encoding="utf-8"))
        except (ElementTree.ParseError, OSError, UnicodeError) as error:
            raise GatewayFileError(file.name) from error
        for element in root.iter("gateway"):
            settings = _settings(element)
            gateways.setdefault(settings.name, settings)
    return gateways


def _settings(element: ElementTree.Element) -> GatewaySettings:
    return GatewaySettings(
        name=element.attrib["name"],
        parameters={
            param.attrib["name"]: param.attrib.get("value", "")
            for param in element.findall("param")
        },
        inbound_variables={
            variable.attrib["name"]: variable.attrib.get("value", "")
            for variable in element.iter("variable")
            if variable.get("direction", "inbound") in ("inbound", "both")
        },
    )
