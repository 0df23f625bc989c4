"""Where webhooks may go: addresses that the internet reaches, and nothing behind our own walls.

Checked when an address is written, and again each time its name is resolved: a name may lead
elsewhere by then. Pure.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final
from urllib.parse import urlsplit

from controlplane.restaurants.api_errors import AddressFault, EndpointRefused

Address = IPv4Address | IPv6Address
NAT64: Final = IPv6Network("64:ff9b::/96")
"""A gateway turns these into the IPv4 address of their last 32 bits (RFC 6052 §2.1)."""


def check_address(url: str, *, local: bool) -> None:
    """Raise `EndpointRefused` unless something may be sent there. On a developer's stack, `local`,
    plain HTTP to this machine is allowed.
    """
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError:
        raise EndpointRefused(AddressFault.NOT_A_URL) from None
    if not host or not url.isascii() or not url.isprintable() or " " in url:
        raise EndpointRefused(AddressFault.NOT_A_URL)
    if parts.scheme != "https" and not (local and parts.scheme == "http"):
        raise EndpointRefused(AddressFault.NOT_HTTPS)
    if parts.username is not None or parts.password is not None:
        raise EndpointRefused(AddressFault.WITH_PASSWORD)
    if local:
        return
    literal = _literal(host)
    if host == "localhost" or (literal is not None and not is_public(literal)):
        raise EndpointRefused(AddressFault.NOT_PUBLIC)


def public_only(found: Iterable[str], *, local: bool) -> list[str]:
    """Return the addresses a name leads to if every one of them may be sent to; [] otherwise, for
    a name that leads to both is somebody's trick.
    """
    addresses = list(found)
    if local or all(is_public(ip_address(each)) for each in addresses):
        return addresses
    return []


def is_public(address: Address) -> bool:
    """Whether the internet routes to it (IANA special-purpose registries); an IPv4 address within
    an IPv6 one is looked at as itself.
    """
    reached = (_ipv4_within(address) if isinstance(address, IPv6Address) else None) or address
    return reached.is_global and not reached.is_multicast


def _ipv4_within(address: IPv6Address) -> IPv4Address | None:
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None
