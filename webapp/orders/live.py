"""What the open pages of orders hear of: those in hand, and one order's own story."""

from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.event_outbox import OutboxTopic
from webapp.live.topic import Fragment, News, Topic
from webapp.orders.page import one_order, open_list
from webapp.place import Place

_OF_ORDERS: Final = frozenset({OutboxTopic.ORDER_PLACED, OutboxTopic.ORDER_STATUS_CHANGED})
EVERY_S: Final = 60.0
"""An order is late, and nobody commits anything then."""


async def orders(place: Place, session: AsyncSession, news: News) -> list[Fragment]:
    """Render the orders in hand; `argument` is the one whose page it is, or nothing."""
    data = await open_list(place, session)
    return [_part(place, "open", data | {"current": news.argument}, news.last_id)]


async def order(place: Place, session: AsyncSession, news: News) -> list[Fragment]:
    """Render the order of `argument`, once something happened to it."""
    events = news.subjects("order_id")
    mine = next((each for each in events if str(each) == news.argument), None)
    if mine is None:
        return []
    data = await one_order(place, session, mine)
    return [_part(place, name, data, events[mine]) for name in ("ticket", "story")]


def _part(place: Place, name: str, data: dict[str, Any], event_id: int) -> Fragment:
    template = place.site.templates.get_template(f"orders/{name}.html")
    return Fragment(html=template.render(place=place, **data), event_id=event_id)


ORDERS_TOPICS: Final = (
    Topic(name="orders", hears=_OF_ORDERS, render=orders, every_s=EVERY_S),
    Topic(name="order", hears=_OF_ORDERS, render=order),
)
