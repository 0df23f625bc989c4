"""Customers read what they were told: number, price, time, restaurant, and where the rest is."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from controlplane.contracts.identifiers import new_id
from controlplane.contracts.receipt_link import ReceiptKey, ReceiptOf
from controlplane.models.notification import Channel, Notification
from controlplane.models.order import CancelReason, Order
from controlplane.models.payment_link import PaymentLink
from controlplane.models.reservation import Reservation
from controlplane.models.restaurant import Restaurant
from controlplane.notifier.gsm7 import parts
from controlplane.notifier.providers import Outgoing
from controlplane.notifier.wording import (
    Links,
    _outgoing,
    order_cancelled,
    order_placed,
    payment_asked,
    reservation_cancelled,
    reservation_confirmed,
    table_free,
)
from controlplane.notifier.words import Words

pytestmark = pytest.mark.unit

NOW = datetime(2026, 11, 28, 18, 30, tzinfo=UTC)
LINK = Links(public_url="https://www.alloresto.example/", secret="a secret of the test").receipt(
    ReceiptKey(ReceiptOf.ORDER, new_id(), new_id()), at=NOW
)


def luigi(name: str = "Chez Luigi", timezone: str = "Europe/Paris") -> Restaurant:
    return Restaurant(name=name, timezone=timezone, phone_e164="+33478000102")


def order(total_cents: int = 2450, **values: Any) -> Order:
    return Order(number=12, total_cents=total_cents, ready_at=NOW + timedelta(minutes=35), **values)


def reservation(party: int = 4) -> Reservation:
    return Reservation(number=7, party=party, starts_at=NOW + timedelta(days=6, minutes=30))


def sent(words: Words, channel: Channel, restaurant: str = "Chez Luigi") -> Outgoing:
    notification = Notification(
        id=new_id(), kind="order_placed", channel=channel, recipient="+33639980123"
    )
    return _outgoing(notification, words, restaurant)


def test_an_order() -> None:
    text = sent(order_placed(luigi(), order(), LINK, now=NOW), Channel.SMS).text
    assert text == (
        f"Chez Luigi : commande 12 notée, 24,50 €, pour 20h05. Détail et allergènes : {LINK}"
    )
    assert parts(text) <= 2


def test_a_delivery_is_promised_at_its_door() -> None:
    delivered = order(deliver_at=NOW + timedelta(minutes=60))
    assert "pour 20h30." in order_placed(luigi(), delivered, LINK, now=NOW).sentence


def test_the_time_is_the_restaurants() -> None:
    words = order_placed(luigi(timezone="Indian/Reunion"), order(), LINK, now=NOW)
    assert "pour 23h05." in words.sentence


def test_a_payment_is_asked_for_in_two_parts() -> None:
    for required, again, said in (
        (False, False, "commande 12, vous pouvez payer 24,50 € en ligne avant 19h50 :"),
        (True, True, "rappel, commande 12, 24,50 € à payer en ligne avant 19h50 pour qu'on la"),
    ):
        link = PaymentLink(
            amount_cents=2450, required=required, expires_at=NOW + timedelta(minutes=20)
        )
        words = payment_asked(luigi(), order(), link, LINK, now=NOW, again=again)
        text = sent(words, Channel.SMS).text
        assert said in text
        assert parts(text) <= 2


def test_a_refused_order_names_whom_to_ask() -> None:
    for reason, why in (
        (None, ""),
        (CancelReason.OTHER, ""),
        (CancelReason.SOLD_OUT, " : il manque un plat"),
        (CancelReason.CUSTOMER_ASKED, " à votre demande"),
    ):
        assert sent(order_cancelled(luigi(), order(), reason), Channel.SMS).text == (
            f"Chez Luigi : votre commande 12 est annulée{why}. Renseignements : 04 78 00 01 02"
        )
    name = "Ô délices de l’Ardèche " * 9
    for reason in CancelReason:
        words = order_cancelled(luigi(name), order(), reason)
        assert parts(sent(words, Channel.SMS, name).text) <= 2


def test_a_reservation_on_another_day() -> None:
    text = sent(reservation_confirmed(luigi(), reservation(), LINK, now=NOW), Channel.SMS).text
    assert "réservation 7, 4 personnes, vendredi 4/12 à 20h00. Détail" in text
    assert "1 personne," in reservation_confirmed(luigi(), reservation(1), LINK, now=NOW).sentence
    cancelled = reservation_cancelled(luigi(), reservation(), now=NOW)
    assert "vendredi 4/12 à 20h00, est annulée." in cancelled.sentence
    freed = sent(table_free(luigi(), reservation(), now=NOW), Channel.SMS).text
    assert "une table pour 4 personnes, vendredi 4/12 à 20h00, s'est libérée." in freed
    assert parts(freed) <= 2


def test_the_longest_name_and_price_are_two_parts() -> None:
    name = "Ô délices de l’Ardèche " * 9
    words = order_placed(luigi(name), order(total_cents=99_999_99), LINK, now=NOW)
    assert parts(sent(words, Channel.SMS, name).text) == 2


def test_an_e_mail_is_text_and_html_and_no_name_breaks_out_of_it() -> None:
    mail = sent(order_placed(luigi(), order(), LINK, now=NOW), Channel.EMAIL, "<b>\nLuigi")
    assert mail.subject == "<b> Luigi : Votre commande 12"
    assert mail.text.startswith("Commande 12 notée, 24,50 €, pour 20h05.")
    assert f'<a href="{LINK}">' in mail.html
    assert "<b>" not in mail.html
