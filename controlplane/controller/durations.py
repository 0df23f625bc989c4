"""How long failovers and moves take, from their beginning to the registrar's answer."""

import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import structlog

from controlplane.controller import metrics
from controlplane.controller.plan import Registration

GIVE_UP_S: Final = 600.0
"""A registration its carrier refuses never arrives; one that is late by then tells nothing more."""

_logger = structlog.get_logger()


@dataclass(slots=True)
class _Failover:
    last_heard: float
    waiting: set[UUID]
    count: int


class Durations:
    """Holds the failovers and moves under way in this term. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._failovers: dict[str, _Failover] = {}
        self._moves: dict[UUID, float] = {}

    @property
    def waiting(self) -> bool:
        """Tell whether something is under way whose end only another look shows."""
        return bool(self._failovers or self._moves)

    def failover_began(
        self, bridge_id: str, registered: Collection[UUID], *, last_heard: float
    ) -> None:
        """Remember that what was `registered` on that bridge is being registered elsewhere."""
        if registered:
            failover = self._failovers.setdefault(bridge_id, _Failover(last_heard, set(), 0))
            failover.waiting |= set(registered)
            failover.count += len(registered)

    def moves_began(self, registrations: Iterable[UUID]) -> None:
        """Remember make-before-break moves: each keeps both bindings for now."""
        self._moves |= dict.fromkeys(registrations, time.monotonic())

    def look(self, registrations: Sequence[Registration]) -> None:
        """Count what has ended since the last look."""
        if not self.waiting:
            return
        now = time.monotonic()
        late = {one.id for one in registrations if one.live and not one.registered}
        moving = {one.id for one in registrations if one.former_bridge_id is not None}
        for bridge_id, failover in list(self._failovers.items()):
            failover.waiting &= late
            seconds = now - failover.last_heard
            if not failover.waiting:
                metrics.FAILOVER_SECONDS.observe(seconds)
                _logger.info(
                    "failover_complete",
                    bridge_id=bridge_id,
                    registrations=failover.count,
                    seconds=round(seconds, 1),
                )
            if not failover.waiting or seconds > GIVE_UP_S:
                del self._failovers[bridge_id]
        for registration_id, began in list(self._moves.items()):
            if registration_id not in moving:
                metrics.MOVE_SECONDS.observe(now - began)
            if registration_id not in moving or now - began > GIVE_UP_S:
                del self._moves[registration_id]
