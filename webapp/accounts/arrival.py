"""Somebody proved who they are: their browser gets a new session, and is led to where they work."""

from datetime import UTC, datetime

from fastapi import Request, status
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.user_account import UserAccount
from controlplane.restaurants.user_sessions import revoke, sign_in
from webapp.accounts.browsers import browser_name
from webapp.accounts.known_browser import KnownBrowser
from webapp.cookies import set_cookie
from webapp.site import Site
from webapp.visitor import SESSION_COOKIE, remember_user
from webapp.words import LANGUAGE_COOKIE

LANGUAGE_FOR_S = 31_536_000


async def new_session(
    session: AsyncSession, request: Request, site: Site, user: UserAccount
) -> str:
    """Return the token of a session; the one that the browser had before ends."""
    if before := request.cookies.get(site.cookie(SESSION_COOKIE)):
        await revoke(session, before)
    browser = browser_name(request.headers.get("user-agent", ""))
    return await sign_in(session, user.id, now=datetime.now(UTC), browser=browser)


def signed_in(
    answer: Response, request: Request, site: Site, user: UserAccount, token: str
) -> None:
    """Hand the browser all that it keeps of a sign-in, once that is committed."""
    remember_user(answer, site, token)
    KnownBrowser.of(request, site).remember(answer, site, user.email)
    speak(answer, site, user.language)


def speak(answer: Response, site: Site, chosen: str) -> None:
    """Have the site's pages in this language in this browser."""
    set_cookie(answer, site, LANGUAGE_COOKIE, chosen, seconds=LANGUAGE_FOR_S)


def lead(path: str) -> RedirectResponse:
    """Lead to a page after an act (303)."""
    return RedirectResponse(path, status.HTTP_303_SEE_OTHER)
