"""A draft is edited, published or thrown away while callers are told the published menu; what an
order costs is what its caller was told, under the menu version that it names.
"""

import asyncio
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from controlplane.database import async_sessions, libpq_url
from controlplane.local.demo.restaurant import DEMO_RESTAURANT_ID
from controlplane.models.menu import MenuItem
from controlplane.models.menu_version import MenuVersion
from controlplane.models.order import Order
from controlplane.restaurants.config_cache import read_restaurant_config
from controlplane.restaurants.errors import PriceChanged
from controlplane.restaurants.menu_document import CategoryEntry, ItemEntry, MenuDocument
from controlplane.restaurants.menu_drafts import (
    discard_draft,
    publish_draft,
    read_draft,
    save_draft,
)
from controlplane.restaurants.menu_errors import (
    MenuChangedSince,
    MenuDraftChanged,
    NoMenuDraft,
    UnreadableMenuVersion,
)
from controlplane.restaurants.menu_rows import read_document
from controlplane.restaurants.menu_versions import list_versions, plain, publish_menu, undo_menu
from controlplane.restaurants.place_order import Sessions, place_order
from tests.integration.kitchen_orders import add_restaurant
from tests.integration.order_drafts import draft, wait_before, waits
from tests.waiting import until

pytestmark = pytest.mark.integration


def menu(price_cents: int) -> MenuDocument:
    items = (ItemEntry(name="Reine", price_cents=price_cents),)
    return MenuDocument(categories=(CategoryEntry(name="Pizzas", items=items),))


NOW, NEXT, LATER = menu(1_000), menu(1_100), menu(1_200)


@pytest.fixture
async def sessions(database: AsyncEngine) -> Sessions:
    return async_sessions(database)


@pytest.fixture
async def here(sessions: Sessions) -> UUID:
    async with sessions.begin() as session:
        restaurant_id = await add_restaurant(session)
        await publish_menu(session, restaurant_id, NOW, source="carte.csv")
    return restaurant_id


async def save(sessions: Sessions, here: UUID, document: MenuDocument, *, over: int) -> int:
    async with sessions.begin() as session:
        return await save_draft(session, here, document, over=over, source="brouillon.json")


async def told(sessions: Sessions, here: UUID) -> MenuDocument:
    async with sessions() as session:
        return await read_document(session, here)


async def test_another_tenant_sees_nothing(sessions: Sessions, here: UUID) -> None:
    async with sessions.begin() as session:
        other = await add_restaurant(session)
    await save(sessions, other, NEXT, over=0)
    async with sessions.begin() as session:
        for deed in (read_draft, publish_draft, discard_draft):
            with pytest.raises(NoMenuDraft):
                await deed(session, here)
        assert (await read_draft(session, other)).document == NEXT


async def test_a_draft_is_told_to_nobody_until_it_is_published(
    sessions: Sessions, here: UUID
) -> None:
    assert await save(sessions, here, NEXT, over=0) == 1
    assert await save(sessions, here, LATER, over=1) == 2
    assert await told(sessions, here) == NOW
    async with sessions.begin() as session:
        [change] = (await read_draft(session, here)).changes
        assert change.place == "Pizzas › Reine"
        assert (await publish_draft(session, here)).number == 2
    assert await told(sessions, here) == LATER
    await save(sessions, here, NEXT, over=0)
    async with sessions.begin() as session:
        assert [one.source for one in await list_versions(session, here)] == [
            "brouillon.json",
            "carte.csv",
        ]
        await discard_draft(session, here)
        with pytest.raises(NoMenuDraft):
            await read_draft(session, here)
    assert await told(sessions, here) == LATER


async def test_of_two_who_edit_at_once_neither_overwrites_the_other(
    sessions: Sessions, here: UUID
) -> None:
    saved = await asyncio.gather(
        *(save(sessions, here, document, over=0) for document in (NEXT, LATER)),
        return_exceptions=True,
    )
    refused = [one for one in saved if isinstance(one, MenuDraftChanged)]
    assert (sorted(map(str, saved))[0], [one.revision for one in refused]) == ("1", [1])


async def test_what_changed_on_the_menu_meanwhile_is_not_taken_back_unseen(
    sessions: Sessions, here: UUID
) -> None:
    await save(sessions, here, NEXT, over=0)
    async with sessions.begin() as session:
        await session.execute(
            update(MenuItem).where(MenuItem.restaurant_id == here).values(aliases=["regina"])
        )
    async with sessions() as session:
        with pytest.raises(MenuChangedSince, match="Reine"):
            await publish_draft(session, here)
        assert (await read_draft(session, here)).revision == 1
    async with sessions.begin() as session:
        await publish_draft(session, here, over_changes=True)
    assert await told(sessions, here) == NEXT


async def test_undoing_to_what_todays_format_refuses_says_so_and_changes_nothing(
    sessions: Sessions, here: UUID
) -> None:
    async with sessions.begin() as session:
        old = {"categories": [{"name": "Pizzas", "dishes": []}]}
        session.add(MenuVersion(restaurant_id=here, number=2, document=old, source="2025"))
        session.add(MenuVersion(restaurant_id=here, number=3, document=plain(NOW), source="2026"))
    async with sessions.begin() as session:
        with pytest.raises(UnreadableMenuVersion, match=r"version 2 .*dishes"):
            await undo_menu(session, here)
    assert await told(sessions, here) == NOW


async def test_a_version_kept_before_the_format_had_more_is_still_the_menu(
    sessions: Sessions, here: UUID
) -> None:
    before = plain(NEXT)
    for category in before["categories"]:  # type: ignore[attr-defined]
        del category["available"]
    async with sessions.begin() as session:
        await publish_menu(session, here, NEXT, source="carte.csv")
        await session.execute(delete(MenuVersion).where(MenuVersion.number == 2))
        session.expunge_all()
        session.add(MenuVersion(restaurant_id=here, number=2, document=before, source="old"))
    async with sessions.begin() as session:
        assert (await undo_menu(session, here)).number == 3
    assert await told(sessions, here) == NOW


async def test_an_order_is_of_the_version_it_was_told_at(
    seeded: str, database: AsyncEngine
) -> None:
    """1. Version 1 is published. 2. An order has been held against it and waits. 3. Version 2 has
    other prices. 4. The order is placed at the price told, of version 1. 5. The next one is refused
    with the new price.
    """
    sessions = async_sessions(database)
    async with sessions.begin() as session:
        card = await read_document(session, DEMO_RESTAURANT_ID)
        await publish_menu(session, DEMO_RESTAURANT_ID, card, source="1")
    dearer = [
        category.model_copy(
            update={
                "items": tuple(
                    item.model_copy(update={"price_cents": item.price_cents + 100})
                    for item in category.items
                )
            }
        )
        for category in card.categories
    ]
    wanted = draft()
    with psycopg.connect(libpq_url(seeded)) as holding:
        wait_before(holding)
        placing = asyncio.create_task(place_order(sessions, wanted))
        await until(lambda: waits(holding))
        async with sessions.begin() as session:
            new = card.model_copy(update={"categories": tuple(dearer)})
            assert (await publish_menu(session, DEMO_RESTAURANT_ID, new, source="2")).number == 2
        holding.rollback()
        order = await placing
    assert order.total_cents == wanted.total_cents
    async with sessions() as session:
        assert await session.scalar(select(Order.menu_version)) == 1
    config, _ = await read_restaurant_config(sessions, DEMO_RESTAURANT_ID)
    assert config.menu_version == 2, "what the next call is told from"
    with pytest.raises(PriceChanged) as refused:
        await place_order(sessions, draft())
    assert refused.value.cents == 950 + 150 + 100
