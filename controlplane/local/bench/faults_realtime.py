"""Has the Realtime simulator do what a run asks for: to one session, or to all of them at once.

Orders go to the simulator while it runs (`aiworker/simulator/fault_control.py`).
"""

import asyncio
import json
import signal
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from websockets.asyncio.client import connect

from aiworker.simulator.fault_control import FAULTS_PATH, FaultOrder
from aiworker.simulator.faults import Fault, FaultKind
from controlplane.local.bench.faults_catalogue import Alone, CallFault, Mutation
from controlplane.local.demo.journal import JournalEntry
from controlplane.local.demo.stack import Stack

LATE_MS: Final = 8_000
STOPPED_MS: Final = 60_000
"""A response whose sound stops goes on after this: long after the call."""
ORDER_S: Final = 10.0
"""The simulator answers an order within this, on a machine under load too."""
SIMULATOR: Final = "realtime-simulator"

_KINDS: Final[Mapping[Mutation, FaultKind]] = {
    Mutation.DROP: FaultKind.DROP,
    Mutation.DELAY: FaultKind.DELAY,
    Mutation.DOUBLE: FaultKind.DOUBLE,
    Mutation.SWAP: FaultKind.SWAP,
}


class RealtimeFaults:
    """Sets off all faults of one stack's Realtime server."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._planned: dict[int, CallFault] = {}
        """Which fault meets which connection of the simulator, over the whole run."""
        self._ordering = asyncio.Lock()

    async def plan(self, fault: CallFault) -> None:
        """Let this happen in the next session that is opened and has nothing planned yet."""
        async with self._ordering:
            connections = await self._order("new", self._script())
            connection = max([connections, *self._planned]) + 1
            self._planned[connection] = fault
            await self._order("new", self._script())

    async def close_all(self, *, code: int) -> None:
        """Close every session; 1006 cuts its connection without a word."""
        async with self._ordering:
            await self._order("open", [Fault(kind=FaultKind.CLOSE, code=code)])

    async def refuse(self, seconds: float) -> None:
        """Close every session and answer new ones with 503 for so long."""
        async with self._ordering:
            await self._order("new", [Fault(kind=FaultKind.REFUSE, status=503)])
            await self._order("open", [Fault(kind=FaultKind.CLOSE)])
        await asyncio.sleep(seconds)
        async with self._ordering:
            await self._order("new", self._script())

    async def hang(self, seconds: float) -> None:
        """Let the server do nothing for so long: sessions stay open, no handshake is answered."""
        process = self._stack.processes[SIMULATOR]
        process.send_signal(signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            process.send_signal(signal.SIGCONT)

    def happened(self, journal: Sequence[JournalEntry]) -> Counter[str]:
        """Count the planned faults that really happened, by the simulator's journal."""
        opened = {
            entry.fields["session_id"]: entry.fields["connection"]
            for entry in journal
            if entry.kind == "SessionOpened"
        }
        found: Counter[str] = Counter()
        for entry in journal:
            if entry.kind == "FaultDone":
                fault = self._planned.get(opened[entry.fields["session_id"]])
                if fault is not None and entry.fields["kind"] == in_simulator(fault).kind:
                    found[fault.name] += 1
        return found

    def _script(self) -> list[Fault]:
        return [
            in_simulator(fault).model_copy(update={"connection": connection})
            for connection, fault in self._planned.items()
        ]

    async def _order(self, sessions: str, faults: Sequence[Fault]) -> int:
        """Give an order; return how many connections there were. Raises TimeoutError, OSError."""
        order = FaultOrder.model_validate({"sessions": sessions, "faults": faults})
        url = self._stack.realtime_url.removesuffix("/v1") + FAULTS_PATH
        async with asyncio.timeout(ORDER_S), connect(url, max_size=None) as socket:
            await socket.send(order.model_dump_json())
            return int(json.loads(await socket.recv())["connections"])


def in_simulator(fault: CallFault) -> Fault:
    """Return a call's fault as the simulator knows it."""
    if fault.mutation is not None:
        kind = _KINDS[fault.mutation]
        return Fault(kind=kind, on=fault.event, nth=fault.nth, ms=LATE_MS)
    match fault.name:
        case Alone.CREATE_IGNORED:
            return Fault(kind=FaultKind.DROP, on="response.create", nth=fault.nth)
        case Alone.CREATE_REFUSED:
            return Fault(kind=FaultKind.REJECT, on="response.create", nth=fault.nth)
        case Alone.DELTAS_STOP:
            return Fault(
                kind=FaultKind.STALL,
                on="response.created",
                nth=fault.nth,
                times=1,
                ms=STOPPED_MS,
            )
    raise ValueError(fault.name)
