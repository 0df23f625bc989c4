"""A leader lets suspended accounts be tried again, and tells a carrier that refuses everybody from
accounts with a wrong password.

Bridges suspend (`controlplane/bridge/gateways/gateway_report.py`): each sees its own accounts only.
Trying again is decided here, where all siblings are seen, and made known by the row: a bridge reads
it, and REGISTERs within the carrier's pace.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

import structlog
from sqlalchemy import Connection, Engine, Row, text

from controlplane.contracts.gateway_states import GatewayState
from controlplane.controller import metrics
from controlplane.controller.lease import Lease, LeaseLost
from controlplane.models.sip_registration import TryReason
from controlplane.registrations.refusals import CarrierRefusals, RefusedAccount

_STATES: Final = {
    "registered": GatewayState.REGED,
    "suspended": GatewayState.SUSPENDED,
    "again": GatewayState.UNREGED,
}
_REFUSED: Final = text(
    "SELECT r.carrier_id, r.id, r.state = :suspended AND r.auth_failures >= c.max_auth_failures"
    " AS suspended, coalesce(r.state_at, now()) AS at, r.next_retry_at,"
    " r.auth_failures - c.max_auth_failures AS over"
    " FROM sip_registration r JOIN carrier c ON c.id = r.carrier_id"
    " JOIN restaurant s ON s.id = r.restaurant_id"
    " WHERE r.auth_failures > 0 AND r.state <> :registered"
    " AND r.bridge_id IS NOT NULL AND s.status = 'live'"
)
_CARRIERS: Final = text(
    "SELECT c.id, c.refuses_since, count(r.id) AS accounts, max(r.state_at)"
    " FILTER (WHERE r.state = :registered AND r.state_epoch = r.epoch) AS returned_at,"
    " now() AS now FROM carrier c LEFT JOIN (sip_registration r JOIN restaurant s"
    " ON s.id = r.restaurant_id AND s.status = 'live' AND r.bridge_id IS NOT NULL)"
    " ON r.carrier_id = c.id WHERE c.id = ANY(:carriers) OR c.refuses_since IS NOT NULL"
    " GROUP BY c.id"
)
_TRY: Final = text(
    "WITH locked AS MATERIALIZED (SELECT r.id, r.bridge_id, r.epoch, r.last_sip_code, d.reason"
    " FROM unnest(CAST(:ids AS uuid[]), CAST(:reasons AS text[])) AS d(id, reason)"
    " JOIN sip_registration r ON r.id = d.id WHERE r.state = :suspended"
    " FOR NO KEY UPDATE OF r SKIP LOCKED),"
    " tried AS (UPDATE sip_registration r SET state = :again, state_at = now(),"
    " next_retry_at = NULL FROM locked l WHERE r.id = l.id RETURNING r.id)"
    " INSERT INTO sip_registration_event (registration_id, bridge_id, epoch, event, detail)"
    " SELECT id, bridge_id, epoch, 'tried_again', reason FROM locked WHERE id IN"
    " (SELECT id FROM tried) RETURNING detail"
)
_PROMISE: Final = text(
    "UPDATE sip_registration r SET next_retry_at = d.at"
    " FROM unnest(CAST(:ids AS uuid[]), CAST(:times AS timestamptz[])) AS d(id, at)"
    " WHERE r.id = d.id AND r.state = :suspended"
)
_MARK: Final = text("UPDATE carrier SET refuses_since = :since WHERE id = :carrier")

_logger = structlog.get_logger()


class Outages:
    """Watches the refused accounts of all carriers, for the replica that leads."""

    def __init__(self, engine: Engine, *, lease: Lease) -> None:
        self._engine = engine
        self._lease = lease

    def turn(self) -> None:
        """Look once. Raises SQLAlchemy's errors; the next turn does it all again."""
        epoch = self._lease.epoch
        if epoch is None:
            metrics.CARRIER_REFUSES.clear()
            return
        with self._engine.begin() as connection:
            now, carriers = _read(connection)
        metrics.CARRIER_REFUSES.clear()
        for carrier in carriers:
            metrics.CARRIER_REFUSES.labels(carrier.carrier_id).set(carrier.outage(now) is not None)
        try:
            for carrier in carriers:
                self._see_to(carrier, now, epoch)
        except LeaseLost:
            _logger.warning("outages_refused", epoch=epoch)

    def _see_to(self, carrier: CarrierRefusals, now: datetime, epoch: int) -> None:
        outage, tries = carrier.outage(now), list(carrier.tries(now))
        if outage == carrier.refuses_since and not tries:
            return
        with self._lease.writing(epoch) as connection:
            promises = list(carrier.promises(now))
            if promises:
                ids, times = [one.id for one, _ in promises], [at for _, at in promises]
                connection.execute(_PROMISE, {**_STATES, "ids": ids, "times": times})
            tried = _write_tries(connection, tries)
            if outage != carrier.refuses_since:
                connection.execute(_MARK, {"since": outage, "carrier": carrier.carrier_id})
        for reason in tried:
            metrics.ACCOUNTS_TRIED_AGAIN.labels(reason).inc()
        self._tell(carrier, outage)

    def _tell(self, carrier: CarrierRefusals, outage: datetime | None) -> None:
        if outage == carrier.refuses_since:
            return
        event = "carrier_refuses_everybody" if outage else "carrier_refuses_no_more"
        refused = len(carrier.refused)
        _logger.warning(
            event, carrier=carrier.carrier_id, refused=refused, accounts=carrier.accounts
        )


def _read(connection: Connection) -> tuple[datetime, list[CarrierRefusals]]:
    """Read Postgres's clock, and the carriers that refuse anybody or are known for it."""
    refused: dict[str, list[RefusedAccount]] = defaultdict(list)
    for row in connection.execute(_REFUSED, _STATES):
        refused[row.carrier_id].append(_refused(row))
    rows = connection.execute(_CARRIERS, {**_STATES, "carriers": list(refused)}).all()
    found = [
        CarrierRefusals(
            carrier_id=row.id,
            accounts=row.accounts,
            refused=refused[row.id],
            refuses_since=row.refuses_since,
            returned_at=row.returned_at,
        )
        for row in rows
    ]
    return (rows[0].now if rows else datetime.min), found


def _refused(row: Row[Any]) -> RefusedAccount:
    return RefusedAccount(
        id=row.id,
        suspended=row.suspended,
        at=row.at,
        over=row.over,
        promised_at=row.next_retry_at if row.suspended else None,
    )


def _write_tries(
    connection: Connection, tries: Iterable[tuple[RefusedAccount, TryReason]]
) -> Sequence[str]:
    """Let accounts be tried; return the reasons of those nobody else was changing."""
    tries = list(tries)
    if not tries:
        return []
    ids, reasons = [one.id for one, _ in tries], [reason.value for _, reason in tries]
    return connection.scalars(_TRY, {**_STATES, "ids": ids, "reasons": reasons}).all()
