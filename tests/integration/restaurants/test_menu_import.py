"""A menu is replaced whole or not at all; what stays on it keeps its ids and what is sold out."""

import asyncio
from datetime import UTC, datetime, time, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from controlplane.database import async_engine, async_sessions
from controlplane.database_roles import DatabaseRole
from controlplane.models.menu import Allergen, MenuItem, OptionGroup
from controlplane.restaurants.menu_document import (
    CategoryEntry,
    GroupEntry,
    ItemEntry,
    MenuDocument,
    OptionEntry,
    Weekday,
    WindowEntry,
)
from controlplane.restaurants.menu_import import import_menu
from controlplane.restaurants.menu_rows import read_document
from controlplane.restaurants.menus import SoldOut, read_menu
from tests.integration.kitchen_orders import add_restaurant

pytestmark = pytest.mark.integration

Sessions = async_sessionmaker[AsyncSession]
DOUGH = GroupEntry(name="Pâte", min=1, options=(OptionEntry(name="fine"), OptionEntry(name="pan")))
REINE = ItemEntry(
    name="Reine",
    price_cents=1_150,
    option_groups=("Pâte",),
    aliases=("regina",),
    allergens=(Allergen.GLUTEN, Allergen.MILK),
    ingredients=("mozzarella",),
    station="four",
    available=(
        WindowEntry(days=(Weekday.MONDAY, Weekday.FRIDAY), opens=time(11, 30), closes=time(14, 30)),
        WindowEntry(opens=time(18, 30), closes=time(0)),
    ),
)
EVENINGS = (WindowEntry(opens=time(18), closes=time(1)),)
COLA = ItemEntry(name="Coca", price_cents=300, vat_rate_bp=550, allergens=())
MENU = MenuDocument(
    categories=(
        CategoryEntry(name="Pizzas", items=(REINE, ItemEntry(name="Napoli", price_cents=1_000))),
        CategoryEntry(name="Boissons", items=(COLA,)),
    ),
    option_groups=(DOUGH,),
)
DEARER = MenuDocument(
    categories=(
        CategoryEntry(name="Boissons", items=(COLA,), available=EVENINGS),
        CategoryEntry(
            name="Pizzas", items=(REINE.model_copy(update={"price_cents": 1_200, "active": False}),)
        ),
    ),
    option_groups=(DOUGH.model_copy(update={"options": (OptionEntry(name="fine"),)}),),
)


@pytest.fixture
async def sessions(database: AsyncEngine) -> Sessions:
    return async_sessions(database)


@pytest.fixture
async def restaurant_id(sessions: Sessions) -> UUID:
    return await added(sessions)


async def added(sessions: Sessions) -> UUID:
    async with sessions.begin() as session:
        return await add_restaurant(session)


async def imported(sessions: Sessions, restaurant_id: UUID, menu: MenuDocument) -> list[str]:
    async with sessions.begin() as session:
        changes = await import_menu(session, restaurant_id, menu)
    return [str(change).replace("\N{NO-BREAK SPACE}", " ") for change in changes]


async def stored(sessions: Sessions, restaurant_id: UUID) -> MenuDocument:
    async with sessions() as session:
        return await read_document(session, restaurant_id)


async def ids(sessions: Sessions) -> dict[str, UUID]:
    async with sessions() as session:
        rows = await session.execute(select(MenuItem.name, MenuItem.id))
        return {name: item_id for name, item_id in rows}


async def test_another_tenant_sees_nothing(sessions: Sessions, restaurant_id: UUID) -> None:
    other = await added(sessions)
    await imported(sessions, other, MENU)
    assert await stored(sessions, restaurant_id) == MenuDocument()
    await imported(sessions, restaurant_id, DEARER)
    assert await stored(sessions, other) == MENU
    assert len(await ids(sessions)) == 3


async def test_a_document_is_the_menu_that_callers_are_told(
    sessions: Sessions, restaurant_id: UUID
) -> None:
    assert await imported(sessions, restaurant_id, MENU) == [
        "+ Pizzas › Reine : 11,50 €",
        "+ Pizzas › Napoli : 10,00 €",
        "+ Boissons › Coca : 3,00 €",
        "+ Pâte",
        "+ Pâte › fine",
        "+ Pâte › pan",
    ]
    assert await stored(sessions, restaurant_id) == MENU
    async with sessions() as session:
        menu = await read_menu(session, restaurant_id, SoldOut(datetime.now(UTC)))
    assert [(item.category, item.name) for item in menu] == [
        ("Pizzas", "Reine"),
        ("Pizzas", "Napoli"),
        ("Boissons", "Coca"),
    ]
    assert [option.name for option in menu[0].option_groups[0].options] == ["fine", "pan"]
    assert [window.weekday for window in menu[0].available] == [0, 4, *range(7)]
    assert menu[1].available == menu[0].category_available == ()


async def test_what_stays_keeps_its_id_and_its_being_sold_out(
    sessions: Sessions, restaurant_id: UUID
) -> None:
    await imported(sessions, restaurant_id, MENU)
    before = await ids(sessions)
    until = datetime.now(UTC) + timedelta(hours=3)
    async with sessions.begin() as session:
        await session.execute(
            update(MenuItem).where(MenuItem.name == "Reine").values(sold_out_until=until)
        )
    assert await imported(sessions, restaurant_id, DEARER) == [
        "~ Boissons : disponible «  » → « de 18 h à 1 h »",
        "~ Pizzas › Reine : prix 11,50 € → 12,00 €, en vente oui → non",
        "- Pizzas › Napoli",
        "- Pâte › pan",
    ]
    after = await ids(sessions)
    assert after == {name: before[name] for name in ("Reine", "Coca")}
    assert await stored(sessions, restaurant_id) == DEARER
    async with sessions() as session:
        assert (
            await session.scalar(select(MenuItem.sold_out_until).where(MenuItem.name == "Reine"))
            == until
        )


async def test_an_admin_without_the_owners_rights_imports_a_menu(
    database_url: str, sessions: Sessions, restaurant_id: UUID
) -> None:
    admin = async_engine(database_url, application_name="test", role=DatabaseRole.ADMIN)
    for menu in (MENU, DEARER):
        await imported(async_sessions(admin), restaurant_id, menu)
    await admin.dispose()
    assert await stored(sessions, restaurant_id) == DEARER


async def test_the_same_menu_again_changes_nothing(sessions: Sessions, restaurant_id: UUID) -> None:
    await imported(sessions, restaurant_id, MENU)
    async with sessions() as session:
        before = await session.scalar(text("SELECT sum(xmin::text::bigint) FROM menu_item"))
    assert await imported(sessions, restaurant_id, MENU) == []
    async with sessions() as session:
        assert before == await session.scalar(text("SELECT sum(xmin::text::bigint) FROM menu_item"))


async def test_nothing_is_half_written_when_the_database_refuses(
    sessions: Sessions, restaurant_id: UUID
) -> None:
    await imported(sessions, restaurant_id, MENU)
    refused = DOUGH.model_copy(update={"min": 5})
    broken = DEARER.model_copy(update={"option_groups": (refused,)})
    with pytest.raises(IntegrityError):
        await imported(sessions, restaurant_id, broken)
    assert await stored(sessions, restaurant_id) == MENU


async def test_two_imports_at_once_take_turns(sessions: Sessions, restaurant_id: UUID) -> None:
    await asyncio.gather(*(imported(sessions, restaurant_id, menu) for menu in (MENU, DEARER) * 3))
    assert await stored(sessions, restaurant_id) in (MENU, DEARER)
    assert len(await ids(sessions)) in (2, 3)


async def test_groups_of_one_name_are_told_apart(sessions: Sessions, restaurant_id: UUID) -> None:
    async with sessions.begin() as session:
        session.add_all(
            OptionGroup(
                restaurant_id=restaurant_id, name="Taille", min_select=0, max_select=1, position=at
            )
            for at in range(2)
        )
    found = await stored(sessions, restaurant_id)
    assert [group.name for group in found.option_groups] == ["Taille", "Taille (2)"]
