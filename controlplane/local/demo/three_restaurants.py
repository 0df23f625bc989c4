"""Three kinds of restaurants beside the one that the demo calls: a pizzeria that delivers, a bistro
with tables and wine, a kebab shop whose dishes are mostly options.

They are set up by the rules that a page or a command asks. What somebody has changed of one that is
there stays: only what is missing is set up.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import time
from pathlib import Path
from typing import Final
from uuid import UUID, uuid5

from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.contracts.opening import OpeningKind
from controlplane.contracts.restaurant_config import RestaurantStatus
from controlplane.database import async_engine, async_sessions
from controlplane.local.demo.restaurant import DEMO_RESTAURANT_ID
from controlplane.models.restaurant import Restaurant
from controlplane.restaurants.delivery_zones import Circle, Polygon, Postcodes, Zone
from controlplane.restaurants.dining_plan import (
    Area,
    Combination,
    DiningPlan,
    PlannedShift,
    Table,
    Turn,
)
from controlplane.restaurants.hour_windows import Week, Window
from controlplane.restaurants.menu_files.json_file import json_document
from controlplane.restaurants.menu_versions import publish_menu
from controlplane.restaurants.set_dining_plan import write_plan
from controlplane.restaurants.set_hours import set_week
from controlplane.restaurants.zone_rows import write_zones

MENUS: Final = Path(__file__).parent / "menus"
ACTOR: Final = "seed"

LUNCH: Final[Window] = (time(11, 45), time(14, 30))
DINNER: Final[Window] = (time(18, 30), time(22, 30))
UNTIL_LATE: Final[Window] = (time(11, 30), time(1))
DAILY: Final = range(7)
CLOSED_ON_SUNDAY: Final = range(6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One of the three. Its menu is `menus/<slug>.json`; `furnish` sets up what only it has."""

    slug: str
    name: str
    spoken_name: str
    address: str
    phone: str
    preparation_minutes: int
    hours: dict[OpeningKind, Week]
    furnish: Callable[[AsyncSession, UUID], Awaitable[object]] | None = None

    @property
    def restaurant_id(self) -> UUID:
        return uuid5(DEMO_RESTAURANT_ID, self.slug)


async def _deliver(session: AsyncSession, restaurant_id: UUID) -> None:
    """Three zones, one of each shape: around the pizzeria, between the rivers, beyond them."""
    zones = [
        Zone(
            id=uuid5(restaurant_id, "À deux pas"),
            name="À deux pas",
            area=Circle(latitude=45.7640, longitude=4.8357, radius_m=900),
            fee_cents=0,
            minimum_cents=1_500,
            delay_minutes=10,
        ),
        Zone(
            id=uuid5(restaurant_id, "Presqu’île"),
            name="Presqu’île",
            area=Polygon(
                outline=((4.815, 45.740), (4.842, 45.740), (4.842, 45.775), (4.815, 45.775))
            ),
            fee_cents=250,
            minimum_cents=2_000,
            delay_minutes=20,
        ),
        Zone(
            id=uuid5(restaurant_id, "Rive gauche"),
            name="Rive gauche",
            area=Postcodes(postcodes=frozenset({"69003", "69006", "69007"})),
            fee_cents=400,
            minimum_cents=2_500,
            delay_minutes=30,
        ),
    ]
    await write_zones(session, restaurant_id, zones)


async def _lay_tables(session: AsyncSession, restaurant_id: UUID) -> None:
    """A room whose two largest tables are put together, and a terrace; both at dinner."""
    await write_plan(session, restaurant_id, TABLES, actor=ACTOR)


TABLES: Final = DiningPlan(
    areas=(
        Area(
            name="Salle",
            tables=(
                Table(name="1", min_covers=1, max_covers=2),
                Table(name="2", min_covers=1, max_covers=2),
                Table(name="3", min_covers=2, max_covers=4),
                Table(name="4", min_covers=2, max_covers=4),
                Table(name="5", min_covers=3, max_covers=6),
                Table(name="6", min_covers=3, max_covers=6),
            ),
        ),
        Area(
            name="Terrasse",
            tables=(
                Table(name="T1", min_covers=1, max_covers=2),
                Table(name="T2", min_covers=2, max_covers=4),
            ),
        ),
    ),
    combinations=(Combination(name="5 et 6", tables=("5", "6"), min_covers=7, max_covers=12),),
    shifts=(
        PlannedShift(
            name="Dîner",
            weekdays=frozenset(CLOSED_ON_SUNDAY),
            first_seating=time(18, 30),
            last_seating=time(22),
            max_covers=34,
            turns=(
                Turn(up_to_covers=2, minutes=90),
                Turn(up_to_covers=6, minutes=105),
                Turn(up_to_covers=12, minutes=150),
            ),
        ),
    ),
)

PIZZERIA: Final = Kind(
    slug="pizzeria",
    name="Pizzeria des Quais",
    spoken_name="la Pizzeria des Quais",
    address="3 quai Saint-Antoine, 69002 Lyon",
    phone="+33199001240",
    preparation_minutes=20,
    hours={
        OpeningKind.PICKUP: dict.fromkeys(DAILY, (LUNCH, DINNER)),
        OpeningKind.DELIVERY: dict.fromkeys(DAILY, (DINNER,)),
    },
    furnish=_deliver,
)
BISTRO: Final = Kind(
    slug="bistro",
    name="Bistro des Halles",
    spoken_name="le Bistro des Halles",
    address="8 rue de la Martinière, 69001 Lyon",
    phone="+33199001241",
    preparation_minutes=30,
    hours={
        OpeningKind.ON_SITE: dict.fromkeys(CLOSED_ON_SUNDAY, (LUNCH, DINNER)),
        OpeningKind.RESERVATION: dict.fromkeys(CLOSED_ON_SUNDAY, (DINNER,)),
        OpeningKind.PICKUP: dict.fromkeys(CLOSED_ON_SUNDAY, (LUNCH,)),
    },
    furnish=_lay_tables,
)
KEBAB: Final = Kind(
    slug="kebab",
    name="Kebab du Vieux-Lyon",
    spoken_name="le Kebab du Vieux-Lyon",
    address="21 rue Saint-Jean, 69005 Lyon",
    phone="+33199001242",
    preparation_minutes=10,
    hours={OpeningKind.PICKUP: dict.fromkeys(DAILY, (UNTIL_LATE,))},
)
KINDS: Final = (PIZZERIA, BISTRO, KEBAB)


async def seed_kinds(database_url: str) -> None:
    """Set up those that are missing, each in a transaction of its own."""
    engine = async_engine(database_url, application_name="seed", pool_size=1)
    try:
        for kind in KINDS:
            async with async_sessions(engine).begin() as session:
                if await session.get(Restaurant, kind.restaurant_id) is None:
                    await _set_up(session, kind)
    finally:
        await engine.dispose()


async def _set_up(session: AsyncSession, kind: Kind) -> None:
    restaurant_id = kind.restaurant_id
    session.add(
        Restaurant(
            id=restaurant_id,
            slug=kind.slug,
            name=kind.name,
            spoken_name=kind.spoken_name,
            address=kind.address,
            phone_e164=kind.phone,
            status=RestaurantStatus.LIVE,
            preparation_minutes=kind.preparation_minutes,
        )
    )
    await session.flush()
    for opening, week in kind.hours.items():
        await set_week(session, restaurant_id, opening, week, actor=ACTOR)
    document = json_document((MENUS / f"{kind.slug}.json").read_bytes())
    await publish_menu(session, restaurant_id, document, source=f"{kind.slug}.json")
    if kind.furnish is not None:
        await kind.furnish(session, restaurant_id)
