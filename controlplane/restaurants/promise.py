"""What an order would be promised at an instant, as far as is known beforehand; nothing is taken.

Who calls needs no transaction of its own.
"""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.contracts.identifiers import new_id
from controlplane.contracts.opening import OpeningKind
from controlplane.restaurants.slots import Load, SlotRequest, look_for_slot
from controlplane.restaurants.what_happens import Calendar, check_takes_orders

LONGEST_WAIT: Final = timedelta(hours=1)
"""An order is ready so much later than usual when its slot is full; its caller is told when."""
_ONE_DISH: Final = Load(orders=1, items=1)


async def promised_at(
    session: AsyncSession,
    restaurant_id: UUID,
    calendar: Calendar,
    at: datetime,
    *,
    kind: OpeningKind = OpeningKind.PICKUP,
) -> datetime:
    """Return when an order of one dish, placed at `at`, would be ready.

    Raises what `check_takes_orders` raises, and `SlotFull`.
    """
    answer = check_takes_orders(calendar, at, kind=kind)
    wanted = SlotRequest(
        restaurant_id=restaurant_id,
        holder_id=new_id(),
        kind=kind,
        at=answer.ready_at,
        latest=answer.ready_at + LONGEST_WAIT,
        load=_ONE_DISH,
    )
    return await look_for_slot(session, wanted)
