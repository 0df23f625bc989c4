"""The back office as one of the platform's people sees it: what each of its routes asks for.

For anybody else it is not there.
"""

from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import Depends, HTTPException, Request
from fastapi.responses import HTMLResponse
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.restaurants.platform_views import is_platform_member
from webapp.site import Site, SiteHere
from webapp.visitor import SignedIn, UserHere
from webapp.words import N_

ENTRIES: Final = (
    ("bridges", "/plateforme/ponts", N_("Ponts"), "bridge"),
    ("lines", "/plateforme/lignes", N_("Lignes"), "line"),
    ("workers", "/plateforme/agents", N_("Agents"), "worker"),
    ("live", "/plateforme/appels", N_("Appels"), "call-live"),
    ("tenants", "/plateforme/restaurants", N_("Restaurants"), "building"),
    ("carriers", "/plateforme/operateurs", N_("Opérateurs"), "queue"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """Who looks, and the sessions that see all restaurants."""

    site: Site
    request: Request
    user: SignedIn

    def session(self) -> AsyncSession:
        assert self.site.platform is not None
        return self.site.platform()

    def page(self, template: str, *, status: int = 200, **data: Any) -> HTMLResponse:
        """Render a page with the back office's navigation."""
        html = self.site.templates.get_template(template).render(
            office=self, entries=ENTRIES, **data
        )
        return HTMLResponse(html, status)


async def is_of_the_platform(site: Site, user: SignedIn) -> bool:
    """Whether the back office is there for the user, and this process serves it."""
    if site.platform is None:
        return False
    async with site.platform() as session:
        return await is_platform_member(session, user.user_id)


async def the_office(request: Request, site: SiteHere, user: UserHere) -> Office:
    """Return it for a member of the platform, where this process serves it."""
    if not await is_of_the_platform(site, user):
        raise HTTPException(404)
    return Office(site=site, request=request, user=user)


OfficeHere = Annotated[Office, Depends(the_office)]
