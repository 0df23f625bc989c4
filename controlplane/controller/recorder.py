"""Step 12 of a call: moves events from the call events stream to Postgres, each exactly once.

An entry is acknowledged after its commit, so a crash in between records it again, which changes
nothing. One that can't be recorded goes to a bounded dead-letter stream and holds up nobody; one
that left the stream before it was read is counted as lost.
"""

import time
from collections.abc import Sequence
from typing import Any, Final, TypeAlias

import structlog
from redis import Redis
from redis.exceptions import ResponseError
from sqlalchemy import Engine
from sqlalchemy.exc import DataError, IntegrityError

from controlplane.contracts import redis_keys
from controlplane.contracts.messages import AnyCallEvent, MessageError, parse_call_event
from controlplane.controller import metrics
from controlplane.controller.call_rows import EventRefused, record_event, tell_pages
from controlplane.controller.lost_events import LostEvents

GROUP: Final = redis_keys.RECORDER_GROUP
FIELD: Final = redis_keys.CALL_EVENT_FIELD
BATCH: Final = 100
"""One transaction records this many entries."""
BLOCK_MS: Final = 1_000
"""An idle recorder looks this often whether it should stop."""
ABANDONED_AFTER_MS: Final = 30_000
"""When a recorder has read entries and not acknowledged them for this long, another one records
them."""
DEAD_LETTERS: Final = 1_000
"""The dead-letter stream keeps about this many entries."""
KEEP_DEAD_S: Final = 7 * 24 * 3_600
"""A dead letter may hold a caller's words: there is a week to see what is wrong with it."""
KEEP_RECORDED_S: Final = 600
"""Recorded entries stay readable this long; transcripts do not linger in Redis beyond."""
FORGET_CONSUMER_MS: Final = 24 * 3_600 * 1_000
"""A consumer idle for this long is forgotten: a recorder reads every second, and pods have a new
name at every start."""

_FORGET_CONSUMERS: Final = """
for _, consumer in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local about = {}
  for i = 1, #consumer, 2 do about[consumer[i]] = consumer[i + 1] end
  if about['pending'] == 0 and about['idle'] > tonumber(ARGV[2]) then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], about['name'])
  end
end
"""
"""It runs in one step: what a consumer reads in between would be forgotten with it."""

Entry: TypeAlias = tuple[str, dict[str, str] | None]

_POISON = (MessageError, EventRefused, IntegrityError, DataError)

_logger = structlog.get_logger()


class Recorder:
    """One consumer of the group. `redis` must answer in text (`decode_responses`)."""

    def __init__(self, redis: Redis, engine: Engine, *, consumer: str) -> None:
        self._redis = redis
        self._engine = engine
        self._consumer = consumer
        self._lost = LostEvents(redis, GROUP)
        self._reread_own = True
        """Entries may have been read and not recorded: after a start, a failure, or a silence in
        which the answer to a read was perhaps lost on its way."""

    def turn(self) -> None:
        """Record what there is, waiting up to `BLOCK_MS` for the first entry.

        Raises Redis's and SQLAlchemy's errors; nothing is lost by calling again.
        """
        reread, self._reread_own = self._reread_own, True
        if reread:
            self._ensure_group()
        else:
            self._lost.look()
        entries = self._read("0" if reread else ">")
        self._record(entries)
        self._reread_own = bool(entries) if reread else not entries

    def claim_abandoned(self) -> None:
        """Record what another consumer read and left because its process died."""
        self._ensure_group()
        cursor = "0-0"
        while True:
            cursor, entries, *gone = self._redis.xautoclaim(
                redis_keys.CALL_EVENTS,
                GROUP,
                self._consumer,
                min_idle_time=ABANDONED_AFTER_MS,
                start_id=cursor,
                count=BATCH,
            )
            self._record(entries)
            self._lost.were_in_hand(sum(map(len, gone)))
            if cursor == "0-0":
                return

    def trim(self) -> None:
        """Forget entries recorded long ago, but never one that is unread or not acknowledged; and
        old dead letters.
        """
        self._ensure_group()
        groups: list[dict[str, Any]] = self._redis.xinfo_groups(redis_keys.CALL_EVENTS)
        floor = _millis_id(time.time() - KEEP_RECORDED_S)
        for group in groups:
            floor = min(floor, group["last-delivered-id"], key=_sort_key)
            if group["pending"]:
                pending = self._redis.xpending(redis_keys.CALL_EVENTS, group["name"])
                floor = min(floor, pending["min"] or floor, key=_sort_key)
        self._redis.xtrim(redis_keys.CALL_EVENTS, minid=floor, approximate=True)
        oldest = _millis_id(time.time() - KEEP_DEAD_S)
        self._redis.xtrim(redis_keys.CALL_EVENTS_DEAD, minid=oldest, approximate=False)
        self._redis.eval(
            _FORGET_CONSUMERS, 1, redis_keys.CALL_EVENTS, GROUP, str(FORGET_CONSUMER_MS)
        )

    def measure(self) -> None:
        """Measure how far the recorders are behind."""
        self._ensure_group()
        groups: list[dict[str, Any]] = self._redis.xinfo_groups(redis_keys.CALL_EVENTS)
        group = next(group for group in groups if group["name"] == GROUP)
        unread: Any = self._redis.xrange(
            redis_keys.CALL_EVENTS, min=f"({group['last-delivered-id']}", count=1
        )
        waiting = [entry_id for entry_id, _ in unread]
        if group["pending"]:
            pending: Any = self._redis.xpending(redis_keys.CALL_EVENTS, GROUP)
            waiting += [pending["min"]] if pending["min"] else []
        now_s, _ = self._redis.time()
        ages = [now_s - _sort_key(entry_id)[0] / 1_000 for entry_id in waiting]
        metrics.EVENTS_WAITING.set((group.get("lag") or 0) + group["pending"])
        metrics.EVENTS_LAG.set(max(0.0, *ages) if ages else 0.0)
        metrics.DEAD_LETTERS.set(self._redis.xlen(redis_keys.CALL_EVENTS_DEAD))

    def _ensure_group(self) -> None:
        try:
            self._redis.xgroup_create(redis_keys.CALL_EVENTS, GROUP, id="0", mkstream=True)
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise

    def _read(self, after: str) -> list[Entry]:
        answer: Any = self._redis.xreadgroup(
            GROUP, self._consumer, {redis_keys.CALL_EVENTS: after}, count=BATCH, block=BLOCK_MS
        )
        streams = answer.values() if isinstance(answer, dict) else [rows for _, rows in answer]
        return [entry for rows in streams for entry in rows]

    def _record(self, entries: Sequence[Entry]) -> None:
        if not entries:
            return
        readable: dict[str, AnyCallEvent] = {}
        gone: list[str] = []
        for entry_id, fields in entries:
            if not fields:  # trimmed away before it was recorded
                gone.append(entry_id)
                continue
            try:
                readable[entry_id] = parse_call_event(fields.get(FIELD, ""))
            except MessageError as error:
                self._park(entry_id, fields, error)
        # Calls in one order for all: two recorders never wait for each other in a ring.
        ordered = dict(sorted(readable.items(), key=lambda item: item[1].call_id))
        recorded = self._commit(ordered, dict(entries))
        with self._engine.begin() as connection:
            tell_pages(connection, [readable[entry_id] for entry_id in recorded])
        metrics.EVENTS_RECORDED.inc(len(recorded))
        self._lost.were_in_hand(len(gone))
        if recorded or gone:
            self._redis.xack(redis_keys.CALL_EVENTS, GROUP, *recorded, *gone)

    def _commit(
        self, events: dict[str, AnyCallEvent], fields: dict[str, dict[str, str] | None]
    ) -> list[str]:
        """Record all in one transaction, or one by one when an entry among them fits no table."""
        try:
            with self._engine.begin() as connection:
                for event in events.values():
                    record_event(connection, event)
            return list(events)
        except _POISON:
            pass
        recorded = []
        for entry_id, event in events.items():
            try:
                with self._engine.begin() as connection:
                    record_event(connection, event)
                recorded.append(entry_id)
            except _POISON as error:
                self._park(entry_id, fields[entry_id] or {}, error)
        return recorded

    def _park(self, entry_id: str, fields: dict[str, str], error: Exception) -> None:
        reason = str(error) if isinstance(error, MessageError | EventRefused) else ""
        _logger.error(
            "call_event_parked", entry=entry_id, error=type(error).__name__, reason=reason
        )
        with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.xadd(
                redis_keys.CALL_EVENTS_DEAD,
                {
                    "entry": entry_id,
                    "reason": reason or type(error).__name__,
                    FIELD: fields.get(FIELD, ""),
                },
                maxlen=DEAD_LETTERS,
                approximate=True,
            )
            pipeline.xack(redis_keys.CALL_EVENTS, GROUP, entry_id)
            pipeline.execute()
        metrics.EVENTS_PARKED.inc()


def _millis_id(unix_s: float) -> str:
    return f"{int(unix_s * 1_000)}-0"


def _sort_key(entry_id: str) -> tuple[int, int]:
    millis, _, sequence = entry_id.partition("-")
    return int(millis), int(sequence or 0)
