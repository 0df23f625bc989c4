"""The one event stream that all pages of a browser share, at each restaurant it is open at."""

from typing import Annotated, Final
from urllib.parse import unquote

from fastapi import APIRouter, Header, HTTPException, Query, status
from fastapi.sse import EventSourceResponse

from webapp.live.stream import LiveStream, Wanted
from webapp.live.topic import Topic
from webapp.place import KitchenHere, Place

MOST_TOPICS: Final = 32
"""All tabs of a browser together ask for no more."""

router = APIRouter(prefix="/place/{restaurant_id}/events", include_in_schema=False)


@router.get("")
async def events(
    place: KitchenHere,
    topics: Annotated[str, Query(min_length=1, max_length=2_000)],
    after: Annotated[str | None, Query(max_length=20)] = None,
    last_event_id: Annotated[str | None, Header(max_length=20)] = None,
    *,
    once: bool = False,
) -> EventSourceResponse:
    """Send what the topics show from `Last-Event-ID` on, or `after` on a first connection."""
    stream = LiveStream(place, wanted_topics(place, topics))
    sent = stream.events(_outbox_id(last_event_id or after), once=once)
    return EventSourceResponse(sent, headers={"X-Accel-Buffering": "no"})


def wanted_topics(place: Place, asked: str) -> list[Wanted]:
    """Read `name,name:argument`; what is no topic, or not for this visitor, is no page."""
    topics: dict[str, Topic] = place.request.app.state.topics
    wanted = {}
    for each in asked.split(",")[: MOST_TOPICS + 1]:
        name, _, argument = each.partition(":")
        topic = topics.get(name)
        if topic is None or not topic.may_be_heard(place):
            raise HTTPException(status.HTTP_404_NOT_FOUND)
        wanted[each] = Wanted(topic, unquote(argument))
    if len(wanted) > MOST_TOPICS:
        raise HTTPException(status.HTTP_404_NOT_FOUND)
    return list(wanted.values())


def _outbox_id(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() else None
