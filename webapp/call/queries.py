"""What Postgres knows of one call: what was said, what came of it, what was wrong, what it cost."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import String, cast, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.call import Call, CallTurn
from controlplane.models.call_case import CallCase
from controlplane.models.notification import Notification
from controlplane.models.order import Order, OrderLine
from controlplane.models.order_allergy import OrderAllergy
from controlplane.models.reservation import Reservation
from controlplane.models.restaurant import Restaurant
from controlplane.models.transfer_target import TransferTarget
from controlplane.models.usage_record import UsageKind, UsageRecord
from controlplane.models.user_account import UserAccount
from webapp.calls.queries import Result, booked, rated_micros, result_of


@dataclass(frozen=True, slots=True)
class ReportedCase:
    """What was reported wrong, and by whom: None where the account is gone, or was no person's."""

    turn_id: UUID | None
    kind: str
    better: str
    by: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundCall:
    """A call, what came of it and what was wrong; what it cost is in millionths of a euro, None
    until it is rated.
    """

    call: Call
    result: Result
    reservation_id: UUID | None
    cases: Sequence[ReportedCase]
    micros: int | None
    sms_micros: int
    keep_transcripts_days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedOrder:
    """An order of a call, with its lines and what its caller must not eat."""

    order: Order
    lines: Sequence[OrderLine]
    allergies: Sequence[str]

    @property
    def due_at(self) -> datetime:
        return self.order.deliver_at or self.order.ready_at


async def find_call(session: AsyncSession, restaurant_id: UUID, call_id: UUID) -> FoundCall | None:
    """Return None when the restaurant had no such call."""
    row = (
        await session.execute(
            select(
                Call,
                result_of(),
                booked(Reservation.id),
                _cases(),
                rated_micros(),
                _sms_micros(),
                Restaurant.keep_transcripts_days,
            )
            .join(Restaurant, Restaurant.id == Call.restaurant_id)
            .where(Call.restaurant_id == restaurant_id, Call.id == call_id)
        )
    ).first()
    if row is None:
        return None
    call, result, reservation_id, cases, micros, sms_micros, days = row
    return FoundCall(
        call=call,
        result=Result(result),
        reservation_id=reservation_id,
        cases=[_case(*each) for each in cases or ()],
        micros=micros,
        sms_micros=int(sms_micros),
        keep_transcripts_days=days,
    )


def _case(turn_id: str | None, kind: str, better: str, by: str | None) -> ReportedCase:
    return ReportedCase(UUID(turn_id) if turn_id else None, kind, better, by)


def _cases() -> Any:
    """The call's cases, the oldest first, each as `[turn, kind, better, name]`."""
    told = func.jsonb_build_array(
        CallCase.turn_id, CallCase.kind, CallCase.better, UserAccount.name
    )
    reported = (
        select(func.jsonb_agg(told))
        .select_from(CallCase)
        .outerjoin(UserAccount, CallCase.reported_by == "user:" + cast(UserAccount.id, String))
        .where(CallCase.restaurant_id == Call.restaurant_id, CallCase.call_id == Call.id)
    )
    return reported.correlate(Call).scalar_subquery()


def _sms_micros() -> Any:
    """What the SMS about the call's orders were rated at."""
    orders = select(Order.id).where(
        Order.restaurant_id == Call.restaurant_id, Order.call_id == Call.id
    )
    told = select(cast(Notification.id, String)).where(
        Notification.restaurant_id == Call.restaurant_id,
        Notification.about_id.in_(orders.correlate(Call)),
    )
    rated = select(func.coalesce(func.sum(UsageRecord.micros), 0)).where(
        UsageRecord.restaurant_id == Call.restaurant_id,
        UsageRecord.kind == UsageKind.SMS,
        UsageRecord.source.in_(told.correlate(Call)),
    )
    return rated.correlate(Call).scalar_subquery()


async def turns_of(session: AsyncSession, restaurant_id: UUID, call_id: UUID) -> Sequence[CallTurn]:
    """Return what was said, in the order in which each began to be."""
    rows = await session.scalars(
        select(CallTurn)
        .where(CallTurn.restaurant_id == restaurant_id, CallTurn.call_id == call_id)
        .order_by(CallTurn.position, CallTurn.id)
    )
    return rows.all()


async def orders_of(session: AsyncSession, restaurant_id: UUID, call_id: UUID) -> list[PlacedOrder]:
    """Return what was ordered in the call, the last first: it replaces those before it."""
    words = (
        select(func.array_agg(OrderAllergy.words))
        .where(OrderAllergy.restaurant_id == Order.restaurant_id, OrderAllergy.order_id == Order.id)
        .correlate(Order)
        .scalar_subquery()
    )
    rows = await session.execute(
        select(Order, OrderLine, words)
        .join(OrderLine, OrderLine.order_id == Order.id)
        .where(
            Order.restaurant_id == restaurant_id,
            OrderLine.restaurant_id == restaurant_id,
            Order.call_id == call_id,
        )
        .order_by(Order.id.desc(), OrderLine.position)
    )
    lines: dict[Order, list[OrderLine]] = {}
    allergies: dict[Order, list[str]] = {}
    for order, line, told in rows:
        lines.setdefault(order, []).append(line)
        allergies[order] = told or []
    return [
        PlacedOrder(order=order, lines=lines[order], allergies=allergies[order]) for order in lines
    ]


async def find_reservation(
    session: AsyncSession, restaurant_id: UUID, reservation_id: UUID
) -> Reservation | None:
    """Return the table that was promised in the call."""
    return await session.scalar(
        select(Reservation).where(
            Reservation.restaurant_id == restaurant_id, Reservation.id == reservation_id
        )
    )


async def targets_of(session: AsyncSession, restaurant_id: UUID) -> Sequence[TransferTarget]:
    """Return whom callers may be put through to, the restaurant's own phone apart."""
    rows = await session.scalars(
        select(TransferTarget)
        .where(TransferTarget.restaurant_id == restaurant_id)
        .order_by(TransferTarget.position, TransferTarget.name)
    )
    return rows.all()
