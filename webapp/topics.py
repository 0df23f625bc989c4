"""All topics that open pages may hear of: each feature's are declared in its own `live.py`."""

from typing import Final

from webapp.call.live import CALL_TOPICS
from webapp.kitchen.live import KITCHEN_TOPICS
from webapp.live.topic import Topic, index
from webapp.orders.live import ORDERS_TOPICS
from webapp.reservations.live import RESERVATION_TOPICS
from webapp.today.live import TODAY_TOPICS

TOPICS: Final[dict[str, Topic]] = index(
    (*KITCHEN_TOPICS, *CALL_TOPICS, *ORDERS_TOPICS, *TODAY_TOPICS, *RESERVATION_TOPICS)
)
