"""What the team page reads of a restaurant's people."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.membership import Membership, Role
from controlplane.models.passkey import Passkey
from controlplane.models.user_account import UserAccount
from controlplane.models.user_session import UserSession
from webapp.visitor import initials


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody of the team, how they sign in, and when they last did something."""

    user_id: UUID
    name: str
    email: str
    role: Role
    has_code: bool
    has_passkey: bool
    seen_at: datetime | None

    @property
    def initials(self) -> str:
        return initials(self.name, self.email)


async def read_members(session: AsyncSession, restaurant_id: UUID) -> Sequence[Member]:
    """Return the team: its owner, then managers, then staff, each by name."""
    seen = (
        select(func.max(UserSession.seen_at))
        .where(UserSession.user_id == UserAccount.id)
        .scalar_subquery()
    )
    has_passkey = select(Passkey.credential_id).where(Passkey.user_id == UserAccount.id).exists()
    rank = case(*((Membership.role == role, at) for at, role in enumerate(Role)))
    rows = await session.execute(
        select(UserAccount, Membership.role, has_passkey, seen)
        .join(Membership, Membership.user_id == UserAccount.id)
        .where(Membership.restaurant_id == restaurant_id)
        .order_by(rank, UserAccount.name, UserAccount.email)
    )
    return [
        Member(
            user.id,
            user.name,
            user.email,
            Role(role),
            has_code=user.totp_confirmed_at is not None,
            has_passkey=bool(has_key),
            seen_at=seen_at,
        )
        for user, role, has_key, seen_at in rows
    ]


async def read_member(session: AsyncSession, restaurant_id: UUID, user_id: UUID) -> Member | None:
    """Return one of the team; None when they are not, or no more."""
    team = await read_members(session, restaurant_id)
    return next((member for member in team if member.user_id == user_id), None)
