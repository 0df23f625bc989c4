"""A browser is named so that its user knows it, and who tries is one household, not one address."""

from typing import Any

import pytest
from starlette.requests import Request

from webapp.accounts.browsers import browser_name, is_tablet
from webapp.accounts.tries import network_of

pytestmark = pytest.mark.unit

CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0"


@pytest.mark.parametrize(
    ("user_agent", "name", "tablet"),
    [
        (
            f"Mozilla/5.0 (Windows NT 10.0) {CHROME} Safari/537.36 Edg/140.0",
            "Edge · Windows",
            False,
        ),
        (f"Mozilla/5.0 (Linux; Android 15) {CHROME} Safari/537.36", "Chrome · Android", True),
        (f"Mozilla/5.0 (Linux; Android 15) {CHROME} Mobile Safari", "Chrome · Android", False),
        ("Mozilla/5.0 (iPad; CPU OS 18_0 like Mac OS X) Safari/604.1", "Safari · iPad", True),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15) Firefox/140.0", "Firefox · macOS", False),
        ("curl/8.0", "", False),
        ("", "", False),
    ],
)
def test_a_browser_is_named(user_agent: str, name: str, *, tablet: bool) -> None:
    assert (browser_name(user_agent), is_tablet(user_agent)) == (name, tablet)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:203.0.113.7", "::ffff:203.0.113.8", False),
        ("::ffff:203.0.113.7", "203.0.113.7", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("not an address", "not an address", True),
    ],
)
def test_an_operators_customer_counts_as_one(one: str, other: str, *, same: bool) -> None:
    assert (network_of(request_from(one)) == network_of(request_from(other))) is same


def request_from(host: str) -> Request:
    scope: dict[str, Any] = {"type": "http", "client": (host, 1)}
    return Request(scope)
