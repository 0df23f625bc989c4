"""Who opens the demo's pages: an owner who signs in, and a kitchen's tablet that is paired."""

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from controlplane.database import async_engine, async_sessions
from controlplane.models.device import Device
from controlplane.models.membership import Membership, Role
from controlplane.models.user_account import UserAccount
from controlplane.restaurants.devices import pair_at_once
from controlplane.restaurants.users import change_password, create_user
from controlplane.tenancy import restaurant_session

OWNER_EMAIL: Final = "lucia@restaurant.example"
OWNER_NAME: Final = "Lucia Esposito"
TABLET: Final = "Cuisine de démonstration"


async def let_in(database_url: str, restaurant_ids: Sequence[UUID]) -> tuple[str, dict[UUID, str]]:
    """Give the demo's owner a new password, and each of the restaurants a paired tablet; return the
    password, and the tablets' tokens.
    """
    engine = async_engine(database_url, application_name="demo")
    sessions = async_sessions(engine)
    now = datetime.now(UTC)
    password = secrets.token_urlsafe(12)
    try:
        async with sessions.begin() as session:
            user = await session.scalar(select(UserAccount).where(UserAccount.email == OWNER_EMAIL))
            if user is None:
                user = await create_user(
                    session, email=OWNER_EMAIL, name=OWNER_NAME, password=password
                )
            else:
                await change_password(session, user, password)
            for restaurant_id in restaurant_ids:
                await session.execute(
                    insert(Membership)
                    .values(restaurant_id=restaurant_id, user_id=user.id, role=Role.OWNER)
                    .on_conflict_do_nothing()
                )
        tokens = {}
        for restaurant_id in restaurant_ids:
            async with restaurant_session(sessions, restaurant_id) as session, session.begin():
                await session.execute(
                    update(Device)
                    .where(Device.restaurant_id == restaurant_id, Device.name == TABLET)
                    .values(revoked_at=now)
                )
                tokens[restaurant_id] = await pair_at_once(session, restaurant_id, TABLET, now=now)
    finally:
        await engine.dispose()
    return password, tokens
