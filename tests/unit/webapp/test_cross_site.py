"""What another site makes a browser send is refused; what no browser sends, and what our own pages
send, is not. Nothing leads to another site. Too much is refused, announced or not.
"""

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from webapp.body_limit import BodyLimit
from webapp.cross_site import CrossSiteRefused
from webapp.security_headers import SecurityHeaders
from webapp.visitor import local_path

pytestmark = pytest.mark.unit


async def told(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(len(await request.body())))


APP = CrossSiteRefused(
    BodyLimit(Starlette(routes=[Route("/", told, methods=["GET", "POST"])]), most_bytes=100)
)


def client() -> httpx2.AsyncClient:
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(APP), base_url="https://site.test")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"sec-fetch-site": "same-origin"}, 200),
        ({"sec-fetch-site": "none"}, 200),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "cross-site", "origin": "https://site.test"}, 403),
        ({"origin": "https://site.test"}, 200),
        ({"origin": "https://evil.test"}, 403),
        ({"origin": "https://site.test.evil.test"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://["}, 403),
    ],
    ids=str,
)
async def test_a_post_from_elsewhere_is_refused(headers: dict[str, str], status: int) -> None:
    async with client() as browser:
        assert (await browser.post("/", headers=headers)).status_code == status
        assert (await browser.get("/", headers=headers)).status_code == 200


async def test_a_form_says_where_it_comes_from() -> None:
    """Under "no-referrer" its Origin is "null" (Fetch §3.2), which over plain HTTP, and in older
    browsers, is all that it says of that.
    """
    site = SecurityHeaders(APP, https=False)
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(site), base_url="http://site.test"
    ) as browser:
        assert (await browser.get("/")).headers["referrer-policy"] == "same-origin"


@pytest.mark.parametrize(
    ("written", "leads_to"),
    [
        ("/place/1?day=2026-11-28", "/place/1?day=2026-11-28"),
        ("", "/"),
        ("https://evil.test/", "/"),
        ("//evil.test/", "/"),
        ("/\\evil.test/", "/"),
        ("/\t/evil.test/", "/"),
        ("/\n/evil.test/", "/"),
        ("/\r\\evil.test/", "/"),
    ],
)
def test_a_sign_in_leads_to_a_page_of_the_site(written: str, leads_to: str) -> None:
    assert local_path(written, "/") == leads_to


async def test_too_much_is_refused_announced_or_not() -> None:
    async def chunks() -> object:
        for _ in range(3):
            yield b"x" * 50

    async with client() as browser:
        assert (await browser.post("/", content=b"x" * 100)).text == "100"
        assert (await browser.post("/", content=b"x" * 101)).status_code == 413
        assert (await browser.post("/", content=chunks())).status_code == 413  # type: ignore[arg-type]
        lying = await browser.post("/", content=b"x", headers={"content-length": "ten"})
        assert lying.status_code == 413
