"""Which notifications a sender takes next, and what becomes of each.

Taking is a transaction of its own, which puts the row's next attempt off: no lock is held while a
provider is waited for. A sender that dies between sending and recording leaves a row that is sent
once more after `LEASE`: at least once, where the provider knows no key of ours.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import func, select, update
from sqlalchemy.engine import CursorResult
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.notification import Channel, Notification, NotificationState
from controlplane.restaurants.notify import Suppressed

LEASE: Final = timedelta(minutes=2)
"""It is far longer than a provider's deadline: two senders never have one row at a time."""
BATCH: Final = 20
MOST_ATTEMPTS: Final = 6
"""With `retry_in` these take one and a half to three hours: whoever mends the account within the
hour loses no reservation's message; an order's ends with its use. They are few, for a provider that
takes a message and does not say so in time sends it at each."""
FIRST_RETRY: Final = timedelta(seconds=30)
LONGEST_RETRY: Final = timedelta(hours=4)
MOST_A_DAY: Final = 12
"""One restaurant tells one person no more often: whoever orders under another's number, again and
again, floods nobody."""

EXPIRED: Final = "expired"
TRIED_OUT: Final = "tried_out"


def retry_in(attempts: int, *, jitter: float) -> timedelta:
    """How long after so many failed attempts (from 1) the next one is: each pause is four times the
    last.

    `jitter`, from 0 to 1, spreads over the second half of that: after an outage of a provider not
    everybody comes back at one instant.
    """
    longer: int = 4 ** min(attempts - 1, 10)
    pause = min(FIRST_RETRY * longer, LONGEST_RETRY)
    return pause * (0.5 + 0.5 * jitter)


async def claim(
    session: AsyncSession, now: datetime, channels: Collection[Channel]
) -> Sequence[Notification]:
    """Take up to `BATCH` of these channels that are due, the longest due first; the caller commits
    before it sends.

    What another sender is taking is passed over. An attempt is counted before it is made, so that
    a message that kills its sender is not tried for ever.
    """
    due = (
        select(Notification.id)
        .where(
            Notification.state == NotificationState.PENDING,
            Notification.next_attempt_at <= now,
            Notification.channel.in_(channels),
        )
        .order_by(Notification.next_attempt_at)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    )
    taken = await session.scalars(
        update(Notification)
        .where(Notification.id.in_(due))
        .values(attempts=Notification.attempts + 1, next_attempt_at=now + LEASE)
        .returning(Notification)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    return taken.all()


async def told_today(session: AsyncSession, notification: Notification, now: datetime) -> int:
    """How often its recipient was written to by its restaurant within a day."""
    count = await session.scalar(
        select(func.count()).where(
            Notification.restaurant_id == notification.restaurant_id,
            Notification.recipient == notification.recipient,
            Notification.state == NotificationState.SENT,
            Notification.settled_at > now - timedelta(days=1),
        )
    )
    return count or 0


async def record_sent(
    session: AsyncSession,
    notification: Notification,
    provider_id: str | None,
    now: datetime,
    *,
    sms_parts: int | None,
) -> bool:
    """Whether it was still this sender's to record. An e-mail has no parts."""
    sent = {"provider_id": provider_id, "sms_parts": sms_parts}
    return await _settle(session, notification, now, NotificationState.SENT, **sent)


async def record_failed(
    session: AsyncSession, notification: Notification, reason: str, now: datetime
) -> bool:
    """It is not tried again."""
    return await _settle(session, notification, now, NotificationState.FAILED, reason=reason)


async def record_suppressed(
    session: AsyncSession, notification: Notification, reason: Suppressed, now: datetime
) -> bool:
    """It was not to be sent."""
    return await _settle(session, notification, now, NotificationState.SUPPRESSED, reason=reason)


async def put_off(session: AsyncSession, notification: Notification, until: datetime) -> bool:
    """Have it tried again then."""
    return await _change(session, notification, next_attempt_at=until)


def dead_end(notification: Notification, next_attempt_at: datetime) -> str | None:
    """Why another attempt at that time is none, if so."""
    if notification.attempts >= MOST_ATTEMPTS:
        return TRIED_OUT
    return EXPIRED if next_attempt_at > notification.expires_at else None


async def _settle(
    session: AsyncSession,
    notification: Notification,
    now: datetime,
    state: NotificationState,
    **values: Any,
) -> bool:
    return await _change(
        session, notification, state=state, settled_at=now, subject="", body="", **values
    )


async def _change(session: AsyncSession, notification: Notification, **values: Any) -> bool:
    """Only as long as nobody else has taken or settled it meanwhile."""
    result: CursorResult[Any] = await session.execute(  # type: ignore[assignment]
        update(Notification)
        .where(
            Notification.id == notification.id,
            Notification.restaurant_id == notification.restaurant_id,
            Notification.state == NotificationState.PENDING,
            Notification.attempts == notification.attempts,
        )
        .values(**values)
        .execution_options(synchronize_session=False)
    )
    return result.rowcount == 1
