"""Builders of what is billed: restaurants with a plan and a firm behind them, and their calls."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.contracts.identifiers import new_id
from controlplane.models.call import Call
from controlplane.models.invoice_recipient import InvoiceRecipient
from controlplane.models.notification import Channel, Notification, NotificationState
from controlplane.models.plan import Plan
from controlplane.models.restaurant import Restaurant
from controlplane.models.subscription import Subscription
from tests.integration.kitchen_orders import add_restaurant

FROM_MONTH = date(2026, 1, 1)


async def add_plan(session: AsyncSession, code: str = "essentiel", **prices: Any) -> Plan:
    """49 € a month, 100 minutes in it, 0.15 € a minute beyond, 2 € a number, 0.07 € an SMS."""
    row = {
        "version": 1,
        "name": "Essentiel",
        "base_fee_cents": 4_900,
        "included_minutes": 100,
        "minute_micros": 150_000,
        "number_fee_cents": 200,
        "sms_micros": 70_000,
    }
    plan = Plan(code=code, **(row | prices))
    session.add(plan)
    await session.flush()
    return plan


async def add_billed(
    session: AsyncSession,
    plan: Plan,
    *,
    timezone: str = "Europe/Paris",
    numbers: int = 0,
) -> UUID:
    """A restaurant that has the plan since January 2026."""
    restaurant_id = await add_restaurant(session)
    restaurant = await session.get_one(Restaurant, restaurant_id)
    restaurant.timezone = timezone
    session.add(
        Subscription(
            restaurant_id=restaurant_id, from_month=FROM_MONTH, plan_id=plan.id, numbers=numbers
        )
    )
    session.add(
        InvoiceRecipient(
            restaurant_id=restaurant_id,
            name="SARL Léa & Fils",
            siren="732829320",
            vat_number="FR44732829320",
            street="1 rue du Four",
            postcode="69001",
            city="Lyon",
        )
    )
    await session.flush()
    return restaurant_id


async def add_call(
    session: AsyncSession,
    restaurant_id: UUID,
    started_at: datetime,
    *,
    seconds: float = 120,
    **columns: Any,
) -> UUID:
    """A call of so many seconds that the assistant took."""
    row = {
        "time_to_agent_ms": 900,
        "ended_at": started_at + timedelta(seconds=seconds),
        "duration_ms": round(seconds * 1_000),
        "caller_number": "+33639980134",
    }
    call = Call(id=new_id(), restaurant_id=restaurant_id, started_at=started_at, **(row | columns))
    session.add(call)
    await session.flush()
    return call.id


async def add_sms(
    session: AsyncSession,
    restaurant_id: UUID,
    sent_at: datetime,
    *,
    parts: int | None = 2,
    **columns: Any,
) -> UUID:
    """A message of so many parts that an operator took then."""
    sms_id = new_id()
    row = {
        "kind": "order_placed",
        "channel": Channel.SMS,
        "state": NotificationState.SENT,
        "recipient": "+33639980134",
        "settled_at": sent_at,
        "created_at": sent_at,
        "next_attempt_at": sent_at,
        "expires_at": sent_at,
    }
    session.add(
        Notification(
            id=sms_id,
            restaurant_id=restaurant_id,
            key=str(sms_id),
            sms_parts=parts,
            **(row | columns),
        )
    )
    await session.flush()
    return sms_id
