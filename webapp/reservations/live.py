"""What open pages of reservations hear of: the service that each shows, as it now is."""

from datetime import UTC, datetime
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.event_outbox import OutboxTopic
from webapp.live.topic import Fragment, News, Topic
from webapp.place import Place
from webapp.reservations.day import read_service

EVERY_S: Final = 60.0
"""Guests become late and the column of now moves on, and nobody commits anything then."""


async def service(place: Place, session: AsyncSession, news: News) -> list[Fragment]:
    """Render the service that the page names: `2026-11-27_SHIFT`."""
    day, _, shift_id = news.argument.partition("_")
    data = await read_service(place, session, day, shift_id, datetime.now(UTC))
    template = place.site.templates.get_template("reservations/service.html")
    return [Fragment(html=template.render(place=place, **data), event_id=news.last_id)]


RESERVATION_TOPICS: Final = (
    Topic(
        name="service",
        hears=frozenset({OutboxTopic.RESERVATION_CHANGED}),
        render=service,
        every_s=EVERY_S,
    ),
)
