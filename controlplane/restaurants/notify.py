"""The one way to tell somebody by SMS or e-mail: a row beside what it tells of, sent after the
commit (`controlplane/notifier/`).

`await notify(session, Notice(…))` in the caller's own transaction: rolled back, nobody is told.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

import phonenumbers
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.contracts.email_addresses import address_of
from controlplane.contracts.identifiers import new_id
from controlplane.contracts.phone_numbers import UnsafeNumber, refuse_unsafe
from controlplane.models.notification import Channel, Notification, NotificationState
from controlplane.models.restaurant import Restaurant

_MOBILE: Final = frozenset(
    {
        phonenumbers.PhoneNumberType.MOBILE,
        phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE,
    }
)
_FRENCH_CODES: Final = frozenset({33, 262, 590, 594, 596})
LONGEST_BODY: Final = 20_000
"""An e-mail of ours is far shorter; longer is a mistake of its writer."""


class NotificationKind(StrEnum):
    """Says what a notification is about. Those with `OFFER` need a consent; a confirmation needs
    none (RGPD, art. 6(1)(b)).
    """

    ORDER_PLACED = "order_placed"
    ORDER_CANCELLED = "order_cancelled"
    """The restaurant refused or cancelled it."""
    RESERVATION_CONFIRMED = "reservation_confirmed"
    RESERVATION_CANCELLED = "reservation_cancelled"
    TABLE_FREE = "table_free"
    """To guests who wait for a table: there is one."""
    PAYMENT_LINK = "payment_link"
    """Where the order may be paid before it is handed over."""
    PAYMENT_REMINDER = "payment_reminder"
    """It is still to be paid before it is made."""
    ORDER_UNSEEN = "order_unseen"
    """To the restaurant's own people: nobody has accepted an order."""
    INVITATION = "invitation"
    """To somebody who is to work for the restaurant."""
    PASSWORD_RESET = "password_reset"
    """To a user who forgot their password."""
    OFFER = "offer"
    """Advertising (Code des postes, art. L34-5): by consent, and not at night or on Sundays."""


KEEP_TRYING: Final = {
    NotificationKind.ORDER_PLACED: timedelta(hours=1),
    NotificationKind.ORDER_CANCELLED: timedelta(hours=1),
    NotificationKind.RESERVATION_CONFIRMED: timedelta(hours=12),
    NotificationKind.RESERVATION_CANCELLED: timedelta(hours=12),
    NotificationKind.TABLE_FREE: timedelta(minutes=30),
    NotificationKind.PAYMENT_LINK: timedelta(minutes=15),
    NotificationKind.PAYMENT_REMINDER: timedelta(minutes=15),
    NotificationKind.ORDER_UNSEEN: timedelta(minutes=15),
    NotificationKind.INVITATION: timedelta(days=1),
    NotificationKind.PASSWORD_RESET: timedelta(hours=1),
    NotificationKind.OFFER: timedelta(days=3),
}
"""After this time a message would come too late to be of use."""


class Suppressed(StrEnum):
    """Says why something is not sent."""

    NO_NUMBER = "no_number"
    """The caller hid it."""
    NOT_MOBILE = "not_mobile"
    """No SMS reaches a landline."""
    FOREIGN = "foreign"
    """It is of another country than the restaurant: whoever fakes such a number as a caller's would
    have us pay for SMS to where they earn by it."""
    UNSAFE = "unsafe"
    NO_ADDRESS = "no_address"
    NO_CONSENT = "no_consent"
    ERASED = "erased"
    """The number is on the restaurant's suppression list."""
    TOO_MANY = "too_many"
    NO_LONGER_TRUE = "no_longer_true"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What is to be told to whom.

    `key` makes it once: the same key again writes nothing. Without a `body` the sender words it by
    its kind and what `about_id` names (`controlplane/notifier/wording.py`).
    """

    restaurant_id: UUID
    kind: NotificationKind
    channel: Channel
    to: str | None
    key: str
    about_id: UUID | None = None
    subject: str = ""
    body: str = ""
    not_before: datetime | None = None


async def notify(session: AsyncSession, notice: Notice) -> bool:
    """Write it down, within the caller's transaction; whether it was new.

    What cannot be sent is a row too, suppressed with its reason: a restaurant that asks why its
    customer had no SMS finds the answer. Raises `ValueError` of a body that is too long.
    """
    if len(notice.body) > LONGEST_BODY:
        raise ValueError(f"a notification of {len(notice.body)} characters")
    own = await session.scalar(
        select(Restaurant.phone_e164).where(Restaurant.id == notice.restaurant_id)
    )
    now = datetime.now(UTC)
    due = max(notice.not_before or now, now)
    why = why_not(notice.channel, notice.to, own=own or "")
    new = insert(Notification).values(
        id=new_id(),
        restaurant_id=notice.restaurant_id,
        key=notice.key,
        kind=notice.kind,
        channel=notice.channel,
        state=NotificationState.SUPPRESSED if why else NotificationState.PENDING,
        recipient=None if why else notice.to,
        about_id=notice.about_id,
        subject="" if why else notice.subject,
        body="" if why else notice.body,
        reason=why,
        next_attempt_at=due,
        expires_at=due + KEEP_TRYING[notice.kind],
        settled_at=now if why else None,
    )
    added = await session.scalar(
        new.on_conflict_do_nothing(index_elements=["restaurant_id", "key"]).returning(
            Notification.id
        )
    )
    return added is not None


def why_not(channel: Channel, to: str | None, *, own: str) -> Suppressed | None:
    """Why nothing can be sent there, if so. `own` is the restaurant's number (E.164)."""
    if channel is Channel.EMAIL:
        return None if address_of(to or "") else Suppressed.NO_ADDRESS
    if not to:
        return Suppressed.NO_NUMBER
    try:
        refuse_unsafe(to, own=own)
        number = phonenumbers.parse(to)
    except UnsafeNumber:
        return Suppressed.FOREIGN if _is_foreign(to, own) else Suppressed.UNSAFE
    return None if _is_mobile(number) else Suppressed.NOT_MOBILE


def _is_foreign(e164: str, own: str) -> bool:
    try:
        codes = {phonenumbers.parse(each).country_code for each in (e164, own)}
    except phonenumbers.NumberParseException:
        return False
    return len(codes - _FRENCH_CODES) + bool(codes & _FRENCH_CODES) > 1


def _is_mobile(number: phonenumbers.PhoneNumber) -> bool:
    """06 and 07 are mobile, those kept for fiction too (ARCEP, plan national de numérotation)."""
    if number.country_code in _FRENCH_CODES:
        return str(number.national_number)[0] in "67"
    return phonenumbers.number_type(number) in _MOBILE
