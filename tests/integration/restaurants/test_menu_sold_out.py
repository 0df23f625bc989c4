"""What runs out takes its dishes along, in the cart and in the order, and the last is sold once."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from controlplane.contracts.restaurant_config import MenuItem as Dish
from controlplane.database import async_engine, async_sessions
from controlplane.local.demo.restaurant import DEMO_RESTAURANT_ID, Hours, seed_demo
from controlplane.models.ingredient import Ingredient, ItemIngredient
from controlplane.models.menu import MenuItem
from controlplane.models.order import OrderStatus
from controlplane.restaurants.cart import Cart
from controlplane.restaurants.errors import DishSoldOut, NotOnMenu, TooFewLeft
from controlplane.restaurants.menu_sold_out import set_portions, set_sold_out
from controlplane.restaurants.menus import SoldOut, read_menu
from controlplane.restaurants.order_draft import OrderDraft, PlacedOrder
from controlplane.restaurants.order_status import change_order_status
from controlplane.restaurants.place_order import place_order, settle_order
from tests.accounts import SECRETS
from tests.integration.kitchen_orders import add_order, add_restaurant
from tests.integration.order_drafts import MARGHERITA, draft, orders

pytestmark = pytest.mark.integration

Sessions = async_sessionmaker[AsyncSession]


@pytest.fixture
async def sessions(database_url: str, database: AsyncEngine) -> Sessions:
    """The demo restaurant around the clock; its Margherita and its Reine need mozzarella."""
    seed_demo(
        database_url,
        registrar="127.0.0.1:5060",
        username="u",
        password="long-enough",
        secrets=SECRETS,
        hours=Hours.AROUND_THE_CLOCK,
    )
    sessions = async_sessions(database)
    async with sessions.begin() as session:
        names = MenuItem.name.in_(["Margherita", "Reine"])
        needing = await session.scalars(select(MenuItem.id).where(names))
        mozzarella = Ingredient(restaurant_id=DEMO_RESTAURANT_ID, name="pâte à pizza")
        session.add(mozzarella)
        await session.flush()
        session.add_all(
            ItemIngredient(
                restaurant_id=DEMO_RESTAURANT_ID, item_id=item_id, ingredient_id=mozzarella.id
            )
            for item_id in needing
        )
    return sessions


async def run_out(sessions: Sessions, name: str, *, back: bool = False) -> tuple[str, ...]:
    until = None if back else datetime.now(UTC) + timedelta(hours=1)
    async with sessions.begin() as session:
        return await set_sold_out(session, DEMO_RESTAURANT_ID, name, until=until)


async def count(sessions: Sessions, left: int | None) -> None:
    async with sessions.begin() as session:
        await set_portions(session, DEMO_RESTAURANT_ID, "margherita", left=left)


async def left(sessions: Sessions) -> int | None:
    async with sessions() as session:
        query = select(MenuItem.portions_left).where(MenuItem.name == "Margherita")
        return (await session.scalars(query)).one()


async def menu(sessions: Sessions) -> dict[str, Dish]:
    async with sessions() as session:
        dishes = await read_menu(session, DEMO_RESTAURANT_ID, SoldOut(datetime.now(UTC)))
        return {item.name: item for item in dishes}


async def test_another_tenant_sees_nothing(sessions: Sessions) -> None:
    async with sessions.begin() as session:
        other = await add_restaurant(session)
        with pytest.raises(NotOnMenu):
            await set_sold_out(session, other, "pâte à pizza", until=datetime.now(UTC))
        with pytest.raises(NotOnMenu):
            await set_portions(session, other, "Margherita", left=0)
    assert await left(sessions) is None


async def test_an_ingredient_takes_every_dish_that_needs_it(sessions: Sessions) -> None:
    affected = await run_out(sessions, "Pâte à pizza")
    assert affected == ("pâte à pizza", "Margherita", "Reine")
    sold_out = {name for name, item in (await menu(sessions)).items() if item.sold_out}
    assert sold_out == {"Margherita", "Reine"}
    with pytest.raises(DishSoldOut):
        Cart.empty().add((await menu(sessions))["Reine"], [], 1)
    with pytest.raises(DishSoldOut):
        await place_order(sessions, draft())
    await run_out(sessions, "pâte à pizza", back=True)
    assert not (await menu(sessions))["Reine"].sold_out
    assert (await place_order(sessions, draft())).number == 1


async def test_what_an_ingredient_took_is_back_when_its_time_is_over(sessions: Sessions) -> None:
    await run_out(sessions, "pâte à pizza")
    later = SoldOut(datetime.now(UTC) + timedelta(hours=2))
    now = SoldOut(datetime.now(UTC))
    async with sessions() as session:
        dishes = await read_menu(session, DEMO_RESTAURANT_ID, later)
        assert not any(item.sold_out for item in dishes)
        await read_menu(session, DEMO_RESTAURANT_ID, now)
    assert now.seconds_true(at_most=9_999) <= 3_600


async def test_a_name_nothing_has_is_refused_with_what_is_near(sessions: Sessions) -> None:
    with pytest.raises(NotOnMenu, match="Margherita"):
        await run_out(sessions, "Margerita")


async def test_portions_are_counted_down_to_sold_out(sessions: Sessions) -> None:
    await count(sessions, 3)
    margherita = (await menu(sessions))["Margherita"]
    with pytest.raises(TooFewLeft) as refused:
        Cart.empty().add(margherita, [], 4)
    assert (refused.value.spoken_name, refused.value.left) == ("Margherita", 3)
    await place_order(sessions, draft(pizzas=2))
    assert await left(sessions) == 1
    with pytest.raises(TooFewLeft):
        await place_order(sessions, draft(pizzas=2))
    await place_order(sessions, draft(pizzas=1))
    assert await left(sessions) == 0
    assert (await menu(sessions))["Margherita"].sold_out
    await count(sessions, None)
    assert not (await menu(sessions))["Margherita"].sold_out


async def test_two_lines_of_one_dish_are_counted_together(sessions: Sessions) -> None:
    await count(sessions, 3)
    cart = Cart.empty()
    for note in ("sans basilic", "bien cuite"):
        cart.add(MARGHERITA, [], 2, note=note)
    with pytest.raises(TooFewLeft):
        await place_order(sessions, draft().model_copy(update={"lines": cart.lines}))
    assert await left(sessions) == 3


@pytest.mark.usefixtures("unhurried")
async def test_the_last_portions_are_sold_once_to_many_callers_at_once(
    database_url: str, sessions: Sessions
) -> None:
    """Twelve orders of one pizza each for five portions, over connections of their own."""
    await count(sessions, 5)
    engine = async_engine(database_url, application_name="test", pool_size=12)
    workers = async_sessions(engine)
    results = await asyncio.gather(
        *(place_order(workers, draft(pizzas=1)) for _ in range(12)), return_exceptions=True
    )
    await engine.dispose()
    refused = [one for one in results if isinstance(one, TooFewLeft | DishSoldOut)]
    assert (len(refused), await left(sessions)) == (7, 0)
    assert len(orders(database_url)) == 5


async def test_an_order_its_caller_was_told_of_is_placed_without_portions(
    sessions: Sessions,
) -> None:
    await count(sessions, 1)
    await settle_order(sessions, draft(pizzas=2))
    assert await left(sessions) == 0


async def move(sessions: Sessions, order: PlacedOrder, *path: OrderStatus) -> None:
    async with sessions.begin() as session:
        for to in path:
            await change_order_status(session, DEMO_RESTAURANT_ID, order.id, to=to, actor="test")


def correction(order: PlacedOrder, pizzas: int) -> OrderDraft:
    return draft(pizzas=pizzas).model_copy(update={"replaces_id": order.id})


@pytest.mark.parametrize(
    "path",
    [
        (OrderStatus.REJECTED,),
        (OrderStatus.EXPIRED,),
        (OrderStatus.CANCELLED,),
        (OrderStatus.ACCEPTED, OrderStatus.CANCELLED),
    ],
)
async def test_an_order_nobody_began_gives_its_portions_back_once(
    sessions: Sessions, path: tuple[OrderStatus, ...]
) -> None:
    await count(sessions, 3)
    order = await place_order(sessions, draft(pizzas=2))
    assert await left(sessions) == 1
    await move(sessions, order, *path, path[-1])
    assert await left(sessions) == 3


async def test_what_was_begun_gives_nothing_back(sessions: Sessions) -> None:
    await count(sessions, 3)
    order = await place_order(sessions, draft(pizzas=2))
    await move(sessions, order, OrderStatus.ACCEPTED, OrderStatus.PREPARING, OrderStatus.CANCELLED)
    assert await left(sessions) == 1


async def test_no_more_is_given_back_than_was_taken(sessions: Sessions) -> None:
    await count(sessions, 1)
    order = await settle_order(sessions, draft(pizzas=2))
    await move(sessions, order, OrderStatus.CANCELLED)
    assert await left(sessions) == 1


@pytest.mark.parametrize(("before", "after"), [(3, None), (None, 3)])
async def test_what_is_not_counted_gives_and_gets_nothing_back(
    sessions: Sessions, before: int | None, after: int | None
) -> None:
    await count(sessions, before)
    order = await place_order(sessions, draft(pizzas=2))
    await count(sessions, after)
    await move(sessions, order, OrderStatus.CANCELLED)
    assert await left(sessions) == after


async def test_another_tenants_dish_is_untouched(sessions: Sessions) -> None:
    """Even an order of theirs whose line names our dish takes nothing of it, nor gives it back."""
    await count(sessions, 3)
    async with sessions.begin() as session:
        other = await add_restaurant(session)
        theirs = await add_order(session, other, item_id=MARGHERITA.id)
        await change_order_status(session, other, theirs, to=OrderStatus.CANCELLED, actor="test")
    assert await left(sessions) == 3


@pytest.mark.parametrize("there", [2, 3])
async def test_a_correction_has_the_portions_of_what_it_corrects(
    sessions: Sessions, there: int
) -> None:
    await count(sessions, there)
    first = await place_order(sessions, draft(pizzas=2))
    with pytest.raises(TooFewLeft) as refused:
        await place_order(sessions, correction(first, there + 1))
    assert (refused.value.left, await left(sessions)) == (there, there - 2)
    second = await place_order(sessions, correction(first, there))
    assert await left(sessions) == 0
    await place_order(sessions, correction(second, 1))
    assert await left(sessions) == there - 1
