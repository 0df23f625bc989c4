"""Which webhook deliveries go out next, and what becomes of each; the caller commits.

As notifications do (`notification_queue.py`): taking one puts its next attempt off, so that no lock
is held while an address is waited for, and a sender that dies leaves what is sent once more.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select, update
from sqlalchemy.engine import CursorResult
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.webhook import DeliveryState, WebhookDelivery, WebhookEndpoint
from controlplane.restaurants.notification_queue import BATCH, LEASE, retry_in

MOST_ATTEMPTS: Final = 8
"""With `retry_in` these take six to twelve hours: a till that is off for the night hears of the
evening in the morning, or its restaurant sends it again from the page."""
Due = tuple[WebhookDelivery, str, str]
"""A delivery, where to, and the sealed secret of its signature."""


async def claim(session: AsyncSession, now: datetime) -> Sequence[Due]:
    """Take up to `BATCH` that are due, the longest due first, and count their attempt."""
    due = (
        select(WebhookDelivery.id)
        .where(
            WebhookDelivery.state == DeliveryState.PENDING,
            WebhookDelivery.next_attempt_at <= now,
        )
        .order_by(WebhookDelivery.next_attempt_at)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    )
    rows = await session.execute(
        update(WebhookDelivery)
        .where(
            WebhookDelivery.id.in_(due),
            WebhookEndpoint.restaurant_id == WebhookDelivery.restaurant_id,
            WebhookEndpoint.id == WebhookDelivery.endpoint_id,
        )
        .values(attempts=WebhookDelivery.attempts + 1, next_attempt_at=now + LEASE)
        .returning(WebhookDelivery, WebhookEndpoint.url, WebhookEndpoint.secret_encrypted)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    return [(delivery, url, secret) for delivery, url, secret in rows]


async def record_delivered(
    session: AsyncSession, delivery: WebhookDelivery, answer: str, now: datetime
) -> None:
    await _change(
        session, delivery, state=DeliveryState.DELIVERED, settled_at=now, last_answer=answer
    )


async def record_failed(
    session: AsyncSession, delivery: WebhookDelivery, answer: str, now: datetime, *, jitter: float
) -> bool:
    """Have it tried again later, or give it up after `MOST_ATTEMPTS`; whether it was given up.

    `jitter` is from 0 to 1.
    """
    if delivery.attempts >= MOST_ATTEMPTS:
        await _change(
            session, delivery, state=DeliveryState.FAILED, settled_at=now, last_answer=answer
        )
        return True
    again = now + retry_in(delivery.attempts, jitter=jitter)
    await _change(session, delivery, next_attempt_at=again, last_answer=answer)
    return False


async def _change(session: AsyncSession, delivery: WebhookDelivery, **values: Any) -> int:
    """Only as long as nobody else has taken or settled it meanwhile."""
    result: CursorResult[Any] = await session.execute(  # type: ignore[assignment]
        update(WebhookDelivery)
        .where(
            WebhookDelivery.id == delivery.id,
            WebhookDelivery.restaurant_id == delivery.restaurant_id,
            WebhookDelivery.state == DeliveryState.PENDING,
            WebhookDelivery.attempts == delivery.attempts,
        )
        .values(**values)
        .execution_options(synchronize_session=False)
    )
    return result.rowcount
