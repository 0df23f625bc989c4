"""What the page of the line shows: the account without its password, and the carriers."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.carrier import Carrier
from controlplane.registrations.report import AccountReport, UnknownAccount, account


async def the_account(session: AsyncSession, restaurant_id: UUID) -> AccountReport | None:
    """Return None while the restaurant has no SIP account."""
    connection = await session.connection()
    try:
        return await connection.run_sync(lambda sync: account(sync, str(restaurant_id)))
    except UnknownAccount:
        return None


async def carriers(session: AsyncSession) -> Sequence[tuple[str, str]]:
    """Return the id and the name of each carrier, by name."""
    rows = await session.execute(select(Carrier.id, Carrier.name).order_by(Carrier.name))
    return [(carrier_id, name) for carrier_id, name in rows]
