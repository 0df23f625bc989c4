"""An order that nobody took expires after its restaurant's own time, once, and never silently."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import UUID

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from controlplane.contracts.identifiers import new_id
from controlplane.contracts.opening import OpeningKind
from controlplane.database import async_engine, async_sessions
from controlplane.database_roles import DatabaseRole
from controlplane.models.event_outbox import EventOutbox
from controlplane.models.order import Order, OrderEvent, OrderStatus
from controlplane.models.pacing import PacingRule, PacingUnit, SlotCounter
from controlplane.models.printer import Printer, PrintJob, PrintState
from controlplane.models.restaurant import Restaurant
from controlplane.models.task import Task
from controlplane.notifier import metrics
from controlplane.notifier.overdue_orders import OverdueOrders
from controlplane.restaurants.errors import UnknownOrder
from controlplane.restaurants.expire_orders import expire_order, overdue_orders
from controlplane.restaurants.order_status import change_order_status
from controlplane.restaurants.place_order import Sessions
from controlplane.restaurants.slots import Load, SlotRequest, take_slot
from controlplane.tenancy import restaurant_session
from tests.integration.kitchen_orders import add_order, add_restaurant

pytestmark = pytest.mark.integration


@pytest.fixture
def owner(database: AsyncEngine) -> Sessions:
    return async_sessions(database)


@pytest.fixture
async def notifier(database_url: str) -> AsyncIterator[Sessions]:
    engine = async_engine(database_url, application_name="test", role=DatabaseRole.NOTIFIER)
    yield async_sessions(engine)
    await engine.dispose()


@pytest.fixture
async def ours(owner: Sessions) -> UUID:
    async with owner.begin() as session:
        return await add_restaurant(session)


async def statuses(owner: Sessions) -> list[str]:
    async with owner() as session:
        return list(await session.scalars(select(Order.status).order_by(Order.number)))


async def test_another_tenant_sees_nothing(
    owner: Sessions, notifier: Sessions, ours: UUID, database_url: str
) -> None:
    """Nor does a process that serves one restaurant at a time learn whose orders are overdue."""
    async with owner.begin() as session:
        other = await add_restaurant(session)
        order_id = await add_order(session, ours, due_in_min=-121)
    async with restaurant_session(notifier, other) as session:
        with pytest.raises(UnknownOrder):
            await expire_order(session, other, order_id)
    engine = async_engine(database_url, application_name="test", role=DatabaseRole.WEB)
    async with async_sessions(engine)() as session:
        with pytest.raises(ProgrammingError, match="permission denied"):
            await overdue_orders(session, most=1)
    await engine.dispose()
    assert await statuses(owner) == ["placed"]


async def test_it_expires_in_its_time_with_an_event_a_task_and_word_to_open_pages(
    owner: Sessions, notifier: Sessions, ours: UUID
) -> None:
    """1 so long after it was to be ready, and not before, nor what somebody took; 2 its slot is
    free; 3 whoever waits for it is to be called, and a day later nobody is; 4 another turn, or
    another notifier, does nothing more.
    """
    async with owner.begin() as session:
        late = await add_order(session, ours, due_in_min=-121)
        await add_order(session, ours, due_in_min=-119)
        await add_order(session, ours, due_in_min=-121, status=OrderStatus.ACCEPTED)
        old = await add_order(session, ours, due_in_min=-121 - 24 * 60)
        await hold_slot(session, ours, late)
    before = metrics.ORDERS_EXPIRED._value.get()
    turns = [OverdueOrders(notifier).turn() for _ in range(3)]
    assert await asyncio.gather(*turns) == [False] * 3
    assert await statuses(owner) == ["expired", "placed", "accepted", "expired"]
    assert metrics.ORDERS_EXPIRED._value.get() == before + 2
    async with owner() as session:
        events = (await session.scalars(select(OrderEvent).order_by(OrderEvent.id))).all()
        assert {(event.order_id, event.from_status, event.actor) for event in events} == {
            (late, "placed", "expiry"),
            (old, "placed", "expiry"),
        }
        assert len(events) == 2
        assert [task.order_id for task in await session.scalars(select(Task))] == [late]
        assert list(await session.scalars(select(SlotCounter.used))) == [0]
        told = await session.scalars(
            select(EventOutbox.payload["order_id"].astext).where(
                EventOutbox.topic == "order_status_changed"
            )
        )
        assert sorted(told) == sorted(map(str, (late, old)))


async def test_a_restaurant_says_after_how_long_and_who_takes_it_in_time_has_it(
    owner: Sessions, notifier: Sessions, ours: UUID
) -> None:
    async with owner.begin() as session:
        await session.execute(update(Restaurant).values(expire_orders_minutes=15))
        taken, left = [await add_order(session, ours, due_in_min=-16) for _ in range(2)]
    async with notifier() as session:
        overdue = await overdue_orders(session, most=10)
    assert sorted(overdue) == sorted([(ours, taken), (ours, left)])
    async with owner.begin() as session:
        await change_order_status(session, ours, taken, to=OrderStatus.ACCEPTED, actor="kitchen")
    for order_id, expired in ((taken, False), (left, True)):
        async with restaurant_session(notifier, ours) as session:
            assert await expire_order(session, ours, order_id) is expired
            await session.commit()
    assert await statuses(owner) == ["accepted", "expired"]


async def test_one_that_cannot_expire_now_holds_up_no_other(
    owner: Sessions, ours: UUID, database_url: str
) -> None:
    async with owner.begin() as session:
        held = await add_order(session, ours, due_in_min=-122)
        await add_order(session, ours, due_in_min=-121)
    engine = async_engine(
        database_url, application_name="test", role=DatabaseRole.NOTIFIER, lock_timeout_ms=100
    )
    turn = OverdueOrders(async_sessions(engine)).turn
    async with owner.begin() as session:
        await session.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        await session.get_one(Order, held, with_for_update=True)
        assert await turn() is False
        assert await statuses(owner) == ["placed", "expired"]
    await turn()
    assert await statuses(owner) == ["expired", "expired"]
    await engine.dispose()


async def hold_slot(session: AsyncSession, restaurant_id: UUID, order_id: UUID) -> None:
    session.add(
        PacingRule(
            id=new_id(),
            restaurant_id=restaurant_id,
            kinds=[OpeningKind.PICKUP],
            slot_minutes=15,
            unit=PacingUnit.ORDERS,
            most=1,
        )
    )
    await session.flush()
    now = datetime.now(UTC)
    await take_slot(
        session,
        SlotRequest(
            restaurant_id=restaurant_id,
            holder_id=order_id,
            kind=OpeningKind.PICKUP,
            at=now,
            latest=now,
            load=Load(orders=1),
        ),
    )


async def test_what_was_printed_was_taken(owner: Sessions, notifier: Sessions, ours: UUID) -> None:
    """A ticket that still waits for its printer is on no paper."""
    async with owner.begin() as session:
        printer = Printer(
            id=new_id(), restaurant_id=ours, name="passe", protocol="star", token_hash="t"
        )
        session.add(printer)
        await session.flush()
        for state in (PrintState.PRINTED, PrintState.QUEUED):
            job = PrintJob(
                id=new_id(),
                restaurant_id=ours,
                printer_id=printer.id,
                order_id=await add_order(session, ours, due_in_min=-121),
                copy=1,
                state=state,
                settled_at=datetime.now(UTC) if state is PrintState.PRINTED else None,
            )
            session.add(job)
    await OverdueOrders(notifier).turn()
    assert await statuses(owner) == ["placed", "expired"]
