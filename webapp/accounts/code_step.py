"""Between a right password and a right one-time code a signed cookie says who is signing in."""

from typing import Final
from uuid import UUID

from fastapi import Request, Response
from itsdangerous import BadSignature, URLSafeTimedSerializer

from webapp.site import Site

COOKIE: Final = "code"
GOOD_FOR_S: Final = 600
"""Long enough to find the telephone."""


def begin_code_step(answer: Response, site: Site, user_id: UUID, *, to: str) -> None:
    """Remember whose password was right, and where they were going."""
    answer.set_cookie(
        site.cookie(COOKIE),
        _signer(site).dumps([str(user_id), to]),
        max_age=GOOD_FOR_S,
        path="/",
        secure=site.https,
        httponly=True,
        samesite="lax",
    )


def who_is_at_code_step(request: Request, site: Site) -> tuple[UUID, str] | None:
    """Return whose code is asked for, and where they go then; None when it took too long."""
    try:
        signed = request.cookies.get(site.cookie(COOKIE), "")
        user_id, to = _signer(site).loads(signed, max_age=GOOD_FOR_S)
    except BadSignature:
        return None
    return UUID(user_id), str(to)


def end_code_step(answer: Response, site: Site) -> None:
    answer.delete_cookie(site.cookie(COOKIE), path="/", secure=site.https, httponly=True)


def _signer(site: Site) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(site.settings.link_secret.get_secret_value(), salt=COOKIE)
