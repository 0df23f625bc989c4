"""What was used becomes usage records, from what is stored of calls, SMS and subscriptions.

Written again, nothing is written twice: a record's source is unique. A call is rated with the plan
of the month it began in, an SMS with that of the month it was sent in, whenever that is done, so
the result does not depend on who does it when.

A row says itself whether it is rated, and an index holds those that are not: one that comes late,
by days or by months, is in it like any other, and what is rated is never looked at again.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final, TypeAlias
from uuid import UUID

from sqlalchemy import TextClause, text

from controlplane.models.usage_record import UsageKind

Statement: TypeAlias = tuple[TextClause, dict[str, Any]]

SETTLED: Final = timedelta(hours=1)
"""The last events of a call are recorded seconds after its end; after an hour none is expected."""

TOKENS: Final = (
    "input_audio_tokens",
    "input_text_tokens",
    "cached_tokens",
    "output_audio_tokens",
    "output_text_tokens",
)
"""What a call used of its model, by component, under the same names in both tables."""

SUBSCRIBED: Final = text("SELECT DISTINCT restaurant_id FROM subscription ORDER BY restaurant_id")


def _rating(
    kind: UsageKind,
    table: str,
    *,
    at: str,
    ready: str,
    quantity: str,
    micros: str,
    model: Mapping[str, str],
) -> TextClause:
    """One statement that takes the oldest rows that are not rated, writes their records and marks
    them. Nothing is looked at of before the restaurant's first subscription.

    Rows are locked by id, as an erasure locks them; who waited for another that rates finds them
    rated.
    """
    return text(
        f"""
WITH chosen AS MATERIALIZED (
    SELECT used.id, rated.month, subscribed.plan_id
    FROM {table} used
    JOIN restaurant ON restaurant.id = used.restaurant_id
    CROSS JOIN LATERAL (
        SELECT date_trunc('month', {at} AT TIME ZONE restaurant.timezone)::date AS month
    ) rated
    CROSS JOIN LATERAL (
        SELECT plan_id FROM subscription
        WHERE subscription.restaurant_id = used.restaurant_id AND from_month <= rated.month
        ORDER BY from_month DESC LIMIT 1
    ) subscribed
    WHERE used.restaurant_id = :restaurant_id AND NOT used.rated AND {ready}
        AND {at} >= (
            SELECT min(from_month)::timestamp AT TIME ZONE restaurant.timezone
            FROM subscription WHERE subscription.restaurant_id = :restaurant_id
        )
        AND subscribed.plan_id IS NOT NULL
    ORDER BY {at}
    LIMIT CAST(:most AS bigint)
), due AS (
    SELECT used.id, {at} AS at, month, plan_id, {quantity} AS quantity, {micros} AS micros,
        {", ".join(f"{value} AS {name}" for name, value in model.items())}
    FROM chosen
    JOIN {table} used ON used.restaurant_id = :restaurant_id AND used.id = chosen.id
    JOIN plan ON plan.id = plan_id
    WHERE NOT used.rated
    ORDER BY used.id
    FOR UPDATE OF used
), written AS (
    INSERT INTO usage_record (id, restaurant_id, kind, source, at, month, plan_id, quantity,
        micros, {", ".join(model)})
    SELECT gen_random_uuid(), :restaurant_id, '{kind}', due.id::text, at, month, plan_id, quantity,
        micros, {", ".join(model)}
    FROM due
    ON CONFLICT (restaurant_id, kind, source) DO NOTHING
)
UPDATE {table} marked SET rated = true
FROM due WHERE marked.restaurant_id = :restaurant_id AND marked.id = due.id
"""
    )


_SECONDS: Final = "((used.duration_ms + 999) / 1000)::bigint"
_RATE_CALLS: Final = _rating(
    UsageKind.CALL,
    "call",
    at="used.started_at",
    ready="used.ended_at < :settled AND used.duration_ms > 0 AND used.time_to_agent_ms IS NOT NULL",
    quantity=_SECONDS,
    micros=f"(2 * {_SECONDS} * plan.minute_micros + 60) / 120",
    model={name: f"used.{name}" for name in ("realtime_model", *TOKENS)},
)
_RATE_SMS: Final = _rating(
    UsageKind.SMS,
    "notification",
    at="used.settled_at",
    ready="used.sms_parts IS NOT NULL",
    quantity="used.sms_parts",
    micros="used.sms_parts * plan.sms_micros::bigint",
    model=dict.fromkeys(TOKENS, "0"),
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


def rate_calls(restaurant_id: UUID, *, now: datetime, most: int | None = None) -> Statement:
    """The statement that rates the calls the assistant took and that have ended: all, or `most`
    of them. Its row count says how many.

    A caller who reached no worker is not billed: the busy message is ours.
    """
    settled = now - SETTLED
    return _RATE_CALLS, {"restaurant_id": restaurant_id, "settled": settled, "most": most}


def rate_sms(restaurant_id: UUID, *, most: int | None = None) -> Statement:
    """The statement that rates the SMS that an operator took, customers' and the restaurant's
    people's alike: all, or `most` of them. Its row count says how many.

    Parts are counted, not messages, for operators are paid by the part; a message that was handed
    over twice, its sender having died, counts once.
    """
    return _RATE_SMS, {"restaurant_id": restaurant_id, "most": most}


def rate_numbers(restaurant_id: UUID, month: date) -> Statement:
    """The statement that rates the numbers provided in a month."""
    return _RATE_NUMBERS, {"restaurant_id": restaurant_id, "month": month}
