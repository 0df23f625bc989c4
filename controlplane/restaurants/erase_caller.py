"""What is known of one caller is erased on request (RGPD, art. 17), and it is said what stays.

Idempotent: erased twice, the second time finds nothing. Redis has its own part
(`controlplane/restaurants/erase_events.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, and_, delete, func, or_, select, true, update
from sqlalchemy.engine import CursorResult
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.billing.usage import rate_sms
from controlplane.contracts.phone_numbers import normalise, region_of
from controlplane.models.blocked_caller import BlockedCaller
from controlplane.models.call import Call, CallTurn
from controlplane.models.call_case import CallCase
from controlplane.models.customer import Customer
from controlplane.models.escalation_step import EscalationStep
from controlplane.models.faq_gap import FaqGap
from controlplane.models.notification import Notification
from controlplane.models.order import NEXT_STATUSES, Order
from controlplane.models.order_allergy import OrderAllergy
from controlplane.models.order_delivery import OrderDelivery
from controlplane.models.reservation import HAS_TABLE, Reservation, ReservationStatus
from controlplane.models.restaurant import Restaurant
from controlplane.models.task import Task
from controlplane.models.transfer_target import TransferTarget
from controlplane.models.voice_message import VoiceMessage
from controlplane.restaurants.errors import AmbiguousNumber, NotANumber

LONGEST_CALL: Final = timedelta(minutes=30)
"""A call that began longer ago and never ended has lost its end."""
OPEN_FOR: Final = timedelta(days=1)
"""An order nobody closed since the day before yesterday is waited for by nobody."""
_FINISHED: Final = [status for status, following in NEXT_STATUSES.items() if not following]

IN_PROGRESS: Final = "a call in progress: erase again once it has ended"
TO_BE_MADE: Final = "an order being made is handed to its customer: erase again once it is done"
FOUND_BY: Final = (
    "an order being made is found again by its call's number: erase again once it is done"
)
TO_COME: Final = "a reservation to come: erase again once it is cancelled or over"
WITHOUT_CALLER: Final = "times, outcome and cost of a call, without number and words"
WHAT_WAS_SOLD: Final = (
    "what was sold is kept for ten years (Code de commerce, art. L123-22),"
    " without name, number, address and note"
)
BLOCKED: Final = "the restaurant refuses this number's calls: `alloresto caller unblock` forgets it"
OWN_PEOPLE: Final = "the number of a restaurant or of its people, not of a caller"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One table's part of the report: how many rows were erased, how many are kept and why."""

    table: str
    erased: int = 0
    kept: int = 0
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """What was erased. `number` (E.164) and `call_ids` tell Redis's part what to look for."""

    number: str
    restaurant_ids: frozenset[UUID]
    call_ids: frozenset[UUID]
    parts: tuple[Part, ...]


async def erase_caller(
    session: AsyncSession, restaurants: Sequence[Restaurant], number: str
) -> Erased:
    """Erase the caller of that number at these restaurants; the caller of this commits.

    Raises `NotANumber`, and `AmbiguousNumber` when the restaurants' plans read it differently.
    """
    e164 = read_alike(restaurants, number)
    mine = frozenset(restaurant.id for restaurant in restaurants)
    found = await calls_of_number(session, mine, e164)
    ended = frozenset(call_id for call_id, live in found.items() if not live)
    open_calls = await _calls_of_open_orders(session, mine, ended)
    parts = (
        Part(
            table="call_turn",
            erased=await _changed(session, delete(CallTurn).where(*_of(CallTurn, mine, ended))),
        ),
        Part(
            table="call_case",
            erased=await _changed(session, delete(CallCase).where(*_of(CallCase, mine, ended))),
        ),
        Part(
            table="faq_gap",
            erased=await _changed(session, delete(FaqGap).where(*_of(FaqGap, mine, ended))),
        ),
        await _messages(session, mine, e164, ended),
        await _tasks(session, mine, e164, ended),
        await _notifications(session, mine, e164),
        await _told_with_orders(session, OrderAllergy, mine, e164, ended),
        await _told_with_orders(session, OrderDelivery, mine, e164, ended),
        await _orders(session, mine, e164, ended),
        await _reservations(session, mine, e164, ended),
        await _forget_callers(session, mine, ended - open_calls),
        await _customers(session, mine, e164),
        Part(table="call", kept=len(open_calls), why=FOUND_BY),
        Part(table="call", kept=len(found) - len(ended), why=IN_PROGRESS),
        await _kept(session, BlockedCaller, mine, e164, why=BLOCKED),
        await _kept(session, TransferTarget, mine, e164, why=OWN_PEOPLE),
        await _steps_kept(session, mine, e164),
        Part(
            table="restaurant",
            kept=sum(restaurant.phone_e164 == e164 for restaurant in restaurants),
            why=OWN_PEOPLE,
        ),
    )
    shown = tuple(part for part in parts if part.erased or part.kept)
    return Erased(number=e164, restaurant_ids=mine, call_ids=ended, parts=shown)


def read_alike(restaurants: Sequence[Restaurant], number: str) -> str:
    """Its E.164, if it is the same number wherever these restaurants are.

    Erasing what a stranger of another country said would be as wrong as erasing too little.
    """
    regions = {region_of(restaurant.phone_e164) for restaurant in restaurants} or {region_of("")}
    numbers = {normalise(number, region) for region in regions}
    if len(numbers) > 1:
        raise AmbiguousNumber
    e164 = numbers.pop()
    if e164 is None:
        raise NotANumber
    return e164


async def calls_of_number(
    session: AsyncSession, mine: frozenset[UUID], e164: str
) -> dict[UUID, bool]:
    """The caller's calls, and whether each is in progress: by number, or by an order's number."""
    ordered = select(Order.call_id).where(
        Order.restaurant_id.in_(mine), Order.customer_phone_e164 == e164, Order.call_id.is_not(None)
    )
    rows = await session.execute(
        select(Call.id, Call.ended_at, Call.started_at)
        .where(Call.restaurant_id.in_(mine), or_(Call.caller_number == e164, Call.id.in_(ordered)))
        .order_by(Call.id)  # two erasures of one number never wait for each other in a circle
        .with_for_update()
    )
    since = datetime.now(UTC) - LONGEST_CALL
    return {
        call_id: ended_at is None and started_at is not None and started_at > since
        for call_id, ended_at, started_at in rows
    }


async def _messages(
    session: AsyncSession, mine: frozenset[UUID], e164: str, ended: frozenset[UUID]
) -> Part:
    channels = select(Call.channel_uuid).where(*_of(Call, mine, ended, column=Call.id))
    theirs = or_(VoiceMessage.caller_number == e164, VoiceMessage.channel_uuid.in_(channels))
    forget = delete(VoiceMessage).where(VoiceMessage.restaurant_id.in_(mine), theirs)
    return Part(table="voice_message", erased=await _changed(session, forget))


async def _notifications(session: AsyncSession, mine: frozenset[UUID], e164: str) -> Part:
    """What waits to be sent is not sent any more; what was sent is billed without its number."""
    theirs = (Notification.restaurant_id.in_(mine), Notification.recipient == e164)
    unrated = select(Notification.restaurant_id).where(
        *theirs, Notification.sms_parts.is_not(None), ~Notification.rated
    )
    for restaurant_id in sorted(set(await session.scalars(unrated))):
        await session.execute(*rate_sms(restaurant_id))
    forget = delete(Notification).where(*theirs)
    return Part(table="notification", erased=await _changed(session, forget))


async def _told_with_orders(
    session: AsyncSession, model: Any, mine: frozenset[UUID], e164: str, ended: frozenset[UUID]
) -> Part:
    """Erase before `_orders`, which forgets whose orders they were."""
    theirs = select(Order.id).where(*_orders_of(mine, e164, ended), _done())
    forget = delete(model).where(model.restaurant_id.in_(mine), model.order_id.in_(theirs))
    return Part(table=model.__tablename__, erased=await _changed(session, forget))


async def _tasks(
    session: AsyncSession, mine: frozenset[UUID], e164: str, ended: frozenset[UUID]
) -> Part:
    """Erase before `_orders`, which forgets whose orders they were. Whoever waits for an order is
    still called about it.
    """
    orders = select(Order.id).where(*_orders_of(mine, e164, ended))
    theirs = or_(
        Task.customer_phone_e164 == e164, Task.call_id.in_(ended), Task.order_id.in_(orders)
    )
    being_made = Task.order_id.in_(orders.where(~_done()))
    forget = delete(Task).where(Task.restaurant_id.in_(mine), theirs, being_made.is_not(true()))
    erased = await _changed(session, forget)
    kept = await _count(session, Task.id, Task.restaurant_id.in_(mine), theirs)
    return Part(table="task", erased=erased, kept=kept, why=TO_BE_MADE if kept else "")


def _orders_of(
    mine: frozenset[UUID], e164: str, ended: frozenset[UUID]
) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return (
        Order.restaurant_id.in_(mine),
        or_(Order.customer_phone_e164 == e164, Order.call_id.in_(ended)),
    )


async def _orders(
    session: AsyncSession, mine: frozenset[UUID], e164: str, ended: frozenset[UUID]
) -> Part:
    theirs = _orders_of(mine, e164, ended)
    personal = or_(
        Order.customer_name.is_not(None), Order.customer_phone_e164.is_not(None), Order.note != ""
    )
    done = _done()
    forget = (
        update(Order)
        .where(*theirs, personal, done)
        .values(customer_name=None, customer_phone_e164=None, note="")
    )
    erased = await _changed(session, forget)
    being_made = await _count(session, Order.id, *theirs, ~done)
    why = "; ".join([WHAT_WAS_SOLD] * bool(erased) + [TO_BE_MADE] * bool(being_made))
    return Part(table="order", erased=erased, kept=erased + being_made, why=why)


async def _reservations(
    session: AsyncSession, mine: frozenset[UUID], e164: str, ended: frozenset[UUID]
) -> Part:
    """How many came and when stays; a table that is waited for is the guest's until it is over."""
    theirs = (
        Reservation.restaurant_id.in_(mine),
        or_(Reservation.customer_phone_e164 == e164, Reservation.call_id.in_(ended)),
    )
    personal = or_(
        Reservation.customer_name.is_not(None),
        Reservation.customer_phone_e164.is_not(None),
        Reservation.note != "",
        Reservation.allergy_note != "",
    )
    to_come = and_(
        Reservation.status.in_([*HAS_TABLE, ReservationStatus.WAITLISTED]),
        Reservation.ends_at > datetime.now(UTC),
    )
    forget = (
        update(Reservation)
        .where(*theirs, personal, ~to_come)
        .values(customer_name=None, customer_phone_e164=None, note="", allergy_note="")
    )
    erased = await _changed(session, forget)
    kept = await _count(session, Reservation.id, *theirs, personal, to_come)
    return Part(table="reservation", erased=erased, kept=kept, why=TO_COME if kept else "")


async def _customers(session: AsyncSession, mine: frozenset[UUID], e164: str) -> Part:
    """Their consents go with them."""
    forget = delete(Customer).where(Customer.restaurant_id.in_(mine), Customer.phone_e164 == e164)
    return Part(table="customer", erased=await _changed(session, forget))


async def _calls_of_open_orders(
    session: AsyncSession, mine: frozenset[UUID], ended: frozenset[UUID]
) -> frozenset[UUID]:
    """Return those of these calls whose order is being made: it may have no number of its own."""
    found = await session.scalars(select(Order.call_id).where(*_of(Order, mine, ended), ~_done()))
    return frozenset(call_id for call_id in found if call_id is not None)


def _done() -> ColumnElement[bool]:
    """Whether nobody waits for an order any more."""
    today = datetime.now(UTC).date()
    return or_(Order.status.in_(_FINISHED), Order.service_date < today - OPEN_FOR)


async def _forget_callers(
    session: AsyncSession, mine: frozenset[UUID], ended: frozenset[UUID]
) -> Part:
    forget = (
        update(Call)
        .where(*_of(Call, mine, ended, column=Call.id))
        .values(caller_number=None, sip_call_id=None)
    )
    erased = await _changed(session, forget)
    return Part(table="call", erased=erased, kept=erased, why=WITHOUT_CALLER)


async def _kept(
    session: AsyncSession, model: Any, mine: frozenset[UUID], e164: str, *, why: str
) -> Part:
    where = (model.restaurant_id.in_(mine), model.phone_e164 == e164)
    kept = await _count(session, model.restaurant_id, *where)
    return Part(table=model.__tablename__, kept=kept, why=why)


async def _steps_kept(session: AsyncSession, mine: frozenset[UUID], e164: str) -> Part:
    where = (EscalationStep.restaurant_id.in_(mine), EscalationStep.recipient == e164)
    kept = await _count(session, EscalationStep.id, *where)
    return Part(table="escalation_step", kept=kept, why=OWN_PEOPLE)


def _of(
    model: Any, mine: frozenset[UUID], calls: frozenset[UUID], *, column: Any = None
) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Rows of these calls, scoped by their restaurants."""
    return model.restaurant_id.in_(mine), (model.call_id if column is None else column).in_(calls)


async def _count(session: AsyncSession, column: Any, *where: ColumnElement[bool]) -> int:
    return await session.scalar(select(func.count(column)).where(*where)) or 0


async def _changed(session: AsyncSession, statement: Any) -> int:
    result: CursorResult[Any] = await session.execute(  # type: ignore[assignment]
        statement, execution_options={"synchronize_session": False}
    )
    return result.rowcount
