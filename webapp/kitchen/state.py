"""What holds of the whole kitchen now: how busy it says it is, what is sold out, which printers
print nothing.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import ColumnElement, ScalarSelect, and_, func, or_, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.contracts.opening import BusyLevel
from controlplane.models.busy_state import BusyState
from controlplane.models.ingredient import Ingredient
from controlplane.models.menu import MenuItem
from controlplane.models.printer import Printer
from controlplane.models.restaurant import Restaurant
from controlplane.restaurants.printers import PrinterHealth, health

PAUSE = "pause"


@dataclass(frozen=True, slots=True, kw_only=True)
class KitchenState:
    """`sold_out` counts dishes and ingredients."""

    busy_level: BusyLevel
    busy_delay_minutes: int
    busy_until: datetime | None
    silent_printers: tuple[str, ...]
    sold_out: int

    @property
    def pace(self) -> str:
        """What the button says that is on: minutes, or `pause`."""
        return PAUSE if self.busy_level is BusyLevel.PAUSED else str(self.busy_delay_minutes)


async def kitchen_state(session: AsyncSession, restaurant_id: UUID) -> KitchenState:
    """Read it in one query: one row for each printer, one where there is none."""
    now = datetime.now(UTC)
    rows = (
        await session.execute(
            select(
                BusyState.level,
                BusyState.delay_minutes,
                BusyState.until,
                _sold_out(restaurant_id).label("sold_out"),
                Printer,
            )
            .select_from(Restaurant)
            .outerjoin(
                BusyState,
                and_(
                    BusyState.restaurant_id == Restaurant.id,
                    or_(BusyState.until.is_(None), BusyState.until > now),
                ),
            )
            .outerjoin(
                Printer,
                and_(Printer.restaurant_id == Restaurant.id, Printer.revoked_at.is_(None)),
            )
            .where(Restaurant.id == restaurant_id)
            .order_by(Printer.created_at, Printer.id)
        )
    ).all()
    first, printers = rows[0], [row.Printer for row in rows if row.Printer is not None]
    return KitchenState(
        busy_level=BusyLevel(first.level or BusyLevel.ONLINE),
        busy_delay_minutes=first.delay_minutes or 0,
        busy_until=first.until,
        silent_printers=tuple(
            each.name for each in printers if health(each, now) is not PrinterHealth.PRINTS
        ),
        sold_out=first.sold_out,
    )


def _sold_out(restaurant_id: UUID) -> ColumnElement[int]:
    dishes = _out_of(MenuItem, restaurant_id, MenuItem.active.is_(True))
    return dishes + _out_of(Ingredient, restaurant_id, true())


def _out_of(
    table: type[MenuItem | Ingredient], restaurant_id: UUID, which: ColumnElement[bool]
) -> ScalarSelect[int]:
    return (
        select(func.count())
        .select_from(table)
        .where(table.restaurant_id == restaurant_id, table.sold_out_until > func.now(), which)
        .scalar_subquery()
    )
