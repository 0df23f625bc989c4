"""Refuses what another site makes a visitor's browser do, without a token in every form.

A browser says where a request comes from in Sec-Fetch-Site (W3C Fetch Metadata §2.3), an older one
in Origin (RFC 6454 §7); neither can be set by a page. A request with neither is no browser's: a
printer, a till, a payment provider, whose cookies nobody can borrow. These are the rules of Go's
net/http CrossOriginProtection.
"""

from typing import Final

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
FROM_HERE: Final = frozenset({"same-origin", "none"})


class CrossSiteRefused:
    """Answers 403 to unsafe methods from elsewhere."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] not in SAFE_METHODS:
            if not _is_from_here(Headers(scope=scope)):
                await PlainTextResponse("Requête refusée.", 403)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _is_from_here(headers: Headers) -> bool:
    if (site := headers.get("sec-fetch-site")) is not None:
        return site in FROM_HERE
    if (origin := headers.get("origin")) is not None:
        return origin.partition("://")[2] == headers.get("host", "-")
    return True
