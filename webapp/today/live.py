"""What the day's open pages hear of."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.event_outbox import OutboxTopic
from webapp.live.topic import Fragment, News, Topic
from webapp.place import Place
from webapp.queries import read_frame
from webapp.today.day import read_day
from webapp.today.queries import live_calls

PARTS: Final = ("pace", "alerts", "figures", "tables", "todo")
EVERY_S: Final = 30.0
"""An order waits longer, a party is late, a line goes down: nobody commits anything then."""


async def today(place: Place, session: AsyncSession, news: News) -> list[Fragment]:
    """Render the day's parts as they now are."""
    now = datetime.now(UTC).astimezone(place.zone)
    frame = await read_frame(session, place.restaurant_id)
    if frame is None:
        return []
    data = await read_day(replace(place, frame=frame), session, now)
    return [_part(place, name, data, news.last_id) for name in PARTS]


async def calls(place: Place, session: AsyncSession, news: News) -> list[Fragment]:
    """Render who is on the telephone now."""
    now = datetime.now(UTC).astimezone(place.zone)
    data = {"now": now, "live_calls": await live_calls(session, place.restaurant_id)}
    return [_part(place, "now", data, news.last_id)]


def _part(place: Place, name: str, data: dict[str, Any], event_id: int) -> Fragment:
    template = place.site.templates.get_template(f"today/{name}.html")
    return Fragment(html=template.render(place=place, **data), event_id=event_id)


TODAY_TOPICS: Final = (
    Topic(
        name="today",
        hears=frozenset({*OutboxTopic} - {OutboxTopic.CALL_CHANGED}),
        render=today,
        every_s=EVERY_S,
    ),
    Topic(name="calls", hears=frozenset({OutboxTopic.CALL_CHANGED}), render=calls),
)
