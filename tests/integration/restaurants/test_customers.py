"""A restaurant knows whoever ordered by their number, once, and what they allowed, with proof."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from controlplane.cli import main
from controlplane.database import async_sessions, libpq_url
from controlplane.local.demo.restaurant import DEMO_RESTAURANT_ID, Hours, seed_demo
from controlplane.migrations import schema
from controlplane.models.consent import Consent, ConsentPurpose, ConsentSource
from controlplane.models.customer import Customer
from controlplane.models.order import NEVER_MADE, Order, OrderStatus
from controlplane.models.restaurant import Restaurant
from controlplane.restaurants import consents
from controlplane.restaurants.customers import find_customer, remember_customer, usual_of
from controlplane.restaurants.errors import NotTakingOrders
from controlplane.restaurants.order_draft import OrderDraft
from controlplane.restaurants.people_errors import NoConsent, NoEvidence, UnknownCustomer
from controlplane.restaurants.place_order import Sessions, place_order
from tests.accounts import SECRETS
from tests.integration.kitchen_orders import add_order, add_restaurant
from tests.integration.order_drafts import draft

pytestmark = pytest.mark.integration

NUMBER = "+33639980134"
OFFERS = ConsentPurpose.OFFERS


@pytest.fixture
def sessions(database_url: str, database: AsyncEngine) -> Sessions:
    seed_demo(
        database_url,
        registrar="127.0.0.1:5060",
        username="u",
        password="long-enough",
        secrets=SECRETS,
        hours=Hours.AROUND_THE_CLOCK,
    )
    return async_sessions(database)


def named(order: OrderDraft, **values: Any) -> OrderDraft:
    return order.model_copy(update=values)


async def customers(sessions: Sessions) -> list[Customer]:
    async with sessions() as session:
        return list(await session.scalars(select(Customer).order_by(Customer.created_at)))


async def test_another_tenant_sees_nothing(sessions: Sessions) -> None:
    await place_order(sessions, draft())
    async with sessions.begin() as session:
        other = await session.get_one(Restaurant, await add_restaurant(session))
        with pytest.raises(UnknownCustomer):
            await find_customer(session, other, NUMBER)
        await add_order(session, other.id, phone=NUMBER)
        await remember_customer(
            session, other.id, number=NUMBER, name="Camille", at=datetime.now(UTC)
        )
    mine, theirs = await customers(sessions)
    assert (mine.restaurant_id, mine.name) == (DEMO_RESTAURANT_ID, None)
    assert (theirs.restaurant_id, theirs.name) == (other.id, "Camille")
    async with sessions() as session:
        assert await usual_of(session, theirs) == ()


async def test_an_order_makes_its_customer_and_the_next_one_finds_them(sessions: Sessions) -> None:
    first = named(draft(), customer_name="Camille")
    for _ in range(2):  # the second finds the order, and writes nothing
        await place_order(sessions, first)
    (before,) = await customers(sessions)
    await place_order(sessions, draft())
    (after,) = await customers(sessions)
    assert (after.id, after.phone_e164, after.name) == (before.id, NUMBER, "Camille")
    assert after.seen_at > before.seen_at
    await place_order(sessions, named(draft(), customer_name="Camille Roux"))
    assert [one.name for one in await customers(sessions)] == ["Camille Roux"]


@pytest.mark.parametrize("number", [None, "0639980134", "anonymous"])
async def test_a_number_that_names_nobody_costs_no_order(
    sessions: Sessions, number: str | None
) -> None:
    await place_order(sessions, named(draft(), customer_phone_e164=number))
    assert await customers(sessions) == []
    async with sessions() as session:
        assert len(list(await session.scalars(select(Order)))) == 1


async def test_an_order_that_fails_makes_no_customer(
    sessions: Sessions,
) -> None:
    async with sessions.begin() as session:
        await session.execute(update(Restaurant).values(status="closed"))
    with pytest.raises(NotTakingOrders):
        await place_order(sessions, draft())
    assert await customers(sessions) == []


async def at_once(sessions: Sessions, count: int, work: Callable[[Any], Awaitable[Any]]) -> None:
    async def one() -> None:
        async with sessions.begin() as session:
            await work(session)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(count):
            tasks.create_task(one())


async def test_twenty_first_orders_at_once_make_one_customer(sessions: Sessions) -> None:
    await at_once(
        sessions,
        20,
        lambda session: remember_customer(
            session, DEMO_RESTAURANT_ID, number=NUMBER, name=None, at=datetime.now(UTC)
        ),
    )
    assert len(await customers(sessions)) == 1


@pytest.mark.parametrize("never_made", sorted(NEVER_MADE))
async def test_what_they_always_order_is_what_they_had(
    sessions: Sessions, never_made: OrderStatus
) -> None:
    for _ in range(2):
        await place_order(sessions, draft())
    async with sessions() as session:
        restaurant = await session.get_one(Restaurant, DEMO_RESTAURANT_ID)
        customer = await find_customer(session, restaurant, "06 39 98 01 34")
        habits = await usual_of(session, customer)
    assert [(habit.dish.quantity, habit.dish.spelt, habit.times) for habit in habits] == [
        (1, "Coca-Cola 33 cl", 2),
        (2, "Margherita (fine, mozzarella)", 2),
    ]
    async with sessions.begin() as session:
        await session.execute(update(Order).values(status=never_made))
        assert await usual_of(session, customer) == ()


async def test_it_can_be_shown(
    sessions: Sessions,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    for _ in range(2):
        await place_order(sessions, named(draft(), customer_name="Camille"))
    (camille,) = await customers(sessions)
    async with sessions.begin() as session:
        await consents.decide(
            session, camille, OFFERS, granted=True, source=ConsentSource.CALL, evidence="oui"
        )
    words = ["caller", "show", "bella-napoli", "06 39 98 01 34"]
    assert await asyncio.to_thread(main, words) == 0
    shown = capsys.readouterr().out
    assert "Camille" in shown
    assert "offers: granted" in shown
    assert "1 × Coca-Cola 33 cl" in shown
    assert await asyncio.to_thread(main, [*words[:3], "06 39 98 01 99", "--json"]) == 1


@pytest.fixture
async def camille(sessions: Sessions) -> Customer:
    await place_order(sessions, draft())
    (customer,) = await customers(sessions)
    return customer


async def decide(sessions: Sessions, customer: Customer, *, granted: bool, proof: str) -> None:
    async with sessions.begin() as session:
        await consents.decide(
            session,
            customer,
            OFFERS,
            granted=granted,
            source=ConsentSource.CALL,
            evidence=proof,
        )


async def told(sessions: Sessions, customer: Customer) -> list[tuple[str, str, bool]]:
    async with sessions() as session:
        return [
            (one.state, one.evidence, one.withdrawn_at is not None)
            for one in await consents.decisions(session, customer)
        ]


async def test_silence_is_no_consent_and_each_decision_keeps_its_proof(
    sessions: Sessions, camille: Customer
) -> None:
    async with sessions() as session:
        assert not await consents.consents(session, camille, OFFERS)
    with pytest.raises(NoEvidence):
        await decide(sessions, camille, granted=True, proof="  ")
    await decide(sessions, camille, granted=True, proof="oui, volontiers")
    await decide(sessions, camille, granted=True, proof="said again")
    async with sessions() as session:
        assert await consents.consents(session, camille, OFFERS)
        assert not await consents.consents(session, camille, ConsentPurpose.RECORDING)
    assert await told(sessions, camille) == [("granted", "oui, volontiers", False)]


async def test_a_refusal_withdraws_and_a_later_grant_is_a_new_one(
    sessions: Sessions, camille: Customer
) -> None:
    await decide(sessions, camille, granted=True, proof="oui")
    await decide(sessions, camille, granted=False, proof="plus de messages")
    async with sessions.begin() as session:
        assert not await consents.consents(session, camille, OFFERS)
        with pytest.raises(NoConsent):
            await consents.withdraw(session, camille, OFFERS)
    await decide(sessions, camille, granted=True, proof="finalement oui")
    assert await told(sessions, camille) == [
        ("withdrawn", "oui", True),
        ("refused", "plus de messages", False),
        ("granted", "finalement oui", False),
    ]


async def test_ten_grants_at_once_are_one(sessions: Sessions, camille: Customer) -> None:
    await at_once(
        sessions,
        10,
        lambda session: consents.decide(
            session, camille, OFFERS, granted=True, source=ConsentSource.WEB, evidence="form 3"
        ),
    )
    assert len(await told(sessions, camille)) == 1


@pytest.mark.parametrize(
    "values",
    [
        {"phone_e164": "'0639980134'"},
        {"language": "'français'"},
        {"restaurant_id": "gen_random_uuid()"},
    ],
)
async def test_the_table_refuses_what_no_rule_would_write(
    sessions: Sessions, camille: Customer, database_url: str, values: dict[str, str]
) -> None:
    (column, value), *_ = values.items()
    with (
        psycopg.connect(libpq_url(database_url)) as connection,
        pytest.raises(psycopg.IntegrityError),
    ):
        connection.execute(f"UPDATE customer SET {column} = {value}")


async def test_no_consent_points_to_another_tenants_customer(
    sessions: Sessions, camille: Customer
) -> None:
    async with sessions() as session:
        other = await add_restaurant(session)
        session.add(
            Consent(
                restaurant_id=other,
                customer_id=camille.id,
                purpose=OFFERS,
                state="granted",
                source=ConsentSource.WEB,
                evidence="form 3",
            )
        )
        with pytest.raises(IntegrityError):
            await session.flush()


def test_the_migration_keeps_orders_and_can_be_taken_back(empty_database_url: str) -> None:
    schema.upgrade(empty_database_url, revision="0007")
    restaurant, url = UUID(int=7), libpq_url(empty_database_url)
    with psycopg.connect(url) as connection:
        connection.execute(
            "INSERT INTO restaurant (id, slug, name, spoken_name, address, timezone, phone_e164,"
            " status, preparation_minutes, voice, realtime_model) VALUES (%s, 'r', '', '', '',"
            " 'Europe/Paris', '+33199001234', 'live', 20, '', '')",
            [restaurant],
        )
    for _ in range(2):
        schema.upgrade(empty_database_url, revision="0009")
        with psycopg.connect(url) as connection:
            connection.execute(
                "INSERT INTO customer (id, restaurant_id, phone_e164, seen_at)"
                " VALUES (gen_random_uuid(), %s, %s, %s)",
                [restaurant, NUMBER, datetime.now(UTC) - timedelta(days=1)],
            )
        schema.downgrade(empty_database_url, revision="0007")
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT count(*) FROM restaurant").fetchone() == (1,)
