"""A caller's part of Redis: call events that were recorded or given up, calls' memories, and notes
of orders that nobody places any more.

An event that no recorder has written yet, or an order that a worker still places, would come back
after the erasure: so long as there is one of the caller's, nothing is erased.
"""

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from redis import Redis

from controlplane.contracts import redis_keys
from controlplane.errors import ServiceUnavailable

ENTRIES_AT_ONCE: Final = 1_000


class NotRecordedYet(ServiceUnavailable):
    """Events of the caller wait for a recorder."""

    def __init__(self, count: int) -> None:
        super().__init__(
            f"nothing is erased: {count} of the caller's call events are not recorded yet;"
            " try again in a minute, with a controller running"
        )


class NotPlacedYet(ServiceUnavailable):
    """Orders of the caller are being placed."""

    def __init__(self, count: int) -> None:
        super().__init__(
            f"nothing is erased: {count} of the caller's orders are being placed;"
            " try again in a minute, with a worker running"
        )


def erase_events(
    redis: Redis, *, number: str, call_ids: Collection[UUID], restaurant_ids: Collection[UUID]
) -> int:
    """Erase what tells of these calls, or of the number (E.164) at these restaurants.

    Returns how many entries, notes and calls' memories there were. `redis` answers in text. Raises
    `NotRecordedYet` or `NotPlacedYet`, having erased nothing, and `RedisError`.
    """
    whose = _Whose(number, {*map(str, call_ids)}, {*map(str, restaurant_ids)})
    recorded = whose.entries(redis, redis_keys.CALL_EVENTS)
    unrecorded_from = _first_unrecorded(redis)
    if waiting := [entry for entry in recorded if _order(entry) >= unrecorded_from]:
        raise NotRecordedYet(len(waiting))
    dead = whose.entries(redis, redis_keys.CALL_EVENTS_DEAD)
    notes = whose.notes(redis)
    if waiting := [key for key, note in notes.items() if _is_being_placed(note)]:
        raise NotPlacedYet(len(waiting))
    erased = 0
    for some in _at_once(list(notes)):
        erased += int(redis.hdel(redis_keys.UNSETTLED_ORDERS, *some))
    for stream, entries in (
        (redis_keys.CALL_EVENTS, recorded),
        (redis_keys.CALL_EVENTS_DEAD, dead),
    ):
        for some in _at_once(entries):
            erased += int(redis.xdel(stream, *some))
    for keys in _at_once([redis_keys.call_state(call_id) for call_id in call_ids]):
        erased += int(redis.delete(*keys))
    return erased


@dataclass(frozen=True, slots=True)
class _Whose:
    """Tells the caller's events from others: by call, or by number and restaurant."""

    number: str
    call_ids: set[str]
    restaurant_ids: set[str]

    def entries(self, redis: Redis, stream: str) -> list[str]:
        found = _entries(redis, stream)
        return [
            entry_id
            for entry_id, fields in found
            if self._owns(fields.get(redis_keys.CALL_EVENT_FIELD, ""))
        ]

    def notes(self, redis: Redis) -> dict[str, str]:
        """Return the notes of unsettled orders, by their key in the hash."""
        found: Any = redis.hgetall(redis_keys.UNSETTLED_ORDERS)
        return {key: note for key, note in found.items() if self._owns(note)}

    def _owns(self, body: str) -> bool:
        about = _about(body)
        if about is None:
            return self.number in body  # nobody can say whose else it is
        return about.get("callId") in self.call_ids or (
            self.number in (about.get("callerNumber"), about.get("customerPhoneE164"))
            and about.get("restaurantId") in self.restaurant_ids
        )


def _about(body: str) -> dict[str, Any] | None:
    """Read a call event, or the order within a note; None when it is neither."""
    try:
        read = json.loads(body)
    except ValueError:
        return None
    about = read.get("draft", read) if isinstance(read, dict) else None
    return about if isinstance(about, dict) else None


def _is_being_placed(note: str) -> bool:
    try:
        confirmed_at = datetime.fromisoformat(str((_about(note) or {}).get("confirmedAt")))
    except ValueError:  # no worker reads it either
        return False
    kept = timedelta(seconds=redis_keys.UNSETTLED_ORDER_KEPT_S)
    return datetime.now(UTC) - confirmed_at < kept


def _entries(redis: Redis, stream: str) -> Iterator[tuple[str, dict[str, str]]]:
    after = "-"
    while True:
        entries: Any = redis.xrange(stream, min=after, count=ENTRIES_AT_ONCE)
        yield from entries
        if len(entries) < ENTRIES_AT_ONCE:
            return
        after = f"({entries[-1][0]}"


def _first_unrecorded(redis: Redis) -> tuple[int, int]:
    """Return the id of the oldest entry that may still have to be recorded."""
    there = redis.exists(redis_keys.CALL_EVENTS)
    groups: Any = redis.xinfo_groups(redis_keys.CALL_EVENTS) if there else []
    group = next((group for group in groups if group["name"] == redis_keys.RECORDER_GROUP), None)
    if group is None:
        return (0, 0)
    millis, sequence = _order(group["last-delivered-id"])
    pending: Any = redis.xpending(redis_keys.CALL_EVENTS, redis_keys.RECORDER_GROUP)
    oldest = _order(pending["min"]) if pending["min"] else (millis, sequence + 1)
    return min(oldest, (millis, sequence + 1))


def _at_once(names: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(names), ENTRIES_AT_ONCE):
        yield names[start : start + ENTRIES_AT_ONCE]


def _order(entry_id: str) -> tuple[int, int]:
    millis, _, sequence = entry_id.partition("-")
    return int(millis), int(sequence or 0)
