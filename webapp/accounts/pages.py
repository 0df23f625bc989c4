"""Pages of no restaurant: the gate's, and those of a user's account; with what an act has said."""

from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse

from controlplane.restaurants.errors import RestaurantError
from webapp.accounts.arrival import lead
from webapp.accounts.words import password_hint, said
from webapp.said import forget_said, read_said, remember_said
from webapp.site import Site
from webapp.words import _

ACCOUNT = "/account"


def gate_page(
    request: Request, site: Site, template: str, *, status: int = 200, **data: Any
) -> HTMLResponse:
    """Render a page that stands alone."""
    html = site.templates.get_template(template).render(
        path=request.url.path, password_hint=password_hint(), **data
    )
    return HTMLResponse(html, status)


def over_page(request: Request, site: Site, error: RestaurantError) -> HTMLResponse:
    """Say that a link opens nothing any more (404), and where to go."""
    return gate_page(
        request,
        site,
        "layout/message.html",
        status=404,
        title=said(error),
        sentence=_("Un lien sert une fois, et pas pour toujours."),
        link="/login",
        link_name=_("Revenir à la connexion"),
    )


def account_page(
    request: Request, site: Site, template: str, *, status: int = 200, **data: Any
) -> HTMLResponse:
    """Render a page of the user's account, with what the last act said."""
    done = read_said(request, site)
    answer = gate_page(request, site, template, status=status, said=done, **data)
    if done:
        forget_said(answer, ACCOUNT)
    return answer


def back_to_account(site: Site, done: str) -> RedirectResponse:
    """Lead to the account after an act, and say what was done."""
    answer = lead(ACCOUNT)
    remember_said(answer, site, done, path=ACCOUNT)
    return answer
