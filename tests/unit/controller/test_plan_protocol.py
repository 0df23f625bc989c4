"""However bridges, requests and restaurants come and go, plans lead to one owner, and to rest."""

from collections import Counter
from dataclasses import dataclass, replace
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from controlplane.controller.loads import Bridge
from controlplane.controller.plan import (
    Assignment,
    Former,
    Plan,
    Registration,
    plan,
)
from controlplane.models.sip_registration import MoveRefusal, PlacementReason
from tests.unit.controller.test_plan import row, up

pytestmark = pytest.mark.unit

PLANS_MOST = 400
CONDITIONS = (None, MoveRefusal.DRAINING, MoveRefusal.LOST, MoveRefusal.NOT_READY)


@dataclass
class World:
    """Postgres, the bridges and their agents, as the protocol has them."""

    rows: dict[UUID, Registration]
    bridges: dict[str, Bridge]


class Protocol(RuleBasedStateMachine):
    """Two controllers take turns with views that grow old, while everything else changes.

    Writes are fenced as in `registration_rows.py`: by the lease's term, and by the row's epoch.
    """

    def __init__(self) -> None:
        super().__init__()
        self.world = World({}, {})
        self.next_row = 0
        self.next_bridge = 0
        self.owners: dict[tuple[UUID, int], str] = {}
        self.term = 0
        self.views: dict[int, tuple[int, list[Registration], list[Bridge]]] = {}
        self.rebalancing = False

    @initialize(capacities=st.lists(st.integers(1, 4), min_size=2, max_size=4))
    def they_are_placed_and_registered(self, capacities: list[int]) -> None:
        for capacity in capacities:
            self.bridge_joins(capacity)
        self.restaurants_come(sum(capacities) - capacities[-1])
        self.looks_and_writes_at_once(5)
        self.all_owners_register()

    # --- What changes by itself ------------------------------------------------------------

    @rule()
    def all_owners_register(self) -> None:
        for registration_id in self.world.rows:
            self._register(registration_id)

    @rule(capacity=st.integers(1, 5))
    def bridge_joins(self, capacity: int) -> None:
        if self.next_bridge < 6:
            self.world.bridges[f"b{self.next_bridge}"] = up(f"b{self.next_bridge}", capacity)
            self.next_bridge += 1

    @precondition(lambda self: self.world.bridges)
    @rule(data=st.data(), refusal=st.sampled_from(CONDITIONS))
    def bridge_changes(self, data: st.DataObject, refusal: MoveRefusal | None) -> None:
        name = data.draw(st.sampled_from(sorted(self.world.bridges)))
        self.world.bridges[name] = replace(self.world.bridges[name], refusal=refusal)

    @rule(count=st.integers(1, 4))
    def restaurants_come(self, count: int) -> None:
        for _ in range(count):
            new = row(self.next_row)._replace(epoch=0)
            self.world.rows[new.id] = new
            self.next_row += 1

    @precondition(lambda self: self.world.rows)
    @rule(data=st.data(), live=st.booleans())
    def restaurant_changes(self, data: st.DataObject, live: bool) -> None:  # noqa: FBT001
        self._change(self._draw(data), live=live)

    @precondition(lambda self: self.world.rows and self.world.bridges)
    @rule(data=st.data())
    def admin_asks(self, data: st.DataObject) -> None:
        bridge_id = data.draw(st.sampled_from(sorted(self.world.bridges)))
        self._change(self._draw(data), requested_bridge_id=bridge_id)

    @precondition(lambda self: self.world.rows)
    @rule(data=st.data())
    def owner_registers(self, data: st.DataObject) -> None:
        self._register(self._draw(data))

    @precondition(lambda self: self.world.rows)
    @rule(data=st.data())
    def a_move_takes_long(self, data: st.DataObject) -> None:
        self._change(self._draw(data), moving=False)

    @precondition(lambda self: self.world.rows)
    @rule(data=st.data())
    def former_owner_releases(self, data: st.DataObject) -> None:
        self._release(self._draw(data))

    # --- The controllers ---------------------------------------------------------------------

    @rule(who=st.integers(0, 1))
    def takes_the_lease_and_looks(self, who: int) -> None:
        self.term += 1
        self._see(who)

    @precondition(lambda self: self.views)
    @rule(data=st.data())
    def looks_again(self, data: st.DataObject) -> None:
        who = data.draw(st.sampled_from(sorted(self.views)))
        if self.views[who][0] == self.term:
            self._see(who)

    @precondition(lambda self: self.views)
    @rule(data=st.data(), moves=st.integers(0, 5))
    def writes_what_it_decided(self, data: st.DataObject, moves: int) -> None:
        who = data.draw(st.sampled_from(sorted(self.views)))
        term, rows, bridges = self.views.pop(who)
        decided = plan(rows, bridges, moves=moves)
        if term == self.term:
            self._write(decided, {one.id: one for one in bridges})

    @rule(moves=st.integers(0, 5))
    def looks_and_writes_at_once(self, moves: int) -> None:
        self.term += 1
        bridges = self.world.bridges
        self._write(plan(list(self.world.rows.values()), bridges.values(), moves=moves), bridges)
        self._nobody_is_left_out()

    @precondition(lambda self: self.world.bridges)
    @rule(data=st.data(), back=st.booleans())
    def a_drain_begins(self, data: st.DataObject, back: bool) -> None:  # noqa: FBT001
        name = data.draw(st.sampled_from(sorted(self.world.bridges)))
        bridge = self.world.bridges[name]
        self.world.bridges[name] = replace(bridge, refusal=MoveRefusal.DRAINING)
        self.looks_and_writes_at_once(5)
        if back:  # called off while its registrations are on their way
            self.world.bridges[name] = replace(bridge, refusal=None)
            self.restaurants_come(2)
            self.looks_and_writes_at_once(5)

    @precondition(lambda self: any(one.moving for one in self.world.rows.values()))
    @rule(data=st.data())
    def a_new_owner_dies_in_a_move(self, data: st.DataObject) -> None:
        moving = sorted(one.bridge_id or "" for one in self.world.rows.values() if one.moving)
        name = data.draw(st.sampled_from(moving))
        self.world.bridges[name] = replace(self.world.bridges[name], refusal=MoveRefusal.LOST)
        self.looks_and_writes_at_once(5)

    # --- What must hold ----------------------------------------------------------------------

    @invariant()
    def no_bridge_holds_more_than_its_capacity(self) -> None:
        held = self._held()
        for bridge in self.world.bridges.values():
            assert held[bridge.id] <= bridge.capacity

    @invariant()
    def nobody_is_its_own_former_owner(self) -> None:
        for one in self.world.rows.values():
            assert one.former_bridge_id is None or one.former_bridge_id != one.bridge_id

    def teardown(self) -> None:
        """When nothing else changes, everything ends: drains, moves and evening out."""
        for _ in range(PLANS_MOST):
            rows = list(self.world.rows.values())
            bridges = self.world.bridges
            decided = plan(rows, bridges.values(), moves=2, rebalancing=self.rebalancing)
            self.rebalancing = decided.rebalancing
            self._write(decided, bridges)
            for registration_id in self.world.rows:
                self._register(registration_id)
                self._release(registration_id)
            if rows == list(self.world.rows.values()) and not decided.rebalancing:
                break
        else:
            raise AssertionError("it never ends")
        self._nobody_is_left_out()
        held = self._held()
        room = any(b.refusal is None and held[b.id] < b.capacity for b in bridges.values())
        for one in self.world.rows.values():
            owner = bridges.get(one.bridge_id or "")
            assert not (room and one.live and owner and owner.draining)
            if owner and not owner.lost and one.former_bridge_id is None:
                assert one.requested_bridge_id is None

    # --- Postgres and the agents -------------------------------------------------------------

    def _see(self, who: int) -> None:
        rows, bridges = list(self.world.rows.values()), list(self.world.bridges.values())
        self.views[who] = (self.term, rows, bridges)

    def _write(self, decided: Plan, seen: dict[str, Bridge]) -> None:
        rows = self.world.rows
        for one in decided.released:
            if rows[one.id].former_bridge_id == one.former_bridge_id:
                self._change(one.id, former_bridge_id=None, moving=False)
        for one in decided.cleared:
            if rows[one.id].epoch == one.epoch and not rows[one.id].live:
                self._change(one.id, bridge_id=None, former_bridge_id=None, moving=False)
        for refusal in decided.refusals:
            if rows[refusal.registration_id].requested_bridge_id == refusal.bridge_id:
                self._change(refusal.registration_id, requested_bridge_id=None)
        for assignment in decided.assignments:
            self._assign(assignment, seen)

    def _assign(self, assignment: Assignment, seen: dict[str, Bridge]) -> None:
        before = self.world.rows[assignment.registration_id]
        keeps = assignment.former is Former.OWNER
        if before.epoch != assignment.epoch or (keeps and before.former_bridge_id is not None):
            return
        former = {
            Former.OWNER: before.bridge_id,
            Former.UNCHANGED: before.former_bridge_id,
            Former.NOBODY: None,
        }[assignment.former]
        former = None if former == assignment.bridge_id else former
        dropped = before.former_bridge_id
        if dropped is not None and dropped not in (former, assignment.bridge_id):
            assert seen[dropped].lost, "a binding was given up before the next one was there"
        assert seen[assignment.bridge_id].refusal is None
        fence = (before.id, before.epoch + 1)
        assert fence not in self.owners, "two owners for one epoch"
        self.owners[fence] = assignment.bridge_id
        requested = before.requested_bridge_id
        self._change(
            before.id,
            bridge_id=assignment.bridge_id,
            former_bridge_id=former,
            epoch=before.epoch + 1,
            registered=False,
            moving=former is not None,
            requested_bridge_id=None if assignment.reason is PlacementReason.ADMIN else requested,
        )

    def _register(self, registration_id: UUID) -> None:
        one = self.world.rows[registration_id]
        owner = self.world.bridges.get(one.bridge_id or "")
        if one.live and owner is not None and not owner.lost:
            self._change(registration_id, registered=True)

    def _release(self, registration_id: UUID) -> None:
        one = self.world.rows[registration_id]
        former = self.world.bridges.get(one.former_bridge_id or "")
        if one.registered and former is not None and not former.lost:
            self._change(registration_id, former_bridge_id=None, moving=False)

    def _change(self, registration_id: UUID, **values: object) -> None:
        self.world.rows[registration_id] = self.world.rows[registration_id]._replace(**values)  # type: ignore[arg-type]

    def _draw(self, data: st.DataObject) -> UUID:
        return data.draw(st.sampled_from(sorted(self.world.rows)))

    def _held(self) -> Counter[str | None]:
        held: Counter[str | None] = Counter()
        for one in self.world.rows.values():
            held[one.bridge_id] += 1
            held[one.former_bridge_id] += 1
        return held

    def _nobody_is_left_out(self) -> None:
        held, bridges = self._held(), self.world.bridges
        room = any(b.refusal is None and held[b.id] < b.capacity for b in bridges.values())
        for one in self.world.rows.values():
            owner = bridges.get(one.bridge_id or "")
            if one.live and room:
                assert owner is not None
                assert not owner.lost


TestProtocol = Protocol.TestCase
TestProtocol.settings = settings(
    max_examples=200,
    stateful_step_count=40,
    deadline=None,
    derandomize=True,
    phases=(Phase.generate,),  # forty steps are readable, and shrinking them takes minutes
    suppress_health_check=[HealthCheck.too_slow],
)
