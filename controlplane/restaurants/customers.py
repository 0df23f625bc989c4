"""Who orders at a restaurant: found or made by their number when an order is placed."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.contracts.phone_numbers import is_e164
from controlplane.models.customer import Customer
from controlplane.models.order import NEVER_MADE, Order, OrderLine
from controlplane.models.restaurant import Restaurant
from controlplane.restaurants.people_errors import Suppressed, UnknownCustomer
from controlplane.restaurants.read_number import read_number
from controlplane.restaurants.suppressions import hash_number, is_suppressed
from controlplane.restaurants.usual import ORDERS_LOOKED_AT, PastDish, UsualDish, usual
from controlplane.secret_box import SecretBox


async def remember_customer(
    session: AsyncSession,
    restaurant_id: UUID,
    *,
    number: str | None,
    name: str | None,
    at: datetime,
) -> None:
    """Find or make the customer of an order that is being placed, in its transaction.

    An order without a name keeps the one known. A number that is hidden or no E.164 is nobody's:
    the order is placed all the same.
    """
    if number is None or not is_e164(number):
        return
    new = insert(Customer).values(
        restaurant_id=restaurant_id, phone_e164=number, name=name, seen_at=at
    )
    known = {
        "name": func.coalesce(new.excluded.name, Customer.name),
        "seen_at": func.greatest(new.excluded.seen_at, Customer.seen_at),
    }
    await session.execute(
        new.on_conflict_do_update(index_elements=["restaurant_id", "phone_e164"], set_=known)
    )


async def add_customer(
    session: AsyncSession,
    box: SecretBox,
    restaurant: Restaurant,
    number: str,
    *,
    name: str | None,
    seen_at: datetime | None = None,
) -> None:
    """Take over somebody from a list: an old application's, or the restaurant's own book.

    Who is known already stays as they are; `seen_at` says since when they are kept, now if it is
    not given. No consent comes with a list. Raises `NotANumber`; `Suppressed`, for who was erased
    comes back only by ordering again.
    """
    e164 = read_number(number, own=restaurant.phone_e164)
    phone_hash = await hash_number(session, box, restaurant.id, e164)
    if await is_suppressed(session, restaurant.id, phone_hash):
        raise Suppressed
    new = insert(Customer).values(
        restaurant_id=restaurant.id, phone_e164=e164, name=name, seen_at=seen_at or func.now()
    )
    await session.execute(new.on_conflict_do_nothing())


async def find_customer(session: AsyncSession, restaurant: Restaurant, number: str) -> Customer:
    """Raises `NotANumber`, `UnknownCustomer`."""
    e164 = read_number(number, own=restaurant.phone_e164)
    customer = await session.scalar(
        select(Customer).where(Customer.restaurant_id == restaurant.id, Customer.phone_e164 == e164)
    )
    if customer is None:
        raise UnknownCustomer
    return customer


async def usual_of(session: AsyncSession, customer: Customer) -> tuple[UsualDish, ...]:
    """What this customer orders again and again at this restaurant."""
    return usual(await _past_orders(session, customer))


async def _past_orders(session: AsyncSession, customer: Customer) -> list[Sequence[PastDish]]:
    """Their last orders that they had, the newest first."""
    newest = (
        select(Order.id)
        .where(
            Order.restaurant_id == customer.restaurant_id,
            Order.customer_phone_e164 == customer.phone_e164,
            Order.status.not_in(NEVER_MADE),
        )
        .order_by(Order.created_at.desc())
        .limit(ORDERS_LOOKED_AT)
    )
    lines = await session.scalars(
        select(OrderLine)
        .where(OrderLine.restaurant_id == customer.restaurant_id, OrderLine.order_id.in_(newest))
        .order_by(OrderLine.order_id.desc(), OrderLine.position)
    )
    orders: dict[UUID, list[PastDish]] = {}
    for line in lines:
        orders.setdefault(line.order_id, []).append(_past_dish(line))
    return list(orders.values())


def _past_dish(line: OrderLine) -> PastDish:
    return PastDish(
        menu_item_id=line.menu_item_id,
        name=line.name,
        options=tuple(sorted((option["id"], option["name"]) for option in line.options)),
        quantity=line.quantity,
    )
