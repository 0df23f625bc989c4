"""Which usage an invoice bills: what no invoice in force does, up to its month."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from typing import Any, TypeAlias
from uuid import UUID

from sqlalchemy import Select, and_, exists, func, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from controlplane.billing.invoice_lines import Used
from controlplane.models.invoice import Invoice, InvoiceUsage
from controlplane.models.plan import Plan
from controlplane.models.subscription import Subscription
from controlplane.models.usage_record import UsageKind, UsageRecord

Place: TypeAlias = tuple[int, int]
"""Year and number: where an invoice stands in the series."""


async def plan_of(session: AsyncSession, restaurant_id: UUID, month: date) -> Plan | None:
    """The version of the plan that a restaurant has in a month."""
    subscribed = (
        select(Subscription.plan_id)
        .where(Subscription.restaurant_id == restaurant_id, Subscription.from_month <= month)
        .order_by(Subscription.from_month.desc())
        .limit(1)
        .scalar_subquery()
    )
    return await session.scalar(select(Plan).where(Plan.id == subscribed))


async def unbilled(
    session: AsyncSession, restaurant_id: UUID, month: date
) -> list[tuple[UsageRecord, int]]:
    """The usage of this month and those before that no invoice in force bills, and how many
    credited ones did.
    """
    credit = aliased(Invoice)
    in_force = exists().where(
        InvoiceUsage.restaurant_id == UsageRecord.restaurant_id,
        InvoiceUsage.usage_id == UsageRecord.id,
        ~exists().where(
            credit.restaurant_id == InvoiceUsage.restaurant_id,
            credit.corrects_id == InvoiceUsage.invoice_id,
        ),
    )
    billings = (
        select(func.count())
        .where(
            InvoiceUsage.restaurant_id == UsageRecord.restaurant_id,
            InvoiceUsage.usage_id == UsageRecord.id,
        )
        .scalar_subquery()
    )
    rows = await session.execute(
        select(UsageRecord, billings)
        .where(UsageRecord.restaurant_id == restaurant_id, UsageRecord.month <= month, ~in_force)
        .order_by(UsageRecord.at, UsageRecord.id)
    )
    return [(record, count) for record, count in rows]


async def billed_by(session: AsyncSession, invoice: Invoice) -> list[UsageRecord]:
    """The usage that an invoice bills."""
    bills = and_(
        InvoiceUsage.restaurant_id == UsageRecord.restaurant_id,
        InvoiceUsage.usage_id == UsageRecord.id,
    )
    found = await session.scalars(
        select(UsageRecord)
        .join(InvoiceUsage, bills)
        .where(
            InvoiceUsage.restaurant_id == invoice.restaurant_id,
            InvoiceUsage.invoice_id == invoice.id,
        )
        .order_by(UsageRecord.at, UsageRecord.id)
    )
    return list(found)


async def summed(
    session: AsyncSession, restaurant_id: UUID, records: Iterable[UsageRecord], place: Place
) -> list[Used]:
    """What these records come to, by month, plan and kind, for the invoice at `place`."""
    quantities: dict[tuple[date, UUID, str], int] = defaultdict(int)
    for record in records:
        quantities[record.month, record.plan_id, record.kind] += record.quantity
    plan_ids = {plan_id for _, plan_id, _ in quantities}
    plans = {plan.id: plan for plan in await session.scalars(_plans(plan_ids))}
    seconds = await _seconds_before(session, restaurant_id, place)
    return [
        Used(
            month=month,
            plan=plans[plan_id],
            kind=UsageKind(kind),
            quantity=quantity,
            before=seconds.get((month, plan_id), 0) if kind == UsageKind.CALL else 0,
        )
        for (month, plan_id, kind), quantity in quantities.items()
    ]


def _plans(plan_ids: Iterable[UUID]) -> Select[Any]:
    return select(Plan).where(Plan.id.in_(plan_ids))


async def _seconds_before(
    session: AsyncSession, restaurant_id: UUID, place: Place
) -> dict[tuple[date, UUID], int]:
    """The seconds of calls, by month and plan, that earlier invoices billed and that were not
    credited when the invoice at `place` was made.
    """
    credit = aliased(Invoice)
    credited = and_(credit.restaurant_id == Invoice.restaurant_id, credit.corrects_id == Invoice.id)
    rows = await session.execute(
        select(UsageRecord.month, UsageRecord.plan_id, func.sum(UsageRecord.quantity))
        .join(
            InvoiceUsage,
            and_(
                InvoiceUsage.restaurant_id == UsageRecord.restaurant_id,
                InvoiceUsage.usage_id == UsageRecord.id,
            ),
        )
        .join(
            Invoice,
            and_(
                Invoice.restaurant_id == InvoiceUsage.restaurant_id,
                Invoice.id == InvoiceUsage.invoice_id,
            ),
        )
        .outerjoin(credit, credited)
        .where(
            UsageRecord.restaurant_id == restaurant_id,
            UsageRecord.kind == UsageKind.CALL,
            tuple_(Invoice.year, Invoice.number) < place,
            or_(credit.id.is_(None), tuple_(credit.year, credit.number) > place),
        )
        .group_by(UsageRecord.month, UsageRecord.plan_id)
    )
    return {(month, plan_id): int(seconds) for month, plan_id, seconds in rows}
