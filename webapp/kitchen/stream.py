"""The kitchen page's event stream: what it missed, then each order as it is committed.

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
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from webapp import metrics
from webapp.eventstream import OutboxEvent, OutboxFeed, StreamEnded
from webapp.kitchen.tickets import Kitchen, Ticket, tickets_by_id

STREAM_MOST_S: Final = 600.0
"""Then the page reconnects: no stream outlives a deployment, a revoked key or a leak for long."""
ALIVE_EVERY_S: Final = 10.0
"""The page takes a silence of 25 s for a dead connection."""
RECONNECT_MS: Final = 1_000
REPLAY_LIMIT: Final = 500
"""A page that missed more loads itself again, which is less work."""

RenderTicket = Callable[[Ticket], str]

_logger = structlog.get_logger()


async def kitchen_events(
    feed: OutboxFeed,
    sessions: async_sessionmaker[AsyncSession],
    kitchen: Kitchen,
    *,
    after: int | None,
    render: RenderTicket,
) -> AsyncIterator[bytes]:
    """Server-sent events: `ticket` (id = outbox id), `alive`, and `reload` when there is no
    telling what the page missed. `after` is the last id it saw, None when it can't say.
    """
    restaurant_id = kitchen.restaurant_id
    ends_at = asyncio.get_running_loop().time() + STREAM_MOST_S
    async with feed.subscribe(restaurant_id) as page:
        yield format_sse_event(retry=RECONNECT_MS, event="alive", data_str="{}")
        missed = await _missed(feed, restaurant_id, after)
        if after is None or missed is None:
            yield format_sse_event(event="reload", data_str="{}")
            return
        seen = after
        events = missed
        try:
            while (left_s := ends_at - asyncio.get_running_loop().time()) > 0:
                fresh = [event for event in events if event.id > seen]
                if fresh:
                    seen = fresh[-1].id
                    async for message in _tickets(sessions, kitchen, fresh, render):
                        yield message
                elif not events:
                    yield format_sse_event(event="alive", data_str="{}")
                events = await page.batch(min(ALIVE_EVERY_S, left_s))
        except StreamEnded:
            return


async def _missed(
    feed: OutboxFeed, restaurant_id: UUID, after: int | None
) -> list[OutboxEvent] | None:
    """None when there were too many, or when `after` is of another life of the database."""
    if after is None or after > await feed.newest_id(restaurant_id):
        return None
    events = await feed.replay(restaurant_id, after=after, limit=REPLAY_LIMIT + 1)
    return events if len(events) <= REPLAY_LIMIT else None


async def _tickets(
    sessions: async_sessionmaker[AsyncSession],
    kitchen: Kitchen,
    events: list[OutboxEvent],
    render: RenderTicket,
) -> AsyncIterator[bytes]:
    """One message an order, as it is now, at the place of its last event."""
    last_event_of = {order_id: event.id for event in events if (order_id := _order_id(event))}
    async with sessions() as session:
        tickets = await tickets_by_id(session, kitchen, last_event_of)
    for order_id, event_id in sorted(last_event_of.items(), key=lambda item: item[1]):
        ticket = tickets.get(order_id)
        if ticket is None:
            continue
        data: dict[str, JsonValue] = {
            "order": str(order_id),
            "number": ticket.number,
            "status": ticket.status,
            "done": ticket.done,
            "html": render(ticket),
        }
        metrics.TICKETS_SENT.inc()
        yield format_sse_event(event="ticket", id=str(event_id), data_str=to_json(data).decode())
    yield format_sse_event(event="alive", id=str(events[-1].id), data_str="{}")


def _order_id(event: OutboxEvent) -> UUID | None:
    value = event.payload.get("order_id")
    if value is None:
        return None  # another page's topic
    try:
        return UUID(str(value))
    except ValueError:
        _logger.error("outbox_order_id_unreadable", outbox_id=event.id, topic=event.topic)
        return None
