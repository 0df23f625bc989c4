"""Deletes what would otherwise grow for ever: the demand of dead bridges, old rows, pods of another
day, and what is known of callers once its restaurant's time for it is over. What calls and SMS cost
is taken down before.

Any number of controllers may do it at once. A turn's work is bounded: a table that was forgotten
for a month is emptied over some hours, a little at a time.
"""

import time
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final
from uuid import UUID

import structlog
from redis import Redis
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from controlplane.billing.usage import SUBSCRIBED, rate_calls, rate_sms
from controlplane.contracts import redis_keys
from controlplane.contracts.identifiers import first_id
from controlplane.controller import metrics
from controlplane.models import order, reservation
from controlplane.models.restaurant import MOST_CALL_MONTHS

KEEP_OUTBOX: Final = timedelta(days=3)
"""A kitchen page that was away longer shows none of those orders any more."""
KEEP_NODES: Final = timedelta(days=1)
"""Pods have a new name at every start, so their rows pile up."""
KEEP_REGISTRATION_EVENTS: Final = timedelta(days=7)
"""This is long enough to ask why a restaurant could not be reached last weekend."""
KEEP_SLOTS: Final = timedelta(days=2)
"""No zone is a day from UTC, and nobody cancels an order of the day before yesterday."""
KEEP_RENDERINGS: Final = timedelta(days=30)
"""A restaurant may go back to last month's greeting without having it said again."""
KEEP_OVER: Final = timedelta(days=30)
"""Whoever asks who was invited, or signed in, asks within a month; addresses are kept no longer."""

KEEP_PRINT_JOBS: Final = timedelta(days=7)
"""Whoever asks why a ticket was not printed asks within the week."""

KEEP_API_REQUESTS: Final = timedelta(days=2)
"""A key is good for a day (`controlplane/restaurants/api_requests.py`)."""
KEEP_WEBHOOKS: Final = timedelta(days=14)
"""A till that was broken over a holiday is told again from the page."""

BATCH_ROWS: Final = 1_000
"""One transaction deletes this many rows, which takes far less than the statement's deadline, even
with recordings."""
MOST_BATCHES: Final = 50
"""One turn deletes this many batches of one table."""

_STALE: Final = (
    ("event_outbox", "created_at < now() - :age", KEEP_OUTBOX),
    ("sip_registration_event", "at < now() - :age", KEEP_REGISTRATION_EVENTS),
    ("slot_counter", "slot_start < now() - :age", KEEP_SLOTS),
    ("print_job", "created_at < now() - :age", KEEP_PRINT_JOBS),
    ("api_request", "created_at < now() - :age", KEEP_API_REQUESTS),
    ("webhook_delivery", "created_at < now() - :age", KEEP_WEBHOOKS),
    ("ai_worker_node", "last_seen_at < now() - :age", KEEP_NODES),
    (
        "prompt_rendering",
        "rendered_at < now() - :age AND NOT EXISTS (SELECT FROM restaurant_prompt p"
        " WHERE p.rendering_id = prompt_rendering.id)",
        KEEP_RENDERINGS,
    ),
    ("invitation", "expires_at < now() - :age", KEEP_OVER),
    ("user_session", "expires_at < now() - :age", KEEP_OVER),
    ("password_reset", "expires_at < now() - :age", KEEP_OVER),
    (
        "sip_bridge_node",
        "last_seen_at < now() - :age AND NOT EXISTS (SELECT FROM sip_registration r"
        " WHERE sip_bridge_node.id IN"
        " (r.bridge_id, r.former_bridge_id, r.requested_bridge_id))",
        KEEP_NODES,
    ),
)

_MONTHS: Final = "make_interval(months => restaurant.keep_calls_months)"
_KEPT: Final = (
    ("call_turn", "at", "make_interval(days => restaurant.keep_transcripts_days)"),
    ("call_case", "called_at", "make_interval(days => restaurant.keep_transcripts_days)"),
    ("voice_message", "recorded_at", "make_interval(days => restaurant.keep_voice_messages_days)"),
    ("call", "started_at", _MONTHS),
    ("customer", "seen_at", _MONTHS),
    ("notification", "created_at", "make_interval(days => restaurant.keep_transcripts_days)"),
    ("order_allergy", "created_at", _MONTHS),
    ("order_delivery", "created_at", _MONTHS),
    ("task", "created_at", _MONTHS),
    ("faq_gap", "last_asked_at", "make_interval(days => restaurant.keep_transcripts_days)"),
)
"""Each restaurant says how long it keeps these rows. A call's turns and a customer's consents go
with them."""
_NOBODYS: Final = "customer_name = NULL, customer_phone_e164 = NULL, note = ''"
_FORGOTTEN: Final = (
    (('"order"', "created_at", _MONTHS), order.PERSONAL, _NOBODYS),
    (("reservation", "ends_at", _MONTHS), reservation.PERSONAL, f"{_NOBODYS}, allergy_note = ''"),
)
"""These rows stay, without what says whose they were."""
_MONTH: Final = timedelta(days=31)

_logger = structlog.get_logger()


def prune_demand(redis: Redis) -> int:
    """Forget calls whose lease in `calls:demand` ran out: their bridge died with them."""
    pruned = int(redis.zremrangebyscore(redis_keys.CALLS_DEMAND, "-inf", f"({time.time()}"))
    if pruned:
        metrics.DEMAND_PRUNED.inc(pruned)
        _logger.warning("demand_leases_expired", count=pruned)
    return pruned


def prune_tables(engine: Engine) -> None:
    """Delete rows nobody will read again, at most `MOST_BATCHES` × `BATCH_ROWS` of each table."""
    for table, stale, age in _STALE:
        rows = f"SELECT ctid FROM {table} WHERE {stale} LIMIT {BATCH_ROWS}"
        _prune(engine, table, f"DELETE FROM {table}", rows, age=age)


def prune_callers(engine: Engine) -> None:
    """Delete what is known of callers when its restaurant's time for it is over.

    A turn is bounded as that of `prune_tables`.
    """
    for table, at, keep in _KEPT:
        _prune(engine, table, f"DELETE FROM {table}", _older(table, at, keep))
    for kept, personal, nobodys in _FORGOTTEN:
        forget, rows = f"UPDATE {kept[0]} SET {nobodys}", _older(*kept, which=personal)
        _prune(engine, kept[0].strip('"'), forget, rows)
    # A call whose arrival nobody recorded has no time but that in its id.
    oldest = time.time() - MOST_CALL_MONTHS * _MONTH.total_seconds()
    unknown = f"SELECT ctid FROM call WHERE started_at IS NULL AND id < :id LIMIT {BATCH_ROWS}"
    _prune(engine, "call", "DELETE FROM call", unknown, id=first_id(oldest))


def rate_usage(engine: Engine) -> None:
    """Turn the calls that ended and the SMS that were sent into usage records.

    A restaurant that cannot be rated is counted and logged, and stops no other. Raises
    `DBAPIError` when Postgres is away.
    """
    with engine.connect() as connection:
        with connection.begin():
            subscribed = connection.scalars(SUBSCRIBED).all()
        for restaurant_id in subscribed:
            try:
                _rate(connection, restaurant_id)
            except DBAPIError as error:
                if error.connection_invalidated:
                    raise
                metrics.RATINGS_FAILED.inc()
                reason = type(error.orig).__name__
                _logger.error("usage_not_rated", restaurant_id=str(restaurant_id), error=reason)


def rate_and_prune(engine: Engine) -> None:
    """Rate, then delete: an SMS's row may be kept for a day only, and after an outage both are
    overdue. What could not be rated is deleted in its time all the same.
    """
    rate_usage(engine)
    prune_callers(engine)


def _rate(connection: Connection, restaurant_id: UUID) -> None:
    """Rate one restaurant, a batch in a transaction; what is left is the next turn's."""
    for rate in (partial(rate_calls, now=datetime.now(UTC)), rate_sms):
        for _ in range(MOST_BATCHES):
            with connection.begin():
                statement = rate(restaurant_id, most=BATCH_ROWS)
                rated = connection.execute(*statement).rowcount
            if rated < BATCH_ROWS:
                break


def _older(table: str, at: str, keep: str, *, which: str = "true") -> str:
    """Select the oldest rows by each restaurant's own settings, one index scan a restaurant."""
    return (
        f"SELECT old.ctid FROM restaurant CROSS JOIN LATERAL (SELECT ctid FROM {table}"
        f" WHERE restaurant_id = restaurant.id AND {at} < now() - {keep} AND ({which})"
        f" ORDER BY {at} LIMIT {BATCH_ROWS}) old LIMIT {BATCH_ROWS}"
    )


def _prune(engine: Engine, table: str, change: str, rows: str, **parameters: object) -> None:
    # By its place in the table: a row changed in between has another, and stays.
    statement = text(f"{change} WHERE ctid = ANY(ARRAY({rows}))")
    for _ in range(MOST_BATCHES):
        with engine.begin() as connection:
            pruned = connection.execute(statement, parameters).rowcount
        metrics.ROWS_PRUNED.labels(table).inc(pruned)
        if pruned < BATCH_ROWS:
            break
