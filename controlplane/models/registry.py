"""Imports every model, so that `Base.metadata` is whole for migrations and tests."""

from controlplane.models import (
    blocked_caller,
    call,
    carrier,
    consent,
    controller_lease,
    customer,
    event_outbox,
    menu,
    nodes,
    opening_exception,
    opening_rule,
    order,
    restaurant,
    sip_registration,
    transfer_target,
    voice_message,
)
from controlplane.models.base import Base

__all__ = [
    "Base",
    "blocked_caller",
    "call",
    "carrier",
    "consent",
    "controller_lease",
    "customer",
    "event_outbox",
    "menu",
    "nodes",
    "opening_exception",
    "opening_rule",
    "order",
    "restaurant",
    "sip_registration",
    "transfer_target",
    "voice_message",
]
