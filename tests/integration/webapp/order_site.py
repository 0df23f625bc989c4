"""A restaurant with a small menu and hours around the clock, and an order of a call, for the pages
of orders.
"""

from datetime import UTC, datetime, time, timedelta
from uuid import UUID, uuid5

from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.contracts.identifiers import new_id
from controlplane.models.call import Call, CallTurn
from controlplane.models.menu import ItemOptionGroup, MenuCategory, MenuItem, Option, OptionGroup
from controlplane.models.opening_rule import OpeningRule
from controlplane.models.order import Order, OrderEvent, OrderStatus
from tests.integration.kitchen_orders import add_order
from tests.integration.webapp.site_under_test import SiteUnderTest

PHONE = "+33639980134"


def of(restaurant_id: UUID, name: str) -> UUID:
    """The id of the dish, option or group of this name."""
    return uuid5(restaurant_id, name)


async def add_menu(session: AsyncSession, restaurant_id: UUID) -> None:
    """A Margherita at 9,50 € whose dough is to be chosen, and a cola at 2,50 €; once."""
    if await session.get(MenuCategory, of(restaurant_id, "Pizzas")) is not None:
        return
    for position, name in enumerate(("Pizzas", "Boissons")):
        session.add(
            MenuCategory(
                id=of(restaurant_id, name),
                restaurant_id=restaurant_id,
                name=name,
                position=position,
            )
        )
    session.add(
        OptionGroup(
            id=of(restaurant_id, "Pâte"),
            restaurant_id=restaurant_id,
            name="Pâte",
            min_select=1,
            max_select=1,
            position=0,
        )
    )
    await session.flush()
    for category, name, cents in (
        ("Pizzas", "Margherita", 950),
        ("Pizzas", "Reine", 1150),
        ("Boissons", "Coca-Cola 33 cl", 250),
    ):
        session.add(
            MenuItem(
                id=of(restaurant_id, name),
                restaurant_id=restaurant_id,
                category_id=of(restaurant_id, category),
                name=name,
                spoken_name=name,
                price_cents=cents,
                vat_rate_bp=1_000,
                position=0,
                allergens=["gluten", "milk"] if category == "Pizzas" else [],
            )
        )
    for position, (name, cents) in enumerate((("fine", 0), ("épaisse", 100))):
        session.add(
            Option(
                id=of(restaurant_id, name),
                restaurant_id=restaurant_id,
                option_group_id=of(restaurant_id, "Pâte"),
                name=name,
                spoken_name=name,
                price_delta_cents=cents,
                position=position,
            )
        )
    await session.flush()
    session.add(
        ItemOptionGroup(
            restaurant_id=restaurant_id,
            item_id=of(restaurant_id, "Margherita"),
            option_group_id=of(restaurant_id, "Pâte"),
        )
    )
    session.add_all(
        OpeningRule(
            restaurant_id=restaurant_id,
            kind=kind,
            weekday=weekday,
            opens=time(0),
            closes=time(0),
        )
        for kind in ("pickup", "delivery")
        for weekday in range(7)
    )


async def called_order(site: SiteUnderTest, *, allergy: str = "noix") -> UUID:
    """Add an order with an allergy that was placed in a call of three turns."""
    now = datetime.now(UTC)
    call_id = new_id()
    async with site.sessions.begin() as session:
        order_id = await add_order(
            session,
            site.restaurant,
            dishes=((2, "Margherita", 950), (1, "Coca-Cola 33 cl", 250)),
            options=("fine",),
            allergy=allergy,
            note="bien cuite",
            phone=PHONE,
        )
        order = await session.get_one(Order, order_id)
        order.call_id = call_id
        session.add(
            Call(
                id=call_id,
                restaurant_id=site.restaurant,
                caller_number=PHONE,
                started_at=now - timedelta(minutes=2),
                ended_at=now,
                duration_ms=83_000,
            )
        )
        await session.flush()
        session.add_all(
            CallTurn(
                id=new_id(),
                restaurant_id=site.restaurant,
                call_id=call_id,
                position=position,
                role=role,
                text=words,
                at=now - timedelta(minutes=2, seconds=-10 * position),
            )
            for position, (role, words) in enumerate(
                (
                    ("agent", "Pizzeria Bella Napoli, bonsoir."),
                    ("caller", "Deux margheritas et un coca, s’il vous plaît."),
                    ("tool", "ok"),
                    ("caller", "Je suis allergique aux noix."),
                )
            )
        )
        session.add(
            OrderEvent(
                restaurant_id=site.restaurant,
                order_id=order_id,
                from_status=None,
                to_status=OrderStatus.PLACED,
                actor="agent",
            )
        )
    return order_id
