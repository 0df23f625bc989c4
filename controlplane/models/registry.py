"""Imports every model, so that `Base.metadata` is whole for migrations and tests."""

from controlplane.models import (
    call,
    event_outbox,
    menu,
    nodes,
    opening_rule,
    order,
    restaurant,
    sip_registration,
)
from controlplane.models.base import Base

__all__ = [
    "Base",
    "call",
    "event_outbox",
    "menu",
    "nodes",
    "opening_rule",
    "order",
    "restaurant",
    "sip_registration",
]
