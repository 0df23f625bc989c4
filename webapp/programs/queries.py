"""What the owner's page of programs reads: tokens, addresses, and what was told lately."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import and_, select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.api_token import ApiToken
from controlplane.models.webhook import DeliveryState, WebhookDelivery, WebhookEndpoint

MOST_SHOWN: Final = 30
"""The last deliveries: who asks what went wrong asks about today."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One event for one address; its times are the restaurant's own."""

    id: UUID
    url: str
    topic: str
    state: DeliveryState
    attempts: int
    last_answer: str
    at: datetime
    next_at: datetime
    removed: bool


async def open_tokens(session: AsyncSession, restaurant_id: UUID) -> list[ApiToken]:
    """Those that open something, the newest first."""
    found = await session.scalars(
        select(ApiToken)
        .where(ApiToken.restaurant_id == restaurant_id, ApiToken.revoked_at.is_(None))
        .order_by(ApiToken.id.desc())
    )
    return list(found)


async def endpoints_in_use(session: AsyncSession, restaurant_id: UUID) -> list[WebhookEndpoint]:
    """The addresses that are told, the newest first."""
    found = await session.scalars(
        select(WebhookEndpoint)
        .where(WebhookEndpoint.restaurant_id == restaurant_id, WebhookEndpoint.removed_at.is_(None))
        .order_by(WebhookEndpoint.id.desc())
    )
    return list(found)


async def last_deliveries(
    session: AsyncSession, restaurant_id: UUID, zone: ZoneInfo
) -> list[Delivery]:
    """The last events that were to be told, the newest first."""
    rows = await session.execute(
        select(WebhookDelivery, WebhookEndpoint.url, WebhookEndpoint.removed_at)
        .join(
            WebhookEndpoint,
            and_(
                WebhookEndpoint.restaurant_id == WebhookDelivery.restaurant_id,
                WebhookEndpoint.id == WebhookDelivery.endpoint_id,
            ),
        )
        .where(WebhookDelivery.restaurant_id == restaurant_id)
        .order_by(WebhookDelivery.event_id.desc(), WebhookDelivery.id)
        .limit(MOST_SHOWN)
    )
    return [
        Delivery(
            id=row.id,
            url=url,
            topic=row.topic,
            state=DeliveryState(row.state),
            attempts=row.attempts,
            last_answer=row.last_answer or "",
            at=row.created_at.astimezone(zone),
            next_at=row.next_attempt_at.astimezone(zone),
            removed=removed_at is not None,
        )
        for row, url, removed_at in rows
    ]
