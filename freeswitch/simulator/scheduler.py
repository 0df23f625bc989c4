"""Tasks for later, as FreeSWITCH runs them: whole seconds of the clock, looked at twice a second.

A task for `+2` therefore runs between 1 and 2.5 s from now (switch_scheduler.c).
"""

import asyncio
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

PERIOD_S: Final = 0.5
MAX_TASKS: Final = 10_000


@dataclass(frozen=True, slots=True)
class _Task:
    number: int
    due: int
    group: str
    run: Callable[[], None]


class Scheduler:
    """Tasks belong to a group, the channel's UUID, by which they are deleted."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._tasks: list[_Task] = []

    def at(self, when: str, *, group: str, run: Callable[[], None]) -> int:
        """`when` is `+seconds` or an epoch; returns the task's number."""
        seconds = int(when.lstrip("+"))
        due = int(time.time()) + seconds if when.startswith("+") else seconds
        if len(self._tasks) >= MAX_TASKS:
            raise OverflowError("too many scheduled tasks")
        task = _Task(next(self._numbers), due, group, run)
        self._tasks.append(task)
        return task.number

    def cancel(self, group: str) -> int:
        """Delete by group or by number; returns how many there were."""
        kept = [task for task in self._tasks if group not in (task.group, str(task.number))]
        deleted = len(self._tasks) - len(kept)
        self._tasks = kept
        return deleted

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(PERIOD_S)
            now = int(time.time())
            due = [task for task in self._tasks if task.due <= now]
            self._tasks = [task for task in self._tasks if task.due > now]
            for task in due:
                task.run()
