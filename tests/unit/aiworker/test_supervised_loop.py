"""A worker's loop outlives its steps' failures and ends when told to, whatever a step does."""

import asyncio
from contextlib import suppress

import pytest

from aiworker import supervised_loop
from aiworker.supervised_loop import repeat
from tests.waiting import DEADLINE_S

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
