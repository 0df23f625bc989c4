"""Money that reaches a restaurant by link is written once, for its order, and stays in sight."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import select, update

from controlplane.contracts.identifiers import new_id
from controlplane.database import async_engine, async_sessions, libpq_url
from controlplane.database_roles import DatabaseRole
from controlplane.local.demo.restaurant import DEMO_RESTAURANT_ID
from controlplane.models.order import OrderStatus
from controlplane.models.payment_link import PaymentLink, PaymentLinkStatus
from controlplane.models.restaurant import PaymentPolicy, Restaurant
from controlplane.restaurants.order_status import change_order_status
from controlplane.restaurants.payment_errors import (
    NoPaymentAccount,
    SecretRefused,
    UnknownPaymentLink,
)
from controlplane.restaurants.payment_events import (
    MoneyReceived,
    MoneyRefunded,
    PaymentEvent,
    SessionExpired,
    apply_event,
)
from controlplane.restaurants.payment_policy import set_account, set_payment
from controlplane.restaurants.payment_standing import Paid, Standing, standings
from controlplane.restaurants.place_order import Sessions, place_order
from controlplane.tenancy import restaurant_session
from tests.accounts import SECRETS
from tests.integration.kitchen_orders import add_restaurant
from tests.integration.order_drafts import draft

pytestmark = pytest.mark.integration

MINE = DEMO_RESTAURANT_ID
KEY, WEBHOOK_SECRET = "rk_test_0123456789", "whsec_0123456789"


@pytest.fixture
async def owner(seeded: str) -> AsyncIterator[Sessions]:
    """Sessions as the tables' owner."""
    engine = async_engine(seeded, application_name="test")
    yield async_sessions(engine)
    await engine.dispose()


@pytest.fixture
async def worker(seeded: str) -> AsyncIterator[Sessions]:
    engine = async_engine(seeded, application_name="test", role=DatabaseRole.WORKER)
    yield async_sessions(engine)
    await engine.dispose()


@pytest.fixture
async def site(seeded: str) -> AsyncIterator[Sessions]:
    engine = async_engine(seeded, application_name="test", role=DatabaseRole.WEB)
    yield async_sessions(engine)
    await engine.dispose()


async def open_for_payment(
    owner: Sessions, policy: PaymentPolicy = PaymentPolicy.LINK_OPTIONAL
) -> None:
    async with owner.begin() as session:
        restaurant = await session.get_one(Restaurant, MINE)
        await set_account(session, restaurant, SECRETS, api_key=KEY, webhook_secret=WEBHOOK_SECRET)
        assert (await set_payment(session, restaurant, policy=policy)).has_account


async def order_with_link(worker: Sessions, **changes: Any) -> tuple[UUID, PaymentLink]:
    order = await place_order(worker, draft(f"{new_id()}:1:a").model_copy(update=changes))
    async with restaurant_session(worker, MINE) as session:
        links = select(PaymentLink).where(PaymentLink.order_id == order.id)
        return order.id, (await session.scalars(links)).one()


async def told(site: Sessions, event: PaymentEvent, restaurant_id: UUID = MINE) -> bool:
    async with restaurant_session(site, restaurant_id) as session, session.begin():
        return await apply_event(session, restaurant_id, event)


async def stands(site: Sessions, order_id: UUID) -> Standing:
    async with restaurant_session(site, MINE) as session:
        return (await standings(session, MINE, [order_id]))[order_id]


def received(link: PaymentLink, cents: int = 2_450, intent: str = "") -> MoneyReceived:
    return MoneyReceived(
        event_id=f"evt_{new_id().hex}",
        link_id=link.id,
        session_id="cs_1",
        payment_intent=intent or f"pi_{link.id.hex}",
        amount_cents=cents,
    )


def refunded(link: PaymentLink, cents: int) -> MoneyRefunded:
    return MoneyRefunded(
        event_id=f"evt_{new_id().hex}",
        link_id=link.id,
        payment_intent=f"pi_{link.id.hex}",
        refunded_cents=cents,
    )


def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(libpq_url(url)) as database:
        return database.execute(query.encode()).fetchall()


async def test_another_tenant_sees_nothing_and_is_told_nothing(
    seeded: str, owner: Sessions, worker: Sessions, site: Sessions
) -> None:
    await open_for_payment(owner)
    _, link = await order_with_link(worker)
    await told(site, received(link))
    async with owner.begin() as session:
        theirs = await add_restaurant(session)
    async with restaurant_session(site, theirs) as session:
        for table in ("payment_account", "payment_link", "payment_movement"):
            found = await session.connection()
            count = await found.exec_driver_sql(f"SELECT count(*) FROM {table}")
            assert count.scalar_one() == 0
    with pytest.raises(UnknownPaymentLink):
        await told(site, received(link, intent="pi_of_theirs"), theirs)
    assert rows(seeded, "SELECT amount_cents FROM payment_movement") == [(2_450,)]


async def test_a_payment_is_written_once_however_often_and_from_wherever_it_is_told(
    seeded: str, owner: Sessions, worker: Sessions, site: Sessions
) -> None:
    await open_for_payment(owner)
    order_id, link = await order_with_link(worker)
    assert (link.amount_cents, link.required, link.status) == (2_450, False, "created")
    assert (await stands(site, order_id)).paid is Paid.AWAITED
    first, twin = received(link), received(link)
    news = await asyncio.gather(*(told(site, event) for event in (first, twin) * 4))
    assert sorted(news) == [False] * 7 + [True]
    assert await stands(site, order_id) == Standing(paid=Paid.IN_FULL, cents=2_450)
    assert rows(seeded, "SELECT kind, amount_cents FROM payment_movement") == [("received", 2_450)]
    assert rows(seeded, "SELECT status FROM payment_link") == [("paid",)]
    assert rows(
        seeded, "SELECT payload->>'status' FROM event_outbox WHERE topic = 'order_status_changed'"
    ) == [("placed",)]


async def test_refunds_are_sums_in_whatever_order_they_are_told(
    seeded: str, owner: Sessions, worker: Sessions, site: Sessions
) -> None:
    await open_for_payment(owner)
    order_id, link = await order_with_link(worker)
    events = refunded(link, 1_000), refunded(link, 400), received(link), refunded(link, 2_450)
    standing = []
    for event in events:
        await told(site, event)
        standing.append(await stands(site, order_id))
    assert [(each.paid, each.cents) for each in standing] == [
        (Paid.AWAITED, 2_450),
        (Paid.AWAITED, 2_450),
        (Paid.TO_PAY, 1_000),
        (Paid.TO_PAY, 2_450),
    ]
    assert rows(seeded, "SELECT kind, amount_cents FROM payment_movement ORDER BY at") == [
        ("refunded", 1_000),
        ("received", 2_450),
        ("refunded", 1_450),
    ]
    assert rows(seeded, "SELECT status FROM payment_link") == [("refunded",)]


async def test_money_for_a_corrected_order_counts_for_its_correction(
    seeded: str, owner: Sessions, worker: Sessions, site: Sessions
) -> None:
    """1. An order of 24,50 € has a link. 2. A correction of 35,50 € takes its place: the first link
    is cancelled, the second is open. 3. The first is paid all the same. 4. It is corrected again,
    to 13,50 €: no further link, and 11 € are to be given back. 5. It is cancelled: all of it is.
    """
    await open_for_payment(owner)
    first, link = await order_with_link(worker)
    second, second_link = await order_with_link(
        worker, replaces_id=first, lines=draft(pizzas=3).lines
    )
    assert second_link.amount_cents == 3_550
    assert await told(site, received(link))
    assert (await stands(site, first)).paid is Paid.UNTOLD
    assert await stands(site, second) == Standing(paid=Paid.TO_PAY, cents=1_100)
    third = await place_order(
        worker,
        draft("c:3:a").model_copy(update={"replaces_id": second, "lines": draft(pizzas=1).lines}),
    )
    assert rows(seeded, "SELECT status FROM payment_link ORDER BY amount_cents") == [
        ("cancelled",),
        ("cancelled",),
    ]
    assert await stands(site, third.id) == Standing(paid=Paid.REFUND_DUE, cents=1_100)
    async with restaurant_session(site, MINE) as session, session.begin():
        await change_order_status(
            session, MINE, third.id, to=OrderStatus.CANCELLED, actor="kitchen"
        )
    assert await stands(site, third.id) == Standing(paid=Paid.REFUND_DUE, cents=2_450)


async def test_what_expires_is_paid_on_site_and_money_that_comes_later_is_seen(
    seeded: str, owner: Sessions, worker: Sessions, site: Sessions
) -> None:
    await open_for_payment(owner)
    order_id, link = await order_with_link(worker)
    async with owner.begin() as session:
        opened = {"session_id": "cs_1", "session_url": "https://checkout.stripe.com/c/1"}
        await session.execute(update(PaymentLink).values(**opened))
    other, mine = (
        SessionExpired(event_id="evt_1", link_id=link.id, session_id=session_id)
        for session_id in ("cs_other", "cs_1")
    )
    assert [await told(site, event) for event in (other, mine, mine)] == [False, True, False]
    assert await stands(site, order_id) == Standing(paid=Paid.TO_PAY, cents=2_450)
    async with restaurant_session(site, MINE) as session, session.begin():
        for to in (OrderStatus.ACCEPTED, OrderStatus.READY):
            await change_order_status(session, MINE, order_id, to=to, actor="kitchen")
    assert await told(site, received(link))
    assert await stands(site, order_id) == Standing(paid=Paid.IN_FULL, cents=2_450)
    assert rows(seeded, "SELECT status FROM payment_link") == [(PaymentLinkStatus.EXPIRED,)]


async def test_the_database_holds_to_it(
    seeded: str, owner: Sessions, worker: Sessions, site: Sessions
) -> None:
    await open_for_payment(owner)
    _, link = await order_with_link(worker)
    await told(site, received(link))
    await told(site, refunded(link, 2_450))
    for statement in (
        "UPDATE payment_link SET amount_cents = 1",
        'UPDATE "order" SET items_cents = 1, total_cents = 1',
        "UPDATE payment_link SET status = 'sent'",
        "UPDATE payment_movement SET amount_cents = 1",
        "DELETE FROM payment_movement",
        "TRUNCATE payment_movement",
    ):
        with pytest.raises(psycopg.errors.IntegrityError):
            rows(seeded, statement)


async def test_a_link_needs_an_account_whose_secrets_are_sealed(
    seeded: str, owner: Sessions, worker: Sessions
) -> None:
    async with owner() as session:
        restaurant = await session.get_one(Restaurant, MINE)
        with pytest.raises(NoPaymentAccount, match="alloresto payment account bella-napoli"):
            await set_payment(session, restaurant, policy=PaymentPolicy.LINK_OPTIONAL)
        for wrong in ({"api_key": "pk_test_0123456789"}, {"webhook_secret": KEY}):
            given = {"api_key": KEY, "webhook_secret": WEBHOOK_SECRET, **wrong}
            with pytest.raises(SecretRefused) as refused:
                await set_account(session, restaurant, SECRETS, **given)
            assert "0123456789" not in str(refused.value)
    await place_order(worker, draft())
    assert rows(seeded, "SELECT FROM payment_link") == []
    await open_for_payment(owner)
    ((sealed,),) = rows(seeded, "SELECT api_key_encrypted FROM payment_account")
    assert KEY not in sealed
    assert SECRETS.open(sealed, owner=MINE) == KEY
