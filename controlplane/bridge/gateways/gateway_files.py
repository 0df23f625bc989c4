"""The files FreeSWITCH reads gateways and carriers' networks from: each is whole, or not there."""

from pathlib import Path

from controlplane.bridge.gateways.gateway_xml import (
    SUFFIX,
    GatewaySettings,
    gateway_file_name,
    gateway_xml,
)
from controlplane.bridge.whole_file import write_whole


def write_gateway_file(folder: Path, settings: GatewaySettings) -> Path:
    """Put the gateway in `folder`. Raises InvalidGateway before touching the disk, OSError."""
    text = gateway_xml(settings)
    file = folder / gateway_file_name(settings.gateway_name)
    write_whole(file, text.encode())
    return file


def remove_gateway_file(folder: Path, gateway_name: str) -> bool:
    """Remove the gateway's file; tell whether it was there. Raises InvalidGateway, OSError."""
    try:
        (folder / gateway_file_name(gateway_name)).unlink()
    except FileNotFoundError:
        return False
    return True


def gateway_files(folder: Path) -> set[str]:
    """Return the names of the gateways that have a file in `folder`."""
    return {path.stem for path in folder.glob(f"*{SUFFIX}") if not path.name.startswith(".")}
