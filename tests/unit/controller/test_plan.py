"""Placement, failover, drain, moves and evening out, as decided from what is known."""

import time
from collections import Counter
from dataclasses import dataclass, replace
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from controlplane.controller.loads import Bridge
from controlplane.controller.plan import (
    REBALANCE_AT_ONCE,
    Assignment,
    Former,
    Plan,
    Refusal,
    Registration,
    plan,
)
from controlplane.local.bench.simulate_placement import simulate
from controlplane.models.sip_registration import MoveRefusal, PlacementReason

pytestmark = pytest.mark.unit

MANY = 1_000
PLANS_MOST = 400
CONDITIONS = (None, MoveRefusal.DRAINING, MoveRefusal.LOST, MoveRefusal.NOT_READY)


def row(
    number: int,
    owner: str | None = None,
    *,
    former: str | None = None,
    registered: bool = True,
    live: bool = True,
    requested: str | None = None,
) -> Registration:
    return Registration(
        UUID(int=number),
        owner,
        former,
        epoch=3,
        registered=registered and owner is not None,
        live=live,
        requested_bridge_id=requested,
        moving=former is not None,
    )


def up(bridge_id: str, capacity: int = 200) -> Bridge:
    return Bridge(id=bridge_id, capacity=capacity)


def bad(bridge_id: str, refusal: MoveRefusal, capacity: int = 200) -> Bridge:
    return Bridge(id=bridge_id, capacity=capacity, refusal=refusal)


def decide(rows: list[Registration], *bridges: Bridge, moves: int = MANY) -> Plan:
    return plan(rows, bridges, moves=moves)


def targets(decided: Plan) -> Counter[str]:
    return Counter(one.bridge_id for one in decided.assignments)


def test_new_registrations_fill_bridges_by_the_part_of_their_capacity() -> None:
    decided = decide([row(n) for n in range(33)], up("a", 20), up("b", 10), up("c", 3))
    assert targets(decided) == {"a": 20, "b": 10, "c": 3}
    assert targets(decide([row(n) for n in range(15)], up("a", 20), up("b", 10))) == {
        "a": 10,
        "b": 5,
    }


def test_what_no_bridge_has_room_for_waits() -> None:
    decided = decide([row(n) for n in range(5)], up("a", 2), bad("b", MoveRefusal.NOT_READY))
    assert targets(decided) == {"a": 2}
    assert decided.unplaced == 3


def test_a_lost_bridges_registrations_are_served_before_new_ones() -> None:
    rows = [row(1), row(2, "lost"), row(3), row(4, "lost")]
    decided = decide(rows, bad("lost", MoveRefusal.LOST), up("a", 2), moves=0)
    assert [(one.registration_id.int, one.reason) for one in decided.assignments] == [
        (2, PlacementReason.FAILOVER),
        (4, PlacementReason.FAILOVER),
    ]
    assert decided.unplaced == 2


@pytest.mark.parametrize(
    ("former", "expected"),
    [
        (up("old"), ("old", Former.NOBODY)),
        (bad("old", MoveRefusal.DRAINING), ("a", Former.UNCHANGED)),
        (bad("old", MoveRefusal.LOST), ("a", Former.NOBODY)),
    ],
)
def test_a_move_whose_new_owner_is_lost(former: Bridge, expected: tuple[str, Former]) -> None:
    decided = decide([row(1, "new", former="old")], bad("new", MoveRefusal.LOST), former, up("a"))
    assert [(one.bridge_id, one.former) for one in decided.assignments] == [expected]


def test_without_room_a_lost_bridges_registration_stays_as_it_is() -> None:
    decided = decide([row(1, "lost"), row(2, "a")], bad("lost", MoveRefusal.LOST), up("a", 1))
    assert decided.empty
    assert decided.unplaced == 1


def test_a_lost_former_owner_is_forgotten_and_a_restaurant_not_live_is_cleared() -> None:
    rows = [row(1, "a", former="lost"), row(2, "a", live=False), row(3, live=False)]
    decided = decide(rows, bad("lost", MoveRefusal.LOST), up("a"))
    assert decided.released == [rows[0]]
    assert decided.cleared == [rows[1]]
    assert decided.assignments == []


def test_what_a_move_keeps_counts_for_both_bridges() -> None:
    rows = [row(1, "new", former="old"), row(2)]
    assert decide(rows, up("old", 1), up("new", 1)).unplaced == 1


def test_a_drain_keeps_bindings_and_obeys_the_pace() -> None:
    rows = [row(1, "old"), row(2, "old", registered=False), row(3, "old", former="a")]
    bridges = bad("old", MoveRefusal.DRAINING), up("a")
    decided = decide(rows, *bridges)
    assert [(one.registration_id.int, one.former) for one in decided.assignments] == [
        (1, Former.OWNER),
        (2, Former.NOBODY),
    ]
    decided = decide(rows, *bridges, moves=1)
    assert (len(decided.assignments), decided.moves_waiting) == (1, 1)


@pytest.mark.parametrize(
    ("bridge", "reason"),
    [
        (bad("b", MoveRefusal.LOST), MoveRefusal.LOST),
        (bad("b", MoveRefusal.DRAINING), MoveRefusal.DRAINING),
        (bad("b", MoveRefusal.NOT_READY), MoveRefusal.NOT_READY),
        (up("b", 1), MoveRefusal.FULL),
    ],
)
def test_a_requested_move_is_refused_where_the_bridge_takes_none(
    bridge: Bridge, reason: MoveRefusal
) -> None:
    decided = decide([row(1, "a", requested="b"), row(2, "b")], up("a"), bridge)
    assert decided.refusals == [Refusal(UUID(int=1), "b", reason)]
    assert UUID(int=1) not in {one.registration_id for one in decided.assignments}


def test_a_requested_move_is_made_once_the_one_under_way_has_ended() -> None:
    bridges = up("a"), up("b"), up("c")
    assert decide([row(1, "a", former="c", requested="b")], *bridges).empty
    decided = decide([row(1, "a", requested="b")], *bridges)
    assert decided.assignments == [
        Assignment(UUID(int=1), 3, "b", PlacementReason.ADMIN, Former.OWNER, "a")
    ]
    assert decide([row(1, "b", requested="b")], *bridges).refusals == [
        Refusal(UUID(int=1), "b", None)
    ]


@pytest.mark.parametrize(
    ("owner", "former", "expected"),
    [
        (bad("new", MoveRefusal.DRAINING), up("old"), "old"),
        (bad("new", MoveRefusal.DRAINING), bad("old", MoveRefusal.DRAINING), "a"),
        (up("new"), up("old"), None),
    ],
)
def test_a_move_that_never_ends_holds_up_no_drain(
    owner: Bridge, former: Bridge, expected: str | None
) -> None:
    """The carrier does not let the new owner register, and keeps the old binding."""
    stuck = row(1, "new", former="old", registered=False)
    assert decide([stuck], owner, former, up("a")).empty  # not yet: it may still arrive
    decided = decide([stuck._replace(moving=False)], owner, former, up("a"))
    assert [(one.bridge_id, one.former) for one in decided.assignments] == (
        [(expected, Former.UNCHANGED)] if expected else []
    )


@pytest.mark.parametrize("asked", ["old", "a"])
def test_a_move_that_never_ends_may_be_taken_elsewhere_by_an_admin(asked: str) -> None:
    stuck = row(1, "new", former="old", registered=False, requested=asked)._replace(moving=False)
    decided = decide([stuck], up("new"), up("old", 1), up("a"))
    assert decided.assignments == [
        Assignment(UUID(int=1), 3, asked, PlacementReason.ADMIN, Former.UNCHANGED, "new")
    ]


def test_a_bridge_that_joins_is_evened_out_with_few_at_a_time() -> None:
    rows = [row(n, "a") for n in range(100)]
    decided = decide(rows, up("a"), up("b"))
    assert targets(decided) == {"b": REBALANCE_AT_ONCE}
    assert {one.former for one in decided.assignments} == {Former.OWNER}


@pytest.mark.parametrize(
    ("count", "bridges"),
    [
        (20, (up("a"), up("b"))),  # not worth it
        (100, (up("a"), bad("b", MoveRefusal.DRAINING))),
        (100, (up("a"), Bridge(id="b", capacity=200, steady=False))),  # it has just joined
    ],
)
def test_loads_are_left_uneven(count: int, bridges: tuple[Bridge, ...]) -> None:
    assert decide([row(n, "a") for n in range(count)], *bridges).empty


@pytest.mark.parametrize("refusal", [MoveRefusal.LOST, MoveRefusal.DRAINING, MoveRefusal.NOT_READY])
def test_nothing_is_evened_out_while_something_more_urgent_goes_on(refusal: MoveRefusal) -> None:
    rows = [row(n, "a") for n in range(100)] + [row(200, "bad")]
    decided = decide(rows, up("a"), up("b"), bad("bad", refusal))
    assert PlacementReason.REBALANCE not in {one.reason for one in decided.assignments}


def test_ten_thousand_are_planned_well_within_a_second() -> None:
    rows = [row(n) for n in range(10_000)]
    bridges = [up(f"b{n}") for n in range(50)]
    started = time.process_time()
    decided = decide(rows, *bridges)
    assert time.process_time() - started < 0.5
    assert set(targets(decided).values()) == {200}


def test_the_simulation_ends_evenly() -> None:
    result = simulate(restaurants=2_000, bridges=10, spare=4)
    assert result["fill_spread"] == 0
    assert result["place_spread"] <= 1
    assert result["lose_tenth_spread"] <= 1
    assert result["join_one_moves"] > 0


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
