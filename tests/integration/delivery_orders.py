"""Deliveries of the demo restaurant, which delivers around the clock to the middle of Lyon."""

from datetime import time
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.contracts.identifiers import new_id
from controlplane.contracts.opening import OpeningKind
from controlplane.local.demo.restaurant import DEMO_RESTAURANT_ID
from controlplane.models.opening_rule import OpeningRule
from controlplane.models.order import OrderType
from controlplane.restaurants.delivery_zones import (
    Address,
    Circle,
    Delivery,
    Polygon,
    Postcodes,
    Zone,
)
from controlplane.restaurants.order_draft import OrderDraft
from controlplane.restaurants.zone_rows import write_zones
from tests.integration.order_drafts import draft

FEE, MINIMUM, DELAY = 250, 1_500, 15
NEAR = Zone(
    id=new_id(),
    name="Presqu'île",
    area=Polygon(outline=((4.82, 45.75), (4.84, 45.75), (4.84, 45.77), (4.82, 45.77))),
    fee_cents=FEE,
    minimum_cents=MINIMUM,
    delay_minutes=DELAY,
)
FIFTH = NEAR.model_copy(
    update={
        "id": new_id(),
        "name": "Vieux Lyon",
        "area": Postcodes(postcodes=frozenset({"69005"})),
        "fee_cents": 0,
    }
)
WIDE = NEAR.model_copy(
    update={
        "id": new_id(),
        "name": "Rive gauche",
        "area": Circle(longitude=4.859, latitude=45.7606, radius_m=1_000),
        "fee_cents": 400,
        "minimum_cents": 3_000,
        "delay_minutes": 30,
    }
)
BELLECOUR = Address(
    house_number="12 bis",
    street="Rue Victor Hugo",
    postcode="69002",
    city="Lyon",
    insee_code="69382",
    longitude=4.832,
    latitude=45.7578,
    floor="3e étage",
    door_code="B 1204",
    instructions="Sonner deux fois",
)


TO_BELLECOUR = Delivery(address=BELLECOUR, zone=NEAR.name, fee_cents=FEE, delay_minutes=DELAY)


def brought(
    key: str = "",
    *,
    address: Address = BELLECOUR,
    zone: Zone = NEAR,
    pizzas: int = 2,
    restaurant_id: UUID = DEMO_RESTAURANT_ID,
) -> OrderDraft:
    """Two pizzas and a cola, 24,50 €, brought to that address as that zone asks for it."""
    delivery = Delivery(
        address=address,
        zone=zone.name,
        fee_cents=zone.fee_cents,
        delay_minutes=zone.delay_minutes,
    )
    fetched = draft(key, pizzas=pizzas, restaurant_id=restaurant_id)
    return fetched.model_copy(
        update={"order_type": OrderType.DELIVERY, "delivery": delivery},
    )


async def deliver(
    session: AsyncSession, *zones: Zone, restaurant_id: UUID = DEMO_RESTAURANT_ID
) -> None:
    """Open the restaurant for deliveries to these zones; the caller commits."""
    session.add_all(
        OpeningRule(
            restaurant_id=restaurant_id,
            kind=OpeningKind.DELIVERY,
            weekday=day,
            opens=time(),
            closes=time(),
        )
        for day in range(7)
    )
    await write_zones(session, restaurant_id, zones)
