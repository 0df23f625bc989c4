"""What is to be done for a caller is there once, is settled once, and is forgotten with them."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from controlplane.contracts.identifiers import new_id
from controlplane.database import async_sessions, libpq_url
from controlplane.database_roles import DatabaseRole
from controlplane.local.demo.restaurant import DEMO_RESTAURANT_ID
from controlplane.migrations import schema
from controlplane.models.event_outbox import EventOutbox, OutboxTopic
from controlplane.models.order import Order, OrderStatus
from controlplane.models.restaurant import Restaurant
from controlplane.models.task import NEXT_STATUSES, Task, TaskKind, TaskStatus
from controlplane.restaurants.certify_erasure import erase_and_certify
from controlplane.restaurants.order_draft import Taking
from controlplane.restaurants.order_status import change_order_status
from controlplane.restaurants.place_order import Sessions, place_order, settle_order
from controlplane.restaurants.setup_errors import WordsRefused
from controlplane.restaurants.task_errors import TaskStatusRefused, TooManyTasks, UnknownTask
from controlplane.restaurants.tasks import (
    MOST_OF_A_CALL,
    TaskDraft,
    add_task,
    call_back_for,
    move_task,
    waiting_tasks,
)
from controlplane.tenancy import restaurant_session
from tests.accounts import SECRETS
from tests.integration.kitchen_orders import add_order, add_restaurant
from tests.integration.order_drafts import draft

pytestmark = pytest.mark.integration

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
NUMBER = "+33639980134"


def scarf(**changed: Any) -> TaskDraft:
    given: dict[str, Any] = {
        "kind": TaskKind.LOST_PROPERTY,
        "words": "Une écharpe rouge,  table 4",
        "created_by": "agent",
        "customer_name": "Camille Roux",
        "customer_phone_e164": NUMBER,
    }
    return TaskDraft(**(given | changed))


@pytest.fixture
async def luigi(database: AsyncEngine) -> UUID:
    async with async_sessions(database).begin() as session:
        return await add_restaurant(session, name="Chez Luigi")


@pytest.fixture
async def session(database: AsyncEngine, luigi: UUID) -> Any:
    """As the site and the workers have it: their role, their restaurant."""
    async with restaurant_session(async_sessions(database), luigi) as session:
        await session.execute(text(f"SET LOCAL ROLE {DatabaseRole.WORKER}"))
        yield session


async def test_another_tenant_sees_nothing(database: AsyncEngine, luigi: UUID) -> None:
    sessions = async_sessions(database)
    async with sessions.begin() as session:
        task = await add_task(session, luigi, scarf())
        mario = await add_restaurant(session, name="Chez Mario")
        with pytest.raises(UnknownTask):
            await move_task(session, mario, task.id, TaskStatus.DONE, NOW, actor="user:1")
    async with restaurant_session(sessions, mario) as session:
        await session.execute(text(f"SET LOCAL ROLE {DatabaseRole.WEB}"))
        assert await waiting_tasks(session, luigi) == []
        assert await session.scalar(select(func.count()).select_from(Task)) == 0


async def test_a_task_is_taken_given_back_and_settled_for_good(
    session: AsyncSession, luigi: UUID
) -> None:
    later = await add_task(session, luigi, scarf(due_at=NOW + timedelta(hours=1)))
    soon = await add_task(session, luigi, scarf(due_at=NOW))
    whenever = await add_task(session, luigi, scarf())
    assert whenever.words == "Une écharpe rouge, table 4"
    waiting = await waiting_tasks(session, luigi)
    assert [one.id for one in waiting] == [soon.id, later.id, whenever.id]

    async def move(to: TaskStatus, actor: str = "user:lea") -> Task:
        return await move_task(session, luigi, soon.id, to, NOW, actor=actor)

    for _ in range(2):
        assert (await move(TaskStatus.TAKEN)).taken_by == "user:lea"
    with pytest.raises(TaskStatusRefused):
        await move(TaskStatus.TAKEN, "user:tom")
    assert (await move(TaskStatus.OPEN)).taken_by is None
    await move(TaskStatus.TAKEN, "user:tom")
    for _ in range(2):
        done = await move(TaskStatus.DONE, "user:tom")
        assert (done.settled_by, done.settled_at) == ("user:tom", NOW)
    for to in set(TaskStatus) - {TaskStatus.DONE}:
        with pytest.raises(TaskStatusRefused):
            await move(to)
    assert soon.id not in {one.id for one in await waiting_tasks(session, luigi)}
    told = await session.scalars(select(EventOutbox).order_by(EventOutbox.id))
    changes = [one.payload["status"] for one in told if one.payload["task_id"] == str(soon.id)]
    assert changes == ["open", "taken", "open", "taken", "done"]
    assert not NEXT_STATUSES[TaskStatus.DONE] | NEXT_STATUSES[TaskStatus.DISMISSED]


async def test_what_a_call_may_write_down_has_an_end(session: AsyncSession, luigi: UUID) -> None:
    call_id = new_id()
    for _ in range(MOST_OF_A_CALL):
        await add_task(session, luigi, scarf(call_id=call_id))
    with pytest.raises(TooManyTasks):
        await add_task(session, luigi, scarf(call_id=call_id))
    for words in ("", "  ", "x" * 501, "a\x00b"):
        with pytest.raises(WordsRefused):
            await add_task(session, luigi, scarf(words=words))


async def test_of_two_who_take_it_at_once_one_has_it(database: AsyncEngine, luigi: UUID) -> None:
    sessions = async_sessions(database)
    async with sessions.begin() as session:
        task = await add_task(session, luigi, scarf())

    async def take(actor: str) -> str | None:
        async with sessions.begin() as session:
            taken = await move_task(session, luigi, task.id, TaskStatus.TAKEN, NOW, actor=actor)
            return taken.taken_by

    answers = await asyncio.gather(*(take(f"user:{n}") for n in range(8)), return_exceptions=True)
    assert sum(isinstance(one, str) for one in answers) == 1
    assert sum(isinstance(one, TaskStatusRefused) for one in answers) == 7


async def test_an_order_to_call_back_about_is_one_task_until_it_is_fetched(
    seeded: str, database: AsyncEngine
) -> None:
    assert seeded
    sessions: Sessions = async_sessions(database)
    unheard = draft("call:1:a")
    await place_order(sessions, unheard)
    for _ in range(3):
        await settle_order(sessions, unheard)  # found, then marked, then left alone
    await settle_order(sessions, draft("call:2:a"))  # placed now
    told = await place_order(sessions, draft("call:3:a"), Taking(call_back=True))
    await place_order(sessions, draft("call:4:a"))
    async with sessions.begin() as session:
        await call_back_for(session, await session.get_one(Order, told.id), actor="expiry")
        tasks = await waiting_tasks(session, DEMO_RESTAURANT_ID)
        assert [(one.kind, one.customer_phone_e164) for one in tasks] == [("call_back", NUMBER)] * 3
        topics = list(await session.scalars(select(EventOutbox.topic)))
        assert topics.count(OutboxTopic.TASK_CHANGED) == 3
        for to in (OrderStatus.ACCEPTED, OrderStatus.READY, OrderStatus.COMPLETED):
            await change_order_status(session, DEMO_RESTAURANT_ID, told.id, to=to, actor="web")
        corrected = tasks[0].order_id
    correction = draft("call:5:a").model_copy(update={"replaces_id": corrected})
    await place_order(sessions, correction)
    async with sessions() as session:
        (left,) = await waiting_tasks(session, DEMO_RESTAURANT_ID)
        assert left.order_id == tasks[1].order_id


async def test_tasks_are_erased_with_their_caller_but_those_of_an_order_being_made(
    database: AsyncEngine, luigi: UUID
) -> None:
    async with async_sessions(database).begin() as session:
        restaurant = await session.get_one(Restaurant, luigi)
        order_id = await add_order(session, luigi, customer=None, phone=NUMBER)
        await add_task(session, luigi, scarf())
        await add_task(session, luigi, scarf(customer_phone_e164="+33639980999", words="Sien"))
        await add_task(
            session, luigi, scarf(kind=TaskKind.CALL_BACK, customer_name=None, order_id=order_id)
        )
        await session.execute(text(f"SET LOCAL ROLE {DatabaseRole.ADMIN}"))
        first = await erase_and_certify(session, SECRETS, [restaurant], NUMBER)
        (part,) = [each for each in first.erased.parts if each.table == "task"]
        assert (part.erased, part.kept) == (1, 1)
        await session.execute(text("RESET ROLE"))
        await session.execute(text("UPDATE \"order\" SET status = 'completed'"))
        await session.execute(text(f"SET LOCAL ROLE {DatabaseRole.ADMIN}"))
        second = await erase_and_certify(session, SECRETS, [restaurant], NUMBER)
        assert all(each.clean for each in second.certificates)
        assert [one.words for one in await session.scalars(select(Task))] == ["Sien"]


def test_the_migration_gives_waiting_orders_their_task(empty_database_url: str) -> None:
    before, after = "0030", "0031"
    schema.upgrade(empty_database_url, revision=before)
    with psycopg.connect(libpq_url(empty_database_url)) as connection:
        connection.execute(
            "INSERT INTO restaurant (id, slug, name, spoken_name, address, timezone, phone_e164,"
            " status, preparation_minutes, voice, realtime_model) VALUES (gen_random_uuid(),"
            " 'r', '', '', '', 'Europe/Paris', '', 'live', 20, '', '')"
        )
        for number, (status, call_back) in enumerate(
            (("placed", True), ("completed", True), ("placed", False))
        ):
            connection.execute(
                'INSERT INTO "order" (id, restaurant_id, service_date, number, idempotency_key,'
                " status, note, total_cents, ready_at, call_back) SELECT gen_random_uuid(), id,"
                " current_date, %s, %s, %s, '', 0, now(), %s FROM restaurant",
                [number, str(number), status, call_back],
            )
    for _ in range(2):
        schema.upgrade(empty_database_url, revision=after)
        with psycopg.connect(libpq_url(empty_database_url)) as connection:
            assert connection.execute(
                'SELECT t.kind, t.status, o.number FROM task t JOIN "order" o ON o.id = t.order_id'
            ).fetchall() == [("call_back", "open", 0)]
        schema.downgrade(empty_database_url, revision=before)
