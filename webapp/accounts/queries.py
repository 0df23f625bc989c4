"""What the pages of accounts read."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.invitation import Invitation
from controlplane.models.restaurant import Restaurant
from controlplane.models.user_account import UserAccount


@dataclass(frozen=True, slots=True)
class Invited:
    """An invitation as its page shows it."""

    email: str
    role: str
    restaurant: str
    invited_by: str
    has_account: bool
    """Somebody signs in with the address already, and does so to answer."""


async def read_invited(session: AsyncSession, invitation: Invitation) -> Invited:
    """Return what the page shows. The session is one of the invitation's restaurant."""
    theirs = select(UserAccount.id).where(UserAccount.email == invitation.email).exists()
    row = await session.execute(
        select(Restaurant.name, UserAccount.name, select(theirs).scalar_subquery())
        .select_from(Restaurant)
        .outerjoin(UserAccount, UserAccount.id == invitation.invited_by)
        .where(Restaurant.id == invitation.restaurant_id)
    )
    restaurant, invited_by, has_account = row.one()
    return Invited(invitation.email, invitation.role, restaurant, invited_by or "", has_account)
