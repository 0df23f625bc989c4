"""The demo restaurant opened for payment by link, and orders with their link."""

from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy import select

from controlplane.contracts.identifiers import new_id
from controlplane.database import libpq_url
from controlplane.local.demo.restaurant import DEMO_RESTAURANT_ID
from controlplane.models.payment_link import PaymentLink
from controlplane.models.restaurant import PaymentPolicy, Restaurant
from controlplane.restaurants.payment_policy import set_account, set_payment
from controlplane.restaurants.place_order import Sessions, place_order
from controlplane.tenancy import restaurant_session
from tests.accounts import SECRETS
from tests.integration.order_drafts import draft

API_KEY, WEBHOOK_SECRET = "rk_test_0123456789", "whsec_0123456789"


async def open_for_payment(
    owner: Sessions, policy: PaymentPolicy = PaymentPolicy.LINK_OPTIONAL
) -> None:
    """Give the demo restaurant its account and its policy."""
    async with owner.begin() as session:
        restaurant = await session.get_one(Restaurant, DEMO_RESTAURANT_ID)
        await set_account(
            session,
            restaurant,
            SECRETS,
            api_key=API_KEY,
            webhook_secret=WEBHOOK_SECRET,
            actor="admin",
        )
        set_now = await set_payment(session, restaurant, policy=policy, actor="admin")
        assert set_now.has_account


async def order_with_link(worker: Sessions, **changes: Any) -> tuple[UUID, PaymentLink]:
    """Place an order of 24,50 €, or what `changes` make of it."""
    order = await place_order(worker, draft(f"{new_id()}:1:a").model_copy(update=changes))
    async with restaurant_session(worker, DEMO_RESTAURANT_ID) as session:
        links = select(PaymentLink).where(PaymentLink.order_id == order.id)
        return order.id, (await session.scalars(links)).one()


def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    """What the tables' owner reads."""
    with psycopg.connect(libpq_url(url)) as database:
        found = database.execute(query.encode())
        return found.fetchall() if found.description is not None else []
