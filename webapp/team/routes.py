"""The team page: who works here, who is invited, which tablets open the kitchen.

Its acts ask for the password again; what was typed is there when that is done.
"""

from datetime import UTC, datetime
from typing import Annotated, Final
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import HTMLResponse, Response
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.contracts.account_links import invitation_link
from controlplane.models.membership import Role
from controlplane.models.user_account import UserAccount
from controlplane.restaurants.devices import list_devices
from controlplane.restaurants.invitation_links import mail_again, mail_invitation
from controlplane.restaurants.people_errors import (
    AlreadyMember,
    InvitationOver,
    NotAnEmail,
    TooManyInvitations,
    TooManyTries,
)
from controlplane.restaurants.team import (
    change_role,
    hand_over,
    list_invitations,
    remove_member,
    revoke_invitation,
)
from controlplane.restaurants.try_limits import INVITE, TryLimits
from webapp.forms import Form
from webapp.place import OwnerHere, Place
from webapp.team import words
from webapp.team.queries import Member, read_member, read_members
from webapp.words import _

router = APIRouter(prefix="/place/{restaurant_id}/team", include_in_schema=False)

TEAM: Final = "/team"
OFFERED: Final = frozenset(str(role) for role, *_rest in words.ROLES_OFFERED)
Text = Annotated[str, Query(max_length=254)]


@router.get("")
async def team_page(
    place: OwnerHere, email: Text = "", role: Text = "", device: Text = ""
) -> HTMLResponse:
    """Show the team; the query is what was typed before the password was asked for."""
    return await show_team(place, Form(values={"email": email, "role": role, "name": device}))


@router.post("/invitations")
async def invite_somebody(request: Request, place: OwnerHere) -> Response:
    """Send an invitation by e-mail."""
    form = await Form.read(request)
    email, role = form.text("email"), form.text("role")
    place.require_recent_password(f"{TEAM}?{urlencode({'email': email, 'role': role})}")
    try:
        await TryLimits(place.site.redis).take(INVITE, str(place.restaurant_id))
        async with place.session() as session, session.begin():
            await mail_invitation(
                session,
                place.site.box,
                place.restaurant_id,
                email,
                Role(role) if role in OFFERED else Role.STAFF,
                invited_by=await _account(session, place),
                link=lambda token: invitation_link(place.site.settings.public_url, token),
                now=datetime.now(UTC),
            )
    except (NotAnEmail, AlreadyMember, TooManyInvitations, TooManyTries) as error:
        form.fail("email", words.refusal(error))
        return await show_team(place, form, status=422)
    return place.back(TEAM, said=_("L’invitation part à %(email)s.", email=email))


@router.post("/invitations/{invitation_id}/resend")
async def resend(invitation_id: UUID, place: OwnerHere) -> Response:
    """Send a fresh link; the one before opens nothing any more."""
    place.require_recent_password(TEAM)
    try:
        await TryLimits(place.site.redis).take(INVITE, str(place.restaurant_id))
        async with place.session() as session, session.begin():
            email = await mail_again(
                session,
                place.site.box,
                place.restaurant_id,
                invitation_id,
                invited_by=await _account(session, place),
                link=lambda token: invitation_link(place.site.settings.public_url, token),
                now=datetime.now(UTC),
            )
    except (InvitationOver, AlreadyMember, TooManyTries) as error:
        return place.back(TEAM, said=words.refusal(error))
    return place.back(TEAM, said=_("Un nouveau lien part à %(email)s.", email=email))


@router.post("/invitations/{invitation_id}/revoke")
async def revoke(invitation_id: UUID, place: OwnerHere) -> Response:
    """Take an invitation back."""
    place.require_recent_password(TEAM)
    try:
        async with place.session() as session, session.begin():
            now = datetime.now(UTC)
            await revoke_invitation(
                session, place.restaurant_id, invitation_id, now=now, actor=place.actor
            )
    except InvitationOver as error:
        return place.back(TEAM, said=words.refusal(error))
    return place.back(TEAM, said=_("L’invitation est annulée : son lien n’ouvre plus rien."))


@router.get("/members/{user_id}")
async def member_page(user_id: UUID, place: OwnerHere) -> HTMLResponse:
    """Show what can be changed of one member."""
    member = await _member(place, user_id)
    return place.page("team/member.html", member=member, roles=words.ROLES_OFFERED)


@router.post("/members/{user_id}/role")
async def give_role(request: Request, user_id: UUID, place: OwnerHere) -> Response:
    """Make a member a manager, or staff."""
    role = (await Form.read(request)).text("role")
    place.require_recent_password(f"{TEAM}/members/{user_id}")
    member = await _member(place, user_id)
    if role not in OFFERED:
        raise HTTPException(422)
    async with place.session() as session, session.begin():
        await change_role(session, place.restaurant_id, user_id, Role(role), actor=place.actor)
    return place.back(TEAM, said=_("Le rôle de %(name)s est changé.", name=member.name))


@router.post("/members/{user_id}/remove")
async def remove(user_id: UUID, place: OwnerHere) -> Response:
    """Take a member off the team, at once."""
    place.require_recent_password(f"{TEAM}/members/{user_id}")
    member = await _member(place, user_id)
    async with place.session() as session, session.begin():
        await remove_member(session, place.restaurant_id, user_id, actor=place.actor)
    return place.back(TEAM, said=_("%(name)s n’a plus accès au restaurant.", name=member.name))


@router.post("/members/{user_id}/own")
async def give_ownership(user_id: UUID, place: OwnerHere) -> Response:
    """Hand the restaurant over: who does it is a manager from then on."""
    place.require_recent_password(f"{TEAM}/members/{user_id}")
    member = await _member(place, user_id)
    async with place.session() as session, session.begin():
        await hand_over(session, place.restaurant_id, user_id, actor=place.actor)
    said = _("%(name)s est maintenant propriétaire. Vous êtes responsable.", name=member.name)
    return place.back("", said=said)


async def show_team(place: Place, form: Form, *, status: int = 200) -> HTMLResponse:
    """Render the page with what was typed into one of its forms."""
    now = datetime.now(UTC)
    async with place.session() as session:
        members = await read_members(session, place.restaurant_id)
        invitations = await list_invitations(session, place.restaurant_id, now=now)
        devices = await list_devices(session, place.restaurant_id, now=now)
    return place.page(
        "team/page.html",
        status=status,
        form=form,
        members=members,
        invitations=invitations,
        devices=devices,
        roles=words.ROLES_OFFERED,
        words=words,
        now=now.astimezone(place.zone),
    )


async def _member(place: Place, user_id: UUID) -> Member:
    async with place.session() as session:
        member = await read_member(session, place.restaurant_id, user_id)
    if member is None:
        raise HTTPException(404)
    return member


async def _account(session: AsyncSession, place: Place) -> UserAccount:
    """The owner who acts; a page of the team is never a tablet's."""
    assert place.user is not None
    return await session.get_one(UserAccount, place.user.user_id)
