"""Addresses that are told of a restaurant's orders and reservations; the caller commits.

What happens is written down for each address by a trigger of the outbox, and sent by the notifier.
"""

from base64 import b64encode
from collections.abc import Collection
from datetime import datetime
from secrets import token_bytes
from typing import Final
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.contracts.identifiers import new_id
from controlplane.models.event_outbox import OutboxTopic
from controlplane.models.webhook import DeliveryState, WebhookDelivery, WebhookEndpoint
from controlplane.restaurants.api_errors import UnknownDelivery, UnknownEndpoint
from controlplane.restaurants.audit import audit
from controlplane.restaurants.setup_errors import TooManyOf
from controlplane.restaurants.setup_lock import lock_setup
from controlplane.restaurants.webhook_address import check_address
from controlplane.secret_box import SecretBox

MOST_ENDPOINTS: Final = 10
LONGEST_URL: Final = 500
SECRET_BYTES: Final = 32
TOPICS: Final = (
    OutboxTopic.ORDER_PLACED,
    OutboxTopic.ORDER_STATUS_CHANGED,
    OutboxTopic.RESERVATION_CHANGED,
)
"""What may be told outside: ids and a status. What it is about is asked of the API."""


async def add_endpoint(
    session: AsyncSession,
    box: SecretBox,
    restaurant_id: UUID,
    url: str,
    topics: Collection[OutboxTopic],
    *,
    local: bool,
    actor: str,
) -> str:
    """Return the secret of its signatures, as Standard Webhooks spells it (`whsec_…`), which nobody
    can read again. Raises `EndpointRefused`, `TooManyOf`.
    """
    check_address(url, local=local)
    await lock_setup(session, restaurant_id)
    in_use = select(func.count()).where(
        WebhookEndpoint.restaurant_id == restaurant_id, WebhookEndpoint.removed_at.is_(None)
    )
    if (await session.scalar(in_use) or 0) >= MOST_ENDPOINTS:
        raise TooManyOf("endpoints", MOST_ENDPOINTS)
    secret, made = f"whsec_{b64encode(token_bytes(SECRET_BYTES)).decode()}", new_id()
    session.add(
        WebhookEndpoint(
            id=made,
            restaurant_id=restaurant_id,
            url=url,
            secret_encrypted=box.seal(secret, owner=restaurant_id),
            topics=sorted(topics),
        )
    )
    await audit(
        session,
        restaurant_id,
        actor=actor,
        action="add_webhook",
        object=f"webhook_endpoint:{made}",
        after={"url": url, "topics": " ".join(sorted(topics))},
    )
    return secret


async def remove_endpoint(
    session: AsyncSession, restaurant_id: UUID, endpoint_id: UUID, now: datetime, *, actor: str
) -> None:
    """It is told nothing more, not even what waits. Raises `UnknownEndpoint`."""
    removed = await session.scalar(
        update(WebhookEndpoint)
        .where(
            WebhookEndpoint.restaurant_id == restaurant_id,
            WebhookEndpoint.id == endpoint_id,
            WebhookEndpoint.removed_at.is_(None),
        )
        .values(removed_at=now)
        .returning(WebhookEndpoint.id)
    )
    if removed is None:
        raise UnknownEndpoint
    await session.execute(
        update(WebhookDelivery)
        .where(
            WebhookDelivery.restaurant_id == restaurant_id,
            WebhookDelivery.endpoint_id == endpoint_id,
            WebhookDelivery.state == DeliveryState.PENDING,
        )
        .values(state=DeliveryState.FAILED, settled_at=now, last_answer="removed")
    )
    await audit(
        session,
        restaurant_id,
        actor=actor,
        action="remove_webhook",
        object=f"webhook_endpoint:{endpoint_id}",
    )


async def replay(
    session: AsyncSession, restaurant_id: UUID, delivery_id: UUID, now: datetime, *, actor: str
) -> None:
    """Send it once more, with all its attempts. Raises `UnknownDelivery`, also of an address that
    is removed.
    """
    lives = select(WebhookEndpoint.id).where(
        WebhookEndpoint.restaurant_id == restaurant_id, WebhookEndpoint.removed_at.is_(None)
    )
    again = await session.scalar(
        update(WebhookDelivery)
        .where(
            WebhookDelivery.restaurant_id == restaurant_id,
            WebhookDelivery.id == delivery_id,
            WebhookDelivery.endpoint_id.in_(lives),
        )
        .values(state=DeliveryState.PENDING, settled_at=None, attempts=0, next_attempt_at=now)
        .returning(WebhookDelivery.id)
    )
    if again is None:
        raise UnknownDelivery
    await audit(
        session,
        restaurant_id,
        actor=actor,
        action="replay_webhook",
        object=f"webhook_delivery:{delivery_id}",
    )
