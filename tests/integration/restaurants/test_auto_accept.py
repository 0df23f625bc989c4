"""Small orders are accepted by themselves where a restaurant says so, and never what somebody has
to read or to decide.
"""

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from controlplane.database import async_sessions
from controlplane.local.demo.restaurant import DEMO_RESTAURANT_ID
from controlplane.models.order import Order, OrderEvent, OrderStatus
from controlplane.restaurants.auto_accept import AUTO_ACCEPT, AutoAccept, set_auto_accept
from controlplane.restaurants.order_draft import OrderDraft
from controlplane.restaurants.place_order import Sessions, place_order
from tests.integration.order_drafts import draft

pytestmark = pytest.mark.integration

ANY = AutoAccept(on=True, most_cents=100_000, most_dishes=99)


@pytest.fixture
def sessions(seeded: str, database: AsyncEngine) -> Sessions:
    return async_sessions(database)


async def placed(sessions: Sessions, wanted: AutoAccept, ordered: OrderDraft) -> tuple[str, str]:
    """The status that the order is placed with, and who moved it there."""
    async with sessions.begin() as session:
        await set_auto_accept(session, DEMO_RESTAURANT_ID, wanted, actor="test")
    order = await place_order(sessions, ordered)
    async with sessions() as session:
        status = (await session.get_one(Order, order.id)).status
        actor = await session.scalar(
            select(OrderEvent.actor)
            .where(OrderEvent.order_id == order.id)
            .order_by(OrderEvent.at.desc(), OrderEvent.id.desc())
            .limit(1)
        )
    assert actor is not None
    return status, actor


async def test_a_small_order_is_accepted_and_its_events_say_by_whom(sessions: Sessions) -> None:
    ordered = draft().model_copy(update={"note": ""})
    assert await placed(sessions, ANY, ordered) == (OrderStatus.ACCEPTED, AUTO_ACCEPT)


@pytest.mark.parametrize(
    ("limits", "changes"),
    [
        (AutoAccept(on=False, most_cents=100_000, most_dishes=99), {}),
        (AutoAccept(on=True, most_cents=100, most_dishes=99), {}),
        (AutoAccept(on=True, most_cents=100_000, most_dishes=1), {}),
        (ANY, {"allergy": "arachide"}),
        (ANY, {"note": "couper en huit"}),
    ],
    ids=["off", "too dear", "too many dishes", "an allergy", "a note"],
)
async def test_what_is_larger_or_to_be_read_waits_for_somebody(
    sessions: Sessions, limits: AutoAccept, changes: dict[str, str]
) -> None:
    ordered = draft().model_copy(update={"note": "", **changes})
    status, _ = await placed(sessions, limits, ordered)
    assert status == OrderStatus.PLACED
