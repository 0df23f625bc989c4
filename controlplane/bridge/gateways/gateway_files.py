"""The files FreeSWITCH reads gateways and carriers' networks from: each is whole, or not there."""

import contextlib
import os
import secrets
from pathlib import Path

from controlplane.bridge.gateways.gateway_xml import (
    SUFFIX,
    GatewaySettings,
    gateway_file_name,
    gateway_xml,
)


def write_whole(file: Path, text: str) -> None:
    """Put a file there that its owner alone may read. FreeSWITCH sees the old one or the new one: a
    half one would keep it from every later reload and startgw. Raises OSError.
    """
    file.parent.mkdir(mode=0o700, exist_ok=True)
    # Not `*.xml`: FreeSWITCH's includes must never see it.
    temporary = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
            handle.write(text)
        temporary.replace(file)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()
        raise


def write_gateway_file(folder: Path, settings: GatewaySettings) -> Path:
    """Put the gateway in `folder`. Raises InvalidGateway before touching the disk, OSError."""
    text = gateway_xml(settings)
    file = folder / gateway_file_name(settings.gateway_name)
    write_whole(file, text)
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
