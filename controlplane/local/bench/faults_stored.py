"""The orders of a benchmark of faults as Postgres has them, once all has settled."""

import time
from collections.abc import Mapping, Set
from typing import Final

import psycopg

from controlplane.database import libpq_url
from controlplane.local.bench.faults_orders import OrderedLine
from controlplane.local.bench.faults_verdict import StoredOrder

SETTLED_S: Final = 40.0
"""What was not known to be placed is asked for again after the call: it is known by then."""
POLL_S: Final = 1.0
CONNECT_S: Final = 5

_ORDERS: Final = """
SELECT o.customer_phone_e164, o.id, o.number, o.total_cents, l.name, l.quantity, l.options
FROM "order" o JOIN order_line l ON l.order_id = o.id
ORDER BY o.created_at, o.id, l.position
"""


def settled_orders(
    database_url: str, *, awaited: Set[str]
) -> Mapping[str, tuple[StoredOrder, ...]]:
    """Return each caller's orders, once every `awaited` number has one, or after `SETTLED_S`."""
    until = time.monotonic() + SETTLED_S
    while True:
        found = _stored(database_url)
        if awaited <= found.keys() or time.monotonic() >= until:
            return found
        time.sleep(POLL_S)


def _stored(database_url: str) -> dict[str, tuple[StoredOrder, ...]]:
    with psycopg.connect(libpq_url(database_url), connect_timeout=CONNECT_S) as database:
        rows = database.execute(_ORDERS).fetchall()
    lines: dict[tuple[str, object, int, int], list[OrderedLine]] = {}
    for caller, order_id, number, total, name, quantity, options in rows:
        line = OrderedLine(name, quantity, tuple(option["name"] for option in options))
        lines.setdefault((caller, order_id, number, total), []).append(line)
    found: dict[str, tuple[StoredOrder, ...]] = {}
    for (caller, _, number, total), ordered in lines.items():
        order = StoredOrder(number=number, total_cents=total, lines=tuple(ordered))
        found[caller] = (*found.get(caller, ()), order)
    return found
