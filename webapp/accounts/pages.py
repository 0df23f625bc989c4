"""Pages of no restaurant: the gate's, and those of a user's account; with what an act has said."""

from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse

from webapp.accounts.arrival import lead
from webapp.accounts.words import password_hint
from webapp.said import forget_said, read_said, remember_said
from webapp.site import Site

ACCOUNT = "/account"


def gate_page(
    request: Request, site: Site, template: str, *, status: int = 200, **data: Any
) -> HTMLResponse:
    """Render a page that stands alone."""
    html = site.templates.get_template(template).render(
        path=request.url.path, password_hint=password_hint(), **data
    )
    return HTMLResponse(html, status)


def account_page(
    request: Request, site: Site, template: str, *, status: int = 200, **data: Any
) -> HTMLResponse:
    """Render a page of the user's account, with what the last act said."""
    said = read_said(request, site)
    answer = gate_page(request, site, template, status=status, said=said, **data)
    if said:
        forget_said(answer, ACCOUNT)
    return answer


def back_to_account(site: Site, said: str, *, path: str = ACCOUNT) -> RedirectResponse:
    """Lead to the account after an act, and say what was done."""
    answer = lead(path)
    remember_said(answer, site, said, path=ACCOUNT)
    return answer
