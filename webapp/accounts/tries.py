"""Who tries, to the limits of tries: an address of the network, or a browser that is known."""

from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Final

import structlog
from fastapi import Request

from controlplane.errors import ServiceUnavailable
from controlplane.restaurants.try_limits import LOGIN, LOGIN_NETWORK, Limit, TryLimits
from webapp.accounts.known_browser import KnownBrowser
from webapp.site import Site

_IPV6_HOUSEHOLD: Final = 64
"""One customer of an operator has 2**64 addresses: they count as one."""

_logger = structlog.get_logger()


def network_of(request: Request) -> str:
    """Return the address a request comes from, as the nearest trusted proxy says it."""
    host = request.client.host if request.client else ""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:  # as a socket of both kinds shows who came by IPv4
            return str(address.ipv4_mapped)
        return f"{int(address) >> (128 - _IPV6_HOUSEHOLD):x}"
    return host


@dataclass(frozen=True, slots=True)
class LoginTry:
    """One try to sign in that was counted."""

    known: bool
    """The user signed in there before: `check_password` goes by it."""
    left: int | None
    """So many tries are left; None while Redis counts none, and the account's own lock does."""
    counted: tuple[tuple[Limit, str], ...] = ()


async def count_login(site: Site, request: Request, email: str) -> LoginTry:
    """Count it before the password is looked at. Raises `TooManyTries`.

    In a known browser the network's limit does not count: whoever shares it locks nobody out.
    """
    browser = KnownBrowser.of(request, site)
    known = browser.knows(email)
    who = browser.browser_id if known else network_of(request)
    limits = TryLimits(site.redis)
    address = (LOGIN, f"{email.strip().lower()} {who}")
    counted = (address,) if known else (address, (LOGIN_NETWORK, who))
    try:
        left = [await limits.take(limit, key) for limit, key in counted]
    except ServiceUnavailable:
        _logger.warning("login_tries_not_counted")
        return LoginTry(known=False, left=None)
    return LoginTry(known=known, left=left[0], counted=counted)


async def give_back(site: Site, tried: LoginTry) -> None:
    """A right password is no guess."""
    with suppress(ServiceUnavailable):
        for limit, key in tried.counted:
            await TryLimits(site.redis).give_back(limit, key)
