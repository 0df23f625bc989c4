"""Looks at a registrar's bindings all the time: how long was an account without one?"""

import asyncio
import time

from freeswitch.simulator.registrar import Registrar
from tests.waiting import elapse

LOOK_S = 0.005


class BindingWatch:
    """Watches one account from `async with` to its end."""

    def __init__(self, registrar: Registrar, name: str) -> None:
        self._registrar, self._name = registrar, name
        self.longest_gap_s = 0.0
        self.most = 0
        """The most bindings it had at once."""

    async def __aenter__(self) -> "BindingWatch":
        self._task = asyncio.create_task(self._look())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()

    async def _look(self) -> None:
        bound_at = time.monotonic()
        while True:
            contacts = self._registrar.contacts(self._name)
            now = time.monotonic()
            if contacts:
                bound_at = now
            self.longest_gap_s = max(self.longest_gap_s, now - bound_at)
            self.most = max(self.most, len(contacts))
            await elapse(LOOK_S, because="it looks until it is cancelled")
