"""How long what is ordered takes, by what the kitchen has to make already. Pure.

What is ordered waits for what was ordered before it, so more open orders never make it ready
earlier; nobody's promised time is moved.
"""

from collections.abc import Iterable
from datetime import datetime

from controlplane.contracts.opening import KitchenPace, KitchenUnit, OpenOrder


def preparation_minutes(pace: KitchenPace, open_orders: Iterable[OpenOrder], at: datetime) -> int:
    """Minutes that what is ordered at `at` takes: at least the pace's least, at most its most.

    An order counts until it is to be ready, so a moment after all are is one of an idle kitchen.
    """
    units = sum(order.units for order in open_orders if order.ready_at > at)
    minutes = -(-units * pace.seconds_per_unit // 60)
    return min(max(minutes, pace.least_minutes), pace.most_minutes)


def units_of(pace: KitchenPace, points: int) -> int:
    """What an order of so many kitchen points is to this kitchen."""
    return 1 if pace.unit is KitchenUnit.ORDERS else points
