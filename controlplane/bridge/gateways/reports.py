"""What became of this bridge's registrations, written to Postgres: a batch is one transaction.

Only an owner reports, and only for the epoch it owns: the row's own WHERE refuses anybody else.
Refreshes are no news, so a night of them writes nothing.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import gevent
import redis
import structlog
from gevent.event import Event
from sqlalchemy import Engine, Row, insert, select, text, update
from sqlalchemy.exc import SQLAlchemyError

from controlplane.contracts import redis_keys
from controlplane.models.sip_registration import (
    REGISTERED,
    SUSPENDED,
    SipRegistration,
    SipRegistrationEvent,
)

GATHER_S: Final = 0.05
"""What changes within it goes into one transaction."""
RETRY_S: Final = 1.0
"""Between attempts while Postgres is away."""
MAX_BATCH: Final = 500
MAX_WAITING: Final = 10_000
"""Reports kept while Postgres is away. What is dropped is made good by the next reconcile, which
compares the row with what FreeSWITCH says."""
RELEASED: Final = "released"
GIVEN_BACK: Final = "given back: "
"""Begins a message to an owner whose carrier may have dropped its binding with the former one."""

_REPORT: Final = text("""
UPDATE sip_registration r SET
    state = CASE WHEN told.refusals > 0 AND r.auth_failures + told.refusals >= c.max_auth_failures
        THEN 'SUSPENDED' ELSE told.state END,
    state_epoch = told.epoch,
    state_at = told.at,
    last_sip_code = coalesce(told.sip_code, r.last_sip_code),
    next_retry_at = CASE
        WHEN told.refusals > 0 AND r.auth_failures + told.refusals >= c.max_auth_failures
        THEN NULL ELSE told.next_retry_at END,
    auth_failures = CASE WHEN told.state = 'REGED' THEN 0
        ELSE r.auth_failures + told.refusals END
FROM unnest(
    CAST(:names AS text[]), CAST(:epochs AS int[]), CAST(:states AS text[]),
    CAST(:codes AS int[]), CAST(:times AS timestamptz[]), CAST(:retries AS timestamptz[]),
    CAST(:refusals AS int[])
) AS told (name, epoch, state, sip_code, at, next_retry_at, refusals), carrier c
WHERE r.gateway_name = told.name AND r.bridge_id = :bridge_id AND r.epoch = told.epoch
    AND c.id = r.carrier_id
RETURNING r.id, r.gateway_name, r.epoch, r.state, r.auth_failures, r.former_bridge_id
""")
_LOCK: Final = text(
    "SELECT id FROM sip_registration WHERE gateway_name = ANY(:names) ORDER BY id FOR UPDATE"
)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One gateway's new state."""

    gateway_name: str
    epoch: int
    state: str
    at: datetime
    sip_code: int | None = None
    next_retry_at: datetime | None = None
    refusals: int = 0
    """1 when the carrier has just refused the account itself."""
    detail: str | None = None
    """Why, in words without any value a person typed."""
    news: bool = True
    """False: the same failure once more, which is in no history."""


class Reports:
    """`on_written` hears, after each transaction, `auth_failures` by gateway name."""

    def __init__(
        self,
        *,
        engine: Engine,
        client: redis.Redis,
        bridge_id: str,
        on_written: Callable[[dict[str, int]], None],
    ) -> None:
        self._engine = engine
        self._redis = client
        self._bridge_id = bridge_id
        self._on_written = on_written
        self._waiting: deque[Report] = deque(maxlen=MAX_WAITING)
        self._some = Event()

    def put(self, report: Report) -> None:
        """Have it written soon; returns at once."""
        self._waiting.append(report)
        self._some.set()

    def unwritten(self, name: str) -> bool:
        """Whether something of this gateway waits to be written."""
        return any(report.gateway_name == name for report in self._waiting)

    def unwritten_refusals(self, name: str) -> int:
        """Refusals Postgres does not know of yet."""
        count = 0
        for report in self._waiting:
            if report.gateway_name == name:
                count = 0 if report.state == REGISTERED else count + report.refusals
        return count

    def run(self) -> None:
        """For ever."""
        while True:
            self._some.wait()
            gevent.sleep(GATHER_S)
            self._some.clear()
            try:
                while self._waiting:
                    self._write()
            except SQLAlchemyError as error:
                log.warning("gateway_states_not_reported", error=type(error).__name__)
                self._some.set()
                gevent.sleep(RETRY_S)

    def _write(self) -> None:
        batch = [self._waiting[n] for n in range(min(len(self._waiting), MAX_BATCH))]
        rows = self._update(batch)
        for _ in batch:
            self._waiting.popleft()
        self._on_written({row.gateway_name: row.auth_failures for row in rows})
        proven = (row for row in rows if row.state == REGISTERED)
        for former in sorted({row.former_bridge_id for row in proven} - {None}):
            self._tell(former)

    def _update(self, batch: Sequence[Report]) -> Sequence[Row[tuple[object, ...]]]:
        last = {report.gateway_name: report for report in batch}
        refusals = dict.fromkeys(last, 0)
        for report in batch:
            if report.state == REGISTERED:
                refusals[report.gateway_name] = 0
            elif report.epoch == last[report.gateway_name].epoch:
                refusals[report.gateway_name] += report.refusals
        names = sorted(last)
        values = {
            "bridge_id": self._bridge_id,
            "names": names,
            "epochs": [last[name].epoch for name in names],
            "states": [last[name].state for name in names],
            "codes": [last[name].sip_code for name in names],
            "times": [last[name].at for name in names],
            "retries": [last[name].next_retry_at for name in names],
            "refusals": [refusals[name] for name in names],
        }
        with self._engine.begin() as connection:
            connection.execute(_LOCK, {"names": names})
            rows = connection.execute(_REPORT, values).all()
            if events := self._events(batch, rows):
                connection.execute(insert(SipRegistrationEvent), events)
        return rows

    def _events(
        self, batch: Sequence[Report], rows: Sequence[Row[tuple[object, ...]]]
    ) -> list[dict[str, object]]:
        """The history of those rows that were ours to write."""
        ids = {row.gateway_name: (row.id, row.epoch) for row in rows}
        events = [
            self._event(ids[one.gateway_name][0], one.epoch, one.state, sip_code=one.sip_code)
            | {"at": one.at, "detail": one.detail}
            for one in batch
            if one.news and one.gateway_name in ids and ids[one.gateway_name][1] == one.epoch
        ]
        codes = {one.gateway_name: one.sip_code for one in batch}
        suspended = [
            self._event(row.id, row.epoch, SUSPENDED, sip_code=codes[row.gateway_name])
            | {"at": batch[-1].at, "detail": None}
            for row in rows
            if row.state == SUSPENDED
        ]
        return events + suspended

    def _event(
        self, registration_id: UUID, epoch: int, event: str, *, sip_code: int | None = None
    ) -> dict[str, object]:
        return {
            "registration_id": registration_id,
            "bridge_id": self._bridge_id,
            "epoch": epoch,
            "event": event,
            "sip_code": sip_code,
        }

    def release(self, name: str) -> None:
        """This bridge no longer holds the binding its row kept it for. Raises SQLAlchemyError."""
        statement = (
            update(SipRegistration)
            .where(
                SipRegistration.gateway_name == name,
                SipRegistration.former_bridge_id == self._bridge_id,
            )
            .values(former_bridge_id=None)
            .returning(SipRegistration.id, SipRegistration.epoch, SipRegistration.bridge_id)
        )
        with self._engine.begin() as connection:
            row = connection.execute(statement).one_or_none()
            if row is None:
                return
            event = self._event(row.id, row.epoch, RELEASED)
            connection.execute(insert(SipRegistrationEvent), [event])
        if row.bridge_id is not None:
            self._tell(row.bridge_id)

    def owner(self, name: str) -> str | None:
        """Which bridge is to register it now. Raises SQLAlchemyError."""
        with self._engine.connect() as connection:
            return connection.scalar(
                select(SipRegistration.bridge_id).where(SipRegistration.gateway_name == name)
            )

    def given_back(self, name: str, *, owner: str) -> None:
        """The carrier has just been sent the former binding's un-REGISTER."""
        self._tell(owner, GIVEN_BACK + name)

    def _tell(self, bridge_id: str, message: str = "moved") -> None:
        """A hint: without it the other bridge looks by itself every 30 s."""
        try:
            self._redis.publish(redis_keys.bridge_assignments(bridge_id), message)
        except redis.RedisError as error:
            log.warning("bridge_not_told", bridge=bridge_id, error=type(error).__name__)
