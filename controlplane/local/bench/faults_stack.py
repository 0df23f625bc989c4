"""The stack of a benchmark of faults: breaks its parts, and mends them as a supervisor would.

What was killed is started again one to two seconds later, as Kubernetes does at a first crash.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from controlplane.local.bench.faults_catalogue import Shared
from controlplane.local.bench.faults_realtime import RealtimeFront
from controlplane.local.demo.stack import Stack
from controlplane.local.launch.services import LocalServices

RESTARTED_S: Final = (1.0, 2.0)
OUTAGE_S: Final = 4.0
"""Realtime hangs, or refuses, for this long."""


class StackFaults:
    """Carries out the faults that meet everybody. Each returns once what was broken is mended."""

    def __init__(
        self,
        stack: Stack,
        services: LocalServices,
        front: RealtimeFront,
        *,
        dice: random.Random,
        switch_died: Callable[[], None],
    ) -> None:
        """`switch_died` is called at the instant at which FreeSWITCH is gone."""
        self._stack, self._services, self._front = stack, services, front
        self._dice, self._switch_died = dice, switch_died
        self._ways: dict[str, Callable[[], Awaitable[None]]] = {
            Shared.KILL_WORKER: lambda: self._kill("ai-worker"),
            Shared.KILL_AGENT: lambda: self._kill("bridge-agent"),
            Shared.KILL_CONTROLLER: lambda: self._kill("controller"),
            Shared.KILL_FREESWITCH: self._kill_freeswitch,
            Shared.RESTART_REDIS: self._restart_redis,
            Shared.RESTART_POSTGRES: self._restart_postgres,
            Shared.REALTIME_CLOSED: lambda: self._front.close_all(code=1011),
            Shared.REALTIME_CUT: lambda: self._front.close_all(code=None),
            Shared.REALTIME_HANGS: lambda: self._front.hang(OUTAGE_S),
            Shared.REALTIME_REFUSES: lambda: self._front.refuse(OUTAGE_S),
        }

    async def happen(self, name: str) -> None:
        """Let a fault of `Shared` happen, and mend what it broke."""
        await self._ways[name]()

    async def _kill(self, process: str) -> None:
        await asyncio.to_thread(self._stack.kill, process)
        await self._supervisor_notices()
        await asyncio.to_thread(self._stack.launch_again, process)

    async def _kill_freeswitch(self) -> None:
        await asyncio.to_thread(self._stack.switch.crash)
        self._switch_died()
        await self._supervisor_notices()
        await asyncio.to_thread(self._stack.switch.start_again)

    async def _restart_redis(self) -> None:
        assert self._services.valkey is not None
        await asyncio.to_thread(self._services.valkey.stop)
        await self._supervisor_notices()
        await asyncio.to_thread(self._services.valkey.start)

    async def _restart_postgres(self) -> None:
        assert self._services.postgres is not None
        await asyncio.to_thread(self._services.postgres.stop)
        await self._supervisor_notices()
        await asyncio.to_thread(self._services.postgres.start)

    async def _supervisor_notices(self) -> None:
        await asyncio.sleep(self._dice.uniform(*RESTARTED_S))


def folder_for(services: LocalServices, name: str) -> Path:
    """Return a folder in the data folder of services of our own."""
    assert services.data_folder is not None
    return services.data_folder / name
