"""How an order stands with what was received for it: one pure function for the kitchen's ticket and
the customer's page.

What was received for an order that was corrected counts for the one that replaced it.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, TextualSelect, Uuid, column, text
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.order import NEVER_MADE, NEXT_STATUSES, OrderStatus
from controlplane.models.payment_link import OPEN, PaymentLinkStatus


class Paid(StrEnum):
    """Says what is left to do about an order's payment."""

    UNTOLD = "untold"
    """Nothing that we know of: it is paid where it is handed over, as ever, or was."""
    AWAITED = "awaited"
    """Its customer may pay by the link."""
    IN_FULL = "in_full"
    TO_PAY = "to_pay"
    """What is missing is paid where the order is handed over."""
    UNPAID = "unpaid"
    """It was to be paid before it is made, and was not in time: the restaurant decides."""
    REFUND_DUE = "refund_due"
    """More was received than the order costs: the restaurant gives it back, from its account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkFacts:
    """What is known of an order's link."""

    status: PaymentLinkStatus
    required: bool
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is left to do, and about how much; `until` when, of what is awaited."""

    paid: Paid
    cents: int = 0
    required: bool = False
    until: datetime | None = None


UNTOLD: Final = Standing(paid=Paid.UNTOLD)


def standing(
    status: OrderStatus,
    total_cents: int,
    received_cents: int,
    link: LinkFacts | None,
    *,
    now: datetime,
) -> Standing:
    """Compare what the order costs with what was received, refunds taken off. Pure.

    An order that is never made costs nothing. A refund whose payment is not known yet is no debt.
    """
    due = 0 if status in NEVER_MADE else total_cents
    received = max(received_cents, 0)
    if received > due:
        return Standing(paid=Paid.REFUND_DUE, cents=received - due)
    if received and received == due:
        return Standing(paid=Paid.IN_FULL, cents=due)
    if not NEXT_STATUSES[status] or not (link or received):
        return UNTOLD
    return _missing(due, received, link, now)


def _missing(due: int, received: int, link: LinkFacts | None, now: datetime) -> Standing:
    if link is None or received:
        return Standing(paid=Paid.TO_PAY, cents=due - received)
    if link.status in OPEN and now < link.expires_at:
        return Standing(paid=Paid.AWAITED, cents=due, required=link.required, until=link.expires_at)
    paid = Paid.UNPAID if link.required else Paid.TO_PAY
    return Standing(paid=paid, cents=due, required=link.required)


async def standings(
    session: AsyncSession, restaurant_id: UUID, order_ids: Collection[UUID]
) -> dict[UUID, Standing]:
    """How these orders of the restaurant stand. One that was replaced has nothing left to do."""
    if not order_ids:
        return {}
    rows = await session.execute(
        _STANDINGS, {"restaurant_id": restaurant_id, "order_ids": list(order_ids)}
    )
    now = datetime.now(UTC)
    return {
        row.id: UNTOLD
        if row.replaced
        else standing(
            OrderStatus(row.status), row.total_cents, row.received_cents, _link(row), now=now
        )
        for row in rows
    }


async def received_before(session: AsyncSession, restaurant_id: UUID, order_id: UUID) -> int:
    """Cents received for the order and for those it corrects, refunds taken off."""
    rows = await session.execute(
        _STANDINGS, {"restaurant_id": restaurant_id, "order_ids": [order_id]}
    )
    return int(rows.one().received_cents)


def money_moved_since(restaurant_id: UUID, since: datetime) -> TextualSelect:
    """The ids of the orders whose money moved since then, to be asked within a query: of some of
    them something may be to be given back.
    """
    asked = _MOVED.bindparams(restaurant_id=restaurant_id, since=since)
    return asked.columns(column("id", Uuid))


def _link(row: Row[Any]) -> LinkFacts | None:
    status = row.link_status
    if status is None:
        return None
    return LinkFacts(
        status=PaymentLinkStatus(status),
        required=row.required,
        expires_at=row.expires_at,
    )


_MOVED: Final = text(
    """
WITH RECURSIVE chain (id) AS (
    SELECT l.order_id
    FROM payment_movement m
    JOIN payment_link l ON l.restaurant_id = :restaurant_id AND l.id = m.link_id
    WHERE m.restaurant_id = :restaurant_id AND m.at > :since
    UNION
    SELECT later.id
    FROM chain JOIN "order" later
        ON later.restaurant_id = :restaurant_id AND later.replaces_id = chain.id
)
SELECT id FROM chain
"""
)
"""These orders' money moved, or that of orders they correct."""

_STANDINGS: Final = text(
    """
WITH RECURSIVE chain (newest, id, replaces_id) AS (
    SELECT id, id, replaces_id FROM "order"
    WHERE restaurant_id = :restaurant_id AND id = ANY (:order_ids)
    UNION ALL
    SELECT chain.newest, before.id, before.replaces_id
    FROM chain JOIN "order" before
        ON before.restaurant_id = :restaurant_id AND before.id = chain.replaces_id
), received (newest, cents) AS (
    SELECT chain.newest,
        sum(CASE m.kind WHEN 'received' THEN m.amount_cents ELSE -m.amount_cents END)
    FROM chain
    JOIN payment_link l ON l.restaurant_id = :restaurant_id AND l.order_id = chain.id
    JOIN payment_movement m ON m.restaurant_id = :restaurant_id AND m.link_id = l.id
    GROUP BY chain.newest
)
SELECT o.id, o.status, o.total_cents, coalesce(received.cents, 0) AS received_cents,
    l.status AS link_status, l.required, l.expires_at,
    EXISTS (
        SELECT FROM "order" later
        WHERE later.restaurant_id = :restaurant_id AND later.replaces_id = o.id
    ) AS replaced
FROM "order" o
LEFT JOIN payment_link l ON l.restaurant_id = :restaurant_id AND l.order_id = o.id
LEFT JOIN received ON received.newest = o.id
WHERE o.restaurant_id = :restaurant_id AND o.id = ANY (:order_ids)
"""
)
