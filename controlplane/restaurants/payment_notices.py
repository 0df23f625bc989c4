"""A customer is told of their order's payment link, and reminded where the order waits for it.

The words come when a message is sent (`controlplane/notifier/wording.py`): a link that is paid or
over by then sends nothing.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.notification import Channel
from controlplane.models.order import Order
from controlplane.models.payment_link import PaymentLink
from controlplane.restaurants.notify import Notice, NotificationKind, notify

REMINDERS: Final = (timedelta(minutes=5), timedelta(minutes=10))
TIME_TO_PAY: Final = timedelta(minutes=3)
"""A reminder that leaves less would only annoy."""


async def tell_of_link(
    session: AsyncSession, order: Order, link: PaymentLink, *, minutes: int
) -> None:
    """Write the messages down, within the transaction that places the order."""
    now = datetime.now(UTC)
    for number, after in enumerate(reminders(required=link.required, minutes=minutes)):
        kind = NotificationKind.PAYMENT_REMINDER if number else NotificationKind.PAYMENT_LINK
        notice = Notice(
            restaurant_id=order.restaurant_id,
            kind=kind,
            channel=Channel.SMS,
            to=order.customer_phone_e164,
            key=f"payment:{link.id}:{number}",
            about_id=order.id,
            not_before=now + after,
        )
        await notify(session, notice)


def reminders(*, required: bool, minutes: int) -> list[timedelta]:
    """How long after the order its customer is told, and told again. Pure.

    Who may pay where they get their order is told once.
    """
    again = [each for each in REMINDERS if each + TIME_TO_PAY <= timedelta(minutes=minutes)]
    return [timedelta(), *(again if required else [])]
