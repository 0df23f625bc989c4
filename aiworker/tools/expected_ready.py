"""When an order placed now would be ready, as the worker knows its restaurant."""

from datetime import datetime

from aiworker.tools.context import ToolContext
from controlplane.contracts.opening import OpeningKind
from controlplane.restaurants.what_happens import calendar_of, what_happens


def ready_if_ordered_now(context: ToolContext) -> datetime:
    """An instant of the restaurant's zone: the order's transaction may say a later one."""
    return what_happens(calendar_of(context.config), OpeningKind.PICKUP, context.now()).ready_at
