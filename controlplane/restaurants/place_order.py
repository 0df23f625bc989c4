"""Step 9 of a call: its order is placed once per idempotency key, numbered without gaps or races.

Order, lines, order event and outbox row are one transaction, committed before `place_order`
returns. A commit whose answer was lost is settled by trying again with the same key.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from controlplane.contracts.identifiers import new_id
from controlplane.contracts.opening import OpeningKind, OpenOrder
from controlplane.contracts.restaurant_config import MenuItem
from controlplane.models.order import Order
from controlplane.models.restaurant import Restaurant
from controlplane.restaurants.availability import check_all_available
from controlplane.restaurants.cart import CartLine, held_against_menu
from controlplane.restaurants.decision import Answer
from controlplane.restaurants.delivery_zones import check_delivery
from controlplane.restaurants.errors import (
    CartEmpty,
    OrderNotCommitted,
    OrderUnsettled,
    Refused,
    SlotFull,
    UnknownRestaurant,
)
from controlplane.restaurants.kitchen_load import units_of
from controlplane.restaurants.menu_portions import check_portions, portions_returning
from controlplane.restaurants.menu_versions import newest_number
from controlplane.restaurants.menus import SoldOut, read_menu
from controlplane.restaurants.open_orders import read_open_orders
from controlplane.restaurants.opening_hours import read_calendar
from controlplane.restaurants.order_draft import BY_AGENT, OrderDraft, PlacedOrder, Taking
from controlplane.restaurants.order_locks import lock_orders
from controlplane.restaurants.order_rows import (
    ask_to_call_back,
    find_order,
    insert_order,
    placed_order,
)
from controlplane.restaurants.promise import LONGEST_WAIT
from controlplane.restaurants.replace_order import order_still_to_replace, order_to_replace
from controlplane.restaurants.slots import Load, SlotRequest, release_slot, take_slot
from controlplane.restaurants.wanted_times import check_wanted
from controlplane.restaurants.what_happens import Calendar, check_takes_orders, what_happens
from controlplane.restaurants.zone_rows import read_zones
from controlplane.tenancy import restaurant_session

log = structlog.get_logger()

Sessions = async_sessionmaker[AsyncSession]

ATTEMPT_SECONDS: Final = 2.5
"""One transaction of a few rows takes 10 ms; the caller waits, with a word after 2 s."""
ATTEMPTS: Final = 2
"""The second finds the first's order, or a database that came back."""


def utc_now() -> datetime:
    """The instant that rules are held against and `ready_at` is counted from."""
    return datetime.now(UTC)


@dataclass(slots=True)
class Commit:
    """What is known of the COMMITs sent for one order."""

    unanswered: bool = False
    """One was sent, and nobody knows yet whether it arrived."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """What the rules say of an order that they take, and what it was held against."""

    answer: Answer
    calendar: Calendar
    lines: tuple[CartLine, ...]
    """The draft's, at the menu's VAT."""
    menu: tuple[MenuItem, ...]
    menu_version: int | None


async def place_order(
    sessions: Sessions, draft: OrderDraft, taking: Taking = BY_AGENT
) -> PlacedOrder:
    """Commit the order, or find the one already committed under its key.

    Raises `CartEmpty`, `UnknownRestaurant`, `KeyOfAnotherCart`; `NotNow`, `TimeRefused` and what
    `held_against_menu`, `check_delivery` and `order_to_replace` raise, of an order that is not
    there yet; when `ATTEMPTS` failed, `OrderNotCommitted` if it is certain that there is no order,
    else `OrderUnsettled`. When it is cancelled nobody knows: placing it again with the same key
    settles that.
    """
    if not draft.lines:
        raise CartEmpty
    commit = Commit()
    for attempt in range(1, ATTEMPTS + 1):
        try:
            async with asyncio.timeout(ATTEMPT_SECONDS):
                return await _place_once(sessions, draft, commit, taking)
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            log.error(
                "order_not_committed",
                call_id=str(draft.call_id or ""),
                attempt=attempt,
                unanswered=commit.unanswered,
                error=type(error).__name__,
            )
    raise OrderUnsettled if commit.unanswered else OrderNotCommitted


async def orders_of_call(
    sessions: Sessions, restaurant_id: UUID, call_id: UUID, *, timezone: str
) -> list[PlacedOrder]:
    """The orders of a call that another worker took, oldest first.

    Raises SQLAlchemy's errors, or `TimeoutError` after `ATTEMPT_SECONDS`.
    """
    async with (
        asyncio.timeout(ATTEMPT_SECONDS),
        restaurant_session(sessions, restaurant_id) as session,
    ):
        orders = await session.scalars(
            select(Order)
            .where(Order.restaurant_id == restaurant_id, Order.call_id == call_id)
            .order_by(Order.service_date, Order.number)
        )
        return [placed_order(order, timezone) for order in orders]


async def settle_order(sessions: Sessions, draft: OrderDraft) -> PlacedOrder:
    """Make it true that the order is placed, and tell the kitchen to call its caller back.

    The caller was told that the restaurant confirms it: so no rule refuses it any more, the
    restaurant does. Raises `UnknownRestaurant`, `KeyOfAnotherCart`; SQLAlchemy's errors, `OSError`
    and `TimeoutError` when it is to be asked again.
    """
    async with (
        asyncio.timeout(ATTEMPT_SECONDS),
        restaurant_session(sessions, draft.restaurant_id) as session,
    ):
        restaurant = await _restaurant(session, draft.restaurant_id)
        await lock_orders(session, draft.restaurant_id)
        order = await find_order(session, draft)
        if order is None:
            now = utc_now()
            calendar = await read_calendar(session, restaurant, now)
            answer = what_happens(calendar, OpeningKind(draft.order_type), now)
            replaced = await order_still_to_replace(session, draft)
            wanted = _slot(draft, answer)
            order = await insert_order(
                session,
                draft,
                answer,
                order_id=wanted.holder_id,
                ready_at=await _slot_if_any(session, wanted),
                taking=Taking(call_back=True),
                replaced=replaced,
            )
        elif not order.call_back:
            await ask_to_call_back(session, order)
        await session.commit()
        return placed_order(order, restaurant.timezone)


async def _place_once(
    sessions: Sessions, draft: OrderDraft, commit: Commit, taking: Taking
) -> PlacedOrder:
    allowed = await _allowed(sessions, draft, utc_now())
    async with restaurant_session(sessions, draft.restaurant_id) as session:
        restaurant = await _restaurant(session, draft.restaurant_id)
        await lock_orders(session, draft.restaurant_id)
        order = await find_order(session, draft)
        if order is None:
            commit.unanswered = False
            if isinstance(allowed, Refused):
                raise allowed
            draft = draft.model_copy(update={"lines": allowed.lines})
            replaced = await order_to_replace(session, draft)
            returning = await portions_returning(session, draft.restaurant_id, draft.replaces_id)
            await check_portions(session, draft.restaurant_id, draft.lines, returning=returning)
            if replaced is not None:
                await release_slot(session, replaced.restaurant_id, replaced.id)
            answer = await _behind_the_others(session, draft, allowed)
            wanted = _slot(draft, answer, taking)
            ready_at = await take_slot(session, wanted)
            check_all_available(draft.lines, allowed.menu, ready_at)
            order = await insert_order(
                session,
                draft,
                answer,
                order_id=wanted.holder_id,
                ready_at=ready_at,
                menu_version=allowed.menu_version,
                kitchen_points=_points_of(allowed.menu),
                taking=taking,
                replaced=replaced,
            )
            commit.unanswered = True
            await session.commit()
        return placed_order(order, restaurant.timezone)


async def _allowed(sessions: Sessions, draft: OrderDraft, now: datetime) -> Allowed | Refused:
    """Read again what may have changed since the caller was told: whether the restaurant takes
    orders of this type, whether it is open for them, whether all is to be had, and at which price,
    and whether it delivers there, and for how much.

    It is read before the lock, under which others would wait for it, and as of one instant, so that
    the menu is all of one version; an order that is there already is found whatever is refused
    here.
    """
    async with restaurant_session(sessions, draft.restaurant_id) as session:
        await session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        restaurant = await _restaurant(session, draft.restaurant_id)
        try:
            return await _held_against_rules(session, draft, restaurant, now)
        except Refused as refusal:
            return refusal


async def _held_against_rules(
    session: AsyncSession, draft: OrderDraft, restaurant: Restaurant, now: datetime
) -> Allowed:
    calendar = await read_calendar(session, restaurant, now)
    answer = check_takes_orders(calendar, now, kind=OpeningKind(draft.order_type))
    returning = await portions_returning(session, restaurant.id, draft.replaces_id)
    menu = await read_menu(session, restaurant.id, SoldOut(now), returning=returning)
    lines = held_against_menu(draft.lines, menu)
    if draft.delivery is not None:
        zones = await read_zones(session, restaurant.id)
        check_delivery(draft.delivery, zones, items_cents=draft.items_cents)
    return Allowed(answer, calendar, lines, menu, await newest_number(session, restaurant.id))


async def _behind_the_others(session: AsyncSession, draft: OrderDraft, allowed: Allowed) -> Answer:
    """The answer with all that the kitchen has to make now, this order too: under the lock, so that
    of two orders placed at once the second knows of the first.
    """
    calendar, answer = allowed.calendar, allowed.answer
    others = await read_open_orders(
        session, draft.restaurant_id, calendar.kitchen, answer.at, without=draft.replaces_id
    )
    points = _points_of(allowed.menu)
    load = sum(line.quantity * points.get(line.item_id, 1) for line in draft.lines)
    own = OpenOrder(ready_at=answer.at + timedelta(days=1), units=units_of(calendar.kitchen, load))
    calendar = replace(calendar, open_orders=(*others, own))
    return what_happens(calendar, answer.kind, answer.at)


def _points_of(menu: Iterable[MenuItem]) -> dict[UUID, int]:
    return {dish.id: dish.kitchen_points for dish in menu}


def _slot(draft: OrderDraft, answer: Answer, taking: Taking = BY_AGENT) -> SlotRequest:
    """The slot in which the order is ready, or a later one that its caller may still wait for; that
    of the instant which was wanted, and no other.
    """
    if taking.wanted_at is not None:
        check_wanted(answer, taking.wanted_at)
    at = taking.wanted_at or answer.ready_at
    return SlotRequest(
        restaurant_id=draft.restaurant_id,
        holder_id=new_id(),
        kind=answer.kind,
        at=at,
        latest=taking.wanted_at or at + LONGEST_WAIT,
        load=Load(
            orders=1, items=sum(line.quantity for line in draft.lines), cents=draft.items_cents
        ),
    )


async def _slot_if_any(session: AsyncSession, wanted: SlotRequest) -> datetime:
    """Take the slot, or none where none has room: the order is promised already."""
    try:
        return await take_slot(session, wanted)
    except SlotFull:
        return wanted.at


async def _restaurant(session: AsyncSession, restaurant_id: UUID) -> Restaurant:
    restaurant = await session.get(Restaurant, restaurant_id)
    if restaurant is None:
        raise UnknownRestaurant(restaurant_id)
    return restaurant
