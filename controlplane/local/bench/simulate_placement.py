"""Runs the planner at a size no machine of ours has: 100,000 restaurants, which fill 500 bridges.

Bridges and registrars are simulated at their kindest: each move is registered before the next plan.
What is measured is the planner itself: its seconds of CPU, its moves, and how even the loads
become.
"""

import random
import time
from collections import Counter
from collections.abc import Callable
from typing import Final
from uuid import UUID

from controlplane.controller.loads import Bridge
from controlplane.controller.plan import Former, Plan, Registration, plan
from controlplane.models.sip_registration import MoveRefusal

RESTAURANTS: Final = 100_000
BRIDGES: Final = 500
CAPACITY: Final = 200
SPARE: Final = 60
"""There are this many bridges more than those, so that a tenth of all may die: who has none to
spare can lose none."""
MOVES_A_PLAN: Final = 40
"""One plan begins as many moves as may be in flight, and all of them are registered before the
next."""
PLANS_MOST: Final = 20_000
"""A phase that needs more plans than this does not end."""
SEED: Final = 20_261_122


class SimulatedFleet:
    """Holds restaurants and bridges in memory. `plan` decides, and `apply` stands for Postgres."""

    def __init__(self, *, restaurants: int, bridges: int, capacity: int) -> None:
        self.bridges = {
            f"bridge-{number}": Bridge(id=f"bridge-{number}", capacity=capacity)
            for number in range(bridges)
        }
        self.registrations = {
            UUID(int=number): Registration(
                UUID(int=number), None, None, 0, registered=False, live=True
            )
            for number in range(restaurants)
        }
        self.seconds: list[float] = []
        self._rebalancing = False

    def turn(self) -> Plan:
        """Make one plan, apply it and register what it moved."""
        rows = list(self.registrations.values())
        started = time.process_time()
        decided = plan(
            rows, self.bridges.values(), moves=MOVES_A_PLAN, rebalancing=self._rebalancing
        )
        self.seconds.append(time.process_time() - started)
        self._rebalancing = decided.rebalancing
        for one in decided.assignments:
            row = self.registrations[one.registration_id]
            if row.epoch != one.epoch or one.former is Former.UNCHANGED:
                raise RuntimeError("nothing moves here while it is moving")
            self.registrations[one.registration_id] = row._replace(
                bridge_id=one.bridge_id, epoch=row.epoch + 1, registered=True
            )
        return decided

    def until_done(self) -> tuple[int, int, float]:
        """Plan until there is nothing to do; return how many plans, the moves made, and the
        planning's seconds of CPU.
        """
        before, moves = len(self.seconds), 0
        for _ in range(PLANS_MOST):
            decided = self.turn()
            moves += len(decided.assignments)
            if decided.empty and not decided.rebalancing:
                plans = self.seconds[before:]
                return len(plans) - 1, moves, sum(plans)
        raise RuntimeError(f"not done after {PLANS_MOST} plans")

    def loads(self) -> Counter[str]:
        """Return the registrations of each bridge that takes some."""
        loads = Counter(
            dict.fromkeys((one.id for one in self.bridges.values() if one.refusal is None), 0)
        )
        loads.update(one.bridge_id for one in self.registrations.values() if one.bridge_id)
        return loads

    def spread(self) -> int:
        """Return the fullest bridge's registrations less the emptiest's."""
        loads = self.loads()
        return max(loads.values()) - min(loads.values())

    def refuse(self, bridge_id: str, refusal: MoveRefusal) -> None:
        """Lose or drain a bridge."""
        self.bridges[bridge_id] = Bridge(
            id=bridge_id, capacity=self.bridges[bridge_id].capacity, refusal=refusal
        )

    def join(self, bridge_id: str) -> None:
        """Add an empty bridge."""
        capacity = next(iter(self.bridges.values())).capacity
        self.bridges[bridge_id] = Bridge(id=bridge_id, capacity=capacity)


def simulate(
    *, restaurants: int = RESTAURANTS, bridges: int = BRIDGES, spare: int = SPARE
) -> dict[str, int | float]:
    """Fill `bridges` to the last place; with `spare` more, place all, lose one, lose a tenth, drain
    one, join one.

    Returns plans, moves, planning's seconds of CPU and the spread after each.
    """
    dice = random.Random(SEED)
    result: dict[str, int | float] = {
        "restaurants": restaurants,
        "bridges": bridges,
        "spare": spare,
    }
    fleet = SimulatedFleet(restaurants=restaurants, bridges=bridges, capacity=CAPACITY)

    def phase(name: str, change: Callable[[], object]) -> None:
        change()
        plans, moves, seconds = fleet.until_done()
        result[f"{name}_plans"], result[f"{name}_moves"] = plans, moves
        result[f"{name}_s"], result[f"{name}_spread"] = round(seconds, 3), fleet.spread()
        result["slowest_plan_s"] = round(max(result.get("slowest_plan_s", 0.0), *fleet.seconds), 3)

    def lose(count: int) -> None:
        for bridge_id in dice.sample([*fleet.loads()], count):
            fleet.refuse(bridge_id, MoveRefusal.LOST)

    def drain() -> None:
        fleet.refuse(dice.choice([*fleet.loads()]), MoveRefusal.DRAINING)

    phase("fill", lambda: None)
    fleet = SimulatedFleet(restaurants=restaurants, bridges=bridges + spare, capacity=CAPACITY)
    phase("place", lambda: None)
    phase("lose_one", lambda: lose(1))
    phase("lose_tenth", lambda: lose((bridges + spare) // 10))
    phase("drain_one", drain)
    phase("join_one", lambda: fleet.join("bridge-new"))
    return result
