"""Reads and writes the rows of `sip_registration` for placement: a whole plan in few statements.

Writes are fenced by the epoch decided on, and pass over rows that somebody else holds right now:
one bridge agent that hangs within its report must not hold up the failover of two hundred others.
"""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, text

from controlplane.contracts.gateway_states import GatewayState
from controlplane.controller.plan import Assignment, Refusal, Registration

MOVE_PATIENCE_S: Final = 30
"""A move not finished in this time (because its carrier refuses the new bridge, say) keeps both
bindings and no longer counts as in flight: it must not hold up other tenants' moves."""

_READ: Final = text(
    "SELECT r.id, r.bridge_id, r.former_bridge_id, r.epoch,"
    " r.state = :registered AND r.state_epoch = r.epoch, s.status = 'live', r.requested_bridge_id,"
    " r.former_bridge_id IS NOT NULL AND r.placed_at > now() - make_interval(secs => :patience)"
    " FROM sip_registration r JOIN restaurant s ON s.id = r.restaurant_id"
)
# What a turn asks for when nothing told it of a change: notifications may be lost.
_WAITING: Final = text(
    "SELECT r.id FROM sip_registration r JOIN restaurant s ON s.id = r.restaurant_id"
    " WHERE r.bridge_id IS NULL AND s.status = 'live'"
    " UNION ALL SELECT id FROM sip_registration WHERE requested_bridge_id IS NOT NULL"
    " LIMIT :most"
)
_LOCKED: Final = (
    "WITH locked AS MATERIALIZED (SELECT d.*, r.bridge_id AS owner, r.former_bridge_id AS keeper"
    " FROM {decided} JOIN sip_registration r ON r.id = d.id WHERE {fence}"
    " FOR NO KEY UPDATE OF r SKIP LOCKED), "
)
_ASSIGN: Final = text(
    _LOCKED.format(
        decided="unnest(CAST(:ids AS uuid[]), CAST(:epochs AS int[]), CAST(:bridges AS text[]),"
        " CAST(:reasons AS text[]), CAST(:formers AS text[]))"
        " AS d(id, epoch, bridge, reason, former)",
        fence="r.epoch = d.epoch AND (d.former <> 'owner' OR r.former_bridge_id IS NULL)",
    )
    + "moved AS (UPDATE sip_registration r SET bridge_id = l.bridge, epoch = l.epoch + 1,"
    " former_bridge_id = nullif(CASE l.former WHEN 'owner' THEN l.owner"
    " WHEN 'unchanged' THEN l.keeper END, l.bridge),"
    " placement_reason = l.reason, placed_at = now(), requested_bridge_id ="
    " CASE WHEN l.reason = 'admin' THEN NULL ELSE r.requested_bridge_id END"
    " FROM locked l WHERE r.id = l.id RETURNING r.id, r.bridge_id, r.epoch, l.reason),"
    " logged AS (INSERT INTO sip_registration_event"
    " (registration_id, bridge_id, epoch, event, detail)"
    " SELECT id, bridge_id, epoch, 'placed', reason FROM moved)"
    " SELECT id FROM moved"
)
_CLEAR: Final = text(
    _LOCKED.format(
        decided="unnest(CAST(:ids AS uuid[]), CAST(:epochs AS int[])) AS d(id, epoch)",
        fence="r.epoch = d.epoch AND NOT EXISTS (SELECT FROM restaurant s"
        " WHERE s.id = r.restaurant_id AND s.status = 'live')",
    )
    + "cleared AS (UPDATE sip_registration r SET bridge_id = NULL, former_bridge_id = NULL"
    " FROM locked l WHERE r.id = l.id RETURNING r.id, l.owner, r.epoch),"
    " logged AS (INSERT INTO sip_registration_event (registration_id, bridge_id, epoch, event)"
    " SELECT id, owner, epoch, 'cleared' FROM cleared)"
    " SELECT id FROM cleared"
)
_RELEASE: Final = text(
    _LOCKED.format(
        decided="unnest(CAST(:ids AS uuid[]), CAST(:formers AS text[])) AS d(id, former)",
        fence="r.former_bridge_id = d.former",
    )
    + "released AS (UPDATE sip_registration r SET former_bridge_id = NULL"
    " FROM locked l WHERE r.id = l.id RETURNING r.id, l.former, r.epoch),"
    " logged AS (INSERT INTO sip_registration_event"
    " (registration_id, bridge_id, epoch, event, detail)"
    " SELECT id, former, epoch, 'released', 'lost' FROM released)"
    " SELECT id FROM released"
)
_REFUSE: Final = text(
    _LOCKED.format(
        decided="unnest(CAST(:ids AS uuid[]), CAST(:bridges AS text[]), CAST(:reasons AS text[]))"
        " AS d(id, bridge, reason)",
        fence="r.requested_bridge_id = d.bridge",
    )
    + "refused AS (UPDATE sip_registration r SET requested_bridge_id = NULL"
    " FROM locked l WHERE r.id = l.id RETURNING r.id, l.bridge, r.epoch, l.reason),"
    " logged AS (INSERT INTO sip_registration_event"
    " (registration_id, bridge_id, epoch, event, detail)"
    " SELECT id, bridge, epoch, 'move_refused', reason FROM refused WHERE reason <> '')"
    " SELECT id FROM refused"
)


def read_registrations(connection: Connection) -> list[Registration]:
    """Return all of them: 100,000 take about half a second."""
    values = {"patience": MOVE_PATIENCE_S, "registered": GatewayState.REGED}
    rows = connection.execute(_READ, values)
    return [Registration(*row) for row in rows]


def read_waiting(connection: Connection, *, most: int) -> frozenset[object]:
    """Return, cheaply, up to `most` ids of registrations that wait for the controller: unplaced, or
    asked to move.
    """
    return frozenset(connection.scalars(_WAITING, {"most": most}))


def write_assignments(connection: Connection, assignments: Sequence[Assignment]) -> set[object]:
    """Give rows to their new owners; return the ids of those that were still as decided on."""
    return _write(
        connection,
        _ASSIGN,
        ids=[one.registration_id for one in assignments],
        epochs=[one.epoch for one in assignments],
        bridges=[one.bridge_id for one in assignments],
        reasons=[one.reason.value for one in assignments],
        formers=[one.former.value for one in assignments],
    )


def write_cleared(connection: Connection, cleared: Sequence[Registration]) -> set[object]:
    """Take rows off their bridges, if their restaurants are still not live; return their ids."""
    return _write(
        connection, _CLEAR, ids=[one.id for one in cleared], epochs=[one.epoch for one in cleared]
    )


def write_released(connection: Connection, released: Sequence[Registration]) -> set[object]:
    """Forget former owners that are lost; return the rows' ids."""
    return _write(
        connection,
        _RELEASE,
        ids=[one.id for one in released],
        formers=[one.former_bridge_id for one in released],
    )


def write_refusals(connection: Connection, refusals: Sequence[Refusal]) -> set[object]:
    """Answer requested moves that are not made; return the rows' ids."""
    return _write(
        connection,
        _REFUSE,
        ids=[one.registration_id for one in refusals],
        bridges=[one.bridge_id for one in refusals],
        reasons=[one.reason.value if one.reason else "" for one in refusals],
    )


def _write(connection: Connection, statement: object, **arrays: list[object]) -> set[object]:
    if not arrays["ids"]:
        return set()
    return set(connection.scalars(statement, arrays))  # type: ignore[call-overload]
