"""The kitchen page's event stream: first what it missed, then each order as it is committed.

No database session stays open while the page waits.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Final
from uuid import UUID

import structlog
from fastapi.sse import format_sse_event
from pydantic import JsonValue
from pydantic_core import to_json
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from controlplane.tenancy import restaurant_session
from webapp import metrics
from webapp.eventstream import OutboxEvent, OutboxFeed, StreamEnded
from webapp.kitchen.messages import Message, messages_by_id
from webapp.kitchen.tickets import Kitchen, Ticket, tickets_by_id

STREAM_MOST_S: Final = 600.0
"""Then the page reconnects: no stream outlives a deployment, a revoked key or a leak for long."""
ALIVE_EVERY_S: Final = 10.0
"""The page takes a silence of 25 s for a dead connection."""
RECONNECT_MS: Final = 1_000
REPLAY_LIMIT: Final = 500
"""A page that missed more loads itself again, which is less work."""

Render = Callable[[Ticket | Message], str]

_SUBJECTS: Final = ("order_id", "voice_message_id")

_logger = structlog.get_logger()


async def kitchen_events(
    feed: OutboxFeed,
    sessions: async_sessionmaker[AsyncSession],
    kitchen: Kitchen,
    *,
    after: int | None,
    render: Render,
) -> AsyncIterator[bytes]:
    """Yield server-sent events: `ticket` and `voice` (id = outbox id), `alive`, and `reload` when
    there is no telling what the page missed.

    `after` is the last id it saw, None when it can't say.
    """
    restaurant_id = kitchen.restaurant_id
    ends_at = asyncio.get_running_loop().time() + STREAM_MOST_S
    async with feed.subscribe(restaurant_id) as page:
        yield format_sse_event(retry=RECONNECT_MS, event="alive", data_str="{}")
        try:
            missed = await _missed(feed, restaurant_id, after)
            if after is None or missed is None:
                yield format_sse_event(event="reload", data_str="{}")
                return
            seen = after
            events = missed
            while (left_s := ends_at - asyncio.get_running_loop().time()) > 0:
                fresh = [event for event in events if event.id > seen]
                if fresh:
                    seen = fresh[-1].id
                    async for event in _changes(sessions, kitchen, fresh, render):
                        yield event
                elif not events:
                    yield format_sse_event(event="alive", data_str="{}")
                events = await page.batch(min(ALIVE_EVERY_S, left_s))
        except StreamEnded:
            return
        except (SQLAlchemyError, OSError) as error:  # the page comes back with what it saw
            _logger.warning("stream_ended", error=type(error).__name__)


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


async def _changes(
    sessions: async_sessionmaker[AsyncSession],
    kitchen: Kitchen,
    events: list[OutboxEvent],
    render: Render,
) -> AsyncIterator[bytes]:
    """Yield one event an order or message, as it is now, at the place of its last change."""
    last_event_of = {key: event.id for event in events if (key := _subject(event))}
    ids = {kind: [i for k, i in last_event_of if k == kind] for kind in _SUBJECTS}
    async with restaurant_session(sessions, kitchen.restaurant_id) as session:
        tickets = await tickets_by_id(session, kitchen, ids["order_id"])
        messages = await messages_by_id(session, kitchen, ids["voice_message_id"])
    for (kind, subject_id), event_id in sorted(last_event_of.items(), key=lambda item: item[1]):
        if kind == "order_id" and (ticket := tickets.get(subject_id)):
            metrics.TICKETS_SENT.inc()
            yield _event("ticket", event_id, _ticket_data(ticket, render(ticket)))
        elif kind == "voice_message_id" and (message := messages.get(subject_id)):
            data: dict[str, JsonValue] = {"heard": message.heard, "html": render(message)}
            yield _event("voice", event_id, data)
    yield format_sse_event(event="alive", id=str(events[-1].id), data_str="{}")


def _ticket_data(ticket: Ticket, html: str) -> dict[str, JsonValue]:
    return {
        "order": str(ticket.order_id),
        "number": ticket.number,
        "status": ticket.status,
        "done": ticket.done,
        "html": html,
    }


def _event(name: str, event_id: int, data: dict[str, JsonValue]) -> bytes:
    return format_sse_event(event=name, id=str(event_id), data_str=to_json(data).decode())


def _subject(event: OutboxEvent) -> tuple[str, UUID] | None:
    """Return what the event tells of; None when it is another page's topic."""
    for name in _SUBJECTS:
        if (value := event.payload.get(name)) is not None:
            try:
                return name, UUID(str(value))
            except ValueError:
                _logger.error("outbox_id_unreadable", outbox_id=event.id, topic=event.topic)
    return None
