"""Runs tasks later, as FreeSWITCH does: in whole seconds of the clock, which it looks at twice a
second.

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
    """Keeps tasks in groups, named by the channel's UUID, by which they are deleted."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._tasks: list[_Task] = []

    def at(self, when: str, *, group: str, run: Callable[[], None]) -> int:
        """Schedule `run` for `when`, which is `+seconds` or an epoch; return the task's number."""
        seconds = int(when.lstrip("+"))
        due = int(time.time()) + seconds if when.startswith("+") else seconds
        if len(self._tasks) >= MAX_TASKS:
            raise OverflowError("too many scheduled tasks")
        task = _Task(next(self._numbers), due, group, run)
        self._tasks.append(task)
        return task.number

    def cancel(self, group: str) -> int:
        """Delete by group or by number; return how many there were."""
        kept = [task for task in self._tasks if group not in (task.group, str(task.number))]
        deleted = len(self._tasks) - len(kept)
        self._tasks = kept
        return deleted

    async def run(self) -> None:
        """Run due tasks until cancelled."""
        while True:
            await asyncio.sleep(PERIOD_S)
            now = int(time.time())
            due = [task for task in self._tasks if task.due <= now]
            self._tasks = [task for task in self._tasks if task.due > now]
            for task in due:
                task.run()
