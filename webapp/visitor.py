"""Who asks: a user who is signed in, a paired tablet, or nobody that we know.

Both are cookies that hold an opaque token, of which the database has a hash.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Final
from urllib.parse import quote
from uuid import UUID

from fastapi import Depends, Request
from starlette.responses import Response

from controlplane.restaurants.user_sessions import LONGEST, find_user
from webapp.cookies import set_cookie
from webapp.site import Site, SiteHere

SESSION_COOKIE: Final = "session"
DEVICE_COOKIE: Final = "tablet"
DEVICE_DAYS: Final = 365
"""A kitchen's tablet stays paired for so long; revoking it ends it at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """A user and the session by which they came."""

    user_id: UUID
    name: str
    email: str
    session_id: UUID
    confirmed_at: datetime | None
    """When they last proved who they are."""

    @property
    def initials(self) -> str:
        return initials(self.name, self.email)


def initials(name: str, email: str) -> str:
    """Return the letters of somebody's avatar: "LE" of Lucia Esposito."""
    words = name.split() or [email]
    return "".join(word[0] for word in (words[0], words[-1])[: len(words)]).upper()


class SignInNeeded(Exception):
    """Raised where nobody is signed in: the answer leads to the sign-in page, and back here."""

    def __init__(self, request: Request) -> None:
        super().__init__("sign in first")
        self.location = f"/login?next={_back_to(request)}"


class PasswordNeeded(Exception):
    """Raised where the password is to be asked again: the answer leads there, and back here."""

    def __init__(self, request: Request, back_to: str = "") -> None:
        super().__init__("confirm who you are first")
        to = quote(back_to, safe="/") if back_to else _back_to(request)
        self.location = f"/account/confirm?next={to}"


async def the_user(request: Request, site: SiteHere) -> SignedIn | None:
    """Return who is signed in; None when the cookie opens nothing."""
    token = request.cookies.get(site.cookie(SESSION_COOKIE))
    if not token:
        return None
    async with site.sessions() as session, session.begin():
        found = await find_user(session, token, now=datetime.now(UTC))
        if found is None:
            return None
        signed_in, user = found
        return SignedIn(
            user_id=user.id,
            name=user.name,
            email=user.email,
            session_id=signed_in.id,
            confirmed_at=signed_in.confirmed_at,
        )


MaybeUser = Annotated[SignedIn | None, Depends(the_user)]


async def a_user(request: Request, user: MaybeUser) -> SignedIn:
    if user is None:
        raise SignInNeeded(request)
    return user


UserHere = Annotated[SignedIn, Depends(a_user)]


def remember_user(answer: Response, site: Site, token: str) -> None:
    """Hand the browser its session's token; no script reads it, no other site's link brings it."""
    seconds = int(LONGEST.total_seconds())
    set_cookie(answer, site, site.cookie(SESSION_COOKIE), token, seconds=seconds)


def remember_device(answer: Response, site: Site, token: str) -> None:
    seconds = DEVICE_DAYS * 86_400
    set_cookie(answer, site, site.cookie(DEVICE_COOKIE), token, seconds=seconds)


def forget_user(answer: Response, site: Site) -> None:
    answer.delete_cookie(site.cookie(SESSION_COOKIE), path="/", secure=site.https, httponly=True)


def _back_to(request: Request) -> str:
    """A page that was read is returned to; what was sent is sent anew from the page it was on."""
    if request.method == "GET":
        query = f"?{request.url.query}" if request.url.query else ""
        return quote(request.url.path + query, safe="/")
    return quote(request.url.path.rsplit("/", 1)[0] or "/", safe="/")


def local_path(written: str | None, otherwise: str) -> str:
    """Return where `next` leads, if that is a page of ours: never another host's.

    Browsers leave tabs and line ends out of an address, and read "\\" as "/" (WHATWG URL §4.4).
    """
    if written and written.isprintable() and "\\" not in written:
        if written.startswith("/") and not written.startswith("//"):
            return written
    return otherwise
