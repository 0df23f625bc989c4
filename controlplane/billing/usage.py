"""What was used becomes usage records, from what is stored of calls and subscriptions.

Written again, nothing is written twice: a record's source is unique. A call is rated with the plan
of the month it began in, whenever that is done, so the result does not depend on who does it when.
"""

from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import TextClause, text

SETTLED: Final = timedelta(hours=1)
"""The last events of a call are recorded seconds after its end; after an hour none is expected."""
LOOK_BACK: Final = timedelta(days=40)
"""Calls are kept for a month at least, and rated every hour: an outage may last this long."""

TOKENS: Final = (
    "input_audio_tokens",
    "input_text_tokens",
    "cached_tokens",
    "output_audio_tokens",
    "output_text_tokens",
)
"""What a call used of its model, by component, under the same names in both tables."""

SUBSCRIBED: Final = text("SELECT DISTINCT restaurant_id FROM subscription ORDER BY restaurant_id")

_RATE_CALLS: Final = text(
    f"""
INSERT INTO usage_record (id, restaurant_id, kind, source, at, month, plan_id, quantity, micros,
    realtime_model, {", ".join(TOKENS)})
SELECT gen_random_uuid(), call.restaurant_id, 'call', call.id::text, call.started_at, rated.month,
    plan.id, rated.seconds, (2 * rated.seconds * plan.minute_micros + 60) / 120,
    call.realtime_model, {", ".join(f"call.{name}" for name in TOKENS)}
FROM call
JOIN restaurant ON restaurant.id = call.restaurant_id
CROSS JOIN LATERAL (
    SELECT date_trunc('month', call.started_at AT TIME ZONE restaurant.timezone)::date AS month,
        ((call.duration_ms + 999) / 1000)::bigint AS seconds
) rated
CROSS JOIN LATERAL (
    SELECT plan_id FROM subscription
    WHERE subscription.restaurant_id = call.restaurant_id AND from_month <= rated.month
    ORDER BY from_month DESC LIMIT 1
) subscribed
JOIN plan ON plan.id = subscribed.plan_id
WHERE call.restaurant_id = :restaurant_id AND call.started_at >= :since
    AND call.ended_at < :settled AND call.duration_ms > 0 AND call.time_to_agent_ms IS NOT NULL
ON CONFLICT (restaurant_id, kind, source) DO NOTHING
"""
)
_RATE_NUMBERS: Final = text(
    """
INSERT INTO usage_record (id, restaurant_id, kind, source, at, month, plan_id, quantity, micros,
    input_audio_tokens, input_text_tokens, cached_tokens, output_audio_tokens, output_text_tokens)
SELECT gen_random_uuid(), subscribed.restaurant_id, 'number', to_char(billed, 'YYYY-MM/') || n,
    billed::timestamp AT TIME ZONE restaurant.timezone, billed, plan.id, 1,
    plan.number_fee_cents * 10000::bigint, 0, 0, 0, 0, 0
FROM CAST(:month AS date) AS billed
CROSS JOIN LATERAL (
    SELECT * FROM subscription WHERE restaurant_id = :restaurant_id AND from_month <= billed
    ORDER BY from_month DESC LIMIT 1
) subscribed
JOIN restaurant ON restaurant.id = subscribed.restaurant_id
JOIN plan ON plan.id = subscribed.plan_id
CROSS JOIN generate_series(1, subscribed.numbers) AS n
ON CONFLICT (restaurant_id, kind, source) DO NOTHING
"""
)


def rate_calls(
    restaurant_id: UUID, *, now: datetime, since: datetime | None = None
) -> tuple[TextClause, dict[str, Any]]:
    """The statement that rates the calls the assistant took and that have ended: the last weeks',
    and all from `since` on.

    A caller who reached no worker is not billed: the busy message is ours.
    """
    return _RATE_CALLS, {
        "restaurant_id": restaurant_id,
        "since": min(now - LOOK_BACK, since or now),
        "settled": now - SETTLED,
    }


def rate_numbers(restaurant_id: UUID, month: date) -> tuple[TextClause, dict[str, Any]]:
    """The statement that rates the numbers provided in a month."""
    return _RATE_NUMBERS, {"restaurant_id": restaurant_id, "month": month}
