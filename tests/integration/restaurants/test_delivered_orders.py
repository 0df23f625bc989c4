"""A delivery is placed once, to an address in a zone, at the fee its caller was told and with the
VAT on it; what cannot be delivered is refused by name.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any, Final

import pytest
from sqlalchemy import delete, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from controlplane.contracts.identifiers import new_id
from controlplane.contracts.opening import OpeningKind
from controlplane.database import async_engine, async_sessions
from controlplane.database_roles import DatabaseRole
from controlplane.local.bench.slot_overruns import CROWD_WAITS_MS
from controlplane.local.demo.restaurant import DEMO_RESTAURANT_ID
from controlplane.migrations import schema
from controlplane.models.delivery_zone import DeliveryZone
from controlplane.models.menu import MenuItem
from controlplane.models.opening_rule import OpeningRule
from controlplane.models.order import Order, OrderStatus, OrderType
from controlplane.models.order_delivery import OrderDelivery
from controlplane.models.order_vat_line import OrderVatLine
from controlplane.models.pacing import PacingRule, PacingUnit, SlotCounter
from controlplane.models.restaurant import Restaurant
from controlplane.restaurants.decision import RuleType
from controlplane.restaurants.erase_caller import erase_caller
from controlplane.restaurants.errors import (
    AddressNotLocated,
    Closed,
    DeliveryChanged,
    KeyOfAnotherCart,
    OutsideEveryZone,
    SlotFull,
    StatusRefused,
    UnderMinimum,
)
from controlplane.restaurants.export_caller import export_caller
from controlplane.restaurants.order_draft import OrderDraft, PlacedOrder
from controlplane.restaurants.order_status import change_order_status
from controlplane.restaurants.place_order import Sessions, place_order, settle_order
from controlplane.tenancy import restaurant_session
from tests.integration.delivery_orders import (
    BELLECOUR,
    DELAY,
    FEE,
    FIFTH,
    NEAR,
    WIDE,
    brought,
    deliver,
)
from tests.integration.kitchen_orders import add_restaurant
from tests.integration.order_drafts import draft

pytestmark = pytest.mark.integration

BEFORE = "0028"

IN_THE_FIFTH = BELLECOUR.model_copy(update={"postcode": "69005", "latitude": 45.9})
NOW, IN_TWO_HOURS = (
    datetime(2026, 11, 27, 18, 5, tzinfo=UTC),
    datetime(2026, 11, 27, 20, tzinfo=UTC),
)


AT_ONCE: Final = 20
"""As many of the hundred have a connection."""


@pytest.fixture
async def owner(seeded: str, database: AsyncEngine) -> Sessions:
    assert seeded
    sessions = async_sessions(database)
    async with sessions.begin() as session:
        await deliver(session, NEAR, FIFTH, WIDE)
    return sessions


@pytest.fixture
async def worker(owner: Sessions, seeded: str) -> AsyncIterator[Sessions]:
    """As the worker sees the database, which places all orders."""
    assert owner
    engine = async_engine(
        seeded,
        application_name="test",
        role=DatabaseRole.WORKER,
        pool_size=AT_ONCE,
        lock_timeout_ms=CROWD_WAITS_MS,
    )
    yield async_sessions(engine)
    await engine.dispose()


async def rows(owner: Sessions, what: Any, *where: Any) -> list[Any]:
    async with owner() as session:
        return list(await session.scalars(select(what).where(*where)))


async def test_another_tenant_sees_nothing(owner: Sessions, worker: Sessions) -> None:
    """Its zones have no address of ours, nor do ours have its, and its rows are not ours."""
    placed = await place_order(worker, brought())
    async with owner.begin() as session:
        other = await add_restaurant(session)
        await deliver(session, restaurant_id=other)
        await session.execute(
            update(DeliveryZone).where(DeliveryZone.name == NEAR.name).values(restaurant_id=other)
        )
    with pytest.raises(OutsideEveryZone):
        await place_order(worker, brought())
    async with restaurant_session(worker, other) as session:
        assert list(await session.scalars(select(OrderDelivery))) == []
    async with restaurant_session(worker, DEMO_RESTAURANT_ID) as session:
        kept = (await session.scalars(select(OrderDelivery))).one()
    assert (kept.order_id, kept.zone) == (placed.id, NEAR.name)
    with pytest.raises(IntegrityError):
        async with owner.begin() as session:
            await session.execute(update(OrderDelivery).values(restaurant_id=other))


async def test_it_is_stored_with_fee_vat_address_and_the_time_at_the_door(
    owner: Sessions, worker: Sessions
) -> None:
    placed = await place_order(worker, brought())
    (order,) = await rows(owner, Order)
    (delivery,) = await rows(owner, OrderDelivery)
    shares = await rows(owner, OrderVatLine)
    assert (order.order_type, order.items_cents, order.delivery_cents, order.total_cents) == (
        "delivery",
        2_450,
        FEE,
        2_700,
    )
    assert {(share.rate_bp, share.gross_cents, share.vat_cents) for share in shares} == {
        (550, 276, 14),
        (1_000, 2_424, 220),
    }
    stored = {name: getattr(delivery, name) for name in BELLECOUR.model_dump()}
    assert stored == BELLECOUR.model_dump()
    assert (placed.order_type, placed.total_cents) == (OrderType.DELIVERY, 2_700)
    assert placed.deliver_at_local == placed.ready_at_local + timedelta(minutes=DELAY)
    assert order.deliver_at == placed.deliver_at_local


@pytest.mark.usefixtures("unhurried")
async def test_a_delivery_told_twice_is_one_order_and_to_another_door_none(
    owner: Sessions, worker: Sessions
) -> None:
    """1 at once and later, with another remark, it is the same order; 2 to another door, 3 fetched,
    it is an error; 4 settled as well it is the same order still, to be called back.
    """
    wanted = brought("call:1:a")
    assert wanted.delivery
    twice = await asyncio.gather(*(place_order(worker, wanted) for _ in range(4)))
    remark = BELLECOUR.model_copy(update={"instructions": "Interphone en panne"})
    twice.append(await place_order(worker, brought("call:1:a", address=remark)))
    assert len({order.id for order in twice}) == 1
    await place_order(worker, brought("call:2:a", zone=FIFTH, address=IN_THE_FIFTH))  # no fee
    elsewhere = BELLECOUR.model_copy(update={"house_number": "14"})
    for other in (brought("call:1:a", address=elsewhere), draft("call:2:a")):
        with pytest.raises(KeyOfAnotherCart):
            await place_order(worker, other)
    assert (await settle_order(worker, wanted)).id == twice[0].id
    assert await rows(owner, Order.call_back, Order.idempotency_key == "call:1:a") == [True]
    assert len(await rows(owner, OrderDelivery)) == 2


async def test_what_is_not_delivered_is_refused_by_name_and_leaves_nothing(
    owner: Sessions, worker: Sessions
) -> None:
    """1 outside every zone, with the nearest; 2 on no map; 3 under the minimum, the fee apart; 4 at
    a fee or a time that changed.
    """
    croix_rousse = BELLECOUR.model_copy(update={"postcode": "69004", "latitude": 45.78})
    with pytest.raises(OutsideEveryZone) as outside:
        await place_order(worker, brought(address=croix_rousse))
    assert outside.value.nearest is not None
    name, metres = outside.value.nearest
    assert name == NEAR.name
    assert metres == pytest.approx(1_112, abs=5)
    unmapped = BELLECOUR.model_copy(update={"longitude": None, "latitude": None})
    with pytest.raises(AddressNotLocated):
        await place_order(worker, brought(address=unmapped))
    with pytest.raises(UnderMinimum) as under:
        await place_order(worker, brought(pizzas=1))
    assert (under.value.minimum_cents, under.value.items_cents) == (1_500, 1_350)
    for changed in ({"fee_cents": FEE - 50}, {"delay_minutes": DELAY - 5}):
        with pytest.raises(DeliveryChanged) as new:
            await place_order(worker, brought(zone=NEAR.model_copy(update=changed)))
        assert (new.value.fee_cents, new.value.delay_minutes) == (FEE, DELAY)
    assert await rows(owner, Order) == []


async def test_delivery_has_its_own_hours_and_pick_up_goes_on(
    owner: Sessions, worker: Sessions
) -> None:
    """What was promised as confirmed is settled all the same, zone and hours or not."""
    async with owner.begin() as session:
        await session.execute(delete(OpeningRule).where(OpeningRule.kind == OpeningKind.DELIVERY))
        await session.execute(delete(DeliveryZone))
    with pytest.raises(Closed) as closed:
        await place_order(worker, brought())
    assert closed.value.rule.type is RuleType.NO_HOURS
    assert (await place_order(worker, draft())).order_type is OrderType.PICKUP
    settled = await settle_order(worker, brought())
    assert (settled.order_type, settled.total_cents) == (OrderType.DELIVERY, 2_700)


@pytest.mark.usefixtures("unhurried")
async def test_a_hundred_at_once_never_exceed_the_deliveries_of_a_slot(
    owner: Sessions, worker: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An order that is fetched is no matter of this slot."""
    monkeypatch.setattr("controlplane.restaurants.place_order.utc_now", lambda: NOW)
    async with owner.begin() as session:
        session.add(
            PacingRule(
                id=new_id(),
                restaurant_id=DEMO_RESTAURANT_ID,
                kinds=[OpeningKind.DELIVERY],
                slot_minutes=60,
                unit=PacingUnit.ORDERS,
                most=3,
            )
        )
    lines = asyncio.Semaphore(AT_ONCE)

    async def order(number: int) -> PlacedOrder | SlotFull:
        async with lines:
            return await _place(worker, brought(f"call:{number}:a"))

    answers = await asyncio.gather(*map(order, range(100)))
    placed = [answer for answer in answers if isinstance(answer, PlacedOrder)]
    assert len(placed) == 6  # this hour's and, an hour later at most, the next one's
    assert sorted(order.number for order in placed) == list(range(1, 7))
    counters = await rows(owner, SlotCounter)
    assert [counter.used for counter in counters] == [3, 3]
    refusals = [answer for answer in answers if isinstance(answer, SlotFull)]
    assert {refusal.following.at for refusal in refusals} == {IN_TWO_HOURS}
    await place_order(worker, draft())


async def _place(worker: Sessions, wanted: OrderDraft) -> PlacedOrder | SlotFull:
    try:
        return await place_order(worker, wanted)
    except SlotFull as refusal:
        return refusal


async def test_the_fee_is_taxed_with_the_dishes_it_brings_whatever_their_rates(
    owner: Sessions, worker: Sessions
) -> None:
    """The database itself holds the order to its VAT lines, these to the exact part."""
    for number, fee in enumerate((0, 1, 333), start=1):
        wanted = brought(zone=NEAR.model_copy(update={"fee_cents": fee}))
        lines = tuple(
            line.model_copy(update={"vat_rate_bp": rate})
            for line, rate in zip(wanted.lines, (550, 2_000), strict=True)
        )
        async with owner.begin() as session:
            await session.execute(update(DeliveryZone).values(fee_cents=fee))
            for line in lines:
                dish = update(MenuItem).where(MenuItem.id == line.item_id)
                await session.execute(dish.values(vat_rate_bp=line.vat_rate_bp))
        placed = await place_order(worker, wanted)
        shares = await rows(owner, OrderVatLine, OrderVatLine.order_id == placed.id)
        assert (placed.number, placed.total_cents) == (number, 2_450 + fee)
        assert sum(share.gross_cents for share in shares) == placed.total_cents
        for share, dishes in zip(sorted(shares, key=lambda each: each.rate_bp), lines, strict=True):
            assert share.rate_bp == dishes.vat_rate_bp
            exact = Fraction(placed.total_cents * dishes.total_cents, 2_450)
            assert abs(share.gross_cents - exact) < 1


WRONG = (
    "UPDATE \"order\" SET order_type = 'pickup'",
    "UPDATE \"order\" SET order_type = 'drone'",
    'UPDATE "order" SET deliver_at = NULL',
    "UPDATE \"order\" SET deliver_at = ready_at - interval '1 minute'",
    "UPDATE \"order\" SET order_type = 'pickup', deliver_at = NULL",
    "UPDATE order_delivery SET postcode = '6900'",
    "UPDATE order_delivery SET latitude = NULL",
    "UPDATE order_delivery SET zone = ''",
    "INSERT INTO order_delivery (restaurant_id, order_id, zone, street, postcode, city)"
    " SELECT restaurant_id, id, 'Z', 'Rue X', '69002', 'Lyon' FROM \"order\""
    " WHERE order_type = 'pickup'",
    "DELETE FROM order_delivery; UPDATE \"order\" SET order_type = 'delivery'"
    " WHERE order_type = 'delivery'",
)


async def test_the_database_takes_no_delivery_without_an_address_and_no_other_with_one(
    owner: Sessions, worker: Sessions
) -> None:
    await place_order(worker, brought(zone=FIFTH, address=IN_THE_FIFTH))
    await place_order(worker, draft())
    taken = [statement for statement in WRONG if await takes(owner, statement)]
    assert taken == []


async def takes(owner: Sessions, statement: str) -> bool:
    """Whether the database commits it."""
    try:
        async with owner.begin() as session:
            for each in statement.split("; "):
                await session.execute(text(each))
    except IntegrityError:
        return False
    return True


async def test_only_a_delivery_goes_out_and_it_ends_at_its_door_or_before_it(
    owner: Sessions, worker: Sessions
) -> None:
    """The state machine says so, and the database by itself."""
    brought_there, not_opened = [await place_order(worker, brought()) for _ in range(2)]
    fetched = await place_order(worker, draft())
    made = (OrderStatus.ACCEPTED, OrderStatus.READY)
    out = (*made, OrderStatus.OUT_FOR_DELIVERY)
    await move(owner, brought_there, *out, OrderStatus.COMPLETED)
    await move(owner, not_opened, *out, OrderStatus.NO_SHOW)
    await move(owner, fetched, *made)
    with pytest.raises(StatusRefused):
        await move(owner, fetched, OrderStatus.OUT_FOR_DELIVERY)
    assert not await takes(
        owner, f"UPDATE \"order\" SET status = 'out_for_delivery' WHERE id = '{fetched.id}'"
    )
    assert sorted(await rows(owner, Order.status)) == ["completed", "no_show", "ready"]


async def move(owner: Sessions, order: PlacedOrder, *steps: OrderStatus) -> None:
    for to in steps:
        async with owner.begin() as session:
            await change_order_status(session, DEMO_RESTAURANT_ID, order.id, to=to, actor="test")


async def test_an_address_is_erased_with_its_caller_once_it_was_delivered_to(
    owner: Sessions, worker: Sessions
) -> None:
    """The export has it, the erasure leaves what was sold and its fee."""
    order = await place_order(worker, brought())
    left = []
    for steps in ((), (OrderStatus.CANCELLED,)):
        await move(owner, order, *steps)
        async with owner.begin() as session:
            restaurant = await session.get_one(Restaurant, DEMO_RESTAURANT_ID)
            export = await export_caller(session, restaurant, "+33639980134")
            assert export["order_delivery"][0]["street"] == BELLECOUR.street
            await erase_caller(session, [restaurant], "+33639980134")
        left.append(len(await rows(owner, OrderDelivery)))
    assert left == [1, 0]
    assert await rows(owner, Order.delivery_cents) == [FEE]


async def test_a_downgrade_keeps_orders_and_an_upgrade_takes_them_as_fetched(
    owner: Sessions, worker: Sessions, seeded: str, database: AsyncEngine
) -> None:
    order = await place_order(worker, brought())
    await move(owner, order, OrderStatus.ACCEPTED, OrderStatus.READY, OrderStatus.OUT_FOR_DELIVERY)
    await database.dispose()
    schema.downgrade(seeded, revision=BEFORE)
    schema.upgrade(seeded)
    (kept,) = await rows(owner, Order)
    assert (kept.status, kept.order_type, kept.total_cents) == ("ready", "pickup", 2_700)


async def test_an_order_of_the_version_before_is_fetched(owner: Sessions) -> None:
    """Its worker's INSERT names no type, nor does a note that it left of an order."""
    async with owner.begin() as session:
        await session.execute(
            text(
                'INSERT INTO "order" (id, restaurant_id, service_date, number, idempotency_key,'
                " status, note, total_cents, ready_at) VALUES (gen_random_uuid(), :restaurant,"
                " now(), 1, 'call:1:a', 'placed', '', 950, now())"
            ),
            {"restaurant": DEMO_RESTAURANT_ID},
        )
    assert await rows(owner, Order.order_type) == ["pickup"]
    note = json.loads(draft().to_json())
    assert note.pop("orderType") == "pickup"
    assert OrderDraft.model_validate(note).order_type is OrderType.PICKUP
    wanted = brought()
    assert OrderDraft.model_validate_json(wanted.to_json()) == wanted


async def test_an_order_that_is_eaten_there_has_its_hours_and_its_table(
    owner: Sessions, worker: Sessions
) -> None:
    """1 not without hours on site; 2 placed once for its table; 3 at another it is an error, and
    nothing that is fetched has one.
    """
    there = draft("call:1:a").model_copy(
        update={"order_type": OrderType.ON_SITE, "table_name": "Terrasse 3"}
    )
    async with owner.begin() as session:
        await session.execute(delete(OpeningRule).where(OpeningRule.kind == OpeningKind.ON_SITE))
    with pytest.raises(Closed):
        await place_order(worker, there)
    async with owner.begin() as session:
        await session.execute(
            update(OpeningRule)
            .where(OpeningRule.kind == OpeningKind.DELIVERY)
            .values(kind=OpeningKind.ON_SITE)
        )
    placed = [await place_order(worker, there) for _ in range(2)]
    assert placed[0] == placed[1]
    assert placed[0].order_type is OrderType.ON_SITE
    assert await rows(owner, Order.table_name) == ["Terrasse 3"]
    with pytest.raises(KeyOfAnotherCart):
        await place_order(worker, there.model_copy(update={"table_name": "4"}))
    assert not await takes(owner, "UPDATE \"order\" SET order_type = 'pickup'")
