"""Between a right password and a right one-time code a signed cookie says who is signing in."""

from typing import Final
from uuid import UUID

from fastapi import Request, Response
from itsdangerous import BadSignature

from webapp.cookies import set_cookie, signer
from webapp.site import Site

COOKIE: Final = "code"
GOOD_FOR_S: Final = 600
"""Long enough to find the telephone."""


def begin_code_step(answer: Response, site: Site, user_id: UUID, *, to: str) -> None:
    """Remember whose password was right, and where they were going."""
    signed = signer(site, COOKIE).dumps([str(user_id), to])
    set_cookie(answer, site, site.cookie(COOKIE), signed, seconds=GOOD_FOR_S)


def who_is_at_code_step(request: Request, site: Site) -> tuple[UUID, str] | None:
    """Return whose code is asked for, and where they go then; None when it took too long."""
    try:
        signed = request.cookies.get(site.cookie(COOKIE), "")
        user_id, to = signer(site, COOKIE).loads(signed, max_age=GOOD_FOR_S)
    except BadSignature:
        return None
    return UUID(user_id), str(to)


def end_code_step(answer: Response, site: Site) -> None:
    answer.delete_cookie(site.cookie(COOKIE), path="/", secure=site.https, httponly=True)
