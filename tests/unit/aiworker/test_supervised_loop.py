"""What runs beside in a worker is supervised: a loop outlives its steps' failures and ends when
told to, one bad event ends with itself, a task's failure is counted.
"""

import asyncio
from contextlib import suppress

import pytest
from structlog.testing import capture_logs

from aiworker import supervised_loop
from aiworker.metrics import ERRORS
from aiworker.supervised_loop import OneByOne, repeat, start
from tests.waiting import DEADLINE_S, until

pytestmark = pytest.mark.unit


async def test_a_step_that_fails_is_followed_by_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervised_loop, "_AFTER_FAILURE_SECONDS", 0.0)
    enough, steps = asyncio.Event(), 0

    async def step() -> None:
        nonlocal steps
        steps += 1
        if steps == 3:
            enough.set()
        raise LookupError("nobody thought of this")

    async with asyncio.timeout(DEADLINE_S):
        await repeat(step, name="test", until=enough)
    assert steps == 3


async def test_it_ends_though_the_step_took_its_cancelling_for_a_failure() -> None:
    """SQLAlchemy's clean-up after a cancelled statement may fail in its own way."""
    begun = asyncio.Event()

    async def step() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise ConnectionError from None

    repeating = asyncio.create_task(repeat(step, name="test", every_seconds=10 * DEADLINE_S))
    await begun.wait()
    repeating.cancel()
    done, _ = await asyncio.wait([repeating], timeout=DEADLINE_S)
    assert done == {repeating}
    assert repeating.cancelled()


async def test_it_ends_though_the_cancelling_was_lost() -> None:
    """As `asyncio.wait_for` of Python 3.11 loses one that comes as it is done."""
    begun = asyncio.Event()

    async def step() -> None:
        begun.set()
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()

    repeating = asyncio.create_task(repeat(step, name="test", every_seconds=10 * DEADLINE_S))
    await begun.wait()
    repeating.cancel()
    done, _ = await asyncio.wait([repeating], timeout=DEADLINE_S)
    assert done == {repeating}
    assert repeating.cancelled()


async def test_a_failure_that_ends_the_loop_goes_up() -> None:
    async def step() -> None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await repeat(step, name="test", ends_with=(OSError,))


async def test_a_task_that_fails_is_counted_and_logged() -> None:
    async def work() -> None:
        raise LookupError("nobody thought of this")

    before = counted("task")
    with capture_logs() as logs:
        start(work(), name="careless")
        await until(lambda: logs)
    assert counted("task") == before + 1
    assert [(log["event"], log["task"]) for log in logs] == [("task_failed", "careless")]


async def test_a_task_that_ends_or_is_cancelled_is_no_failure() -> None:
    before = counted("task")
    never = asyncio.Event()
    ended, cancelled = start(asyncio.to_thread(int), name="short"), start(never.wait(), name="long")
    cancelled.cancel()
    await asyncio.wait([ended, cancelled], timeout=DEADLINE_S)
    assert counted("task") == before


def test_one_event_that_fails_ends_with_itself_and_few_of_many_are_logged() -> None:
    before = counted("test_event")
    one_by_one = OneByOne("test_event", lets_through=ConnectionError)
    with capture_logs() as logs:
        for number in range(100):
            with one_by_one:
                raise LookupError(number)
    assert counted("test_event") == before + 100
    assert [log["failures"] for log in logs] == [1, 2, 4, 8, 16, 32, 64]


@pytest.mark.parametrize("failure", [ConnectionResetError(), asyncio.CancelledError()])
def test_what_ends_the_loop_is_let_through(failure: BaseException) -> None:
    with pytest.raises(type(failure)), OneByOne("test_event", lets_through=ConnectionError):
        raise failure


def counted(kind: str) -> float:
    return ERRORS.labels(kind=kind)._value.get()  # type: ignore[no-any-return]
