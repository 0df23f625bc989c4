"""Accounts that an admin makes: a restaurant's first owner, the platform's people. Each is handed a
link that sets a password.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.user_account import UserAccount
from controlplane.restaurants.password_reset import HANDED_FOR, offer_reset
from controlplane.restaurants.people_errors import UnknownUser
from controlplane.restaurants.team import make_owner
from controlplane.restaurants.tokens import new_token
from controlplane.restaurants.users import create_user, forget_codes, read_email


async def appoint_owner(
    session: AsyncSession, restaurant_id: UUID, *, email: str, name: str, actor: str, now: datetime
) -> str | None:
    """Have this user own the restaurant; the token of a link that sets their first password, None
    when they sign in already. The caller commits. Raises `NotAnEmail`.
    """
    user = await session.scalar(select(UserAccount).where(UserAccount.email == read_email(email)))
    token = None
    if user is None:
        user, token = await open_account(session, email=email, name=name, now=now)
    await make_owner(session, restaurant_id, user.id, actor=actor)
    return token


async def open_account(
    session: AsyncSession, *, email: str, name: str, now: datetime
) -> tuple[UserAccount, str]:
    """A user without a restaurant, and the token of a link that sets their first password; until
    then no password opens the account. The caller commits. Raises `NotAnEmail`, `EmailTaken`.
    """
    user = await create_user(session, email=email, name=name, password=new_token())
    _, token = await offer_reset(session, user, now=now, good_for=HANDED_FOR)
    return user, token


async def hand_out_link(
    session: AsyncSession, email: str, *, without_codes: bool, now: datetime
) -> str:
    """The token of a link that sets a password, for who gets no e-mail of ours. `without_codes`
    helps who lost the telephone that made their one-time codes. The caller commits.

    Raises `NotAnEmail`, `UnknownUser`.
    """
    user = await session.scalar(select(UserAccount).where(UserAccount.email == read_email(email)))
    if user is None:
        raise UnknownUser
    if without_codes:
        forget_codes(user)
    _, token = await offer_reset(session, user, now=now, good_for=HANDED_FOR)
    return token
