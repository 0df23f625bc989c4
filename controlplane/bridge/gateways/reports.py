"""What became of this bridge's registrations, written to Postgres: a batch is one transaction.

Only an owner reports, and only for the epoch it owns: a row that has changed hands is passed over.
Refreshes are no news, so a night of them writes nothing. A state told once more began when it
was told first; another refusal begins it anew, for the next try is counted from the last one.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, Final
from uuid import UUID

import gevent
from gevent.event import Event
from sqlalchemy import Engine, Row, insert, text

from controlplane.bridge import metrics
from controlplane.bridge.gateways.gateway_report import Report, RowState
from controlplane.contracts.gateway_states import GatewayState
from controlplane.loop import run_loop
from controlplane.models.sip_registration import SipRegistrationEvent

GATHER_S: Final = 0.05
"""What changes within it goes into one transaction."""
IDLE_S: Final = 30.0
"""Between two looks when nothing is put; the first of them wakes."""
MAX_BATCH: Final = 500
MAX_WAITING: Final = 10_000
"""Reports kept while Postgres is away. What is dropped is made good by the next reconcile, which
compares the row with what FreeSWITCH says."""

_LOCK: Final = text("""
SELECT r.id, r.gateway_name, r.epoch, r.state, r.auth_failures, c.max_auth_failures,
    r.former_bridge_id
FROM sip_registration r JOIN carrier c ON c.id = r.carrier_id
WHERE r.gateway_name = ANY(:names) AND r.bridge_id = :bridge_id
ORDER BY r.id FOR UPDATE OF r
""")
_REPORT: Final = text("""
UPDATE sip_registration r SET
    state = told.state,
    state_epoch = r.epoch,
    state_at = CASE
        WHEN (r.state, r.state_epoch, r.auth_failures) = (told.state, r.epoch, told.auth_failures)
        THEN coalesce(r.state_at, told.at) ELSE told.at END,
    last_sip_code = coalesce(told.sip_code, r.last_sip_code),
    next_retry_at = told.next_retry_at,
    auth_failures = told.auth_failures
FROM unnest(
    CAST(:ids AS uuid[]), CAST(:states AS text[]), CAST(:codes AS int[]),
    CAST(:times AS timestamptz[]), CAST(:retries AS timestamptz[]), CAST(:failures AS int[])
) AS told (id, state, sip_code, at, next_retry_at, auth_failures)
WHERE r.id = told.id
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Says what a batch makes of one row of this bridge's; the reports are of its epoch."""

    id: UUID
    gateway_name: str
    former_bridge_id: str | None
    before: RowState
    after: RowState
    reports: Sequence[Report]
    """One at least, oldest first."""


class Reports:
    """Holds what waits to be written. `on_written` hears of each transaction after its commit."""

    def __init__(
        self,
        *,
        engine: Engine,
        bridge_id: str,
        on_written: Callable[[Sequence[Outcome]], None],
    ) -> None:
        self._engine = engine
        self._bridge_id = bridge_id
        self._on_written = on_written
        self._waiting: deque[Report] = deque(maxlen=MAX_WAITING)
        self._some = Event()

    def put(self, report: Report) -> None:
        """Have it written soon, and return at once."""
        self._waiting.append(report)
        self._some.set()

    def unwritten(self, name: str) -> bool:
        """Tell whether something of this gateway waits to be written."""
        return any(report.gateway_name == name for report in self._waiting)

    def unwritten_refusals(self, name: str) -> int:
        """Count the refusals Postgres does not know of yet."""
        count = 0
        for report in self._waiting:
            if report.gateway_name == name:
                count = 0 if report.state.registered else count + report.refused
        return count

    def run(self) -> None:
        """Write what waits, as long as the process lives."""
        run_loop(
            "reports",
            self._turn,
            every_s=IDLE_S,
            failures=metrics.LOOP_FAILURES,
            wake=self._some,
        )

    def _turn(self) -> None:
        gevent.sleep(GATHER_S)
        self._some.clear()
        while self._waiting:
            batch = [self._waiting[n] for n in range(min(len(self._waiting), MAX_BATCH))]
            outcomes = self._commit(batch)
            for _ in batch:
                self._waiting.popleft()
            self._on_written(outcomes)

    def _commit(self, batch: Sequence[Report]) -> list[Outcome]:
        told: dict[tuple[str, int], list[Report]] = {}
        for report in batch:
            told.setdefault((report.gateway_name, report.epoch), []).append(report)
        names = sorted({name for name, _ in told})
        with self._engine.begin() as connection:
            rows = connection.execute(_LOCK, {"names": names, "bridge_id": self._bridge_id})
            outcomes = [
                _outcome(row, told[key])
                for row in rows
                if (key := (row.gateway_name, row.epoch)) in told
            ]
            if outcomes:
                connection.execute(_REPORT, _values(outcomes))
            if events := [event for one in outcomes for event in self._events(one)]:
                connection.execute(insert(SipRegistrationEvent), events)
        return outcomes

    def _events(self, one: Outcome) -> Iterator[dict[str, object]]:
        """Pick out what goes into the history."""
        for report in one.reports:
            if report.news:
                yield self._event(one, report, report.state) | {"detail": report.detail}
        if one.after.suspended and not one.before.suspended:
            yield self._event(one, one.reports[-1], GatewayState.SUSPENDED)

    def _event(self, one: Outcome, report: Report, event: GatewayState) -> dict[str, object]:
        return {
            "registration_id": one.id,
            "bridge_id": self._bridge_id,
            "epoch": report.epoch,
            "at": report.at,
            "event": event,
            "detail": None,
            "sip_code": report.sip_code,
        }


def _outcome(row: Row[Any], reports: Sequence[Report]) -> Outcome:
    before = RowState(
        state=GatewayState.read(row.state),
        auth_failures=row.auth_failures,
        max_auth_failures=row.max_auth_failures,
    )
    return Outcome(
        id=row.id,
        gateway_name=row.gateway_name,
        former_bridge_id=row.former_bridge_id,
        before=before,
        after=reduce(RowState.after, reports, before),
        reports=reports,
    )


def _values(outcomes: Sequence[Outcome]) -> dict[str, list[object]]:
    """Make the columns of `_REPORT`; but for the refusals the last report is what counts."""
    told = [(one.after, one.reports[-1]) for one in outcomes]
    return {
        "ids": [one.id for one in outcomes],
        "states": [after.state for after, _ in told],
        "codes": [report.sip_code for _, report in told],
        "times": [report.at for _, report in told],
        "retries": [None if after.suspended else report.next_retry_at for after, report in told],
        "failures": [after.auth_failures for after, _ in told],
    }
