"""Step 10 of a call: one browser's event stream at one restaurant: first what it missed, then each
change as it is committed.

No database session stays open while the stream waits.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Hashable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Final
from uuid import UUID

import structlog
from fastapi.sse import format_sse_event
from pydantic_core import to_json
from sqlalchemy.exc import SQLAlchemyError

from controlplane.errors import AlloRestoError
from controlplane.models.event_outbox import OutboxTopic
from webapp.eventstream import OutboxEvent, OutboxFeed, StreamEnded, Subscription
from webapp.live.topic import Fragment, News, Topic
from webapp.place import Place, still_let_in
from webapp.renderings import Made

STREAM_MOST_S: Final = 600.0
"""Then the browser reconnects: no stream outlives a deployment, a lost right or a leak for long."""
ALIVE_EVERY_S: Final = 10.0
"""The page takes a silence of 25 s for a dead connection."""
RIGHTS_EVERY_S: Final = 60.0
"""A stream outlives its request: who signed out, or whose look is over, hears nothing more after
this. Who left the team, and a tablet that was taken away, hear nothing more at once."""
RENDER_WAITS_S: Final = (0.5, 2.0)
"""A rendering that fails is tried again after these, and then the stream ends."""
REPLAY_LIMIT: Final = 500
"""A page that missed more loads itself again, which is less work."""
_ALIVE: Final = format_sse_event(event="alive", data_str="{}")
_RELOAD: Final = format_sse_event(event="reload", data_str="{}")

_logger = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Wanted:
    """A topic as one page asks for it."""

    topic: Topic
    argument: str = ""


@dataclass(slots=True)
class Timed:
    """When a topic that changes with time is due, and what was sent of it last."""

    wanted: Wanted
    every_s: float
    due_at: float
    sent: Made = field(default=())


class LiveStream:
    """Makes the server-sent events of one browser at one restaurant."""

    def __init__(self, place: Place, wanted: Sequence[Wanted]) -> None:
        self._feed = place.site.feed
        self._renderings = place.site.renderings
        self._place = place
        self._wanted = tuple(wanted)
        self._rights_due_at = _next_look()

    async def events(self, after: int | None, *, once: bool = False) -> AsyncIterator[bytes]:
        """Yield events named by their topics (id = outbox id), `alive`, and `reload` when there is
        no telling what the page missed. `after` is the last id it saw, None when it can't say.

        `once`: end with what was missed, for a browser that no stream reaches.
        """
        try:
            async with self._feed.subscribe(self._place.restaurant_id) as page:
                async for event in self._sent(page, after, once=once):
                    yield event
        except StreamEnded:
            return
        except (SQLAlchemyError, OSError, AlloRestoError) as error:  # it comes back
            _logger.warning("stream_ended", error=type(error).__name__)

    async def _sent(
        self, page: Subscription, after: int | None, *, once: bool
    ) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + STREAM_MOST_S
        yield _ALIVE
        missed = await _missed(self._feed, self._place.restaurant_id, after)
        if after is None or missed is None:
            yield _RELOAD
            return
        seen, events = after, missed
        timed = _timed(self._wanted, loop.time())
        while (left_s := ends_at - loop.time()) > 0:
            fresh = tuple(event for event in events if event.id > seen)
            if await self._shut_out(fresh):
                return
            if fresh:
                seen = fresh[-1].id
                for change in await self._changes_at_last(fresh):
                    yield change
            elif not events:
                yield _ALIVE
            if once:
                return
            for change in await self._by_time(timed, seen):
                yield change
            next_s = min((each.due_at - loop.time() for each in timed), default=ALIVE_EVERY_S)
            events = await page.batch(max(0.0, min(ALIVE_EVERY_S, left_s, next_s)))

    async def _shut_out(self, events: tuple[OutboxEvent, ...]) -> bool:
        """Whether the visitor has lost the right to hear these events; asked from time to time, and
        when the events say that somebody did. While Postgres is busy or away, what is asked from
        time to time is asked again next time: the stream goes on, for `STREAM_MOST_S` at most.
        """
        told = any(event.topic == OutboxTopic.ACCESS_CHANGED for event in events)
        if not told and asyncio.get_running_loop().time() < self._rights_due_at:
            return False
        self._rights_due_at = _next_look()
        try:
            return not await still_let_in(self._place)
        except (SQLAlchemyError, OSError):
            if told:
                raise
            return False

    async def _changes_at_last(self, events: tuple[OutboxEvent, ...]) -> list[bytes]:
        """Render the changes; while Postgres is busy or away, wait here and try again: a thousand
        streams that ended and came back together would keep it busy.
        """
        for wait_s in RENDER_WAITS_S:
            try:
                return await self._changes(events)
            except (SQLAlchemyError, OSError):
                await asyncio.sleep(wait_s * random.uniform(0.5, 1.5))
        return await self._changes(events)

    async def _changes(self, events: tuple[OutboxEvent, ...]) -> list[bytes]:
        """Render what the events concern, each fragment at the place of the last event it shows,
        and end with the position that the page has then.
        """
        concerning = {
            wanted: tuple(event for event in events if event.topic in wanted.topic.hears)
            for wanted in self._wanted
        }
        rendered = await asyncio.gather(
            *(self._render(wanted, heard, ()) for wanted, heard in concerning.items() if heard)
        )
        made = sorted(chain.from_iterable(rendered), key=lambda item: item[0])
        position = format_sse_event(event="alive", id=str(events[-1].id), data_str="{}")
        return [*(event for _, event in made), position]

    async def _by_time(self, timed: list[Timed], seen: int) -> list[bytes]:
        """Render what is due by now, and send of it what is not the same as before."""
        now = asyncio.get_running_loop().time()
        sent: list[bytes] = []
        for each in timed:
            if each.due_at <= now:
                each.due_at = now + each.every_s
                tick = OutboxEvent(seen, self._place.restaurant_id, "", {})
                made = await self._render(each.wanted, (tick,), ("tick", now // each.every_s))
                if made != each.sent:
                    each.sent = made
                    sent += (event for _, event in made)
        return sent

    async def _render(
        self, wanted: Wanted, events: tuple[OutboxEvent, ...], when: Hashable
    ) -> Made:
        place, topic = self._place, wanted.topic
        key = (
            *(place.restaurant_id, place.role, place.language, topic.name, wanted.argument),
            *(events[0].id, events[-1].id, len(events), when),
        )

        async def make() -> Made:
            async with place.session() as session:
                news = News(events=events, argument=wanted.argument)
                fragments = await topic.render(place, session, news)
            return tuple(_event(topic.name, fragment) for fragment in fragments)

        return await self._renderings.get(key, make)


def _next_look() -> float:
    """The thousand streams that a deployment opened at once do not all ask at once."""
    return asyncio.get_running_loop().time() + RIGHTS_EVERY_S * random.uniform(0.5, 1)


def _timed(wanted: Sequence[Wanted], now: float) -> list[Timed]:
    return [
        Timed(each, each.topic.every_s, now + each.topic.every_s)
        for each in wanted
        if each.topic.every_s is not None
    ]


def _event(name: str, fragment: Fragment) -> tuple[int, bytes]:
    data = {**fragment.facts, "html": fragment.html}
    event = format_sse_event(event=name, id=str(fragment.event_id), data_str=to_json(data).decode())
    return fragment.event_id, event


async def _missed(
    feed: OutboxFeed, restaurant_id: UUID, after: int | None
) -> list[OutboxEvent] | None:
    """Return the events missed; None when there were too many, or when `after` is of another life
    of the database.
    """
    if after is None or after > await feed.newest_id(restaurant_id):
        return None
    events = await feed.replay(restaurant_id, after=after, limit=REPLAY_LIMIT + 1)
    return events if len(events) <= REPLAY_LIMIT else None
