"""Reads and writes the rows of `sip_bridge_node` and `ai_worker_node`."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from sqlalchemy import Connection, text

from controlplane.contracts.heartbeats import BridgeHeartbeat, WorkerHeartbeat

_WRITE_BRIDGES: Final = text(
    "INSERT INTO sip_bridge_node AS node (id, capacity, instance, sip_address, last_seen_at)"
    " SELECT beat.id, beat.capacity, nullif(beat.instance, ''), nullif(beat.address, ''), now()"
    " FROM unnest(CAST(:ids AS text[]), CAST(:capacities AS int[]), CAST(:instances AS text[]),"
    " CAST(:addresses AS text[])) AS beat(id, capacity, instance, address)"
    " ON CONFLICT (id) DO UPDATE SET capacity = excluded.capacity,"
    " instance = coalesce(excluded.instance, node.instance),"
    " sip_address = coalesce(excluded.sip_address, node.sip_address),"
    # A new start of FreeSWITCH ends the drain of the one before.
    " drain_requested_at = CASE WHEN excluded.instance <> node.instance THEN NULL"
    " ELSE node.drain_requested_at END,"
    " last_seen_at = excluded.last_seen_at"
)
_WRITE_WORKERS: Final = text(
    "INSERT INTO ai_worker_node (id, slots, last_seen_at)"
    " SELECT beat.*, now() FROM unnest(CAST(:ids AS text[]), CAST(:slots AS int[])) AS beat"
    " ON CONFLICT (id) DO UPDATE SET slots = excluded.slots, last_seen_at = excluded.last_seen_at"
)

_READ: Final = text(
    "SELECT id, capacity, drain_requested_at IS NOT NULL FROM sip_bridge_node ORDER BY id"
)


class NodeRow(NamedTuple):
    """What Postgres knows of a bridge."""

    id: str
    capacity: int
    drain_requested: bool


def read_bridges(connection: Connection) -> list[NodeRow]:
    """Return every bridge there ever was, by name."""
    return [NodeRow(*row) for row in connection.execute(_READ)]


def write_bridges(connection: Connection, beats: Sequence[BridgeHeartbeat]) -> None:
    """Write the bridges that are alive now; when FreeSWITCH has started anew, its drain is over."""
    if beats:
        connection.execute(
            _WRITE_BRIDGES,
            {
                "ids": [beat.bridge_id for beat in beats],
                "capacities": [beat.capacity for beat in beats],
                "instances": [beat.instance for beat in beats],
                "addresses": [beat.sip_address for beat in beats],
            },
        )


def write_workers(connection: Connection, beats: Sequence[WorkerHeartbeat]) -> None:
    """Write the workers that are alive now."""
    if beats:
        connection.execute(
            _WRITE_WORKERS,
            {
                "ids": [beat.worker_id for beat in beats],
                "slots": [beat.slots for beat in beats],
            },
        )
