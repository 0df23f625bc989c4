"""An invitation on its way: mailed, mailed again, opened, and answered by who has no account yet.

The caller of these commits. The sessions are ones of the restaurant.
"""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.invitation import Invitation
from controlplane.models.membership import Role
from controlplane.models.user_account import UserAccount
from controlplane.restaurants.link_notices import LinkNotice, tell_link
from controlplane.restaurants.notify import NotificationKind
from controlplane.restaurants.people_errors import InvitationOver
from controlplane.restaurants.team import accept, invite
from controlplane.restaurants.tokens import token_hash
from controlplane.restaurants.users import create_user
from controlplane.secret_box import SecretBox


async def mail_invitation(
    session: AsyncSession,
    box: SecretBox,
    restaurant_id: UUID,
    email: str,
    role: Role,
    *,
    invited_by: UserAccount,
    link: Callable[[str], str],
    now: datetime,
) -> None:
    """Invite, in the language of who invites. `link` makes a URL of a token.

    Raises what `invite` raises.
    """
    token = await invite(session, restaurant_id, email, role, invited_by=invited_by.id, now=now)
    notice = LinkNotice(
        language="en" if invited_by.language == "en" else "fr",
        link=link(token),
        invited_by=invited_by.name,
        role=role,
    )
    to = (await find_invitation(session, restaurant_id, token, now=now)).email
    await tell_link(session, box, restaurant_id, NotificationKind.INVITATION, to=to, notice=notice)


async def mail_again(
    session: AsyncSession,
    box: SecretBox,
    restaurant_id: UUID,
    invitation_id: UUID,
    *,
    invited_by: UserAccount,
    link: Callable[[str], str],
    now: datetime,
) -> str:
    """Send a fresh link, which closes the one before; to whom it went. Raises `InvitationOver`,
    for one that was answered or revoked; one that is too old is sent again.
    """
    before = await session.scalar(
        select(Invitation).where(
            Invitation.restaurant_id == restaurant_id,
            Invitation.id == invitation_id,
            Invitation.accepted_at.is_(None),
            Invitation.revoked_at.is_(None),
        )
    )
    if before is None:
        raise InvitationOver
    email, role = before.email, Role(before.role)
    await mail_invitation(
        session, box, restaurant_id, email, role, invited_by=invited_by, link=link, now=now
    )
    return email


async def find_invitation(
    session: AsyncSession, restaurant_id: UUID, token: str, *, now: datetime
) -> Invitation:
    """What the link is for, while it can be answered. Raises `InvitationOver`."""
    found = await session.scalar(
        select(Invitation).where(
            Invitation.restaurant_id == restaurant_id,
            Invitation.token_hash == token_hash(token),
            Invitation.accepted_at.is_(None),
            Invitation.revoked_at.is_(None),
            Invitation.expires_at > now,
        )
    )
    if found is None:
        raise InvitationOver
    return found


async def join_as_new(
    session: AsyncSession,
    restaurant_id: UUID,
    token: str,
    *,
    name: str,
    password: str,
    now: datetime,
) -> UserAccount:
    """Make the account the invitation was sent for, and answer it.

    Raises `InvitationOver`, `WeakPassword`; `EmailTaken` where there is one: its user answers.
    """
    invitation = await find_invitation(session, restaurant_id, token, now=now)
    user = await create_user(session, email=invitation.email, name=name, password=password)
    await accept(session, restaurant_id, token, user, now=now)
    return user
