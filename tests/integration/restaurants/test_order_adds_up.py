"""An order's totals and its VAT lines add up: the database takes none that does not."""

from typing import Any, LiteralString
from uuid import UUID

import psycopg
import pytest
from psycopg.errors import CheckViolation
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from controlplane.contracts.identifiers import new_id
from controlplane.database import async_engine, async_sessions, libpq_url
from controlplane.migrations import schema
from controlplane.models.order_vat_line import OrderVatLine
from controlplane.restaurants.order_draft import PlacedOrder
from controlplane.restaurants.place_order import place_order
from tests.integration.kitchen_orders import add_restaurant
from tests.integration.order_drafts import draft

pytestmark = pytest.mark.integration

BEFORE, AFTER = "0010", "0011"


@pytest.fixture
async def order(seeded: str) -> PlacedOrder:
    """An order of 24,50 €: pizzas at 10 %, a can at 5.5 %."""
    engine = async_engine(seeded, application_name="test")
    placed = await place_order(async_sessions(engine), draft("call:1:a"))
    await engine.dispose()
    return placed


def rows(url: str, statement: LiteralString) -> list[tuple[Any, ...]]:
    with psycopg.connect(libpq_url(url), autocommit=True) as database:
        return database.execute(statement).fetchall()


async def test_another_tenant_sees_nothing(database: AsyncEngine, order: PlacedOrder) -> None:
    """And another tenant's VAT line cannot point at the order."""
    with pytest.raises(IntegrityError):
        async with async_sessions(database).begin() as session:
            session.add(
                OrderVatLine(
                    restaurant_id=await add_restaurant(session),
                    order_id=order.id,
                    rate_bp=0,
                    gross_cents=0,
                    vat_cents=0,
                    net_cents=0,
                )
            )


@pytest.mark.usefixtures("order")
def test_an_order_is_stored_with_its_vat(seeded: str) -> None:
    totals = 'SELECT items_cents, delivery_cents, discount_cents, total_cents FROM "order"'
    assert rows(seeded, totals) == [(2_450, 0, 0, 2_450)]
    vat = "SELECT rate_bp, gross_cents, vat_cents, net_cents FROM order_vat_line ORDER BY 1"
    assert rows(seeded, vat) == [(550, 250, 13, 237), (1_000, 2_200, 200, 2_000)]


@pytest.mark.usefixtures("order")
@pytest.mark.parametrize(
    "statement",
    [
        'UPDATE "order" SET total_cents = total_cents + 1',
        'UPDATE "order" SET items_cents = items_cents + 1, total_cents = total_cents + 1',
        'UPDATE "order" SET delivery_cents = 300, total_cents = total_cents + 300',
        'UPDATE "order" SET discount_cents = 3000',
        "UPDATE order_vat_line SET vat_cents = vat_cents + 1, net_cents = net_cents - 1",
        "UPDATE order_vat_line SET net_cents = net_cents + 1",
        "DELETE FROM order_vat_line",
        "INSERT INTO order_vat_line SELECT restaurant_id, order_id, 2000, 12, 2, 10"
        " FROM order_vat_line WHERE rate_bp = 1000",
        "DELETE FROM order_line WHERE position = 1",
        "UPDATE order_line SET quantity = 3, total_cents = 3 * unit_price_cents WHERE position = 1",
        "UPDATE order_line SET total_cents = total_cents + 1",
    ],
)
def test_what_does_not_add_up_is_not_committed(seeded: str, statement: LiteralString) -> None:
    with pytest.raises(CheckViolation):
        rows(seeded, f"WITH changed AS ({statement} RETURNING 1) SELECT * FROM changed")


@pytest.mark.usefixtures("order")
def test_what_adds_up_again_at_the_commit_is_committed(seeded: str) -> None:
    """A fee of 3 € with its VAT line, in one transaction."""
    with psycopg.connect(libpq_url(seeded)) as database:
        database.execute('UPDATE "order" SET delivery_cents = 300, total_cents = total_cents + 300')
        database.execute(
            "UPDATE order_vat_line SET gross_cents = 2500, vat_cents = 227, net_cents = 2273"
            " WHERE rate_bp = 1000"
        )
    gross = "SELECT gross_cents FROM order_vat_line ORDER BY rate_bp"
    assert rows(seeded, gross) == [(250,), (2_500,)]


@pytest.mark.usefixtures("order")
def test_an_order_goes_with_all_its_lines(seeded: str) -> None:
    assert rows(seeded, 'DELETE FROM "order" RETURNING number') == [(1,)]


OLD_ORDERS = (("adds up", 3_650), ("does not", 999))


def test_old_orders_get_their_vat_and_a_downgrade_keeps_them(empty_database_url: str) -> None:
    """One whose lines never came to its total is carried over as it is."""
    schema.upgrade(empty_database_url, revision=BEFORE)
    restaurant = new_id()
    with psycopg.connect(libpq_url(empty_database_url)) as database:
        database.execute(
            "INSERT INTO restaurant (id, slug, name, spoken_name, address, phone_e164, timezone,"
            " preparation_minutes, voice, realtime_model, status) VALUES (%s, 'old', 'Old', 'Old',"
            " 'Lyon', '+33199001111', 'Europe/Paris', 20, 'marin', 'm', 'live')",
            [restaurant],
        )
        for number, (key, total) in enumerate(OLD_ORDERS, start=1):
            add_old_order(database, restaurant, number, key=key, total=total)
    schema.upgrade(empty_database_url, revision=AFTER)
    kept = (
        "SELECT o.idempotency_key, o.items_cents, o.total_cents, v.rate_bp, v.gross_cents,"
        ' v.vat_cents, v.net_cents FROM "order" o LEFT JOIN order_vat_line v ON v.order_id = o.id'
        " ORDER BY 1, 4"
    )
    assert rows(empty_database_url, kept) == [
        ("adds up", 3_650, 3_650, 1_000, 2_450, 223, 2_227),
        ("adds up", 3_650, 3_650, 2_000, 1_200, 200, 1_000),
        ("does not", None, 999, None, None, None, None),
    ]
    schema.downgrade(empty_database_url, revision=BEFORE)
    left = 'SELECT idempotency_key, total_cents FROM "order" ORDER BY number'
    assert rows(empty_database_url, left) == list(OLD_ORDERS)


def add_old_order(
    database: psycopg.Connection[Any], restaurant: UUID, number: int, *, key: str, total: int
) -> None:
    """Two dishes at 10 % and a bottle at 20 %, 36,50 € by its lines."""
    order = new_id()
    database.execute(
        'INSERT INTO "order" (id, restaurant_id, service_date, number, idempotency_key, status,'
        " note, total_cents, ready_at) VALUES (%s, %s, now(), %s, %s, 'placed', '', %s, now())",
        [order, restaurant, number, key, total],
    )
    for position, (cents, rate) in enumerate([(1_500, 1_000), (950, 1_000), (1_200, 2_000)]):
        database.execute(
            "INSERT INTO order_line (id, restaurant_id, order_id, position, menu_item_id, name,"
            " quantity, options, unit_price_cents, vat_rate_bp, total_cents)"
            " VALUES (%s, %s, %s, %s, %s, 'x', 1, '[]', %s, %s, %s)",
            [new_id(), restaurant, order, position, new_id(), cents, rate, cents],
        )
