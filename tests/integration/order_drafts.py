"""Orders as a caller of the demo restaurant confirms them."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg

from controlplane.contracts.identifiers import new_id
from controlplane.database import libpq_url
from controlplane.local.demo.restaurant import DEMO_RESTAURANT_ID, demo_id
from controlplane.restaurants.cart import Cart
from controlplane.restaurants.order_draft import OrderDraft, idempotency_key
from tests.small_menu import dish, option

FINE = option("fine").model_copy(update={"id": demo_id("option", "Pâte", "fine")})
MOZZARELLA = option("mozzarella", delta=150).model_copy(
    update={"id": demo_id("option", "Suppléments", "mozzarella")}
)
MARGHERITA = dish("Margherita", 950).model_copy(update={"id": demo_id("item", "Margherita")})
COLA = dish("Coca-Cola 33 cl", 250).model_copy(update={"id": demo_id("item", "Coca-Cola 33 cl")})


def draft(
    key: str = "",
    *,
    restaurant_id: UUID = DEMO_RESTAURANT_ID,
    pizzas: int = 2,
    age: timedelta = timedelta(),
) -> OrderDraft:
    """Two pizzas and a cola, 24,50 €, confirmed `age` ago; the key is the cart's own by default."""
    cart = Cart.empty()
    cart.add(MARGHERITA, [FINE, MOZZARELLA], pizzas)
    cart.add(COLA, [], 1)
    call_id = new_id()
    return OrderDraft(
        restaurant_id=restaurant_id,
        call_id=call_id,
        idempotency_key=key or idempotency_key(call_id, cart),
        confirmed_at=datetime.now(UTC) - age,
        lines=cart.lines,
        customer_phone_e164="+33639980134",
    )


def wait_before(database: psycopg.Connection[Any]) -> None:
    """Hold up every order of the demo restaurant until this transaction ends."""
    database.execute(
        "SELECT pg_advisory_xact_lock(hashtext('order:' || id::text), 0) FROM restaurant"
    )


def waits(database: psycopg.Connection[Any]) -> bool:
    """Whether an order is held up."""
    waiting = database.execute("SELECT FROM pg_locks WHERE NOT granted AND locktype = 'advisory'")
    return waiting.fetchone() is not None


def orders(url: str) -> list[tuple[Any, ...]]:
    """Number, total in cents and `call_back` of each order there is."""
    with psycopg.connect(libpq_url(url)) as database:
        return database.execute(
            'SELECT number, total_cents, call_back FROM "order" ORDER BY number'
        ).fetchall()
