"""Who works for a restaurant: members, invitations, one owner; the caller of these commits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.invitation import Invitation
from controlplane.models.membership import Membership, Role
from controlplane.models.user_account import UserAccount
from controlplane.restaurants.access_told import tell_access_changed
from controlplane.restaurants.audit import audit
from controlplane.restaurants.organisations import leave_unless_headed_by
from controlplane.restaurants.people_errors import (
    AlreadyMember,
    InvitationOver,
    NotAMember,
    OwnerStays,
    TooManyInvitations,
)
from controlplane.restaurants.tokens import new_token, token_hash
from controlplane.restaurants.users import read_email

OPEN_FOR: Final = timedelta(days=7)
MOST_OPEN: Final = 20
"""No team invites more at once; a stolen session that invites the world stops here."""

_RESTAURANTS: Final = text("SELECT restaurant_id, role FROM restaurants_of_user(:user_id)")
_PLACES: Final = text("SELECT restaurant_id, role, name, address FROM places_of_user(:user_id)")


async def restaurants_of(session: AsyncSession, user_id: UUID) -> Mapping[UUID, Role]:
    """The restaurants a user works for, and as what; an organisation's head manages all of its.

    It needs no restaurant to be named (`controlplane/tenancy.py`).
    """
    found = await session.execute(_RESTAURANTS, {"user_id": user_id})
    return {restaurant_id: Role(role) for restaurant_id, role in found}


@dataclass(frozen=True, slots=True)
class Workplace:
    """A restaurant a user works for, as they choose it."""

    restaurant_id: UUID
    role: Role
    name: str
    address: str


async def workplaces(session: AsyncSession, user_id: UUID) -> Sequence[Workplace]:
    """The same with their names, by name."""
    found = await session.execute(_PLACES, {"user_id": user_id})
    return [Workplace(id, Role(role), name, address) for id, role, name, address in found]


async def list_members(
    session: AsyncSession, restaurant_id: UUID
) -> Sequence[tuple[UserAccount, Role]]:
    """Who works for the restaurant, by name; an organisation's head is no member."""
    rows = await session.execute(
        select(UserAccount, Membership.role)
        .join(Membership, Membership.user_id == UserAccount.id)
        .where(Membership.restaurant_id == restaurant_id)
        .order_by(UserAccount.name, UserAccount.email)
    )
    return [(user, Role(role)) for user, role in rows]


async def list_invitations(
    session: AsyncSession, restaurant_id: UUID, *, now: datetime
) -> Sequence[Invitation]:
    """The invitations that can still be answered, the oldest first."""
    rows = await session.scalars(
        select(Invitation)
        .where(*_waiting(restaurant_id), Invitation.expires_at > now)
        .order_by(Invitation.id)
    )
    return rows.all()


async def make_owner(
    session: AsyncSession, restaurant_id: UUID, user_id: UUID, *, actor: str
) -> None:
    """Hand the restaurant over: who owned it becomes a manager, and it leaves an organisation that
    the new owner does not head.
    """
    await session.execute(
        select(Membership.user_id)
        .where(Membership.restaurant_id == restaurant_id)
        .with_for_update()
    )
    before = await session.scalar(
        update(Membership)
        .where(Membership.restaurant_id == restaurant_id, Membership.role == Role.OWNER)
        .values(role=Role.MANAGER)
        .returning(Membership.user_id)
    )
    await _be(session, restaurant_id, user_id, Role.OWNER)
    if before != user_id:
        await leave_unless_headed_by(session, restaurant_id, user_id)
    await _audit(session, restaurant_id, user_id, "make_owner", actor=actor)


async def hand_over(
    session: AsyncSession, restaurant_id: UUID, user_id: UUID, *, actor: str
) -> None:
    """Have a member of the team own it. Raises `NotAMember`, so that no stranger is given it."""
    if user_id not in await _members(session, restaurant_id):
        raise NotAMember
    await make_owner(session, restaurant_id, user_id, actor=actor)


async def invite(
    session: AsyncSession,
    restaurant_id: UUID,
    email: str,
    role: Role,
    *,
    invited_by: UUID,
    now: datetime,
) -> str:
    """The token for the link that is sent to the address. An earlier one to it is revoked.

    Raises `NotAnEmail`, `OwnerStays` (nobody is invited to own), `AlreadyMember`,
    `TooManyInvitations`.
    """
    if role is Role.OWNER:
        raise OwnerStays
    address = read_email(email)
    if any(user.email == address for user, _ in await list_members(session, restaurant_id)):
        raise AlreadyMember
    waiting = _waiting(restaurant_id)
    await session.execute(
        update(Invitation).where(*waiting, Invitation.email == address).values(revoked_at=now)
    )
    count = select(func.count()).select_from(Invitation).where(*waiting)
    if (await session.scalar(count.where(Invitation.expires_at > now)) or 0) >= MOST_OPEN:
        raise TooManyInvitations(MOST_OPEN)
    token = new_token(restaurant_id)
    invitation = Invitation(
        restaurant_id=restaurant_id,
        email=address,
        role=role,
        token_hash=token_hash(token),
        invited_by=invited_by,
        expires_at=now + OPEN_FOR,
    )
    session.add(invitation)
    await session.flush()
    await audit(
        session,
        restaurant_id,
        actor=f"user:{invited_by}",
        action="invite",
        object=f"invitation:{invitation.id}",
        after={"role": role},
    )
    return token


async def revoke_invitation(
    session: AsyncSession, restaurant_id: UUID, invitation_id: UUID, *, now: datetime, actor: str
) -> None:
    """The link opens nothing any more. Raises `InvitationOver`."""
    await _end(session, Invitation.id == invitation_id, restaurant_id, now, revoked_at=now)
    revoked = f"invitation:{invitation_id}"
    await audit(session, restaurant_id, actor=actor, action="revoke_invitation", object=revoked)


async def accept(
    session: AsyncSession, restaurant_id: UUID, token: str, user: UserAccount, *, now: datetime
) -> Role:
    """Answer an invitation, once; the restaurant is the token's (`restaurant_of`).

    Raises `InvitationOver`, also when it was sent to another address than the user's.
    """
    theirs = (Invitation.token_hash == token_hash(token)) & (Invitation.email == user.email)
    role = await _end(session, theirs, restaurant_id, now, accepted_at=now)
    if user.id not in await _members(session, restaurant_id):
        await _be(session, restaurant_id, user.id, role)
        actor = f"user:{user.id}"
        await _audit(session, restaurant_id, user.id, "join", actor=actor, after=role)
    return role


async def change_role(
    session: AsyncSession, restaurant_id: UUID, user_id: UUID, role: Role, *, actor: str
) -> None:
    """Raises `NotAMember`; `OwnerStays`, for ownership is handed over and never given away."""
    if role is Role.OWNER:
        raise OwnerStays
    before = await _refuse_owner(session, restaurant_id, user_id)
    await _be(session, restaurant_id, user_id, role)
    await _audit(
        session, restaurant_id, user_id, "change_role", actor=actor, before=before, after=role
    )


async def remove_member(
    session: AsyncSession, restaurant_id: UUID, user_id: UUID, *, actor: str
) -> None:
    """Raises `NotAMember`, `OwnerStays`."""
    before = await _refuse_owner(session, restaurant_id, user_id)
    await session.execute(
        delete(Membership).where(
            Membership.restaurant_id == restaurant_id, Membership.user_id == user_id
        )
    )
    await _audit(session, restaurant_id, user_id, "remove_member", actor=actor, before=before)


async def _members(session: AsyncSession, restaurant_id: UUID) -> Mapping[UUID, Role]:
    rows = await session.execute(
        select(Membership.user_id, Membership.role)
        .where(Membership.restaurant_id == restaurant_id)
        .with_for_update()
    )
    return {user_id: Role(role) for user_id, role in rows}


async def _refuse_owner(session: AsyncSession, restaurant_id: UUID, user_id: UUID) -> Role:
    role = (await _members(session, restaurant_id)).get(user_id)
    if role is None:
        raise NotAMember
    if role is Role.OWNER:
        raise OwnerStays
    return role


async def _audit(
    session: AsyncSession,
    restaurant_id: UUID,
    user_id: UUID,
    action: str,
    *,
    actor: str,
    before: Role | None = None,
    after: Role | None = None,
) -> None:
    """Write it down, and have open pages ask whether they are still let in."""
    await audit(
        session,
        restaurant_id,
        actor=actor,
        action=action,
        object=f"user:{user_id}",
        before={"role": before},
        after={"role": after},
    )
    await tell_access_changed(session, restaurant_id)


async def _be(session: AsyncSession, restaurant_id: UUID, user_id: UUID, role: Role) -> None:
    new = insert(Membership).values(restaurant_id=restaurant_id, user_id=user_id, role=role)
    await session.execute(
        new.on_conflict_do_update(
            index_elements=["restaurant_id", "user_id"], set_={"role": new.excluded.role}
        )
    )


def _waiting(restaurant_id: UUID) -> tuple[ColumnElement[bool], ...]:
    """Neither answered nor revoked; it may be too old."""
    return (
        Invitation.restaurant_id == restaurant_id,
        Invitation.accepted_at.is_(None),
        Invitation.revoked_at.is_(None),
    )


async def _end(
    session: AsyncSession,
    which: ColumnElement[bool],
    restaurant_id: UUID,
    now: datetime,
    **values: datetime,
) -> Role:
    """Close an open invitation; of two at once the second finds it closed."""
    role = await session.scalar(
        update(Invitation)
        .where(which, *_waiting(restaurant_id), Invitation.expires_at > now)
        .values(**values)
        .returning(Invitation.role)
    )
    if role is None:
        raise InvitationOver
    return Role(role)
