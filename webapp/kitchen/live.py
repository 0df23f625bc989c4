"""What the kitchen's open pages hear of."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.event_outbox import OutboxTopic
from webapp import metrics
from webapp.kitchen.availability import things_on_sale
from webapp.kitchen.messages import Message, messages_by_id
from webapp.kitchen.queries import kitchen_of, open_tickets, tickets_by_id
from webapp.kitchen.state import kitchen_state
from webapp.kitchen.ticket import Ticket, stations, to_make
from webapp.kitchen.words import SAYS
from webapp.live.topic import Fragment, News, Topic
from webapp.place import Place

_OF_ORDERS: Final = frozenset(
    {
        OutboxTopic.ORDER_PLACED,
        OutboxTopic.ORDER_STATUS_CHANGED,
        OutboxTopic.LINE_CROSSED_OFF,
    }
)
_OF_MESSAGES: Final = frozenset({OutboxTopic.VOICE_MESSAGE_LEFT, OutboxTopic.VOICE_MESSAGE_HEARD})
STATE_EVERY_S: Final = 30.0
"""A rush ends, a printer falls silent, a dish comes back: nobody commits anything then."""


def render(place: Place, template: str, **data: Any) -> str:
    """Render one part of the kitchen's page."""
    found = place.site.templates.get_template(f"kitchen/{template}.html")
    return found.render(SAYS, place=place, now=datetime.now(place.zone), **data)


async def tickets(place: Place, session: AsyncSession, news: News) -> list[Fragment]:
    """Render each order that something happened to, as it is now; `argument` is the station."""
    orders = news.subjects("order_id")
    found = await tickets_by_id(session, kitchen_of(place), orders)
    return [
        _ticket(place, found[order_id], news.argument, event_id)
        for order_id, event_id in orders.items()
        if order_id in found
    ]


def _ticket(place: Place, ticket: Ticket, station: str, event_id: int) -> Fragment:
    metrics.TICKETS_SENT.inc()
    shown = ticket.at_station(station)
    gone = f'<li id="order-{ticket.order_id}" data-live-gone hidden></li>'
    return Fragment(
        html=render(place, "ticket", ticket=shown, station=station) if shown else gone,
        event_id=event_id,
        facts={
            "order": str(ticket.order_id),
            "number": ticket.number,
            "status": ticket.status,
            "done": ticket.done,
        },
    )


async def voice(place: Place, session: AsyncSession, news: News) -> list[Fragment]:
    messages = news.subjects("voice_message_id")
    found = await messages_by_id(session, kitchen_of(place), messages)
    return [
        _message(place, found[message_id], event_id)
        for message_id, event_id in messages.items()
        if message_id in found
    ]


def _message(place: Place, message: Message, event_id: int) -> Fragment:
    html = render(place, "message", message=message)
    return Fragment(html=html, event_id=event_id, facts={"heard": message.heard})


async def sums(place: Place, session: AsyncSession, news: News) -> list[Fragment]:
    """Sum up what all open orders come to; `argument` is the station."""
    found = await open_tickets(session, kitchen_of(place))
    html = render(
        place,
        "to_make",
        sums=to_make(found, news.argument),
        stations=stations(found),
        station=news.argument,
    )
    return [Fragment(html=html, event_id=news.last_id)]


async def kitchen(place: Place, session: AsyncSession, news: News) -> list[Fragment]:
    """Render what holds of the whole kitchen: its pace, its printers, what is sold out."""
    state = await kitchen_state(session, place.restaurant_id)
    return [
        Fragment(html=render(place, template, state=state), event_id=news.last_id)
        for template in ("notices", "pace", "out_count")
    ]


async def availability(place: Place, session: AsyncSession, news: News) -> list[Fragment]:
    """Render the list of what is sold out, and of all that may be."""
    things = await things_on_sale(session, kitchen_of(place))
    html = render(place, "availability_list", things=things)
    return [Fragment(html=html, event_id=news.last_id)]


KITCHEN_TOPICS: Final = (
    Topic(
        name="availability",
        hears=frozenset({OutboxTopic.AVAILABILITY_CHANGED}),
        render=availability,
        tablets=True,
        every_s=STATE_EVERY_S,
    ),
    Topic(name="ticket", hears=_OF_ORDERS, render=tickets, tablets=True),
    Topic(name="voice", hears=_OF_MESSAGES, render=voice, tablets=True),
    Topic(name="sums", hears=_OF_ORDERS, render=sums, tablets=True),
    Topic(
        name="kitchen",
        hears=frozenset({OutboxTopic.BUSY_CHANGED, OutboxTopic.AVAILABILITY_CHANGED}),
        render=kitchen,
        tablets=True,
        every_s=STATE_EVERY_S,
    ),
)
