"""What bridges and workers say of themselves in Redis, over and over, with a TTL: who is silent for
that long is gone.
"""

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from controlplane.contracts.messages import NODE_NAME, Message


class DrainStep(StrEnum):
    """Says how far a bridge's drain has come. The steps follow in this order."""

    MOVING = "moving"
    """Its registrations are being registered elsewhere, then given back here."""
    CLOSED = "closed"
    """None is left; new calls are refused, the present ones go on."""
    STOPPING = "stopping"
    """No call is left; FreeSWITCH shuts down."""


class BridgeHeartbeat(Message):
    """A bridge says twice a second how it is, with a TTL of 5 s."""

    bridge_id: str = Field(pattern=NODE_NAME)
    capacity: int
    active_calls: int
    """Counts the calls the bridge agent is taking care of."""
    drain: DrainStep | None = None
    sent_at: datetime
    instance: str = Field(default="", max_length=64)
    """FreeSWITCH's Core-UUID, which is a new one after each start."""
    sip_address: str = Field(default="", max_length=128)
    """Carriers see its profile at this `host:port`."""
    sip_bound: str = Field(default="", max_length=128)
    """FreeSWITCH itself listens at this `host:port`, where controllers ask whether it still does.
    """
    registered: int = 0
    """Counts the gateways that are REGED now."""
    sip_answers: bool = True
    """It is false while FreeSWITCH does not answer the bridge agent's OPTIONS: its HEARTBEAT events
    go on even when its SIP is frozen."""
    keeps_firewall: bool | None = None
    """It is true where the agent itself keeps strangers from the SIP port; left out elsewhere."""
    postgres_answers: bool = True
    """It is false while the bridge is cut off from Postgres: what it is given would not arrive."""
    switch_ended: bool = False
    """It is true when FreeSWITCH has ended: its event socket is closed, and nobody listens where it
    did. Its registrations lead nowhere."""

    @property
    def draining(self) -> bool:
        """Tell whether it takes no more registrations."""
        return self.drain is not None


class WorkerHeartbeat(Message):
    """A worker says every second how it is, with a TTL of 5 s."""

    worker_id: str
    slots: int
    active_calls: int
    draining: bool
    sent_at: datetime
