"""What is to be done for a caller is written down, taken in hand and settled; who calls commits.

A task that no open page was told of would wait for somebody to look: each change is in the outbox.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.contracts.identifiers import new_id
from controlplane.models.event_outbox import EventOutbox, OutboxTopic
from controlplane.models.order import Order
from controlplane.models.task import (
    MOST_WORDS,
    NEXT_STATUSES,
    WAITING,
    Task,
    TaskKind,
    TaskStatus,
)
from controlplane.restaurants.readable_words import readable
from controlplane.restaurants.task_errors import TaskStatusRefused, TooManyTasks, UnknownTask

MOST_OF_A_CALL: Final = 5
"""A caller who dictates more is no guest."""
MOST_WAITING: Final = 500
"""Nobody reads a longer list. What must not be lost, such as an order's call-back, has no limit."""
MOST_SHOWN: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskDraft:
    """A task to be written down. The number is E.164."""

    kind: TaskKind
    words: str
    created_by: str
    customer_name: str | None = None
    customer_phone_e164: str | None = None
    call_id: UUID | None = None
    order_id: UUID | None = None
    due_at: datetime | None = None


async def add_task(session: AsyncSession, restaurant_id: UUID, draft: TaskDraft) -> Task:
    """Write it down. Raises `WordsRefused`, `TooManyTasks`."""
    words = readable(draft.words, "task", most=MOST_WORDS)
    await _check_room(session, restaurant_id, draft.call_id)
    task = Task(
        id=new_id(),
        restaurant_id=restaurant_id,
        kind=draft.kind,
        status=TaskStatus.OPEN,
        words=words,
        customer_name=draft.customer_name,
        customer_phone_e164=draft.customer_phone_e164,
        call_id=draft.call_id,
        order_id=draft.order_id,
        due_at=draft.due_at,
        created_by=draft.created_by,
    )
    session.add(task)
    await session.flush()
    await _tell(session, restaurant_id, task.id, TaskStatus.OPEN)
    return task


async def call_back_for(session: AsyncSession, order: Order, *, actor: str) -> None:
    """Have somebody call the order's caller, who does not know whether it is placed: at once, and
    one task however often it is asked for. It is for the transaction that sets `call_back`.
    """
    task_id = new_id()
    made = await session.scalar(
        insert(Task)
        .values(
            id=task_id,
            restaurant_id=order.restaurant_id,
            kind=TaskKind.CALL_BACK,
            status=TaskStatus.OPEN,
            customer_name=order.customer_name,
            customer_phone_e164=order.customer_phone_e164,
            call_id=order.call_id,
            order_id=order.id,
            due_at=func.now(),
            created_by=actor,
        )
        .on_conflict_do_nothing()
        .returning(Task.id)
    )
    if made is not None:
        await _tell(session, order.restaurant_id, task_id, TaskStatus.OPEN)


async def move_task(
    session: AsyncSession,
    restaurant_id: UUID,
    task_id: UUID,
    to: TaskStatus,
    now: datetime,
    *,
    actor: str,
) -> Task:
    """Take it in hand, give it back, settle it. A second tap on the same button changes nothing.

    Raises `UnknownTask`, and `TaskStatusRefused` also when it is in another's hand already.
    """
    task = await session.scalar(
        select(Task)
        .where(Task.restaurant_id == restaurant_id, Task.id == task_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if task is None:
        raise UnknownTask(task_id)
    if task.status == to and (to is not TaskStatus.TAKEN or task.taken_by == actor):
        return task
    if to not in NEXT_STATUSES[TaskStatus(task.status)]:
        raise TaskStatusRefused(task.status, to)
    _move(task, to, now, actor)
    await session.flush()
    await _tell(session, restaurant_id, task.id, to)
    return task


async def settle_call_back(
    session: AsyncSession, order: Order, now: datetime, *, actor: str
) -> None:
    """Nobody need be called about an order they have fetched."""
    task = await session.scalar(
        select(Task)
        .where(
            Task.restaurant_id == order.restaurant_id,
            Task.order_id == order.id,
            Task.kind == TaskKind.CALL_BACK,
            Task.status.in_(WAITING),
        )
        .with_for_update()
    )
    if task is not None:
        _move(task, TaskStatus.DONE, now, actor)
        await session.flush()
        await _tell(session, order.restaurant_id, task.id, TaskStatus.DONE)


async def waiting_tasks(session: AsyncSession, restaurant_id: UUID) -> Sequence[Task]:
    """What is to be done, the longest due first, then in the order of their writing; the first
    `MOST_SHOWN`.
    """
    tasks = await session.scalars(
        select(Task)
        .where(Task.restaurant_id == restaurant_id, Task.status.in_(WAITING))
        .order_by(Task.due_at.nulls_last(), Task.id)
        .limit(MOST_SHOWN)
    )
    return tasks.all()


def _move(task: Task, to: TaskStatus, now: datetime, actor: str) -> None:
    task.status = to
    if to is TaskStatus.TAKEN:
        task.taken_by = actor
    elif to is TaskStatus.OPEN:
        task.taken_by = None
    else:
        task.settled_by, task.settled_at = actor, now


async def _check_room(session: AsyncSession, restaurant_id: UUID, call_id: UUID | None) -> None:
    """Two at once may both find the last place: a bound of work, not of truth."""
    mine = Task.restaurant_id == restaurant_id
    count = select(func.count()).select_from(Task)
    if call_id is not None:
        of_call = await session.scalar(count.where(mine, Task.call_id == call_id))
        if (of_call or 0) >= MOST_OF_A_CALL:
            raise TooManyTasks(MOST_OF_A_CALL)
    waiting = await session.scalar(count.where(mine, Task.status.in_(WAITING)))
    if (waiting or 0) >= MOST_WAITING:
        raise TooManyTasks(MOST_WAITING)


async def _tell(
    session: AsyncSession, restaurant_id: UUID, task_id: UUID, status: TaskStatus
) -> None:
    """Tell open pages; last, for the outbox's lock is held until the commit."""
    session.add(
        EventOutbox(
            restaurant_id=restaurant_id,
            topic=OutboxTopic.TASK_CHANGED,
            payload={"task_id": str(task_id), "status": status},
        )
    )
    await session.flush()
