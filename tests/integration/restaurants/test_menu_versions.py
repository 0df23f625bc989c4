"""Published menus are kept, never change and can be gone back to; orders name theirs."""

from uuid import UUID

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from controlplane.database import async_sessions
from controlplane.models.menu import MenuItem
from controlplane.models.order import Order
from controlplane.restaurants.errors import UnknownMenuVersion
from controlplane.restaurants.menu_document import (
    CategoryEntry,
    GroupEntry,
    ItemEntry,
    MenuDocument,
    OptionEntry,
)
from controlplane.restaurants.menu_rows import read_document
from controlplane.restaurants.menu_versions import (
    EDITED,
    Published,
    changes_since,
    list_versions,
    publish_menu,
    read_version,
    restore_menu,
    undo_menu,
)
from tests.integration.kitchen_orders import add_order, add_restaurant

pytestmark = pytest.mark.integration

Sessions = async_sessionmaker[AsyncSession]


def menu(price_cents: int, *names: str) -> MenuDocument:
    items = tuple(ItemEntry(name=name, price_cents=price_cents) for name in names)
    return MenuDocument(categories=(CategoryEntry(name="Pizzas", items=items),))


FIRST, SECOND = menu(1_000, "Reine", "Napoli"), menu(1_200, "Reine")


@pytest.fixture
async def sessions(database: AsyncEngine) -> Sessions:
    return async_sessions(database)


@pytest.fixture
async def here(sessions: Sessions) -> UUID:
    async with sessions.begin() as session:
        return await add_restaurant(session)


async def publish(sessions: Sessions, here: UUID, document: MenuDocument) -> Published:
    async with sessions.begin() as session:
        return await publish_menu(session, here, document, source="carte.csv")


async def undo(sessions: Sessions, here: UUID) -> int:
    async with sessions.begin() as session:
        return (await undo_menu(session, here)).number


async def now(sessions: Sessions, here: UUID) -> MenuDocument:
    async with sessions() as session:
        return await read_document(session, here)


async def sources(sessions: Sessions, here: UUID) -> list[tuple[int, str]]:
    async with sessions() as session:
        return [(one.number, one.source) for one in await list_versions(session, here)]


async def test_another_tenant_sees_nothing(sessions: Sessions, here: UUID) -> None:
    async with sessions.begin() as session:
        other = await add_restaurant(session)
    await publish(sessions, other, FIRST)
    assert await sources(sessions, here) == []
    async with sessions() as session:
        for reading in (read_version, changes_since, restore_menu):
            with pytest.raises(UnknownMenuVersion):
                await reading(session, here, 1)


async def test_each_publication_is_a_version_unless_nothing_changes(
    sessions: Sessions, here: UUID
) -> None:
    assert (await publish(sessions, here, FIRST)).number == 1
    assert (await publish(sessions, here, FIRST)).number == 1
    assert (await publish(sessions, here, SECOND)).number == 2
    assert await sources(sessions, here) == [(2, "carte.csv"), (1, "carte.csv")]
    async with sessions() as session:
        assert await read_version(session, here, 1) == FIRST
        changes = await changes_since(session, here, 1)
    assert [change.place for change in changes] == ["Pizzas › Reine", "Pizzas › Napoli"]


async def test_undone_it_is_as_before_and_undone_again_as_it_was(
    sessions: Sessions, here: UUID
) -> None:
    await publish(sessions, here, FIRST)
    await publish(sessions, here, SECOND)
    assert await undo(sessions, here) == 3
    assert await now(sessions, here) == FIRST
    assert await undo(sessions, here) == 4
    assert await now(sessions, here) == SECOND


async def test_a_file_that_spells_names_otherwise_than_the_menu_is_undone_too(
    sessions: Sessions, here: UUID
) -> None:
    """1. A set menu names its groups in another order than they have. 2. An option is the dish of
    its name, in small letters.
    """
    reine = ItemEntry(name="Reine", price_cents=1_200, set_menu=True, option_groups=("Vin", "Eau"))
    groups = (
        GroupEntry(name="Eau", options=(OptionEntry(name="Plate"),)),
        GroupEntry(name="Vin", options=(OptionEntry(name="reine", category="pizzas"),)),
    )
    categories = (CategoryEntry(name="Pizzas", items=(reine,)),)
    await publish(sessions, here, FIRST)
    await publish(sessions, here, MenuDocument(categories=categories, option_groups=groups))
    assert await undo(sessions, here) == 3
    assert await now(sessions, here) == FIRST


async def test_nothing_before_is_nothing_to_go_back_to(sessions: Sessions, here: UUID) -> None:
    with pytest.raises(UnknownMenuVersion):
        await undo(sessions, here)
    await publish(sessions, here, FIRST)
    with pytest.raises(UnknownMenuVersion):
        await undo(sessions, here)
    assert await now(sessions, here) == FIRST


async def test_what_was_edited_since_is_kept_and_can_be_undone(
    sessions: Sessions, here: UUID
) -> None:
    await publish(sessions, here, FIRST)
    async with sessions.begin() as session:
        await session.execute(update(MenuItem).values(price_cents=1))
    assert await undo(sessions, here) == 3
    assert await now(sessions, here) == FIRST
    assert [source for _, source in await sources(sessions, here)] == [
        "version 1",
        EDITED,
        "carte.csv",
    ]
    async with sessions() as session:
        assert await read_version(session, here, 2) == menu(1, "Reine", "Napoli")


async def test_a_version_never_changes(sessions: Sessions, here: UUID) -> None:
    await publish(sessions, here, FIRST)
    async with sessions.begin() as session:
        with pytest.raises(DBAPIError, match="never changes"):
            await session.execute(text("UPDATE menu_version SET document = '{}'"))
        await session.rollback()


async def test_an_order_names_the_menu_it_was_placed_from(sessions: Sessions, here: UUID) -> None:
    async with sessions.begin() as session:
        await add_order(session, here)
    for document in (FIRST, SECOND):
        await publish(sessions, here, document)
        async with sessions.begin() as session:
            await add_order(session, here)
    async with sessions() as session:
        named = await session.scalars(select(Order.menu_version).order_by(Order.number))
        assert list(named) == [None, 1, 2]
