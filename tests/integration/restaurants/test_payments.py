"""Money that reaches a restaurant by link is written once, for its order, and stays in sight."""

import asyncio
import io
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import select, update

from controlplane.cli import main
from controlplane.contracts.identifiers import new_id
from controlplane.contracts.receipt_link import PAY_PATH
from controlplane.database import async_engine, async_sessions
from controlplane.database_roles import DatabaseRole
from controlplane.local.demo.restaurant import DEMO_RESTAURANT_ID, DEMO_SLUG
from controlplane.models.notification import Channel, Notification
from controlplane.models.order import Order, OrderStatus, OrderType
from controlplane.models.payment_link import PaymentLink, PaymentLinkStatus
from controlplane.models.printer import PrinterProtocol
from controlplane.models.restaurant import PaymentPolicy, Restaurant
from controlplane.notifier.wording import Links, word
from controlplane.payments.checkout import Payments
from controlplane.payments.provider import Checkout, OpenSession
from controlplane.restaurants.escalation import Step, set_ladder
from controlplane.restaurants.notification_errors import NotToBeMade
from controlplane.restaurants.order_locks import locked_order
from controlplane.restaurants.order_status import change_order_status
from controlplane.restaurants.payment_errors import (
    UnknownPaymentLink,
)
from controlplane.restaurants.payment_events import (
    MoneyReceived,
    MoneyRefunded,
    PaymentEvent,
    SessionExpired,
    apply_event,
)
from controlplane.restaurants.payment_standing import Paid, Standing, standings
from controlplane.restaurants.place_order import Sessions, place_order
from controlplane.restaurants.printers import add_printer, print_again
from controlplane.tenancy import restaurant_session
from tests.accounts import SECRET_KEYS, SECRETS
from tests.integration.delivery_orders import NEAR, TO_BELLECOUR, brought, deliver
from tests.integration.kitchen_orders import add_restaurant
from tests.integration.order_drafts import draft
from tests.integration.payment_orders import (
    API_KEY,
    WEBHOOK_SECRET,
    open_for_payment,
    order_with_link,
    rows,
)
from tests.waiting import until

pytestmark = pytest.mark.integration

MINE = DEMO_RESTAURANT_ID


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
    assert (link.amount_cents, link.required, link.status) == (2_450, False, "sent")
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


async def test_a_customer_is_told_of_the_link_until_it_is_paid_or_over(
    seeded: str, owner: Sessions, worker: Sessions, site: Sessions
) -> None:
    await open_for_payment(owner)
    links = Links(public_url="https://site.example", secret="a secret of tests only")
    engine = async_engine(seeded, application_name="test", role=DatabaseRole.NOTIFIER)

    async def worded(order_id: UUID) -> str | None:
        async with restaurant_session(async_sessions(engine), MINE) as session:
            asked = select(Notification).where(
                Notification.about_id == order_id, Notification.key.like("payment:%")
            )
            (told_once,) = await session.scalars(asked)
            outgoing = await word(session, told_once, links, secrets=SECRETS, now=datetime.now(UTC))
        return outgoing.text if outgoing else None

    paid, link = await order_with_link(worker)
    over, _ = await order_with_link(worker)
    hidden, unheard = await order_with_link(worker, customer_phone_e164=None)
    assert unheard.status == "created"
    first = await worded(paid) or ""
    assert "commande 1, vous pouvez payer 24,50 € en ligne avant" in first
    assert f"https://site.example{PAY_PATH}" in first
    await told(site, received(link))
    rows(
        seeded,
        "UPDATE payment_link SET created_at = now() - interval '1 hour', expires_at = now()"
        f" WHERE order_id = '{over}'",
    )
    assert [await worded(order_id) for order_id in (paid, over)] == [None, None]
    assert rows(
        seeded,
        f"SELECT state, reason FROM notification WHERE about_id = '{hidden}'"
        " AND key LIKE 'payment:%'",
    ) == [("suppressed", "no_number")]
    await engine.dispose()


async def test_what_is_delivered_must_be_paid_first_where_the_restaurant_says_so(
    seeded: str, owner: Sessions, worker: Sessions, site: Sessions
) -> None:
    await open_for_payment(owner, PaymentPolicy.LINK_REQUIRED_FOR_DELIVERY)
    async with owner.begin() as session:
        await deliver(session, NEAR)
    fetched, optional = await order_with_link(worker)
    placed = await place_order(worker, brought())
    async with restaurant_session(site, MINE) as session:
        asked = select(PaymentLink).where(PaymentLink.order_id == placed.id)
        link = (await session.scalars(asked)).one()
    assert (link.required, link.amount_cents) == (True, 2_700)
    assert not optional.required
    assert (await stands(site, placed.id)).required
    rows(seeded, "UPDATE payment_link SET created_at = now() - interval '1 h', expires_at = now()")
    assert (await stands(site, placed.id)).paid is Paid.UNPAID
    assert (await stands(site, fetched)).paid is Paid.TO_PAY
    told_often = rows(
        seeded,
        "SELECT kind, count(*) FROM notification WHERE key LIKE 'payment:%'"
        " GROUP BY kind ORDER BY kind",
    )
    assert told_often == [("payment_link", 2), ("payment_reminder", 2)]
    assert rows(seeded, f"SELECT status FROM \"order\" WHERE id = '{placed.id}'") == [("placed",)]


class NeverAsked:
    """A provider that does not answer: no kitchen waits for it."""

    async def open_session(self, api_key: str, checkout: Checkout) -> OpenSession:
        pytest.fail("it was asked to open a session")

    async def close_session(self, api_key: str, session_id: str) -> None:
        pytest.fail("it was asked to close a session")


async def test_an_order_is_the_kitchens_once_it_no_longer_waits_for_its_payment(
    seeded: str, owner: Sessions, worker: Sessions, site: Sessions
) -> None:
    """1. Three deliveries are to be paid first: no ticket is printed, nobody is told that nobody
    accepts them. 2. One is paid, the time of another is over: of these it is, once, whatever is
    told twice.
    """
    await open_for_payment(owner, PaymentPolicy.LINK_REQUIRED_FOR_DELIVERY)
    async with owner.begin() as session:
        await deliver(session, NEAR)
        restaurant = await session.get_one(Restaurant, MINE)
        step = Step(timedelta(minutes=1), Channel.EMAIL, "luigi@example.fr")
        await set_ladder(session, restaurant, [step], actor="user:test")
        await add_printer(session, MINE, "Four", PrinterProtocol.STAR, actor="user:test")
    delivery = {"order_type": OrderType.DELIVERY, "delivery": TO_BELLECOUR}
    (paid, link), (late, _), _ = [await order_with_link(worker, **delivery) for _ in range(3)]
    unseen = "SELECT about_id FROM notification WHERE kind = 'order_unseen'"
    tickets = "SELECT order_id FROM print_job"
    async with owner.begin() as session:
        with pytest.raises(NotToBeMade, match="waits for its payment"):
            await print_again(session, await session.get_one(Order, late), actor="user:test")
    assert rows(seeded, unseen) == rows(seeded, tickets) == []
    await told(site, received(link, 2_700))
    rows(
        seeded,
        "UPDATE payment_link SET created_at = now() - interval '1 hour', expires_at = now(),"
        f" session_id = 'cs_1', session_url = 'https://stripe.example' WHERE order_id = '{late}'",
    )
    assert await Payments(site, NeverAsked(), SECRETS).close_due() == 1
    await told(site, refunded(link, 100))
    for told_of in (unseen, tickets):
        assert sorted(rows(seeded, told_of)) == sorted([(paid,), (late,)])


async def test_money_that_comes_while_the_order_is_refused_waits_for_that(
    seeded: str, owner: Sessions, worker: Sessions, site: Sessions
) -> None:
    """Both lock the order before its link: neither waits for the other in a circle."""
    await open_for_payment(owner)
    order_id, link = await order_with_link(worker)
    rows(seeded, "UPDATE payment_link SET required = true")
    waiting = (
        "SELECT FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
        " WHERE NOT l.granted AND a.datname = current_database()"
    )
    async with owner.begin() as session:
        await add_printer(session, MINE, "Four", PrinterProtocol.STAR, actor="user:test")
    async with restaurant_session(site, MINE) as session, session.begin():
        await locked_order(session, MINE, order_id)
        coming = asyncio.create_task(told(site, received(link)))
        await until(lambda: bool(rows(seeded, waiting)))
        await change_order_status(session, MINE, order_id, to=OrderStatus.REJECTED, actor="kitchen")
    assert await coming
    assert await stands(site, order_id) == Standing(paid=Paid.REFUND_DUE, cents=2_450)


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


async def test_an_order_of_a_restaurant_that_takes_no_links_has_none(
    seeded: str, worker: Sessions
) -> None:
    await place_order(worker, draft())
    assert rows(seeded, "SELECT FROM payment_link") == []


def test_a_link_needs_an_account_whose_secrets_are_sealed(
    seeded: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", seeded)
    monkeypatch.setenv("ALLORESTO_SECRET_KEYS", SECRET_KEYS)
    policy = ["payment", "policy", DEMO_SLUG, "--policy", "link_optional", "--minutes", "30"]
    account = ["payment", "account", DEMO_SLUG]
    assert main(policy) == 1
    assert f"alloresto payment account {DEMO_SLUG}" in capsys.readouterr().err
    for typed in (f"pk_test_0123456789\n{WEBHOOK_SECRET}\n", f"{API_KEY}\n{API_KEY}\n", ""):
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        assert main(account) == 1
        assert "0123456789" not in capsys.readouterr().err
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{API_KEY}\n{WEBHOOK_SECRET}\n"))
    assert main(account) == 0
    assert f"/place/{MINE}/payments/stripe" in capsys.readouterr().out
    assert main([*policy, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "policy": "link_optional",
        "minutes": 30,
        "has_account": True,
    }
    ((sealed,),) = rows(seeded, "SELECT api_key_encrypted FROM payment_account")
    assert API_KEY not in sealed
    assert SECRETS.open(sealed, owner=MINE) == API_KEY
    assert main(["secrets", "check"]) == 0
    assert "3 sealed with the newest key" in capsys.readouterr().out  # the line's password is one
    assert rows(seeded, "SELECT action, diff FROM audit_log ORDER BY at") == [
        ("payment.account", {}),
        (
            "payment.policy",
            {"minutes": [20, 30], "policy": ["at_pickup", "link_optional"]},
        ),
    ]
