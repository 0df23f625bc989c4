"""Cookies that no script reads and no other site's form brings; what they hold may be signed."""

from fastapi import Response
from itsdangerous import URLSafeTimedSerializer

from webapp.site import Site


def set_cookie(
    answer: Response, site: Site, name: str, value: str, *, seconds: int, path: str = "/"
) -> None:
    """Have the browser keep it for so long and send it under this path."""
    answer.set_cookie(
        name,
        value,
        max_age=seconds,
        path=path,
        secure=site.https,
        httponly=True,
        samesite="lax",
    )


def signer(site: Site, purpose: str) -> URLSafeTimedSerializer:
    """Make what signs values for this purpose; signed for another one they are refused."""
    return URLSafeTimedSerializer(site.settings.link_secret.get_secret_value(), salt=purpose)
