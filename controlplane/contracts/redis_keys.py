"""Every Redis key and channel name is spelt here, and nowhere else in the project.

Calls and restaurants are named by their UUID, bridges and workers by their node name.
"""

from datetime import date
from typing import Final
from uuid import UUID

QUEUE_INCOMING_CALLS: Final = "queue:incoming_calls"
"""A list of `CallOffer` JSON: bridges LPUSH, workers BLMOVE from the right."""

CALLS_DEMAND: Final = "calls:demand"
"""The worker pool is scaled on this zset: member = call id, score = lease expiry in Unix seconds.
"""

CALL_EVENTS: Final = "stream:call_events"
"""The controller's recorder reads this stream of call events, one as JSON in each entry."""

CALL_EVENT_FIELD: Final = "event"
"""An entry's field that holds the event."""

RECORDER_GROUP: Final = "recorder"
"""The consumer group whose pending entries are not recorded yet."""

MAX_CALL_EVENTS: Final = 200_000
"""The stream keeps about this many entries while no recorder reads it: 4,500 calls of 44 facts.
They take 75 MB; more would take the memory that calls on offer need, so the oldest facts go
instead."""

CALL_EVENTS_DEAD: Final = "stream:call_events:dead"
"""The recorder moves entries it cannot record to this stream: `entry` = its id, `reason`, `event`.
"""


UNSETTLED_ORDERS: Final = "orders:unsettled"
"""A hash of orders whose placing has begun and not ended: idempotency key → `UnsettledOrder` JSON.
What a dead worker left in it, another worker settles."""
UNSETTLED_ORDER_KEPT_S: Final = 21_600
"""The evening is over after six hours: nobody wants its order cooked the next day, and its caller's
name is not kept."""


def call_offer(call_id: UUID) -> str:
    """Name the string that holds the attempt now on offer. When it is absent, the call is taken or
    no longer offered.
    """
    return f"call:{call_id}:offer"


def call_claim(call_id: UUID) -> str:
    """Name the list on which the bridge waits for the one `CallClaim` of the attempt on offer."""
    return f"call:{call_id}:claim"


def call_state(call_id: UUID) -> str:
    """Name the string that holds what another worker needs to resume the call: cart, revision,
    transcript tail.
    """
    return f"call:{call_id}:state"


def call_request(call_id: UUID) -> str:
    """Name the string that holds the `CallRequest` JSON of somebody at the restaurant, with a TTL:
    whoever takes it away decides. The call's bridge obeys it, or who asked withdraws it.
    """
    return f"call:{call_id}:request"


def request_answer(request_id: UUID) -> str:
    """Name the string that holds the bridge's `RequestAnswer` JSON, with a TTL."""
    return f"request:{request_id}:answer"


def worker_offers(worker_id: str) -> str:
    """Name the list a worker moves offers into, so that none exists only in a process's memory."""
    return f"worker:{worker_id}:offers"


def worker_heartbeat(worker_id: str) -> str:
    """Name the string that holds `WorkerHeartbeat` JSON, with a TTL."""
    return f"worker:{worker_id}:heartbeat"


def bridge_heartbeat(bridge_id: str) -> str:
    """Name the string that holds `BridgeHeartbeat` JSON, with a TTL."""
    return f"bridge:{bridge_id}:heartbeat"


HEARTBEATS: Final = "*:heartbeat"
"""This pattern matches bridges' and workers' heartbeats, so that one scan finds both."""


def bridge_assignments(bridge_id: str) -> str:
    """PUB/SUB channel of `Assignment` JSON: each is a reason to read Postgres again."""
    return f"bridge:{bridge_id}:assignments"


CONFIG_GENERATION: Final = "restaurants:config_generation"
"""This counter rises with every invalidation. Whoever writes a config into the cache checks that it
is still what it was before reading Postgres, so that an old menu never overwrites its invalidation.
While it is absent, no controller watches for changes and nothing is cached."""


def carrier_pace(carrier_id: str) -> str:
    """Name the string that says when the carrier's next REGISTER may leave (GCRA, ms of Redis's
    clock).
    """
    return f"carrier:{carrier_id}:pace"


def restaurant_config(restaurant_id: UUID | str) -> str:
    """Name the string that holds `RestaurantConfig` JSON, with a TTL of 5 min; on a miss it is
    rebuilt from Postgres.
    """
    return f"restaurant:{restaurant_id}:config"


def restaurant_calls(restaurant_id: UUID) -> str:
    """Name the zset of the calls a restaurant took within the last hour: member = call id, score =
    Unix seconds. It holds no more than the restaurant's limit, and ends an hour after the last.
    """
    return f"restaurant:{restaurant_id}:calls"


def restaurant_ai_ms(restaurant_id: UUID, day: date) -> str:
    """Name the counter of milliseconds that workers were on a restaurant's calls on one of its own
    days, with a TTL of two days.
    """
    return f"restaurant:{restaurant_id}:ai_ms:{day.isoformat()}"


def tries(limit: str, who: str) -> str:
    """Name the counter of tries, with a TTL of the limit's window; `who` is a hash."""
    return f"tries:{limit}:{who}"


def passkey_challenge(challenge: str) -> str:
    """Name the string that says for whom a passkey's challenge was made, with a TTL of 5 min. Who
    answers it takes it away.
    """
    return f"challenge:{challenge}"


def menu_upload(restaurant_id: UUID) -> str:
    """Name the string that holds the menu's file which somebody there is looking at before it
    becomes a draft, as JSON, with a TTL of an hour. Another file takes its place.
    """
    return f"menu_upload:{restaurant_id}"


def api_pace(token_id: UUID, minute: int) -> str:
    """Name the counter of what one token of the JSON API asked in one minute since 1970."""
    return f"api:{token_id}:{minute}"
