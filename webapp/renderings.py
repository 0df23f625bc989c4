"""What a hundred screens of one restaurant are to show is read and rendered once."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Final

MOST_KEPT: Final = 512
"""Renderings are asked for again within moments, by the other screens; older ones go first."""

Made = tuple[tuple[int, bytes], ...]
"""Server-sent events, each with the id of the outbox event it is of."""


class Renderings:
    """Keeps what was rendered last, by what it shows and for whom."""

    def __init__(self) -> None:
        self._made: OrderedDict[Hashable, asyncio.Task[Made]] = OrderedDict()

    async def get(self, key: Hashable, make: Callable[[], Awaitable[Made]]) -> Made:
        """Return what is made under the key; who asks meanwhile waits for the same.

        Raises what `make` raises, and asks it again next time. It is safe to cancel: the others
        still get it.
        """
        task = self._made.get(key)
        if task is None:
            task = asyncio.ensure_future(_run(make))
            self._made[key] = task
            task.add_done_callback(lambda done: self._settle(key, done))
            while len(self._made) > MOST_KEPT:
                self._made.popitem(last=False)
        return await asyncio.shield(task)

    def _settle(self, key: Hashable, task: asyncio.Task[Made]) -> None:
        failed = task.cancelled() or task.exception() is not None
        if failed and self._made.get(key) is task:
            del self._made[key]


async def _run(make: Callable[[], Awaitable[Made]]) -> Made:
    return await make()
