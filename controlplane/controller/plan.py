"""Decides which bridge is to register which restaurant, from what is known, without any I/O.

What nobody registers any more is cleared first, then what a lost bridge held goes elsewhere, what
is new is placed, what an admin asked for is moved, draining bridges are emptied, and only then are
loads evened out. A bridge's load is what it owns plus what it keeps while it moves away.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple
from uuid import UUID

from controlplane.controller.loads import Bridge, LoadBalance, Loads
from controlplane.models.sip_registration import MoveRefusal, PlacementReason

REBALANCE_FROM: Final = 0.10
"""Evening out begins when the fullest bridge has this much more of its capacity taken than the
emptiest: below it, moves would cost more than they bring."""
REBALANCE_TO: Final = 0.05
"""Evening out goes on until the difference is no more than this."""
REBALANCE_AT_ONCE: Final = 10
"""Evening out is only housekeeping: no more moves than this are in flight because of it."""


class Registration(NamedTuple):
    """What placement knows of one row of `sip_registration`."""

    id: UUID
    bridge_id: str | None
    former_bridge_id: str | None
    epoch: int
    registered: bool
    """The present owner is REGED at the carrier, in the present epoch."""
    live: bool
    """The restaurant is live: a bridge is to register it."""
    requested_bridge_id: str | None = None
    moving: bool = False
    """A move began not long ago, and the former owner still keeps its binding."""


class Former(StrEnum):
    """Says what an assignment does with `former_bridge_id`."""

    NOBODY = "nobody"
    OWNER = "owner"
    """The present owner keeps its binding until the new one is registered."""
    UNCHANGED = "unchanged"
    """Whoever keeps a binding goes on keeping it."""


class Assignment(NamedTuple):
    """Names a new owner for the row as it was in `epoch`."""

    registration_id: UUID
    epoch: int
    bridge_id: str
    reason: PlacementReason
    former: Former
    from_bridge_id: str | None


class Refusal(NamedTuple):
    """A requested move is not made. `reason` is None when the registration is there already."""

    registration_id: UUID
    bridge_id: str
    reason: MoveRefusal | None


@dataclass(slots=True)
class Plan:
    """What is to be written. Nothing in it depends on something else in it being written first,
    except that `cleared` and `released` make the room that `assignments` use.
    """

    cleared: list[Registration] = field(default_factory=list)
    """These are no longer live, so they get no owner and no former owner."""
    released: list[Registration] = field(default_factory=list)
    """Their former owner is lost, and with it the binding it kept."""
    assignments: list[Assignment] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    unplaced: int = 0
    """This many live registrations stay without a living owner, because no bridge has room."""
    moves_waiting: int = 0
    """This many moves of drains, admins and rebalancing are left for a later turn, because of their
    pace or for want of room."""
    rebalancing: bool = False
    """The next plan is to be given this value."""

    @property
    def empty(self) -> bool:
        """Tell whether there is nothing to write."""
        return not (self.cleared or self.released or self.assignments or self.refusals)


def plan(
    registrations: Sequence[Registration],
    bridges: Iterable[Bridge],
    *,
    moves: int,
    rebalancing: bool = False,
) -> Plan:
    """Decide what is to be written.

    `moves` says how many moves off living bridges may begin now; failover and new registrations are
    never held back. `rebalancing` comes from the plan before.
    """
    return _Planner(registrations, bridges, moves=moves).run(rebalancing=rebalancing)


class _Planner:
    """Makes one plan."""

    def __init__(
        self, registrations: Sequence[Registration], bridges: Iterable[Bridge], *, moves: int
    ) -> None:
        self._registrations = registrations
        self._loads = Loads(bridges)
        self._moves = moves
        self._in_flight = 0
        self._plan = Plan()
        self._failing: list[Registration] = []
        self._new: list[Registration] = []
        self._asked: list[Registration] = []
        self._leaving: list[Registration] = []
        self._movable: dict[str, list[Registration]] = {}

    def run(self, *, rebalancing: bool) -> Plan:
        for registration in self._registrations:
            self._classify(registration)
        self._loads.build()
        for registration in self._failing:
            self._fail_over(registration)
        for registration in self._new:
            self._place(registration)
        for registration in self._asked:
            self._move_as_asked(registration)
        for registration in self._leaving:
            target = self._keeper(registration) or self._loads.least()
            self._move(registration, target, PlacementReason.DRAIN)
        if self._quiet():
            self._rebalance(rebalancing=rebalancing)
        return self._plan

    def _classify(self, one: Registration) -> None:
        """Put it with the kind of work it is, and count who holds it."""
        held, bridges = self._loads.held, self._loads.bridges
        if not one.live:
            self._clear(one)
            return
        owner = bridges.get(one.bridge_id) if one.bridge_id else None
        former = bridges.get(one.former_bridge_id) if one.former_bridge_id else None
        if former is not None and former.lost:
            former = None
        if owner is not None:
            held[owner.id] += 1
        if former is not None:
            held[former.id] += 1
        if one.moving:
            self._in_flight += 1
        if owner is None and one.bridge_id is None:
            self._new.append(one)
            return
        if owner is None or owner.lost:
            self._failing.append(one)
            return
        if former is None and one.former_bridge_id is not None:
            self._plan.released.append(one)
        if one.requested_bridge_id is not None:
            self._asked.append(one)
        elif one.former_bridge_id is None or self._stuck(one):
            if owner.draining:
                self._leaving.append(one)
            elif owner.refusal is None and one.registered:
                self._movable.setdefault(owner.id, []).append(one)

    def _stuck(self, one: Registration) -> bool:
        """Tell whether its new owner gets no binding: such a move would never end by itself."""
        return one.former_bridge_id is not None and not one.moving and not one.registered

    def _clear(self, one: Registration) -> None:
        if one.bridge_id is not None or one.former_bridge_id is not None:
            self._plan.cleared.append(one)
        if one.requested_bridge_id is not None:
            self._refuse(one, MoveRefusal.NOT_LIVE)

    def _fail_over(self, one: Registration) -> None:
        """Give it to its former owner if possible, which still has the binding, else to the
        emptiest bridge.
        """
        if (keeper := self._keeper(one)) is not None:
            self._loads.add(one.bridge_id, -1)
            self._assign(one, keeper, PlacementReason.FAILOVER, Former.NOBODY)
            return
        target = self._loads.least()
        if target is None:
            self._plan.unplaced += 1
            return
        bridge = self._loads.bridges.get(one.former_bridge_id or "")
        kept = bridge is not None and not bridge.lost
        self._loads.add(one.bridge_id, -1)
        self._loads.add(target, 1)
        self._assign(
            one, target, PlacementReason.FAILOVER, Former.UNCHANGED if kept else Former.NOBODY
        )

    def _keeper(self, one: Registration) -> str | None:
        """Return its former owner, if that may own it again."""
        bridge = self._loads.bridges.get(one.former_bridge_id or "")
        if bridge and bridge.refusal is None and self._loads.held[bridge.id] <= bridge.capacity:
            return bridge.id
        return None

    def _place(self, one: Registration) -> None:
        reason, target = PlacementReason.NEW, self._loads.least()
        if (asked := one.requested_bridge_id) is not None:
            refusal = self._loads.refusal(asked)
            if refusal is None:
                reason, target = PlacementReason.ADMIN, asked
            else:
                self._refuse(one, refusal)
        if target is None:
            self._plan.unplaced += 1
            return
        self._loads.add(target, 1)
        self._assign(one, target, reason, Former.NOBODY)

    def _move_as_asked(self, one: Registration) -> None:
        asked = one.requested_bridge_id
        if asked is None or (one.former_bridge_id is not None and not self._stuck(one)):
            return  # a move is under way: the next one begins after it
        if asked == one.bridge_id:
            self._refuse(one, None)
            return
        refusal = self._loads.refusal(asked)
        if asked == one.former_bridge_id and refusal is MoveRefusal.FULL:
            refusal = None  # it counts there already
        if refusal is not None:
            self._refuse(one, refusal)
            return
        self._move(one, asked, PlacementReason.ADMIN)

    def _move(self, one: Registration, target: str | None, reason: PlacementReason) -> None:
        """Move it off a living bridge, make-before-break where there is a binding to keep."""
        if target is None or self._moves <= 0:
            self._plan.moves_waiting += 1
            return
        self._moves -= 1
        if one.former_bridge_id is not None:  # it keeps its binding, or owns it again
            self._loads.add(target, int(target != one.former_bridge_id))
            self._assign(one, target, reason, Former.UNCHANGED)
            return
        self._loads.add(target, 1)
        if one.registered:
            self._in_flight += 1
        self._assign(one, target, reason, Former.OWNER if one.registered else Former.NOBODY)

    def _quiet(self) -> bool:
        """Tell whether nothing is more urgent than evening out: no bridge is in doubt, nobody
        waits.
        """
        plan = self._plan
        busy = plan.unplaced or plan.moves_waiting or self._failing or self._leaving or self._new
        doubt = any(
            bridge.refusal is not None and self._loads.held[bridge.id] > 0
            for bridge in self._loads.bridges.values()
        )
        return not busy and not doubt

    def _rebalance(self, *, rebalancing: bool) -> None:
        """Move from the fullest to the emptiest, by what they own: what is only kept is leaving
        anyway.
        """
        owned = {
            bridge.id: 0
            for bridge in self._loads.bridges.values()
            if bridge.refusal is None and bridge.steady
        }
        for one in self._registrations:
            if one.live and one.bridge_id in owned:
                owned[one.bridge_id] += 1
        for assignment in self._plan.assignments:
            if assignment.bridge_id in owned:
                owned[assignment.bridge_id] += 1
        if len(owned) < 2:
            return
        balance = LoadBalance(owned, self._loads.bridges)
        if balance.spread() <= (REBALANCE_TO if rebalancing else REBALANCE_FROM):
            return
        budget = min(self._moves, REBALANCE_AT_ONCE - self._in_flight)
        self._plan.rebalancing = self._in_flight > 0 or budget <= 0
        while budget > 0 and balance.spread() > REBALANCE_TO:
            source, target = balance.ends()
            movable = self._movable.get(source)
            if not movable or not balance.worth_it() or self._loads.refusal(target) is not None:
                return
            self._move(movable.pop(), target, PlacementReason.REBALANCE)
            balance.move(source, target)
            self._plan.rebalancing = True
            budget -= 1

    def _assign(
        self, one: Registration, bridge_id: str, reason: PlacementReason, former: Former
    ) -> None:
        self._plan.assignments.append(
            Assignment(one.id, one.epoch, bridge_id, reason, former, one.bridge_id)
        )

    def _refuse(self, one: Registration, reason: MoveRefusal | None) -> None:
        if one.requested_bridge_id is not None:
            self._plan.refusals.append(Refusal(one.id, one.requested_bridge_id, reason))
