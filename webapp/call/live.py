"""What the page of a call in progress hears of: words as they were spoken, the cart as it fills."""

from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.event_outbox import OutboxTopic
from webapp.call.page import read_call
from webapp.call.shown import shown_data
from webapp.live.topic import Fragment, News, Topic
from webapp.place import Place

CALL: Final = "call"
CLOCK_EVERY_S: Final = 10.0
"""Its length grows, and a cart may be in Redis a moment later than the tool's turn is recorded."""
PARTS: Final = ("state", "talk", "outcome", "gestures")


async def call(place: Place, session: AsyncSession, news: News) -> list[Fragment]:
    """Render the call that the page names, as it now is: when something was said in it, and as time
    passes while it is live.
    """
    call_id = _id(news.argument)
    timed = not news.events[-1].topic
    if call_id is None or not (timed or call_id in news.subjects("call_id")):
        return []
    shown = await read_call(place, session, call_id)
    if shown is None or (timed and not shown.live):
        return []
    data = shown_data(place, shown)
    return [_part(place, name, data, news.last_id) for name in PARTS]


def _part(place: Place, name: str, data: dict[str, object], event_id: int) -> Fragment:
    template = place.site.templates.get_template(f"call/{name}.html")
    return Fragment(html=template.render(place=place, **data), event_id=event_id)


def _id(argument: str) -> UUID | None:
    try:
        return UUID(argument)
    except ValueError:
        return None


CALL_TOPICS: Final = (
    Topic(
        name=CALL,
        hears=frozenset({OutboxTopic.CALL_CHANGED}),
        render=call,
        every_s=CLOCK_EVERY_S,
    ),
)
