"""How much each bridge holds while a plan is made, and how evenly the load is spread."""

import heapq
import math
from collections.abc import Iterable
from dataclasses import dataclass

from controlplane.models.sip_registration import MoveRefusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Bridge:
    """What placement knows of one bridge."""

    id: str
    capacity: int
    refusal: MoveRefusal | None = None
    """Says why it takes no registrations now; None when it does, as long as it has room."""
    steady: bool = True
    """It has been heard of for long enough that loads are evened out with it."""

    @property
    def lost(self) -> bool:
        """Tell whether what it holds goes elsewhere at once."""
        return self.refusal is MoveRefusal.LOST

    @property
    def draining(self) -> bool:
        """Tell whether what it holds moves away, a few at a time."""
        return self.refusal is MoveRefusal.DRAINING


class Loads:
    """Knows how many registrations each bridge holds, and which has the most room left."""

    def __init__(self, bridges: Iterable[Bridge]) -> None:
        self.bridges = {bridge.id: bridge for bridge in bridges}
        self.held = dict.fromkeys(self.bridges, 0)
        self._heap: list[tuple[float, str, int]] = []

    def build(self) -> None:
        """Order the bridges by their load. It is called once `held` is counted."""
        self._heap = [self._entry(one) for one in self.bridges.values() if one.refusal is None]
        heapq.heapify(self._heap)

    def _entry(self, bridge: Bridge) -> tuple[float, str, int]:
        held = self.held[bridge.id]
        return ((held + 1) / bridge.capacity, bridge.id, held)

    def add(self, bridge_id: str | None, count: int) -> None:
        if bridge_id not in self.held:
            return
        self.held[bridge_id] += count
        bridge = self.bridges[bridge_id]
        if self._heap and bridge.refusal is None:
            heapq.heappush(self._heap, self._entry(bridge))

    def refusal(self, bridge_id: str) -> MoveRefusal | None:
        """Say why that bridge can't take one more; None when it can."""
        bridge = self.bridges.get(bridge_id)
        if bridge is None:
            return MoveRefusal.LOST
        if bridge.refusal is None and self.held[bridge_id] >= bridge.capacity:
            return MoveRefusal.FULL
        return bridge.refusal

    def least(self) -> str | None:
        """Return the bridge that would have the smallest part of its capacity taken; None when all
        are full.
        """
        while self._heap:
            after, bridge_id, held = self._heap[0]
            if held == self.held[bridge_id]:
                return bridge_id if after <= 1 else None
            heapq.heappop(self._heap)
        return None


class LoadBalance:
    """Knows what part of its capacity each bridge owns, while moves are chosen to even them out."""

    def __init__(self, owned: dict[str, int], bridges: dict[str, Bridge]) -> None:
        self._owned = owned
        self._bridges = bridges

    def _part(self, bridge_id: str, more: int = 0) -> float:
        return (self._owned[bridge_id] + more) / self._bridges[bridge_id].capacity

    def ends(self) -> tuple[str, str]:
        """Return the fullest bridge and the emptiest."""
        fullest = max(self._owned, key=lambda name: (self._part(name), name))
        return fullest, min(self._owned, key=lambda name: (self._part(name), name))

    def spread(self) -> float:
        fullest, emptiest = self.ends()
        return self._part(fullest) - self._part(emptiest)

    def worth_it(self) -> bool:
        """Tell whether one more move brings the two nearer; else it would only be undone by the
        next.
        """
        fullest, emptiest = self.ends()
        return self._part(emptiest, 1) < self._part(fullest) and not math.isclose(
            self._part(emptiest, 1), self._part(fullest)
        )

    def move(self, source: str, target: str) -> None:
        self._owned[source] -= 1
        self._owned[target] += 1
