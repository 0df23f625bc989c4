"""What an admin sets up before a restaurant is billed: a plan, a subscription, who pays."""

from datetime import date
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.billing.document import Party
from controlplane.billing.errors import AlreadyRated, NoSuchPlan
from controlplane.contracts.identifiers import new_id
from controlplane.models.invoice import Invoice
from controlplane.models.invoice_recipient import InvoiceRecipient
from controlplane.models.plan import Plan
from controlplane.models.restaurant import Restaurant
from controlplane.models.subscription import Subscription
from controlplane.models.usage_record import UsageRecord


async def add_version(session: AsyncSession, code: str, **prices: Any) -> Plan:
    """A plan's next version; restaurants keep the one they have. The caller commits."""
    last = await session.scalar(select(func.max(Plan.version)).where(Plan.code == code))
    plan = Plan(code=code, version=(last or 0) + 1, **prices)
    session.add(plan)
    await session.flush()
    return plan


async def subscribe(
    session: AsyncSession, restaurant: Restaurant, *, code: str | None, month: date, numbers: int
) -> Plan | None:
    """Give a restaurant a plan's newest version from a month on, or no plan; the caller commits.

    Raises `NoSuchPlan`, and `AlreadyRated` when something of that month, or a later one, is rated
    or invoiced.
    """
    plan = None if code is None else await _newest(session, code)
    for table in (UsageRecord, Invoice):
        query = select(table.id).where(table.restaurant_id == restaurant.id, table.month >= month)
        if await session.scalar(query.limit(1)) is not None:
            raise AlreadyRated(month)
    row = {"plan_id": plan and plan.id, "numbers": numbers}
    statement = insert(Subscription).values(
        id=new_id(), restaurant_id=restaurant.id, from_month=month, **row
    )
    await session.execute(
        statement.on_conflict_do_update(index_elements=["restaurant_id", "from_month"], set_=row)
    )
    return plan


async def set_recipient(session: AsyncSession, restaurant: Restaurant, party: Party) -> None:
    """Say who pays for a restaurant from now on; the caller commits."""
    await session.merge(InvoiceRecipient(restaurant_id=restaurant.id, **party.model_dump()))


async def _newest(session: AsyncSession, code: str) -> Plan:
    plan = await session.scalar(
        select(Plan).where(Plan.code == code).order_by(Plan.version.desc()).limit(1)
    )
    if plan is None:
        raise NoSuchPlan(code)
    return plan
