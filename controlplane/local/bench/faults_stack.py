"""Breaks parts of the stack of a benchmark of faults, and mends them as a supervisor would.

What was killed is started again one to two seconds later, as Kubernetes does at a first crash.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Final

from controlplane.local.bench.faults_catalogue import Shared
from controlplane.local.bench.faults_disk import SmallDisks
from controlplane.local.bench.faults_realtime import RealtimeFaults
from controlplane.local.bench.faults_services import SLOW_FOR_S, FaultyServices
from controlplane.local.demo.stack import Stack
from controlplane.local.launch.tcp_proxy import TcpProxy

RESTARTED_S: Final = (1.0, 2.0)
FULL_S: Final = 8.0
OUTAGE_S: Final = 4.0
"""Realtime hangs, or refuses, for this long."""


class StackFaults:
    """Carries out the faults that meet everybody. Each returns once what was broken is mended."""

    def __init__(
        self,
        stack: Stack,
        services: FaultyServices,
        realtime: RealtimeFaults,
        *,
        dice: random.Random,
        switch_died: Callable[[], None],
    ) -> None:
        """`switch_died` is called at the instant at which FreeSWITCH is gone."""
        self._stack, self._services = stack, services
        self._dice, self._switch_died = dice, switch_died
        self._disks = SmallDisks([stack.switch.temp_folder, stack.switch.voicemail_folder])
        self._ways: dict[str, Callable[[], Awaitable[None]]] = {
            Shared.KILL_WORKER: lambda: self._kill("ai-worker"),
            Shared.KILL_AGENT: lambda: self._kill("bridge-agent"),
            Shared.KILL_CONTROLLER: lambda: self._kill("controller"),
            Shared.KILL_FREESWITCH: self._kill_freeswitch,
            Shared.RESTART_REDIS: lambda: self._restart(services.restart_redis),
            Shared.RESTART_POSTGRES: lambda: self._restart(services.restart_postgres),
            Shared.DEMOTE_REDIS: lambda: asyncio.to_thread(services.demote_redis),
            Shared.DEMOTE_POSTGRES: lambda: asyncio.to_thread(services.demote_postgres),
            Shared.SLOW_REDIS: lambda: self._slow(services.redis.proxy),
            Shared.SLOW_POSTGRES: lambda: self._slow(services.postgres.proxy),
            Shared.DISK_FULL: self._fill_disks,
            Shared.REALTIME_CLOSED: lambda: realtime.close_all(code=1011),
            Shared.REALTIME_CUT: lambda: realtime.close_all(code=1006),
            Shared.REALTIME_HANGS: lambda: realtime.hang(OUTAGE_S),
            Shared.REALTIME_REFUSES: lambda: realtime.refuse(OUTAGE_S),
        }

    async def happen(self, name: str) -> None:
        """Let a fault of `Shared` happen, and mend what it broke."""
        await self._ways[name]()

    async def prepare(self, name: str) -> None:
        """Get ready for a round that will have this fault."""
        if name == Shared.DISK_FULL:
            await asyncio.to_thread(self._disks.mount)

    async def be_whole(self, after: str) -> None:
        """Wait until a round that had this fault has left nothing broken."""
        if after == Shared.DEMOTE_POSTGRES:
            await asyncio.to_thread(self._services.renew_standby)
        await asyncio.to_thread(self._disks.unmount)
        await asyncio.to_thread(self._stack.wait_until_ready)

    async def _kill(self, process: str) -> None:
        await asyncio.to_thread(self._stack.kill, process)
        await asyncio.sleep(self._noticed_s())
        await asyncio.to_thread(self._stack.launch_again, process)

    async def _kill_freeswitch(self) -> None:
        await asyncio.to_thread(self._stack.switch.crash)
        self._switch_died()
        await asyncio.sleep(self._noticed_s())
        await asyncio.to_thread(self._stack.switch.start_again)

    async def _restart(self, restart: Callable[..., None]) -> None:
        await asyncio.to_thread(restart, away_s=self._noticed_s())

    async def _fill_disks(self) -> None:
        await asyncio.to_thread(self._disks.fill)
        await asyncio.sleep(FULL_S)
        await asyncio.to_thread(self._disks.make_room)

    async def _slow(self, proxy: TcpProxy) -> None:
        with self._services.slow(proxy):
            await asyncio.sleep(SLOW_FOR_S)

    def _noticed_s(self) -> float:
        return self._dice.uniform(*RESTARTED_S)
