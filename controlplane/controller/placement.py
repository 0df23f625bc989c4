"""A leader's placement decides who registers whom, as restaurants and bridges come and go.

A turn four times a second asks Redis who is alive. It looks at every registration only when it was
told of a change, a bridge's condition changed, work is under way, or `HEAL_EVERY_S` has passed.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Final, TypeVar
from uuid import UUID

import gevent
import structlog
from gevent.event import Event
from redis import Redis
from sqlalchemy import Engine

from controlplane.contracts import redis_keys
from controlplane.contracts.assignments import RegistrationsPlaced
from controlplane.controller import metrics
from controlplane.controller.durations import Durations
from controlplane.controller.lease import Lease, LeaseLost
from controlplane.controller.loads import Bridge
from controlplane.controller.node_rows import read_bridges
from controlplane.controller.nodes import Nodes
from controlplane.controller.plan import Assignment, Former, Plan, Registration, plan
from controlplane.controller.registration_rows import (
    read_registrations,
    read_waiting,
    write_assignments,
    write_cleared,
    write_refusals,
    write_released,
)
from controlplane.models.sip_registration import PlacementReason

WATCH_EVERY_S: Final = 1.0
"""A new restaurant, drain or move that nobody told us of is seen within this time."""
TOGETHER_S: Final = 0.05
"""Changes that are told of this soon after a turn are handled together: there may be thousands."""
HEAL_EVERY_S: Final = 30.0
"""Whatever was missed is put right within this time."""
REST: Final = 2.0
"""After a look at everything, none is taken for this many times as long: looks use a third of a
core at most."""
BATCH: Final = 2_500
"""One transaction writes this many rows in a tenth of a second, for the lease's renewal waits
behind it."""
MOVES_PER_S: Final = 20.0
"""Drains, admins and rebalancing begin this many moves a second; carriers' own paces come on top.
"""
MOVES_AT_ONCE: Final = 5
"""One turn begins no more than this many moves."""
MOVES_IN_FLIGHT: Final = 40
"""No more registrations than this have two bindings at a time."""
WAITING_MOST: Final = 1_000
"""This many ids are compared to see whether anything new waits."""

_T = TypeVar("_T")

_logger = structlog.get_logger()


class Placement:
    """Places registrations for one replica; it does nothing while another leads."""

    def __init__(self, redis: Redis, engine: Engine, *, lease: Lease, nodes: Nodes) -> None:
        """`redis` answers fast or not at all."""
        self._redis = redis
        self._engine = engine
        self._lease = lease
        self._nodes = nodes
        self.wake = Event()
        """Whoever knows that something changed sets it: the next turn looks."""
        self.due = True
        """A look at every registration is to be taken, as soon as the last one allows it."""
        self._turned_at = float("-inf")
        self._untold: set[str] = set()
        self._epoch: int | None = None
        self._begin(None)

    def turn(self) -> None:
        """See who is alive and put right what is not.

        Raises Redis's and SQLAlchemy's errors; the next turn does it all again.
        """
        try:
            self._turn()
        except LeaseLost:
            _logger.warning("placement_refused", epoch=self._epoch)

    def _turn(self) -> None:
        if self._lease.epoch != self._epoch:
            self._begin(self._lease.epoch)
        if self._epoch is None:
            return
        if self.wake.is_set():
            gevent.sleep(max(0.0, self._turned_at + TOGETHER_S - time.monotonic()))
            self.wake.clear()
            self.due = True
        self._turned_at = time.monotonic()
        self._nodes.look()
        if self._nodes.unwritten():
            with self._lease.writing(self._epoch) as connection:
                self._nodes.remember(connection)
            self._nodes.remembered()
        self._watch()
        if self.due and time.monotonic() >= self._rest_until:
            self._look()
        self._tell()

    def _begin(self, epoch: int | None) -> None:
        """Begin a term, or forget everything (None) because another replica leads."""
        self._epoch = epoch
        self._nodes.forget()
        self._durations = Durations()
        self.due = True
        self._bridges: list[Bridge] = []
        self._waiting: frozenset[object] = frozenset()
        self._rebalancing = False
        self._moves = 0.0
        self._moves_at = time.monotonic()
        self._watched_at = self._healed_at = self._rest_until = float("-inf")
        self._again_at = float("inf")
        if epoch is None:
            metrics.REGISTRATIONS_UNPLACED.set(0)
            metrics.MOVES_WAITING.set(0)

    def _watch(self) -> None:
        """Find out whether a look is due that nobody asked for."""
        now = time.monotonic()
        if now >= self._again_at or now - self._healed_at >= HEAL_EVERY_S:
            self.due = True
        if self.due or now - self._watched_at >= WATCH_EVERY_S:
            self._watched_at = now
            with self._engine.begin() as connection:
                self._rows = read_bridges(connection)
                waiting = read_waiting(connection, most=WAITING_MOST)
            self.due = self.due or waiting != self._waiting
            self._waiting = waiting
        bridges = self._nodes.bridges(self._rows)
        self.due = self.due or bridges != self._bridges
        self._bridges = bridges

    def _look(self) -> None:
        """Read every registration, plan, and write the plan."""
        began = self._healed_at = time.monotonic()
        self.due = False
        try:
            with self._engine.begin() as connection:
                registrations = read_registrations(connection)
            self._durations.look(registrations)
            decided = plan(
                registrations,
                self._bridges,
                moves=self._pace(began, sum(one.moving for one in registrations)),
                rebalancing=self._rebalancing,
            )
            self._rebalancing = decided.rebalancing
            complete = self._write(decided, registrations)
        except Exception:
            self.due = True
            raise
        metrics.REGISTRATIONS_UNPLACED.set(decided.unplaced)
        metrics.MOVES_WAITING.set(decided.moves_waiting)
        busy = not complete or self._rebalancing or any(one.moving for one in registrations)
        busy = busy or (decided.moves_waiting > 0 and any(b.refusal is None for b in self._bridges))
        now = time.monotonic()
        self._rest_until = now + REST * (now - began)
        self._again_at = float("inf")
        if busy:
            self._again_at = now
        elif self._durations.waiting:
            self._again_at = now + WATCH_EVERY_S
        metrics.PLACEMENT_SECONDS.observe(now - began)

    def _pace(self, now: float, in_flight: int) -> int:
        earned = self._moves + (now - self._moves_at) * MOVES_PER_S
        self._moves, self._moves_at = min(earned, float(MOVES_AT_ONCE)), now
        return max(0, min(int(self._moves), MOVES_IN_FLIGHT - in_flight))

    def _write(self, decided: Plan, registrations: Sequence[Registration]) -> bool:
        """Write everything in batches, the most urgent first; return whether no row had changed or
        was held.
        """
        if self._epoch is None or decided.empty:
            return True
        complete = True
        with self._lease.writing(self._epoch) as connection:
            done = write_released(connection, decided.released[:BATCH])
            done |= write_cleared(connection, decided.cleared[:BATCH])
            done |= write_refusals(connection, decided.refusals[:BATCH])
        # An agent's report may have held one: nobody tells of it later.
        complete = {one.id for one in (*decided.released, *decided.cleared)} <= done
        for one in (*decided.cleared, *decided.released):
            self._announce(one.bridge_id, one.former_bridge_id)
        for refusal in decided.refusals:
            if refusal.reason is not None and refusal.registration_id in done:
                metrics.MOVES_REFUSED.labels(refusal.reason).inc()
        registered = {one.id for one in registrations if one.registered}
        for batch in _batches(decided.assignments, BATCH):
            with self._lease.writing(self._epoch) as connection:
                written = write_assignments(connection, batch)
            complete = complete and len(written) == len(batch)
            self._written([one for one in batch if one.registration_id in written], registered)
        return complete

    def _written(self, assignments: Sequence[Assignment], registered: set[UUID]) -> None:
        """Count, log and announce what was committed."""
        lost: defaultdict[str, list[UUID]] = defaultdict(list)
        for one in assignments:
            metrics.REGISTRATIONS_PLACED.labels(one.reason).inc()
            self._announce(one.bridge_id, one.from_bridge_id)
            if one.reason is PlacementReason.FAILOVER:
                if one.registration_id in registered:
                    lost[one.from_bridge_id or ""].append(one.registration_id)
            elif one.reason is not PlacementReason.NEW and one.from_bridge_id is not None:
                self._moves -= 1
        self._durations.moves_began(
            one.registration_id for one in assignments if one.former is Former.OWNER
        )
        for bridge_id, ids in lost.items():
            if (heard_at := self._nodes.heard_at(bridge_id)) is not None:
                self._durations.failover_began(bridge_id, ids, last_heard=heard_at)
        counts = Counter((one.from_bridge_id, one.bridge_id, one.reason) for one in assignments)
        for (source, target, reason), count in counts.items():
            _logger.info(
                "registrations_placed",
                bridge_id=target,
                from_bridge_id=source,
                reason=reason.value,
                count=count,
            )

    def _announce(self, *bridge_ids: str | None) -> None:
        self._untold |= {bridge_id for bridge_id in bridge_ids if bridge_id}

    def _tell(self) -> None:
        """Tell the bridges. A lost announcement does no harm: bridges also look by themselves."""
        placed = RegistrationsPlaced().to_json()
        while self._untold:
            bridge_id = next(iter(self._untold))
            self._redis.publish(redis_keys.bridge_assignments(bridge_id), placed)
            self._untold.discard(bridge_id)


def _batches(items: Sequence[_T], size: int) -> Iterator[Sequence[_T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
