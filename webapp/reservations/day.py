"""One service as its page shows it, and as open pages are told of it anew."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.restaurants.reservation_book import read_shifts
from webapp import charts
from webapp.forms import read_uuid
from webapp.place import Place
from webapp.reservations import words
from webapp.reservations.day_plan import draw, window
from webapp.reservations.forms import read_day
from webapp.reservations.queries import bookings_of, read_tables
from webapp.reservations.service import (
    covers,
    current_day,
    day_between,
    service_at,
    services_around,
    services_on,
)


async def read_service(
    place: Place, session: AsyncSession, day: str, service: str, now: datetime
) -> dict[str, Any]:
    """Read what `reservations/day.html` draws: the service of that id on that date, as a browser
    wrote them; of what is none, the one that is on, or comes next.
    """
    today = now.astimezone(place.zone).date()
    shifts = await read_shifts(session, place.restaurant_id)
    on = read_day(day, current_day(shifts, place.zone, now))
    found = services_on(shifts, place.zone, on)
    shift = service_at(found, read_uuid(service), now)
    first, last = window(shift) if shift else day_between(on, place.zone)
    bookings = await bookings_of(
        session, place.restaurant_id, place.zone, now, shift=shift, first=first, last=last
    )
    tables = await read_tables(session, place.restaurant_id)
    come = [one for one in bookings if not one.waits]
    return {
        "on": on,
        "today": today,
        "before": on - timedelta(days=1),
        "after": on + timedelta(days=1),
        "services": found,
        "tabs": services_around(shifts, place.zone, on),
        "shift": shift,
        "plan": draw(shift, tables, come, place.zone, now) if shift and tables else None,
        "come": come,
        "late": [one for one in come if one.late],
        "waiting": [one for one in bookings if one.waits],
        "covers": covers(come, shift.shift.max_covers if shift else None),
        "gauge": charts.gauge,
        "words": words,
    }
