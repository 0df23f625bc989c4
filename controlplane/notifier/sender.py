"""One turn of the notifier: take what is due, word it, hand it over, record what became of it."""

import asyncio
import random
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

import structlog
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from controlplane.models.notification import Channel, Notification, NotificationState
from controlplane.models.restaurant import Restaurant
from controlplane.notifier import metrics
from controlplane.notifier.gsm7 import parts
from controlplane.notifier.providers import (
    Outgoing,
    PermanentFailure,
    Provider,
    ProviderFailure,
    TemporaryFailure,
)
from controlplane.notifier.wording import Links, word
from controlplane.restaurants.notification_queue import (
    BATCH,
    EXPIRED,
    MOST_A_DAY,
    MOST_ATTEMPTS,
    TRIED_OUT,
    claim,
    dead_end,
    put_off,
    record_failed,
    record_sent,
    record_suppressed,
    retry_in,
    told_today,
)
from controlplane.restaurants.notify import NotificationKind, Suppressed
from controlplane.restaurants.offers import advertising_from, why_no_offer
from controlplane.secret_box import SecretBox
from controlplane.tenancy import restaurant_session

SEND_DEADLINE_S: Final = 30.0
"""It is above what the providers give each step, and far below the lease."""

_logger = structlog.get_logger()


def utc_now() -> datetime:
    return datetime.now(UTC)


class Sender:
    """Sends by its providers' channels for all restaurants. Any number may run at once."""

    def __init__(
        self,
        sessions: async_sessionmaker[AsyncSession],
        providers: Mapping[Channel, Provider],
        *,
        links: Links,
        secrets: SecretBox,
    ) -> None:
        self._sessions = sessions
        self._providers = providers
        self._links = links
        self._secrets = secrets

    async def turn(self) -> bool:
        """Send a batch; whether there may be more to send at once. Raises SQLAlchemy's errors."""
        async with self._sessions.begin() as session:
            taken = await claim(session, utc_now(), self._providers)
        async with asyncio.TaskGroup() as group:
            for notification in taken:
                group.create_task(self._send(notification))
        return len(taken) == BATCH

    async def turn_and_measure(self) -> bool:
        """Take a turn, and tell how it stands."""
        more = await self.turn()
        await self.measure()
        return more

    async def measure(self) -> None:
        """Tell Prometheus how long the oldest has waited."""
        async with self._sessions() as session:
            due = await session.scalar(
                select(func.min(Notification.next_attempt_at)).where(
                    Notification.state == NotificationState.PENDING
                )
            )
        waited = (utc_now() - due).total_seconds() if due else 0.0
        metrics.OLDEST_DUE.set(max(0.0, waited))

    async def _send(self, notification: Notification) -> None:
        """Send one, whatever becomes of it: none of the batch ends with another."""
        try:
            try:
                await self._deliver(notification)
            except ProviderFailure as failure:
                await self._record_failure(notification, failure)
        except Exception:  # the edge of one message: it is tried again when its lease is over
            metrics.RETRIED.labels("internal").inc()
            _logger.exception("notification_not_recorded", **_named(notification))

    async def _deliver(self, notification: Notification) -> None:
        outgoing = await self._to_send(notification)
        if outgoing is None:
            return
        try:
            async with asyncio.timeout(SEND_DEADLINE_S):
                provider_id = await self._providers[Channel(notification.channel)].send(outgoing)
        except TimeoutError:
            raise TemporaryFailure("slow") from None
        sms_parts = parts(outgoing.text) if notification.channel == Channel.SMS else None
        async with self._sessions.begin() as session:
            await record_sent(session, notification, provider_id, utc_now(), sms_parts=sms_parts)
        metrics.SENT.labels(notification.channel).inc()
        _logger.info("notification_sent", **_named(notification))

    async def _to_send(self, notification: Notification) -> Outgoing | None:
        """The message, unless it is not to be sent, or not now."""
        now = utc_now()
        async with restaurant_session(self._sessions, notification.restaurant_id) as session:
            async with session.begin():
                if notification.expires_at <= now:
                    raise PermanentFailure(EXPIRED)
                if notification.attempts > MOST_ATTEMPTS:  # its senders died of it
                    raise PermanentFailure(TRIED_OUT)
                reason = await self._why_not(session, notification, now)
                outgoing = await word(
                    session, notification, self._links, secrets=self._secrets, now=now
                )
                reason = reason or (Suppressed.NO_LONGER_TRUE if outgoing is None else None)
                if reason is not None:
                    await record_suppressed(session, notification, reason, now)
                    metrics.SUPPRESSED.labels(reason).inc()
                    return None
                later = await self._later(session, notification, now)
                if later > now:
                    await put_off(session, notification, later)
                    return None
                return outgoing

    async def _why_not(
        self, session: AsyncSession, notification: Notification, now: datetime
    ) -> Suppressed | None:
        if notification.kind == NotificationKind.ORDER_UNSEEN:
            return None  # the restaurant's own people are told of every order
        if await told_today(session, notification, now) >= MOST_A_DAY:
            return Suppressed.TOO_MANY
        if notification.kind != NotificationKind.OFFER:
            return None
        restaurant = await session.get_one(Restaurant, notification.restaurant_id)
        return await why_no_offer(session, self._secrets, restaurant, notification.recipient or "")

    async def _later(
        self, session: AsyncSession, notification: Notification, now: datetime
    ) -> datetime:
        if notification.kind != NotificationKind.OFFER:
            return now
        restaurant = await session.get_one(Restaurant, notification.restaurant_id)
        return advertising_from(restaurant, now)

    async def _record_failure(self, notification: Notification, failure: ProviderFailure) -> None:
        now = utc_now()
        again_at = now + retry_in(notification.attempts, jitter=random.random())
        ended = isinstance(failure, PermanentFailure) or dead_end(notification, again_at)
        async with self._sessions.begin() as session:
            if ended:
                await record_failed(session, notification, failure.reason, now)
            else:
                await put_off(session, notification, again_at)
        if ended:
            metrics.FAILED.labels(notification.channel, failure.reason).inc()
            _logger.error("notification_failed", reason=failure.reason, **_named(notification))
        else:
            metrics.RETRIED.labels(failure.reason).inc()
            _logger.warning("notification_retried", reason=failure.reason, **_named(notification))


def _named(notification: Notification) -> dict[str, object]:
    """What a log may say of it: whom it is for and what it says, it does not."""
    return {
        "notification_id": str(notification.id),
        "restaurant_id": str(notification.restaurant_id),
        "kind": notification.kind,
        "channel": notification.channel,
        "attempt": notification.attempts,
    }
