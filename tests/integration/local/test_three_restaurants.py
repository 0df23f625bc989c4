"""The three restaurants that `make up` sets up do what is of their kind, by our own rules."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select, update

from controlplane.contracts.opening import OpeningKind
from controlplane.database import async_engine, async_sessions
from controlplane.database_roles import DatabaseRole
from controlplane.local.demo.three_restaurants import BISTRO, KEBAB, KINDS, PIZZERIA, seed_kinds
from controlplane.models.audit_entry import AuditEntry
from controlplane.models.menu import MenuItem
from controlplane.models.reservation import ReservationSource
from controlplane.models.restaurant import Restaurant
from controlplane.restaurants.cart import Cart
from controlplane.restaurants.delivery_zones import Address, delivery_to
from controlplane.restaurants.errors import OptionMissing, OutsideEveryZone, UnderMinimum
from controlplane.restaurants.menu_rows import read_document
from controlplane.restaurants.menus import SoldOut, read_menu
from controlplane.restaurants.opening_hours import read_calendar
from controlplane.restaurants.place_order import Sessions
from controlplane.restaurants.reservation_errors import NotGranted
from controlplane.restaurants.reservation_request import Guest, Request
from controlplane.restaurants.reservation_rules import Wish
from controlplane.restaurants.reservations import book
from controlplane.restaurants.voice_lint.lint import lint_menu
from controlplane.restaurants.what_happens import what_happens
from controlplane.restaurants.zone_rows import read_zones
from controlplane.tenancy import restaurant_session

pytestmark = pytest.mark.integration

FRIDAY, SUNDAY = (datetime(2026, 11, day, 20, tzinfo=ZoneInfo("Europe/Paris")) for day in (27, 29))
NOW = datetime(2026, 11, 26, 9, tzinfo=UTC)


@pytest.fixture
async def site(database_url: str) -> AsyncIterator[Sessions]:
    """Sessions as the site's, on a database with the three restaurants."""
    await seed_kinds(database_url)
    engine = async_engine(database_url, application_name="test", role=DatabaseRole.WORKER)
    yield async_sessions(engine)
    await engine.dispose()


def asking(party: int, at: datetime) -> Request:
    wish = Wish(party=party, starts_at=at.astimezone(UTC))
    guest = Guest(name="Camille", phone_e164="+33639980134")
    return Request(
        key=f"{party}:{at}", wish=wish, guest=guest, source=ReservationSource.VOICE, actor="agent"
    )


async def test_each_has_its_own_menu_and_nothing_of_another(site: Sessions) -> None:
    dishes: dict[str, int] = {}
    for kind in KINDS:
        async with restaurant_session(site, kind.restaurant_id) as session:
            document = await read_document(session, kind.restaurant_id)
            assert lint_menu(document) == ()
            dishes[kind.slug] = await session.scalar(select(func.count(MenuItem.id))) or 0
            assert dishes[kind.slug] == len(document.placed_items())
    assert dishes == {"pizzeria": 11, "bistro": 14, "kebab": 11}


async def test_each_does_what_is_of_its_kind(site: Sessions) -> None:
    kinds = (OpeningKind.PICKUP, OpeningKind.DELIVERY, OpeningKind.RESERVATION)
    allowed = {
        (kind.slug, at.weekday()): [
            opening for opening in kinds if await is_open(site, kind.restaurant_id, opening, at)
        ]
        for kind in KINDS
        for at in (FRIDAY, SUNDAY)
    }
    assert allowed == {
        ("pizzeria", 4): [OpeningKind.PICKUP, OpeningKind.DELIVERY],
        ("pizzeria", 6): [OpeningKind.PICKUP, OpeningKind.DELIVERY],
        ("bistro", 4): [OpeningKind.RESERVATION],
        ("bistro", 6): [],
        ("kebab", 4): [OpeningKind.PICKUP],
        ("kebab", 6): [OpeningKind.PICKUP],
    }


async def is_open(site: Sessions, restaurant_id: UUID, kind: OpeningKind, at: datetime) -> bool:
    async with restaurant_session(site, restaurant_id) as session:
        restaurant = await session.get_one(Restaurant, restaurant_id)
        return what_happens(await read_calendar(session, restaurant, at), kind, at).open


async def test_the_pizzeria_delivers_by_its_three_zones(site: Sessions) -> None:
    async with restaurant_session(site, PIZZERIA.restaurant_id) as session:
        zones = await read_zones(session, PIZZERIA.restaurant_id)
    near = Address(street="quai", postcode="69002", city="Lyon", latitude=45.762, longitude=4.834)
    between = near.model_copy(update={"latitude": 45.745, "longitude": 4.825})
    beyond = Address(street="rue Garibaldi", postcode="69003", city="Lyon")
    found = [delivery_to(one, zones, items_cents=2_500) for one in (near, between, beyond)]
    assert [(each.zone, each.fee_cents) for each in found] == [
        ("À deux pas", 0),
        ("Presqu’île", 250),
        ("Rive gauche", 400),
    ]
    with pytest.raises(UnderMinimum):
        delivery_to(beyond, zones, items_cents=2_499)
    with pytest.raises(OutsideEveryZone):
        delivery_to(
            beyond.model_copy(update={"postcode": "38000", "latitude": 45.19, "longitude": 5.72}),
            zones,
            items_cents=9_000,
        )


async def test_the_bistro_books_tables_and_sells_wine_at_its_rate(site: Sessions) -> None:
    mine = BISTRO.restaurant_id
    async with restaurant_session(site, mine) as session, session.begin():
        assert (await book(session, mine, asking(8, FRIDAY), NOW)).party == 8
        with pytest.raises(NotGranted):
            await book(session, mine, asking(2, SUNDAY), NOW)
        menu = await read_menu(session, mine, SoldOut(NOW))
    assert {item.vat_rate_bp for item in menu if "Morgon" in item.name} == {2_000}


async def test_the_kebab_asks_for_what_its_dishes_need(site: Sessions) -> None:
    async with restaurant_session(site, KEBAB.restaurant_id) as session:
        menu = await read_menu(session, KEBAB.restaurant_id, SoldOut(NOW))
    tacos = next(item for item in menu if item.name == "Tacos")
    meats = next(group for group in tacos.option_groups if group.name == "Viandes").options
    cart = Cart.empty()
    with pytest.raises(OptionMissing):
        cart.add(tacos, [], 1)
    cart.add(tacos, meats[:2], 1)
    assert sum(line.total_cents for line in cart.lines) == 900 + 150


async def test_seeding_again_changes_nothing(site: Sessions, database_url: str) -> None:
    engine = async_engine(database_url, application_name="test")
    sessions = async_sessions(engine)
    async with sessions.begin() as session:
        await session.execute(update(Restaurant).values(name="Chez Léa"))
        before = await session.scalar(select(func.count(AuditEntry.id)))
    await seed_kinds(database_url)
    async with sessions() as session:
        assert set(await session.scalars(select(Restaurant.name))) == {"Chez Léa"}
        assert await session.scalar(select(func.count(AuditEntry.id))) == before
    await engine.dispose()
