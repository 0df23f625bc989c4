"""A set menu is ordered from its dishes: its order's VAT is at their rates, and it is sold out with
them.
"""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from controlplane.contracts.identifiers import new_id
from controlplane.contracts.restaurant_config import MenuItem
from controlplane.database import async_sessions
from controlplane.local.demo.restaurant import DEMO_RESTAURANT_ID
from controlplane.models import menu as rows
from controlplane.models.order import OrderLine
from controlplane.models.order_vat_line import OrderVatLine
from controlplane.restaurants.cart import Cart
from controlplane.restaurants.errors import OptionSoldOut
from controlplane.restaurants.menu_document import (
    CategoryEntry,
    GroupEntry,
    ItemEntry,
    MenuDocument,
    OptionEntry,
)
from controlplane.restaurants.menu_rows import read_document
from controlplane.restaurants.menu_versions import publish_menu
from controlplane.restaurants.menus import SoldOut, read_menu
from controlplane.restaurants.order_draft import OrderDraft, idempotency_key
from controlplane.restaurants.place_order import Sessions, place_order
from tests.integration.kitchen_orders import add_restaurant

pytestmark = pytest.mark.integration

WITH_A_DRINK = ItemEntry(
    name="Formule midi", price_cents=1_500, set_menu=True, option_groups=("Plat", "Boisson")
)
CARD = MenuDocument(
    categories=(
        CategoryEntry(name="Formules", items=(WITH_A_DRINK,)),
        CategoryEntry(name="Plats", items=(ItemEntry(name="Steak", price_cents=1_200),)),
        CategoryEntry(
            name="Vins",
            items=(ItemEntry(name="Rouge", price_cents=500, vat_rate_bp=2_000, alcohol=True),),
        ),
    ),
    option_groups=(
        GroupEntry(
            name="Plat", min=1, options=(OptionEntry(name="Steak", category="Plats", default=True),)
        ),
        GroupEntry(name="Boisson", min=1, options=(OptionEntry(name="Rouge", category="Vins"),)),
        GroupEntry(
            name="Sauces",
            max=3,
            free=2,
            options=(OptionEntry(name="blanche", price_delta_cents=50),),
        ),
    ),
)


@pytest.fixture
async def sessions(seeded: str, database: AsyncEngine) -> Sessions:
    sessions = async_sessions(database)
    async with sessions.begin() as session:
        await publish_menu(session, DEMO_RESTAURANT_ID, CARD, source="test")
    return sessions


async def set_menu(sessions: Sessions, restaurant_id: UUID = DEMO_RESTAURANT_ID) -> list[MenuItem]:
    async with sessions() as session:
        menu = await read_menu(session, restaurant_id, SoldOut(datetime.now(UTC)))
    return [item for item in menu if item.set_menu]


async def test_another_tenant_sees_nothing(sessions: Sessions) -> None:
    async with sessions.begin() as session:
        elsewhere = await add_restaurant(session)
        assert await read_document(session, elsewhere) == MenuDocument()
    assert await set_menu(sessions, elsewhere) == []


async def test_its_order_has_the_vat_of_its_dishes(sessions: Sessions) -> None:
    async with sessions() as session:
        assert await read_document(session, DEMO_RESTAURANT_ID) == CARD
    [menu] = await set_menu(sessions)
    chosen = [option for group in menu.option_groups for option in group.options]
    cart = Cart.empty()
    cart.add(menu, chosen, 2)
    call_id = new_id()
    draft = OrderDraft(
        restaurant_id=DEMO_RESTAURANT_ID,
        call_id=call_id,
        idempotency_key=idempotency_key(call_id, cart),
        confirmed_at=datetime.now(UTC),
        lines=cart.lines,
    )
    order = await place_order(sessions, draft)
    assert order.total_cents == 3_000
    async with sessions() as session:
        lines = await session.execute(
            select(OrderVatLine.rate_bp, OrderVatLine.gross_cents).order_by(OrderVatLine.rate_bp)
        )
        assert lines.all() == [(1_000, 2_118), (2_000, 882)]  # 3000 as 1200 is to 500
        assert await session.scalar(select(OrderLine.vat_parts)) == [
            {"rate_bp": 1_000, "cents": 1_200},
            {"rate_bp": 2_000, "cents": 500},
        ]
    assert await place_order(sessions, draft) == order


async def test_it_is_not_to_be_had_with_a_dish_that_is_sold_out(sessions: Sessions) -> None:
    until = datetime.now(UTC) + timedelta(hours=1)
    for sold_out in ({"sold_out_until": until}, {"sold_out_until": None, "portions_left": 0}):
        async with sessions.begin() as session:
            await session.execute(
                update(rows.MenuItem).where(rows.MenuItem.name == "Steak").values(sold_out)
            )
        [menu] = await set_menu(sessions)
        with pytest.raises(OptionSoldOut):
            Cart.empty().add(menu, [group.options[0] for group in menu.option_groups], 1)
