"""What an act said is shown by the next page, or by none: a signed cookie carries it there."""

from typing import Final

from fastapi import Request, Response
from itsdangerous import BadSignature

from webapp.cookies import set_cookie, signer
from webapp.site import Site

SAID_COOKIE: Final = "said"
SAID_FOR_S: Final = 30


def remember_said(answer: Response, site: Site, said: str, *, path: str) -> None:
    """Have the next page under this path say it."""
    signed = signer(site, SAID_COOKIE).dumps(said)
    set_cookie(answer, site, SAID_COOKIE, signed, seconds=SAID_FOR_S, path=path)


def read_said(request: Request, site: Site) -> str:
    """Return what the last act said; "" when there is nothing."""
    try:
        signed = request.cookies.get(SAID_COOKIE, "")
        return str(signer(site, SAID_COOKIE).loads(signed, max_age=SAID_FOR_S))
    except BadSignature:
        return ""


def forget_said(answer: Response, path: str) -> None:
    answer.delete_cookie(SAID_COOKIE, path=path)
