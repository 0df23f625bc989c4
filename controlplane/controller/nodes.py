"""Which bridges and workers are alive: their heartbeats in Redis, remembered in Postgres.

A bridge is lost at once when its FreeSWITCH is known to have ended (`bridge_watch.py`), else when
nothing new was heard of it for the timeout while Redis could be read all that time: an outage of
Redis, its empty restart or a pause of this process is nobody's death, and gives every bridge a
fresh timeout.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import structlog
from pydantic import ValidationError
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import Connection

from controlplane.contracts import redis_keys
from controlplane.contracts.heartbeats import BridgeHeartbeat, WorkerHeartbeat
from controlplane.controller import metrics
from controlplane.controller.bridge_watch import BridgeWatch
from controlplane.controller.loads import Bridge
from controlplane.controller.node_rows import NodeRow, write_bridges, write_workers
from controlplane.controller.switch_ports import AskAll, SwitchPorts
from controlplane.models.sip_registration import MoveRefusal

DISCOVER_EVERY_S: Final = 1.0
"""Nodes not heard of before are looked for this often; known ones are read at every look."""
WRITE_EVERY_S: Final = 5.0
"""`last_seen_at` in Postgres is up to this late; what is new is written at once."""
MOST_REGISTRATIONS: Final = 200
"""A bridge holds no more than this, which is the table's own bound."""
SCAN_COUNT: Final = 1_000
SCANS_A_LOOK: Final = 20
"""A look scans this many times `SCAN_COUNT` keys, 10 ms in all: among millions of keys a new node
is found later, but no look takes so long that it would count as an interruption and put off every
failover."""
READ_GAP_S: Final = 2.0
"""Looks further apart than this are an interruption: what was missed says nothing."""

NOBODY: Final = redis_keys.worker_heartbeat("-")
"""MGET wants one key at least."""

_BRIDGES: Final = redis_keys.bridge_heartbeat("*").split("*")
_WORKERS: Final = redis_keys.worker_heartbeat("*").split("*")

_logger = structlog.get_logger()


class Nodes:
    """What a leader knows of the bridges and workers; `forget` begins a term."""

    def __init__(
        self,
        redis: Redis,
        *,
        bridge_timeout_s: float,
        clock: Callable[[], float] = time.monotonic,
        ask_all: AskAll | None = None,
    ) -> None:
        """`redis` answers in text, and fast or not at all: it is read four times a second.
        `ask_all` asks FreeSWITCHes at their addresses.
        """
        self._redis = redis
        self._timeout_s = bridge_timeout_s
        self._clock = clock
        self._ask_all = ask_all
        self.forget()

    def forget(self) -> None:
        """Begin anew: every bridge gets a fresh timeout."""
        self._heard: dict[str, BridgeWatch] = {}
        self._ports = SwitchPorts(ask_all=self._ask_all, clock=self._clock)
        self._workers: dict[str, WorkerHeartbeat] = {}
        self._worker_keys: list[str] = []
        self._cursor = 0
        self._found: set[str] = set()
        self._looked_at = float("-inf")
        self._discovered_at = float("-inf")
        self._server = ""
        self._written: Mapping[str, object] = {}
        self._written_at = float("-inf")
        metrics.WORKERS.set(0)
        _count([])

    def look(self) -> None:
        """Read the heartbeats. Raises `RedisError`; the next look that succeeds makes up for it."""
        try:
            discovered = self._discover()
            with self._redis.pipeline(transaction=False) as pipeline:
                pipeline.info("server")
                names = list({*self._heard, *discovered})
                pipeline.mget([redis_keys.bridge_heartbeat(name) for name in names] or [NOBODY])
                pipeline.mget(self._worker_keys or [NOBODY])
                server, bodies, workers = pipeline.execute()
        except RedisError:
            self._looked_at = float("-inf")
            raise
        now = self._clock()
        run_id = str(server.get("run_id", ""))
        if now - self._looked_at > READ_GAP_S or run_id != self._server:
            self._start_clocks(now)
        self._looked_at, self._server = now, run_id
        for name, body in zip(names, bodies, strict=False):
            self._hear(name, body, now)
        self._hear_workers(workers)
        self._ask_switches(now)
        for name, heard in self._heard.items():
            self._judge(name, heard, now)

    def watch(self, rows: Iterable[NodeRow]) -> None:
        """Watch these bridges too, which were there before this term."""
        now = self._clock()
        for row in rows:
            self._heard.setdefault(row.id, BridgeWatch(heard_at=now, steady_since=now))

    def bridges(self, rows: Sequence[NodeRow]) -> list[Bridge]:
        """Return the bridges of Postgres as placement sees them now."""
        self.watch(rows)
        now = self._clock()
        bridges = []
        for row in rows:
            heard = self._heard[row.id]
            bridges.append(
                Bridge(
                    id=row.id,
                    capacity=heard.beat.capacity if heard.beat else row.capacity,
                    refusal=self._refusal(heard, row, now),
                    steady=heard.steady(now),
                )
            )
        _count(bridges)
        return bridges

    def heard_at(self, bridge_id: str) -> float | None:
        """Return the monotonic time of its last heartbeat, or None when none was heard in this
        term.
        """
        heard = self._heard.get(bridge_id)
        return heard.heard_at if heard and heard.beat else None

    def unwritten(self) -> bool:
        """Tell whether `remember` is due."""
        now = self._clock()
        return self._written != self._writable() or now - self._written_at >= WRITE_EVERY_S

    def remember(self, connection: Connection) -> None:
        """Write the nodes alive now; the caller commits."""
        bridges = [
            heard.beat
            for heard in self._heard.values()
            if heard.beat and not heard.doubted(self._clock())
        ]
        write_bridges(connection, bridges)
        write_workers(connection, list(self._workers.values()))

    def remembered(self) -> None:
        """Note that what `remember` wrote was committed."""
        self._written, self._written_at = self._writable(), self._clock()

    def _writable(self) -> Mapping[str, object]:
        bridges: dict[str, object] = {
            f"b:{name}": (heard.beat.capacity, heard.beat.instance, heard.beat.sip_address)
            for name, heard in self._heard.items()
            if heard.beat and not heard.doubted(self._clock())
        }
        return bridges | {f"w:{name}": beat.slots for name, beat in self._workers.items()}

    def _discover(self) -> set[str]:
        """Return the bridges found so far. A scan of all keys goes on over several looks."""
        if self._cursor == 0:
            if self._clock() - self._discovered_at < DISCOVER_EVERY_S:
                return set()
            self._discovered_at = self._clock()
            self._found = set()
        for _ in range(SCANS_A_LOOK):
            answer: Any = self._redis.scan(
                self._cursor, match=redis_keys.HEARTBEATS, count=SCAN_COUNT
            )
            self._cursor, keys = int(answer[0]), answer[1]
            self._found |= set(keys)
            if self._cursor == 0:
                self._worker_keys = sorted(_of(self._found, _WORKERS))
                break
        before, after = _BRIDGES
        return {key.removeprefix(before).removesuffix(after) for key in _of(self._found, _BRIDGES)}

    def _start_clocks(self, now: float) -> None:
        for heard in self._heard.values():
            heard.start_clock(now)

    def _hear(self, name: str, body: str | None, now: float) -> None:
        heard = self._heard.get(name)
        if body is None or (heard is not None and heard.body == body):
            return
        beat = _bridge_beat(name, body)
        if heard is None:
            if beat is None:
                return  # nonsense under a name nobody knows
            heard = self._heard[name] = BridgeWatch(heard_at=now, steady_since=now)
            _logger.info("bridge_joined", bridge_id=name)
        if beat is None and heard.readable:
            _logger.warning("heartbeat_unreadable", bridge_id=name)
        contested = heard.contested_until > now
        heard.hear(body, beat, now)
        if heard.contested_until > now and not contested:
            _logger.error("bridge_name_used_twice", bridge_id=name)

    def _ask_switches(self, now: float) -> None:
        """Ask the FreeSWITCH of a bridge whose heartbeat is late whether it is still there."""
        places = {name: heard.sip_bound for name, heard in self._heard.items() if heard.sip_bound}
        overdue = {name for name in places if self._heard[name].overdue(now)}
        closed = self._ports.closed(
            overdue={places[name] for name in overdue},
            heard={place for name, place in places.items() if name not in overdue},
        )
        for name in overdue:
            if places[name] in closed:
                self._heard[name].switch_ended = True

    def _hear_workers(self, bodies: Iterable[str | None]) -> None:
        beats = (_worker_beat(body) for body in bodies if body is not None)
        self._workers = {beat.worker_id: beat for beat in beats if beat is not None}
        metrics.WORKERS.set(len(self._workers))

    def _judge(self, name: str, heard: BridgeWatch, now: float) -> None:
        if not heard.judge(now, timeout_s=self._timeout_s):
            return
        if not heard.lost:
            _logger.info("bridge_back", bridge_id=name)
        elif heard.beat is not None:
            metrics.BRIDGES_LOST.inc()
            _logger.warning(
                "bridge_lost",
                bridge_id=name,
                silent=heard.silent(now, timeout_s=self._timeout_s),
                sip_mute=heard.mute(now),
                switch_ended=heard.switch_ended,
            )

    def _refusal(self, heard: BridgeWatch, row: NodeRow, now: float) -> MoveRefusal | None:
        if heard.lost:
            return MoveRefusal.LOST
        if row.drain_requested or (heard.beat is not None and heard.beat.draining):
            return MoveRefusal.DRAINING
        return MoveRefusal.NOT_READY if heard.doubted(now) else None


def _of(keys: Iterable[str], form: Sequence[str]) -> list[str]:
    return [key for key in keys if key.startswith(form[0]) and key.endswith(form[1])]


def _bridge_beat(name: str, body: str) -> BridgeHeartbeat | None:
    try:
        beat = BridgeHeartbeat.model_validate_json(body)
    except ValidationError:
        return None
    return beat if beat.bridge_id == name and 1 <= beat.capacity <= MOST_REGISTRATIONS else None


def _worker_beat(body: str) -> WorkerHeartbeat | None:
    try:
        return WorkerHeartbeat.model_validate_json(body)
    except ValidationError:
        return None


def _count(bridges: Sequence[Bridge]) -> None:
    lost = sum(bridge.lost for bridge in bridges)
    metrics.BRIDGES.labels("lost").set(lost)
    metrics.BRIDGES.labels("draining").set(sum(bridge.draining for bridge in bridges))
    metrics.BRIDGES.labels("live").set(len(bridges) - lost)
