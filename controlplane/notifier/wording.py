"""What customers read: worded when it is sent, by what is true then.

An SMS is GSM-7 and two parts at most; an e-mail has the same sentences as text and as HTML.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from html import escape
from typing import Final
from zoneinfo import ZoneInfo

import phonenumbers
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.contracts.receipt_link import PATH, PAY_PATH, ReceiptKey, ReceiptOf, sign_receipt
from controlplane.contracts.unsubscribe_link import PATH as STOP_PATH
from controlplane.contracts.unsubscribe_link import UnsubscribeKey, sign_unsubscribe
from controlplane.models.customer import Customer
from controlplane.models.notification import Channel, Notification
from controlplane.models.order import NEVER_MADE, CancelReason, Order, OrderEvent, OrderStatus
from controlplane.models.payment_link import OPEN, PaymentLink
from controlplane.models.reservation import HAS_TABLE, Reservation, ReservationStatus
from controlplane.models.restaurant import Restaurant
from controlplane.notifier.account_wording import OF_ACCOUNTS, of_account
from controlplane.notifier.gsm7 import to_gsm7
from controlplane.notifier.providers import Outgoing
from controlplane.notifier.words import Words
from controlplane.restaurants.link_notices import read_link
from controlplane.restaurants.notify import NotificationKind
from controlplane.secret_box import SecretBox

RECEIPT_FOR: Final = timedelta(days=30)
"""A link shows the receipt so long after the meal: time enough to ask about it."""
LONGEST_NAME: Final = 40
"""More of a restaurant's name than this would cost a third SMS part."""
_WHY: Final[dict[CancelReason, str]] = {
    CancelReason.TOO_BUSY: " : la cuisine ne peut pas la préparer à temps",
    CancelReason.SOLD_OUT: " : il manque un plat",
    CancelReason.CLOSING: " : le restaurant ferme",
    CancelReason.OUT_OF_REACH: " : nous ne pouvons pas livrer à cette adresse",
    CancelReason.CUSTOMER_ASKED: " à votre demande",
}
_DAYS: Final = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """Signs links to the site."""

    public_url: str
    secret: str

    def receipt(self, key: ReceiptKey, *, at: datetime) -> str:
        """The link to the receipt of what takes place at that instant."""
        return self._signed(PATH, key, at)

    def payment(self, key: ReceiptKey, *, at: datetime) -> str:
        """The link by which the order that is ready at that instant may be paid."""
        return self._signed(PAY_PATH, key, at)

    def unsubscribe(self, key: UnsubscribeKey) -> str:
        """The link by which a customer wants no more offers."""
        return (
            f"{self.public_url.rstrip('/')}{STOP_PATH}{sign_unsubscribe(key, secret=self.secret)}"
        )

    def _signed(self, path: str, key: ReceiptKey, at: datetime) -> str:
        signed = sign_receipt(key, expires_at=at + RECEIPT_FOR, secret=self.secret)
        return f"{self.public_url.rstrip('/')}{path}{signed}"


async def word(
    session: AsyncSession,
    notification: Notification,
    links: Links,
    *,
    secrets: SecretBox,
    now: datetime,
) -> Outgoing | None:
    """Word it for its channel; None when what it tells is no longer so.

    The session is one of the notification's restaurant. Raises `ValueError` of a kind that only a
    newer notifier can word: it is left to that one; `SecretUnreadable` of a sealed link.
    """
    kind = NotificationKind(notification.kind)
    restaurant = await session.get_one(Restaurant, notification.restaurant_id)
    words: Words | None
    if kind in OF_ACCOUNTS:
        words = of_account(kind, read_link(secrets, notification), restaurant.name)
    elif notification.body:
        words = await _own_words(session, notification, links)
    elif notification.kind in _OF_RESERVATIONS:
        words = await _of_reservation(session, notification, restaurant, links, now)
    else:
        words = await _of_order(session, notification, restaurant, links, now)
    return None if words is None else _outgoing(notification, words, restaurant.name)


async def _own_words(session: AsyncSession, notification: Notification, links: Links) -> Words:
    """The writer's own; an offer says how to have no more of them (Code des postes, art. L34-5)."""
    written = Words(subject=notification.subject, sentence=notification.body)
    if notification.kind != NotificationKind.OFFER:
        return written
    restaurant_id = notification.restaurant_id
    customer_id = await session.scalar(
        select(Customer.id).where(
            Customer.restaurant_id == restaurant_id, Customer.phone_e164 == notification.recipient
        )
    )
    if customer_id is None:
        return written
    link = links.unsubscribe(UnsubscribeKey(restaurant_id, customer_id))
    return replace(written, sentence=f"{written.sentence} Stop :", link=link)


async def _of_order(
    session: AsyncSession,
    notification: Notification,
    restaurant: Restaurant,
    links: Links,
    now: datetime,
) -> Words | None:
    order = await session.scalar(
        select(Order).where(Order.restaurant_id == restaurant.id, Order.id == notification.about_id)
    )
    if order is None:
        return None
    if notification.kind == NotificationKind.ORDER_UNSEEN:
        unseen = order.status == OrderStatus.PLACED
        return order_unseen(restaurant, order, now=now) if unseen else None
    if notification.kind in _OF_PAYMENTS:
        return await _of_payment(session, notification, restaurant, order, links, now)
    never_made = order.status in NEVER_MADE
    if notification.kind == NotificationKind.ORDER_CANCELLED:
        if not never_made:
            return None
        return order_cancelled(restaurant, order, await _why_cancelled(session, order))
    link = links.receipt(
        ReceiptKey(ReceiptOf.ORDER, restaurant.id, order.id), at=promised_at(order)
    )
    return None if never_made else order_placed(restaurant, order, link, now=now)


async def _of_payment(
    session: AsyncSession,
    notification: Notification,
    restaurant: Restaurant,
    order: Order,
    links: Links,
    now: datetime,
) -> Words | None:
    """Nobody is asked for what they have paid, or can no longer pay by the link."""
    link = await session.scalar(
        select(PaymentLink).where(
            PaymentLink.restaurant_id == restaurant.id, PaymentLink.order_id == order.id
        )
    )
    if link is None or link.status not in OPEN or link.expires_at <= now:
        return None
    url = links.payment(ReceiptKey(ReceiptOf.ORDER, restaurant.id, order.id), at=promised_at(order))
    again = notification.kind == NotificationKind.PAYMENT_REMINDER
    return payment_asked(restaurant, order, link, url, now=now, again=again)


async def _of_reservation(
    session: AsyncSession,
    notification: Notification,
    restaurant: Restaurant,
    links: Links,
    now: datetime,
) -> Words | None:
    reservation = await session.scalar(
        select(Reservation).where(
            Reservation.restaurant_id == restaurant.id, Reservation.id == notification.about_id
        )
    )
    if reservation is None:
        return None
    if notification.kind == NotificationKind.RESERVATION_CANCELLED:
        cancelled = reservation.status == ReservationStatus.CANCELLED
        return reservation_cancelled(restaurant, reservation, now=now) if cancelled else None
    if notification.kind == NotificationKind.TABLE_FREE:
        waits = reservation.status == ReservationStatus.WAITLISTED and reservation.starts_at > now
        return table_free(restaurant, reservation, now=now) if waits else None
    if reservation.status not in HAS_TABLE:
        return None
    key = ReceiptKey(ReceiptOf.RESERVATION, restaurant.id, reservation.id)
    link = links.receipt(key, at=reservation.starts_at)
    return reservation_confirmed(restaurant, reservation, link, now=now)


_OF_PAYMENTS: Final = frozenset({NotificationKind.PAYMENT_LINK, NotificationKind.PAYMENT_REMINDER})
_OF_RESERVATIONS: Final = frozenset(
    {
        NotificationKind.RESERVATION_CONFIRMED,
        NotificationKind.RESERVATION_CANCELLED,
        NotificationKind.TABLE_FREE,
    }
)


def order_placed(restaurant: Restaurant, order: Order, link: str, *, now: datetime) -> Words:
    """Say number, price and time: what was heard, in writing."""
    at = moment(promised_at(order), restaurant.timezone, now=now)
    return Words(
        subject=f"Votre commande {order.number}",
        sentence=f"commande {order.number} notée, {euros(order.total_cents)}, pour {at}."
        " Détail et allergènes :",
        link=link,
    )


async def _why_cancelled(session: AsyncSession, order: Order) -> CancelReason | None:
    reason = await session.scalar(
        select(OrderEvent.reason).where(
            OrderEvent.restaurant_id == order.restaurant_id,
            OrderEvent.order_id == order.id,
            OrderEvent.to_status == order.status,
        )
    )
    return CancelReason(reason) if reason else None


def order_cancelled(restaurant: Restaurant, order: Order, reason: CancelReason | None) -> Words:
    """Say why, if the restaurant gave a reason that its customer can read."""
    why = _WHY.get(reason, "") if reason else ""
    return Words(
        subject=f"Votre commande {order.number} est annulée",
        sentence=f"votre commande {order.number} est annulée{why}. {_ask(restaurant)}",
    )


def cancelled_sms(restaurant: Restaurant, order: Order, reason: CancelReason | None) -> str:
    """The SMS that tells of it, as whoever cancels is shown it before."""
    return _sms(order_cancelled(restaurant, order, reason), restaurant.name)["text"]


def order_unseen(restaurant: Restaurant, order: Order, *, now: datetime) -> Words:
    """Say to the restaurant's people which order waits, and since when; not whose it is."""
    minutes = max(1, int((now - order.created_at).total_seconds() // 60))
    at = moment(promised_at(order), restaurant.timezone, now=now)
    return Words(
        subject=f"La commande {order.number} attend",
        sentence=f"la commande {order.number}, pour {at}, attend depuis {minutes} min :"
        " personne ne l’a acceptée en cuisine.",
    )


def payment_asked(
    restaurant: Restaurant, order: Order, link: PaymentLink, url: str, *, now: datetime, again: bool
) -> Words:
    """Say how much, until when, and whether the order waits for it."""
    until = moment(link.expires_at, restaurant.timezone, now=now)
    about = f"{'rappel, ' if again else ''}commande {order.number}"
    cents = euros(link.amount_cents)
    return Words(
        subject=f"Le paiement de votre commande {order.number}",
        sentence=f"{about}, {cents} à payer en ligne avant {until} pour qu’on la prépare :"
        if link.required
        else f"{about}, vous pouvez payer {cents} en ligne avant {until} :",
        link=url,
    )


def reservation_confirmed(
    restaurant: Restaurant, reservation: Reservation, link: str, *, now: datetime
) -> Words:
    at = moment(reservation.starts_at, restaurant.timezone, now=now)
    return Words(
        subject=f"Votre réservation {reservation.number}",
        sentence=f"réservation {reservation.number}, {_party(reservation.party)}, {at}."
        " Détail et allergènes :",
        link=link,
    )


def reservation_cancelled(
    restaurant: Restaurant, reservation: Reservation, *, now: datetime
) -> Words:
    at = moment(reservation.starts_at, restaurant.timezone, now=now)
    return Words(
        subject=f"Votre réservation {reservation.number} est annulée",
        sentence=f"votre réservation {reservation.number}, {at}, est annulée. {_ask(restaurant)}",
    )


def promised_at(order: Order) -> datetime:
    """When its customer has it: at their door, or over the counter."""
    return order.deliver_at or order.ready_at


def table_free(restaurant: Restaurant, reservation: Reservation, *, now: datetime) -> Words:
    """Promise nothing: another may call first."""
    at = moment(reservation.starts_at, restaurant.timezone, now=now)
    return Words(
        subject="Une table s’est libérée",
        sentence=f"une table pour {_party(reservation.party)}, {at}, s’est libérée."
        f" Appelez-nous vite si vous la voulez. {_ask(restaurant)}",
    )


def euros(cents: int) -> str:
    return f"{cents // 100},{cents % 100:02d} €"


def moment(at: datetime, timezone: str, *, now: datetime) -> str:
    """Spell 19:05 as "19h05" today, and as "vendredi 4/12 à 19h05" on another day."""
    local = at.astimezone(ZoneInfo(timezone))
    clock = f"{local.hour}h{local.minute:02d}"
    if local.date() == now.astimezone(local.tzinfo).date():
        return clock
    return f"{_day(local.date())} à {clock}"


def _day(day: date) -> str:
    return f"{_DAYS[day.weekday()]} {day.day}/{day.month:02d}"


def _party(party: int) -> str:
    return f"{party} personne{'s' if party > 1 else ''}"


def _ask(restaurant: Restaurant) -> str:
    number = phonenumbers.parse(restaurant.phone_e164)
    form = phonenumbers.PhoneNumberFormat.NATIONAL
    return f"Renseignements : {phonenumbers.format_number(number, form)}"


def _outgoing(notification: Notification, words: Words, restaurant: str) -> Outgoing:
    advertising = notification.kind == NotificationKind.OFFER
    write: Callable[[Words, str], dict[str, str]] = (
        _sms if notification.channel == Channel.SMS else _email
    )
    return Outgoing(
        key=notification.id.hex,
        to=notification.recipient or "",
        advertising=advertising,
        **write(words, restaurant),
    )


def _sms(words: Words, restaurant: str) -> dict[str, str]:
    sentence = to_gsm7(f"{restaurant[:LONGEST_NAME]} : {words.sentence}")
    return {"text": f"{sentence} {words.link}".rstrip()}


def _email(words: Words, restaurant: str) -> dict[str, str]:
    sentence = words.sentence[:1].upper() + words.sentence[1:]
    link = f'<p><a href="{escape(words.link)}">{escape(words.link)}</a></p>' if words.link else ""
    signed = words.signed or restaurant
    colon = ": " if words.language == "en" else " : "
    return {
        "subject": f"{signed}{colon}{words.subject}".replace("\n", " "),
        "text": f"{sentence}\n{words.link}\n\n{signed}\n",
        "html": f'<!doctype html><html lang="{words.language}">'
        '<body style="font-family:sans-serif">'
        f"<p>{escape(sentence)}</p>{link}<p>{escape(signed)}</p></body></html>",
    }
