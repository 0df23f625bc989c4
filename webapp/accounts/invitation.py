"""The link of an invitation: whoever has it makes an account, or answers with the one they have."""

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.contracts.account_links import INVITATION_PATH
from controlplane.models.membership import Role
from controlplane.models.user_account import UserAccount
from controlplane.restaurants.invitation_links import find_invitation, join_as_new
from controlplane.restaurants.people_errors import EmailTaken, InvitationOver, WeakPassword
from controlplane.restaurants.team import accept
from controlplane.restaurants.tokens import restaurant_of
from controlplane.tenancy import restaurant_session
from webapp.accounts import words
from webapp.accounts.arrival import lead, new_session, signed_in
from webapp.accounts.pages import gate_page, over_page
from webapp.accounts.queries import Invited, read_invited
from webapp.forms import Form
from webapp.site import Site, SiteHere
from webapp.visitor import MaybeUser, SignedIn
from webapp.words import _

router = APIRouter(prefix=INVITATION_PATH.rstrip("/"), include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Opened:
    """An invitation that can be answered."""

    token: str
    restaurant_id: UUID
    invited: Invited

    @property
    def place(self) -> str:
        return f"/place/{self.restaurant_id}"

    def session(self, site: Site) -> AsyncSession:
        return restaurant_session(site.sessions, self.restaurant_id)


async def open_link(token: str, site: Site) -> Opened:
    """Return what the link is for. Raises `InvitationOver`."""
    restaurant_id = restaurant_of(token)
    if restaurant_id is None:
        raise InvitationOver
    async with restaurant_session(site.sessions, restaurant_id) as session:
        invitation = await find_invitation(session, restaurant_id, token, now=datetime.now(UTC))
        return Opened(token, restaurant_id, await read_invited(session, invitation))


@router.get("/{token}")
async def invitation_page(
    request: Request, token: str, site: SiteHere, user: MaybeUser
) -> Response:
    """Say who invites to what, and ask for what is missing."""
    try:
        link = await open_link(token, site)
    except InvitationOver as error:
        return over_page(request, site, error)
    return _page(request, site, link, user, Form())


@router.post("/{token}")
async def answer_invitation(
    request: Request, token: str, site: SiteHere, user: MaybeUser
) -> Response:
    """Join the team: as who is signed in, or with a new account."""
    form = await Form.read(request)
    try:
        link = await open_link(token, site)
        if user is not None:
            return await _join(site, link, user)
        return await _join_as_new(request, site, link, form)
    except InvitationOver as error:
        return over_page(request, site, error)


async def _join(site: Site, link: Opened, user: SignedIn) -> Response:
    async with link.session(site) as session, session.begin():
        account = await session.get_one(UserAccount, user.user_id)
        await accept(session, link.restaurant_id, link.token, account, now=datetime.now(UTC))
    return lead(link.place)


async def _join_as_new(request: Request, site: Site, link: Opened, form: Form) -> Response:
    name = form.text("name")[: words.MOST_NAME]
    if not name:
        form.fail("name", _(words.NO_NAME))
        return _page(request, site, link, None, form, status=422)
    try:
        async with link.session(site) as session, session.begin():
            account = await join_as_new(
                session,
                link.restaurant_id,
                link.token,
                name=name,
                password=form.values.get("password", ""),
                now=datetime.now(UTC),
            )
            token = await new_session(session, request, site, account)
    except (WeakPassword, EmailTaken) as error:
        form.fail("password", words.said(error))
        return _page(request, site, link, None, form, status=422)
    answer = lead(link.place)
    signed_in(answer, request, site, account, token)
    return answer


def _page(
    request: Request,
    site: Site,
    link: Opened,
    user: SignedIn | None,
    form: Form,
    *,
    status: int = 200,
) -> Response:
    role = _(words.ROLE_WORDS[Role(link.invited.role)])
    return gate_page(
        request,
        site,
        "accounts/invitation.html",
        status=status,
        form=form,
        invited=link.invited,
        role=role,
        user=user,
    )
