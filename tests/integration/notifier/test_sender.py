"""A message is worded by what is true as it is sent, and every one of them ends in a state."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from controlplane.contracts.receipt_link import PATH, ReceiptKey, ReceiptOf, read_receipt
from controlplane.contracts.unsubscribe_link import UnsubscribeKey, read_unsubscribe
from controlplane.database import async_engine, async_sessions
from controlplane.database_roles import DatabaseRole
from controlplane.models.consent import ConsentPurpose, ConsentSource
from controlplane.models.customer import Customer
from controlplane.models.notification import Channel, Notification
from controlplane.models.order import Order, OrderStatus
from controlplane.models.reservation import Reservation, ReservationStatus
from controlplane.notifier import sender as sender_module
from controlplane.notifier.gsm7 import parts
from controlplane.notifier.notifier import senders_of
from controlplane.notifier.ovh_sms import OvhSms
from controlplane.notifier.providers import Outgoing
from controlplane.notifier.sender import Sender
from controlplane.notifier.wording import Links, word
from controlplane.restaurants.confirmations import confirm_order
from controlplane.restaurants.consents import decide
from controlplane.restaurants.notification_queue import MOST_A_DAY, MOST_ATTEMPTS
from controlplane.restaurants.notify import Notice, NotificationKind, notify
from controlplane.restaurants.order_status import change_order_status
from controlplane.restaurants.suppressions import hash_number, suppress
from tests.accounts import SECRETS
from tests.integration.kitchen_orders import add_order, add_restaurant
from tests.integration.notifier.stand_ins import CONSUMER, SECRET, OvhStandIn, serving
from tests.waiting import DEADLINE_S

pytestmark = pytest.mark.integration

MOBILE = "+33639980123"
LINK_SECRET = "a secret of the test"
Sessions = async_sessionmaker[AsyncSession]


@pytest.fixture
def sessions(database: AsyncEngine) -> Sessions:
    return async_sessions(database)


@pytest.fixture
def operator() -> Iterator[OvhStandIn]:
    stand_in = OvhStandIn()
    with serving(stand_in):
        yield stand_in


@pytest.fixture
async def sender(database_url: str, operator: OvhStandIn) -> AsyncIterator[Sender]:
    """Under the notifier's own role: what it may not read fails here."""
    engine = async_engine(database_url, application_name="test", role=DatabaseRole.NOTIFIER)
    sms = OvhSms(
        endpoint=operator.endpoint,
        application_key="key",
        application_secret=SECRET,
        consumer_key=CONSUMER,
        service_name="sms",
        sender="",
    )
    links = Links(public_url="https://alloresto.example", secret=LINK_SECRET)
    yield Sender(async_sessions(engine), {Channel.SMS: sms}, links=links, secrets=SECRETS)
    await sms.close()
    await engine.dispose()


async def ordered(sessions: Sessions) -> tuple[UUID, UUID]:
    """A restaurant and an order, whose customer is to be told."""
    async with sessions.begin() as session:
        restaurant_id = await add_restaurant(session, name="Chez Luigi")
        order_id = await add_order(session, restaurant_id, phone=MOBILE)
        await confirm_order(session, await session.get_one(Order, order_id))
    return restaurant_id, order_id


async def states(sessions: Sessions) -> dict[str, tuple[str, str | None, int]]:
    async with sessions() as session:
        rows = await session.scalars(select(Notification))
        return {row.kind: (row.state, row.reason, row.attempts) for row in rows}


async def make_due(sessions: Sessions) -> None:
    async with sessions.begin() as session:
        await session.execute(
            update(Notification).values(next_attempt_at=datetime.now(UTC) - timedelta(seconds=1))
        )


async def test_another_tenant_sees_nothing(
    sessions: Sessions, sender: Sender, operator: OvhStandIn
) -> None:
    """An order's id under another restaurant's notification words nothing of it."""
    await ordered(sessions)
    async with sessions.begin() as session:
        other = await add_restaurant(session, name="Chez Mario")
        await session.execute(update(Notification).values(restaurant_id=other))
    await sender.turn()
    assert operator.jobs == []
    assert (await states(sessions))["order_placed"] == ("suppressed", "no_longer_true", 1)


async def test_an_order_is_confirmed_once_with_a_link_that_opens_it(
    sessions: Sessions, sender: Sender, operator: OvhStandIn
) -> None:
    restaurant_id, order_id = await ordered(sessions)
    for _ in range(2):
        assert not await sender.turn()
    (job,) = operator.jobs
    sentence, _, key = job["message"].partition(f"https://alloresto.example{PATH}")
    assert sentence.startswith("Chez Luigi : commande 1 notée, 9,50 €, pour ")
    opened = read_receipt(key, now=datetime.now(UTC), secret=LINK_SECRET)
    assert opened == ReceiptKey(ReceiptOf.ORDER, restaurant_id, order_id)
    assert (await states(sessions))["order_placed"] == ("sent", None, 1)
    async with sessions() as session:
        assert await session.scalar(select(Notification.sms_parts)) == parts(job["message"])


async def test_what_is_no_longer_so_is_not_told_and_what_became_of_it_is(
    sessions: Sessions, sender: Sender, operator: OvhStandIn
) -> None:
    restaurant_id, order_id = await ordered(sessions)
    async with sessions.begin() as session:
        await change_order_status(
            session, restaurant_id, order_id, to=OrderStatus.REJECTED, actor="kitchen"
        )
    await sender.turn()
    (job,) = operator.jobs
    assert "est annulée" in job["message"]
    told = await states(sessions)
    assert told["order_placed"] == ("suppressed", "no_longer_true", 1)
    assert told["order_cancelled"] == ("sent", None, 1)


async def test_a_provider_that_is_away_is_asked_again_until_it_is_no_use(
    sessions: Sessions, sender: Sender, operator: OvhStandIn
) -> None:
    await ordered(sessions)
    async with sessions.begin() as session:  # as of a reservation: it is of use until the evening
        await session.execute(
            update(Notification).values(expires_at=Notification.expires_at + timedelta(hours=11))
        )
    operator.status = 503
    for attempt in range(1, MOST_ATTEMPTS):
        await sender.turn()
        assert (await states(sessions))["order_placed"] == ("pending", None, attempt)
        await sender.turn()  # not due yet
        await make_due(sessions)
    await sender.turn()
    await make_due(sessions)
    await sender.turn()
    assert (await states(sessions))["order_placed"] == ("failed", "http_503", MOST_ATTEMPTS)
    assert len(operator.jobs) == MOST_ATTEMPTS


async def test_a_message_that_is_too_late_or_refused_is_not_tried_again(
    sessions: Sessions, sender: Sender, operator: OvhStandIn
) -> None:
    restaurant_id, _ = await ordered(sessions)
    async with sessions.begin() as session:
        await session.execute(update(Notification).values(expires_at=text("now()")))
        await notify(session, told(restaurant_id, NotificationKind.ORDER_UNSEEN))
    operator.status = 400
    await sender.turn()
    ended = await states(sessions)
    assert ended["order_placed"] == ("failed", "expired", 1)
    assert ended["order_unseen"] == ("failed", "http_400", 1)


async def test_nobody_is_called_to_a_table_whose_time_is_over(
    sessions: Sessions, sender: Sender, operator: OvhStandIn
) -> None:
    now = datetime.now(UTC)
    async with sessions.begin() as session:
        restaurant_id = await add_restaurant(session)
        for number, starts_at in enumerate((now - timedelta(minutes=1), now + timedelta(hours=1))):
            waits = Reservation(
                restaurant_id=restaurant_id,
                number=number,
                idempotency_key=str(number),
                status=ReservationStatus.WAITLISTED,
                source="voice",
                party=4,
                starts_at=starts_at,
                ends_at=starts_at + timedelta(hours=2),
                customer_phone_e164=MOBILE,
            )
            session.add(waits)
            await session.flush()
            free = told(restaurant_id, NotificationKind.TABLE_FREE, str(number), about_id=waits.id)
            await notify(session, replace(free, body=""))
    await sender.turn()
    async with sessions() as session:
        ended = await session.execute(select(Notification.key, Notification.state))
        assert {key: state for key, state in ended} == {"0": "suppressed", "1": "sent"}
    assert len(operator.jobs) == 1


async def test_what_a_newer_release_tells_is_left_to_its_notifier(
    sessions: Sessions, sender: Sender, operator: OvhStandIn
) -> None:
    await ordered(sessions)
    async with sessions.begin() as session:
        await session.execute(update(Notification).values(kind="order_moved"))
    await sender.turn()
    assert operator.jobs == []
    assert (await states(sessions))["order_moved"] == ("pending", None, 1)


async def test_no_sms_waits_for_a_mail_server_that_hangs(
    sessions: Sessions, operator: OvhStandIn, sender: Sender
) -> None:
    class Hangs:
        """Takes a mail and never answers."""

        asked = asyncio.Event()

        async def send(self, _: Outgoing) -> str | None:
            self.asked.set()
            return str(await asyncio.Event().wait())

        async def close(self) -> None:
            """Nothing is open."""

    mail = Hangs()
    providers = {**sender._providers, Channel.EMAIL: mail}
    by_sms, by_mail = senders_of(sessions, providers, links=sender._links, secrets=SECRETS)
    restaurant_id, _ = await ordered(sessions)
    async with sessions.begin() as session:
        unseen = told(restaurant_id, NotificationKind.ORDER_UNSEEN, "mail")
        await notify(session, replace(unseen, channel=Channel.EMAIL, to="luigi@example.fr"))
    hangs = asyncio.create_task(by_mail.turn())
    await asyncio.wait_for(mail.asked.wait(), DEADLINE_S)
    await by_sms.turn()
    ended = await states(sessions)
    assert (ended["order_placed"][0], ended["order_unseen"][0]) == ("sent", "pending")
    hangs.cancel()


async def test_nobody_is_flooded(sessions: Sessions, sender: Sender, operator: OvhStandIn) -> None:
    restaurant_id, _ = await ordered(sessions)
    async with sessions.begin() as session:
        for at in range(MOST_A_DAY):
            await notify(session, told(restaurant_id, NotificationKind.ORDER_CANCELLED, str(at)))
        await session.execute(
            update(Notification)
            .where(Notification.kind == NotificationKind.ORDER_CANCELLED)
            .values(state="sent", body="", settled_at=datetime.now(UTC))
        )
    await sender.turn()
    assert operator.jobs == []
    assert (await states(sessions))["order_placed"] == ("suppressed", "too_many", 1)


def told(restaurant_id: UUID, kind: NotificationKind, key: str = "k", **values: Any) -> Notice:
    return Notice(
        restaurant_id=restaurant_id,
        kind=kind,
        channel=Channel.SMS,
        to=MOBILE,
        key=key,
        body="Bonjour",
        **values,
    )


async def test_an_offer_needs_a_consent_is_not_made_to_who_was_erased_and_waits_for_the_day(
    sessions: Sessions, sender: Sender, operator: OvhStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    night = datetime(2126, 11, 29, 22, 0, tzinfo=UTC)
    monkeypatch.setattr(sender_module, "utc_now", lambda: night)
    async with sessions.begin() as session:
        restaurant_id = await add_restaurant(session)

    async def offer(key: str) -> Any:
        async with sessions.begin() as session:
            await notify(
                session,
                told(restaurant_id, NotificationKind.OFFER, key, not_before=night),
            )
        await sender.turn()
        async with sessions() as session:
            row = (await session.scalars(select(Notification).filter_by(key=key))).one()
            return row.state, row.reason, row.next_attempt_at

    assert (await offer("no consent"))[:2] == ("suppressed", "no_consent")
    async with sessions.begin() as session:
        customer = Customer(restaurant_id=restaurant_id, phone_e164=MOBILE)
        session.add(customer)
        await session.flush()
        await decide(
            session,
            customer,
            ConsentPurpose.OFFERS,
            granted=True,
            source=ConsentSource.CALL,
            evidence="oui",
        )
    state, _, waits_until = await offer("at night")
    assert state == "pending"
    assert waits_until - night == timedelta(hours=9)
    async with sessions() as session:
        row = (await session.scalars(select(Notification).filter_by(key="at night"))).one()
        links = Links(public_url="https://site.test/", secret="a secret of tests only")
        said = await word(session, row, links, secrets=SECRETS, now=night)
        assert said
        key = said.text.rpartition("https://site.test/stop/")[2]
        assert read_unsubscribe(key, secret="a secret of tests only") == UnsubscribeKey(
            restaurant_id, customer.id
        )
    async with sessions.begin() as session:
        hashed = await hash_number(session, SECRETS, restaurant_id, MOBILE)
        await suppress(session, restaurant_id, hashed)
    assert (await offer("erased"))[:2] == ("suppressed", "erased")
    assert operator.jobs == []
