"""Placement, failover, drain, moves and evening out follow from what is known, and from no more."""

from collections import Counter
from uuid import UUID

import pytest

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


def test_ten_thousand_fill_their_bridges_evenly() -> None:
    rows = [row(n) for n in range(10_000)]
    bridges = [up(f"b{n}") for n in range(50)]
    assert set(targets(decide(rows, *bridges)).values()) == {200}


def test_the_simulation_ends_evenly() -> None:
    result = simulate(restaurants=2_000, bridges=10, spare=4)
    assert result["fill_spread"] == 0
    assert result["place_spread"] <= 1
    assert result["lose_tenth_spread"] <= 1
    assert result["join_one_moves"] > 0
