"""The platform's people look at a restaurant's pages: with a reason, for a while, and on record.

The caller of these commits. Looking changes nothing: the site refuses their every act.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.contracts.identifiers import new_id
from controlplane.models.platform import PlatformMember, PlatformView
from controlplane.models.user_account import UserAccount
from controlplane.restaurants.audit import audit
from controlplane.restaurants.people_errors import NoReason, NotAMember
from controlplane.restaurants.users import read_email

LOOKING_FOR: Final = timedelta(minutes=30)
LEAST_REASON: Final = 5
"""A ticket's number has as many characters; "ok" is no reason."""


async def is_platform_member(session: AsyncSession, user_id: UUID) -> bool:
    """Whether the user may open the back office."""
    found = await session.scalar(
        select(PlatformMember.user_id).where(PlatformMember.user_id == user_id)
    )
    return found is not None


async def add_platform_member(session: AsyncSession, email: str) -> UserAccount:
    """Raises `NotAnEmail`; `NotAMember` when nobody signs in with this address."""
    user = await _user(session, email)
    if not await is_platform_member(session, user.id):
        session.add(PlatformMember(user_id=user.id))
        await session.flush()
    return user


async def remove_platform_member(
    session: AsyncSession, email: str, *, now: datetime
) -> UserAccount:
    """They look at nothing any more. Raises `NotAnEmail`; `NotAMember` when they are none."""
    user = await _user(session, email)
    member = await session.get(PlatformMember, user.id)
    if member is None:
        raise NotAMember
    await session.delete(member)
    theirs = (PlatformView.user_id == user.id, PlatformView.ended_at.is_(None))
    await session.execute(update(PlatformView).where(*theirs).values(ended_at=now))
    return user


async def list_platform_members(session: AsyncSession) -> Sequence[UserAccount]:
    """Who may open the back office, by address."""
    rows = await session.scalars(
        select(UserAccount)
        .join(PlatformMember, PlatformMember.user_id == UserAccount.id)
        .order_by(UserAccount.email)
    )
    return rows.all()


async def begin_view(
    session: AsyncSession, restaurant_id: UUID, user_id: UUID, reason: str, *, now: datetime
) -> PlatformView:
    """Let a member of the platform look for `LOOKING_FOR`. Raises `NoReason`.

    The restaurant's log has it, with the id of the view, whose reason its owner may ask for.
    """
    if len(reason.strip()) < LEAST_REASON:
        raise NoReason(LEAST_REASON)
    await end_views(session, restaurant_id, user_id, now=now)
    view = PlatformView(
        id=new_id(),
        restaurant_id=restaurant_id,
        user_id=user_id,
        reason=reason.strip(),
        created_at=now,
        expires_at=now + LOOKING_FOR,
    )
    session.add(view)
    await session.flush()
    await audit(
        session,
        restaurant_id,
        actor=f"platform:{user_id}",
        action="look",
        object=f"platform_view:{view.id}",
    )
    return view


async def end_views(
    session: AsyncSession, restaurant_id: UUID, user_id: UUID, *, now: datetime
) -> None:
    """Look no longer."""
    await session.execute(
        update(PlatformView)
        .where(*_open(restaurant_id, user_id, now))
        .values(ended_at=now)
        .execution_options(synchronize_session=False)
    )


async def open_view(
    session: AsyncSession, restaurant_id: UUID, user_id: UUID, *, now: datetime
) -> PlatformView | None:
    """The view by which the user sees this restaurant now."""
    view: PlatformView | None = await session.scalar(
        select(PlatformView).where(*_open(restaurant_id, user_id, now))
    )
    return view


def _open(restaurant_id: UUID, user_id: UUID, now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        PlatformView.restaurant_id == restaurant_id,
        PlatformView.user_id == user_id,
        PlatformView.ended_at.is_(None),
        PlatformView.expires_at > now,
    )


async def _user(session: AsyncSession, email: str) -> UserAccount:
    address = read_email(email)
    user = await session.scalar(select(UserAccount).where(UserAccount.email == address))
    if user is None:
        raise NotAMember
    return user
