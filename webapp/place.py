"""One restaurant as one visitor sees it: what every route under /place/{restaurant_id} asks for.

Who is no member gets the answer of no page; a member without the right learns who has it.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import Depends, HTTPException, Request, status
from fastapi.responses import HTMLResponse, RedirectResponse
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.device import Device
from controlplane.models.membership import Role
from controlplane.restaurants.devices import find_device, see_device
from controlplane.restaurants.platform_views import open_view
from controlplane.restaurants.team import restaurants_of
from controlplane.restaurants.tokens import restaurant_of
from controlplane.tenancy import restaurant_session
from webapp.cross_site import SAFE_METHODS
from webapp.navigation import counter, may, navigation
from webapp.queries import Frame, read_frame
from webapp.said import forget_said, read_said, remember_said
from webapp.site import Site, SiteHere
from webapp.visitor import (
    DEVICE_COOKIE,
    MaybeUser,
    PasswordNeeded,
    SignedIn,
    SignInNeeded,
    the_user,
)
from webapp.words import Language, language

CONFIRMED_FOR: Final = timedelta(minutes=10)
"""Who typed their password so long ago is asked again before bills and the team."""


class NotAllowed(Exception):
    """Raised for a member whose role does not go so far."""

    def __init__(self, place: "Place", least: Role) -> None:
        super().__init__(f"takes at least {least}")
        self.place = place
        self.least = least


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A restaurant, who looks at it, and how pages of it are made."""

    site: Site
    request: Request
    restaurant_id: UUID
    frame: Frame
    role: Role | None
    """None is a paired tablet, which sees the kitchen alone."""
    user: SignedIn | None
    device_id: UUID | None
    seen_until: datetime | None = None
    """Somebody of the platform looks, until then, and changes nothing."""

    @property
    def name(self) -> str:
        return self.frame.name

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.frame.timezone)

    @property
    def language(self) -> Language:
        return language()

    @property
    def actor(self) -> str:
        """Who it is to the audit log. The platform's people do nothing that it would tell."""
        return f"user:{self.user.user_id}" if self.user else f"device:{self.device_id}"

    def may(self, least: Role) -> bool:
        return may(self.role, least)

    def session(self) -> AsyncSession:
        """Open a session of this restaurant alone; it is given back before anything waits."""
        return restaurant_session(self.site.sessions, self.restaurant_id)

    def url(self, path: str = "") -> str:
        """Return the address of a page of this restaurant."""
        return f"/place/{self.restaurant_id}{path}"

    def require_recent_password(self, back_to: str = "") -> None:
        """Raises `PasswordNeeded`, which leads to the page that asks, and back: to `back_to`, a
        path of this restaurant, where what was typed can be filled in again.
        """
        if self.user is None or not confirmed_recently(self.user):
            raise PasswordNeeded(self.request, self.url(back_to) if back_to else "")

    def page(self, template: str, *, status: int = 200, **data: Any) -> HTMLResponse:
        """Render a page of the restaurant, with its navigation and what the last act said."""
        said = read_said(self.request, self.site)
        html = self.site.templates.get_template(template).render(
            place=self, groups=navigation(self.role), counter=counter, said=said, **data
        )
        answer = HTMLResponse(html, status)
        if said:
            forget_said(answer, self.url())
        return answer

    def back(self, path: str, *, said: str = "") -> RedirectResponse:
        """Lead to a page of the restaurant after an act, which says what was done."""
        answer = RedirectResponse(self.url(path), status.HTTP_303_SEE_OTHER)
        if said:
            remember_said(answer, self.site, said, path=self.url())
        return answer


def confirmed_recently(user: SignedIn) -> bool:
    """Whether they proved who they are a short while ago."""
    confirmed = user.confirmed_at
    return confirmed is not None and datetime.now(UTC) - confirmed <= CONFIRMED_FOR


async def a_place(restaurant_id: UUID, request: Request, site: SiteHere, user: MaybeUser) -> Place:
    """Return the restaurant for a member, a paired tablet, or who looks for the platform; anybody
    else is sent away.
    """
    role = await _role(site, user, restaurant_id)
    async with restaurant_session(site.sessions, restaurant_id) as session, session.begin():
        device = None if role else await _device(session, request, site, restaurant_id)
        view = None
        if user is not None and role is None and device is None:
            view = await open_view(session, restaurant_id, user.user_id, now=datetime.now(UTC))
        if role is None and device is None and view is None:
            raise SignInNeeded(request) if user is None else HTTPException(404)
        if view is not None and request.method not in SAFE_METHODS:
            raise HTTPException(status.HTTP_403_FORBIDDEN)
        frame = await read_frame(session, restaurant_id)
        if frame is None:
            raise HTTPException(404)
    return Place(
        site=site,
        request=request,
        restaurant_id=restaurant_id,
        frame=frame,
        role=Role.MANAGER if view else role,
        user=user if role or view else None,
        device_id=device.id if device else None,
        seen_until=view.expires_at if view else None,
    )


async def still_let_in(place: Place) -> bool:
    """Whether who opened the place may still, and as who they were: what outlives its request asks.

    Raises SQLAlchemy's errors.
    """
    try:
        user = await the_user(place.request, place.site)
        now = await a_place(place.restaurant_id, place.request, place.site, user)
    except (SignInNeeded, HTTPException):
        return False
    return (now.role, now.actor) == (place.role, place.actor)


async def _device(
    session: AsyncSession, request: Request, site: Site, restaurant_id: UUID
) -> Device | None:
    token = request.cookies.get(site.cookie(DEVICE_COOKIE), "")
    if restaurant_of(token) != restaurant_id:
        return None
    if (device := await find_device(session, restaurant_id, token)) is not None:
        await see_device(session, device, now=datetime.now(UTC))
    return device


async def _role(site: Site, user: SignedIn | None, restaurant_id: UUID) -> Role | None:
    if user is None:
        return None
    async with site.sessions() as session:
        return (await restaurants_of(session, user.user_id)).get(restaurant_id)


def allow(least: Role) -> Callable[[Place], Awaitable[Place]]:
    """Make the dependency of a route that takes at least this role."""

    async def allowed(place: Annotated[Place, Depends(a_place)]) -> Place:
        if place.role is None:
            raise HTTPException(404)
        if not place.may(least):
            raise NotAllowed(place, least)
        return place

    return allowed


KitchenHere = Annotated[Place, Depends(a_place)]
"""A member, or a tablet that is paired with this restaurant."""
StaffHere = Annotated[Place, Depends(allow(Role.STAFF))]
ManagerHere = Annotated[Place, Depends(allow(Role.MANAGER))]
OwnerHere = Annotated[Place, Depends(allow(Role.OWNER))]


async def sure_owner(place: OwnerHere) -> Place:
    """Return the restaurant to its owner who typed their password a moment ago.

    Raises `PasswordNeeded`.
    """
    place.require_recent_password()
    return place


OwnerSure = Annotated[Place, Depends(sure_owner)]
