"""What every page of a restaurant shows around its own content, in one query."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Label, and_, column, func, select, text, true
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.busy_state import BusyState
from controlplane.models.call import Call
from controlplane.models.menu_draft import MenuDraft
from controlplane.models.order import Order, OrderStatus
from controlplane.models.reservation import Reservation, ReservationStatus
from controlplane.models.restaurant import Restaurant

IN_HAND = (OrderStatus.ACCEPTED, OrderStatus.PREPARING, OrderStatus.READY)
EXPECTED = (ReservationStatus.CONFIRMED, ReservationStatus.RECONFIRMED, ReservationStatus.ARRIVED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """The restaurant, its line, and the counters of the navigation."""

    name: str
    slug: str
    timezone: str
    phone_e164: str
    address: str
    status: str
    new_orders: int
    orders_in_hand: int
    bookings_tonight: int
    live_calls: int
    unpublished_menu: bool
    line_state: str | None
    """A `GatewayState`; None while the restaurant has no SIP account."""
    line_since: datetime | None
    busy_level: str | None
    busy_delay_minutes: int
    busy_until: datetime | None


async def read_frame(session: AsyncSession, restaurant_id: UUID) -> Frame | None:
    """Return None when there is no such restaurant."""
    is_tonight = Reservation.shift_date == func.date(func.timezone(Restaurant.timezone, func.now()))
    is_recent = Call.started_at > func.now() - text("interval '2 hours'")
    line = func.line_of_restaurant().table_valued(column("state"), column("state_at"), name="line")
    said_until = (BusyState.until.is_(None)) | (BusyState.until > func.now())
    asked = (
        select(
            Restaurant.name,
            Restaurant.slug,
            Restaurant.timezone,
            Restaurant.phone_e164,
            Restaurant.address,
            Restaurant.status,
            _count("new_orders", Order, Order.status == OrderStatus.PLACED),
            _count("orders_in_hand", Order, Order.status.in_(IN_HAND)),
            _count("bookings_tonight", Reservation, Reservation.status.in_(EXPECTED), is_tonight),
            _count("live_calls", Call, Call.ended_at.is_(None), is_recent),
            select(MenuDraft.restaurant_id)
            .where(MenuDraft.restaurant_id == Restaurant.id)
            .exists()
            .label("unpublished_menu"),
            line.c.state.label("line_state"),
            line.c.state_at.label("line_since"),
            BusyState.level.label("busy_level"),
            func.coalesce(BusyState.delay_minutes, 0).label("busy_delay_minutes"),
            BusyState.until.label("busy_until"),
        )
        .select_from(Restaurant)
        .outerjoin(BusyState, and_(BusyState.restaurant_id == Restaurant.id, said_until))
        .outerjoin(line, true())
        .where(Restaurant.id == restaurant_id)
    )
    row = (await session.execute(asked)).first()
    return None if row is None else Frame(**row._mapping)


def _count(
    name: str, table: type[Order | Reservation | Call], *where: ColumnElement[bool]
) -> Label[int]:
    counted = select(func.count()).select_from(table)
    mine = counted.where(table.restaurant_id == Restaurant.id, *where)
    return mine.correlate(Restaurant).scalar_subquery().label(name)
