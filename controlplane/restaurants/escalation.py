"""The ladder: whom a restaurant wants told, step by step, of an order that nobody accepts.

All steps are written with the order, each for its time; of one that waits for its payment, once it
is paid or its time to pay is over. What is accepted, refused or cancelled
meanwhile is told of no more (`controlplane/notifier/wording.py`): no clock of ours has to run for
an alert to be due, and none is sent twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.contracts.email_addresses import address_of
from controlplane.contracts.phone_numbers import normalise, region_of
from controlplane.models.escalation_step import EscalationStep
from controlplane.models.notification import Channel
from controlplane.models.order import Order
from controlplane.models.restaurant import Restaurant
from controlplane.restaurants.audit import audit
from controlplane.restaurants.notification_errors import StepRefused
from controlplane.restaurants.notify import Notice, NotificationKind, notify, why_not
from controlplane.restaurants.setup_errors import TooManyOf
from controlplane.restaurants.setup_lock import lock_setup

SOONEST: Final = timedelta(seconds=30)
LATEST: Final = timedelta(hours=1)
MOST_STEPS: Final = 6
"""More would only cost SMS: who was told five times does not come for a sixth."""


@dataclass(frozen=True, slots=True)
class Step:
    """Whom to tell, how, and how long after the order."""

    after: timedelta
    channel: Channel
    to: str


async def set_ladder(
    session: AsyncSession, restaurant: Restaurant, steps: Sequence[Step], *, actor: str
) -> None:
    """Replace the restaurant's ladder; none is none. The caller commits.

    Orders placed before keep the steps they were placed with. Raises `StepRefused`, `TooManyOf`,
    and then nothing has changed.
    """
    if len(steps) > MOST_STEPS:
        raise TooManyOf("steps of a ladder", MOST_STEPS)
    rows = {_row(restaurant, step, at) for at, step in enumerate(steps, start=1)}
    await lock_setup(session, restaurant.id)
    before = len(await ladder(session, restaurant.id))
    await session.execute(
        delete(EscalationStep).where(EscalationStep.restaurant_id == restaurant.id)
    )
    session.add_all(
        EscalationStep(
            restaurant_id=restaurant.id, after_seconds=after, channel=channel, recipient=to
        )
        for after, channel, to in rows
    )
    await audit(
        session,
        restaurant.id,
        actor=actor,
        action="set_ladder",
        object="restaurant",
        before={"steps": before},
        after={"steps": len(rows)},
    )


async def ladder(session: AsyncSession, restaurant_id: UUID) -> Sequence[EscalationStep]:
    """The steps, the soonest first."""
    found = await session.scalars(
        select(EscalationStep)
        .where(EscalationStep.restaurant_id == restaurant_id)
        .order_by(EscalationStep.after_seconds, EscalationStep.id)
    )
    return found.all()


async def escalate_unseen(session: AsyncSession, order: Order) -> None:
    """Have the ladder climbed from now on while the order is not accepted, within the caller's
    transaction; asked for again, nothing is written twice.
    """
    now = datetime.now(UTC)
    for step in await ladder(session, order.restaurant_id):
        notice = Notice(
            restaurant_id=order.restaurant_id,
            kind=NotificationKind.ORDER_UNSEEN,
            channel=Channel(step.channel),
            to=step.recipient,
            key=f"order:{order.id}:unseen:{step.id}",
            about_id=order.id,
            not_before=now + timedelta(seconds=step.after_seconds),
        )
        await notify(session, notice)


def _row(restaurant: Restaurant, step: Step, at: int) -> tuple[int, Channel, str]:
    if not SOONEST <= step.after <= LATEST:
        raise StepRefused("time", at)
    own = restaurant.phone_e164
    read = (
        normalise(step.to, region_of(own)) if step.channel is Channel.SMS else address_of(step.to)
    )
    reason = why_not(step.channel, read, own=own)
    if reason is not None or read is None:
        raise StepRefused(reason or "no_number", at)
    return int(step.after.total_seconds()), step.channel, read
