"""The placing transaction reads again what may have changed since the caller was told.

A refused order leaves nothing behind; one that is there already is found whatever the rules say.
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from controlplane.contracts.identifiers import new_id
from controlplane.database import async_sessions
from controlplane.local.demo.restaurant import DEMO_RESTAURANT_ID, Hours, demo_id, seed_demo
from controlplane.models.availability_window import AvailabilityWindow
from controlplane.models.menu import MenuItem, Option
from controlplane.models.opening_exception import OpeningException
from controlplane.models.order import Order
from controlplane.models.order_vat_line import OrderVatLine
from controlplane.models.pacing import PacingRule
from controlplane.models.restaurant import Restaurant
from controlplane.restaurants import place_order as module
from controlplane.restaurants.errors import (
    Closed,
    DishSoldOut,
    NotAvailable,
    NotTakingOrders,
    OffMenu,
    OptionSoldOut,
    PriceChanged,
    RestaurantError,
)
from controlplane.restaurants.place_order import Sessions, place_order, settle_order
from tests.accounts import SECRETS
from tests.integration.order_drafts import draft

pytestmark = pytest.mark.integration

IN_AN_HOUR = datetime(2026, 11, 27, 21, tzinfo=UTC)
MARGHERITA, MOZZARELLA = (
    demo_id("item", "Margherita"),
    demo_id("option", "Suppléments", "mozzarella"),
)


def paris(day: int, hour: int, minute: int = 0) -> datetime:
    """A moment of November 2026, in winter time; Friday is the 27th."""
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC) - timedelta(hours=1)


@pytest.fixture(autouse=True)
def friday_evening(monkeypatch: pytest.MonkeyPatch) -> None:
    clock(monkeypatch, paris(27, 21))


def clock(monkeypatch: pytest.MonkeyPatch, now: datetime) -> None:
    monkeypatch.setattr(module, "utc_now", lambda: now)


@pytest.fixture
def sessions(database_url: str, database: AsyncEngine) -> Sessions:
    """Lunch 11:30 to 14:30, dinner 18:30 to 22:30, on Friday and Saturday to 00:30."""
    seed_demo(
        database_url,
        registrar="127.0.0.1:5060",
        username="u",
        password="long-enough",
        secrets=SECRETS,
        hours=Hours.REAL,
    )
    return async_sessions(database)


async def change(sessions: Sessions, statement: Any) -> None:
    async with sessions.begin() as session:
        await session.execute(statement)


async def orders(sessions: Sessions) -> list[Order]:
    async with sessions() as session:
        return list(await session.scalars(select(Order).order_by(Order.created_at)))


@pytest.mark.parametrize(
    ("statement", "refusal"),
    [
        (update(Restaurant).values(status="paused"), NotTakingOrders),
        (update(Restaurant).values(status="closed"), NotTakingOrders),
        (update(Restaurant).values(status="onboarding"), NotTakingOrders),
        (
            update(MenuItem).where(MenuItem.id == MARGHERITA).values(sold_out_until=IN_AN_HOUR),
            DishSoldOut,
        ),
        (
            update(Option).where(Option.id == MOZZARELLA).values(sold_out_until=IN_AN_HOUR),
            OptionSoldOut,
        ),
        (update(MenuItem).where(MenuItem.id == MARGHERITA).values(price_cents=951), PriceChanged),
        (update(Option).where(Option.id == MOZZARELLA).values(price_delta_cents=0), PriceChanged),
        (update(MenuItem).where(MenuItem.id == MARGHERITA).values(active=False), OffMenu),
        (delete(Option).where(Option.id == MOZZARELLA), OffMenu),
    ],
    ids=[
        "paused",
        "closed for good",
        "not open yet",
        "dish sold out",
        "option sold out",
        "price raised",
        "option cheaper",
        "dish off the menu",
        "option off the menu",
    ],
)
async def test_what_changed_since_the_caller_was_told_is_refused(
    sessions: Sessions, statement: Any, refusal: type[RestaurantError]
) -> None:
    wanted = draft()
    await change(sessions, statement)
    with pytest.raises(refusal):
        await place_order(sessions, wanted)
    assert await orders(sessions) == []


async def test_an_order_has_the_vat_of_the_menu_it_was_held_against(sessions: Sessions) -> None:
    await change(sessions, update(MenuItem).values(vat_rate_bp=550))
    await place_order(sessions, draft())
    async with sessions() as session:
        shares = await session.execute(select(OrderVatLine.rate_bp, OrderVatLine.gross_cents))
        assert shares.all() == [(550, 2_450)]


async def test_a_dish_is_refused_by_the_hour_at_which_its_order_is_ready(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lunch until 14:30: an order takes twenty minutes, or more when its slot is full."""
    document = MenuItem.__table__.c
    category_id = select(document.category_id).where(document.id == MARGHERITA).scalar_subquery()
    lunch = {"weekdays": [4], "opens": time(11, 30), "closes": time(14, 30), "position": 0}
    await change(
        sessions,
        insert(AvailabilityWindow).values(
            id=new_id(), restaurant_id=DEMO_RESTAURANT_ID, category_id=category_id, **lunch
        ),
    )
    clock(monkeypatch, paris(27, 14, 5))
    assert (await place_order(sessions, draft())).ready_at_local == paris(27, 14, 25)
    one_a_slot = {"kinds": ["pickup"], "slot_minutes": 15, "unit": "orders", "most": 1}
    await change(
        sessions,
        insert(PacingRule).values(id=new_id(), restaurant_id=DEMO_RESTAURANT_ID, **one_a_slot),
    )
    assert (await place_order(sessions, draft())).ready_at_local == paris(27, 14, 25)
    for minute in (5, 15):
        clock(monkeypatch, paris(27, 14, minute))
        with pytest.raises(NotAvailable) as refused:
            await place_order(sessions, draft())
        assert refused.value.following.at == datetime(2026, 12, 4, 10, 30, tzinfo=UTC)
    assert len(await orders(sessions)) == 2
    settled = await settle_order(sessions, draft())
    assert settled.number == 3, "what its caller was promised is promised"


async def test_closed_is_closed_and_says_when_it_opens(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock(monkeypatch, paris(27, 18, 29))
    with pytest.raises(Closed) as refused:
        await place_order(sessions, draft())
    assert refused.value.opens == paris(27, 18, 30)
    clock(monkeypatch, paris(27, 18, 30))
    assert (await place_order(sessions, draft())).ready_at_local == paris(27, 18, 50)


async def test_a_day_off_is_read_from_postgres(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with sessions.begin() as session:
        session.add(OpeningException(restaurant_id=DEMO_RESTAURANT_ID, date=date(2026, 11, 27)))
        session.add(
            OpeningException(
                restaurant_id=DEMO_RESTAURANT_ID,
                date=date(2026, 11, 28),
                opens=time(9),
                closes=time(10),
            )
        )
    with pytest.raises(Closed) as refused:
        await place_order(sessions, draft())
    assert (refused.value.opens, refused.value.exceptional) == (paris(28, 9), True)
    clock(monkeypatch, paris(28, 9, 30))
    await place_order(sessions, draft())


async def test_after_midnight_numbers_go_on_with_the_evening(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    placed = []
    for now in (paris(27, 23, 50), paris(28, 0, 10), paris(28, 12)):
        clock(monkeypatch, now)
        placed.append(await place_order(sessions, draft()))
    assert [order.number for order in placed] == [1, 2, 1]
    friday, saturday = date(2026, 11, 27), date(2026, 11, 28)
    assert [order.service_date for order in await orders(sessions)] == [friday, friday, saturday]


async def test_the_preparation_time_is_that_of_the_moment(sessions: Sessions) -> None:
    wanted = draft()
    await change(sessions, update(Restaurant).values(preparation_minutes=45))
    order = await place_order(sessions, wanted)
    assert order.ready_at_local == paris(27, 21, 45)


async def test_an_order_that_is_there_is_found_though_the_restaurant_has_closed(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = draft()
    order = await place_order(sessions, wanted)
    await change(sessions, update(Restaurant).values(status="paused"))
    clock(monkeypatch, paris(28, 3))
    assert await place_order(sessions, wanted) == order


async def test_an_unsettled_order_is_the_restaurant_s_to_refuse(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its caller was told that the restaurant confirms: it is shown, though it closed meanwhile."""
    clock(monkeypatch, paris(28, 3))
    await settle_order(sessions, draft())
    (order,) = await orders(sessions)
    assert (order.call_back, order.service_date) == (True, date(2026, 11, 28))
