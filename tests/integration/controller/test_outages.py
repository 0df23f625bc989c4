"""What the leader makes of refused accounts: who is tried again, what the carrier's row says."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

import pytest
from sqlalchemy import Engine, text

from controlplane.controller import metrics
from controlplane.controller.lease import Lease
from controlplane.controller.outages import Outages
from tests.accounts import add_account, add_carrier

pytestmark = pytest.mark.integration

MINUTE = timedelta(minutes=1)
NAMES = tuple(f"r{n}" for n in range(5))


@pytest.fixture
def outages(engine: Engine) -> Iterator[Outages]:
    lease = Lease(engine, holder="one")
    lease.renew()
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO sip_bridge_node (id, capacity, last_seen_at) VALUES ('b', 200, now())"
            )
        )
        for carrier_id in ("test", "other"):
            add_carrier(connection, carrier_id)
        add_account(connection, "elsewhere", carrier_id="other", bridge_id="b", epoch=1)
        for name in NAMES:
            add_account(connection, name, bridge_id="b", epoch=1)
    yield Outages(engine, lease=lease)
    lease.close()


def say(engine: Engine, change: str, *names: str) -> None:
    """Write what a bridge's report would."""
    statement = f"UPDATE sip_registration SET {change} WHERE gateway_name = ANY(:names)"
    with engine.begin() as connection:
        connection.execute(text(statement), {"names": list(names)})


def refused(engine: Engine, *names: str, ago: timedelta, failures: int = 3) -> None:
    say(
        engine,
        f"state = 'SUSPENDED', auth_failures = {failures},"
        f" state_at = now() - interval '{ago.total_seconds()} s'",
        *names,
    )


def registered(engine: Engine, *names: str, ago: timedelta = MINUTE * 0) -> None:
    say(
        engine,
        "state = 'REGED', state_epoch = 1, auth_failures = 0,"
        f" state_at = now() - interval '{ago.total_seconds()} s'",
        *names,
    )


def tried(engine: Engine) -> Sequence[tuple[str, str]]:
    """Return who was let try again, and why, since it was asked last."""
    with engine.begin() as connection:
        rows = connection.execute(
            text(
                "WITH gone AS (DELETE FROM sip_registration_event WHERE event = 'tried_again'"
                " RETURNING registration_id, detail) SELECT r.gateway_name, g.detail, r.state"
                " FROM gone g JOIN sip_registration r ON r.id = g.registration_id ORDER BY 1"
            )
        ).all()
    assert all(row.state == "UNREGED" for row in rows)
    return [(row.gateway_name, row.detail) for row in rows]


def refuses(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        query = text("SELECT id FROM carrier WHERE refuses_since IS NOT NULL")
        return list(connection.scalars(query))


def test_an_outage_is_known_probed_and_over(engine: Engine, outages: Outages) -> None:
    """1. Four of five are refused: an outage, nobody is due yet. 2. A minute later one is tried for
    all. 3. It is taken: the others follow at once. 4. They are taken: the outage is over.
    """
    registered(engine, "elsewhere")
    registered(engine, "r4", ago=60 * MINUTE)
    refused(engine, *NAMES[:4], ago=MINUTE / 2)
    outages.turn()
    assert (tried(engine), refuses(engine)) == ([], ["test"])
    gauge = metrics.CARRIER_REFUSES.labels("test")
    assert gauge._value.get() == 1

    refused(engine, *NAMES[:4], ago=2 * MINUTE)
    refused(engine, "r2", ago=3 * MINUTE)
    outages.turn()
    assert tried(engine) == [("r2", "probe")]
    outages.turn()
    assert tried(engine) == []

    registered(engine, "r2")
    outages.turn()
    assert tried(engine) == [("r0", "sibling"), ("r1", "sibling"), ("r3", "sibling")]

    registered(engine, "r0", "r1", "r3")
    outages.turn()
    assert (tried(engine), refuses(engine)) == ([], [])


def test_who_is_still_suspended_when_an_outage_ends_has_one_try_left(
    engine: Engine, outages: Outages
) -> None:
    registered(engine, *NAMES)
    refused(engine, "r0", ago=12 * MINUTE, failures=7)
    with engine.begin() as connection:
        connection.execute(text("UPDATE carrier SET refuses_since = now() - interval '1 h'"))
    outages.turn()
    assert (tried(engine), refuses(engine)) == ([], [])
    outages.turn()
    assert tried(engine) == []
    say(engine, "state_at = now() - interval '17 min', next_retry_at = now()", "r0")
    outages.turn()
    assert tried(engine) == [("r0", "alone")]


def test_one_wrong_password_is_tried_hours_later_whatever_its_siblings_do(
    engine: Engine, outages: Outages
) -> None:
    refused(engine, "r0", ago=30 * MINUTE)
    registered(engine, *NAMES[1:])
    outages.turn()
    assert (tried(engine), refuses(engine)) == ([], [])
    refused(engine, "r0", ago=80 * MINUTE)
    outages.turn()
    assert tried(engine) == [("r0", "alone")]


def test_who_does_not_lead_lets_nobody_try(engine: Engine, outages: Outages) -> None:
    refused(engine, *NAMES, ago=300 * MINUTE)
    Outages(engine, lease=Lease(engine, holder="two")).turn()
    assert (tried(engine), refuses(engine)) == ([], [])
