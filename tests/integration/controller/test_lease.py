"""The lease has one holder at a time, and who no longer leads writes nothing."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError, OperationalError

from controlplane.controller.lease import GONE_S, IDLE_MS, TTL_S, Lease, LeaseLost
from controlplane.controller.plan import Assignment, Former
from controlplane.controller.registration_rows import read_registrations, write_assignments
from controlplane.database import sync_engine
from controlplane.models.sip_registration import PlacementReason
from tests.integration.controller_under_test import add_account, owners
from tests.waiting import block_until

pytestmark = pytest.mark.integration

Replica = Callable[[str], Lease]

TAKE_OVER_S = IDLE_MS / 1_000 + 2.0
"""The hung transaction's end, and a busy machine."""


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = sync_engine(database_url, application_name="controller", pool_size=8)
    yield engine
    engine.dispose()


@pytest.fixture
def replica(engine: Engine) -> Iterator[Replica]:
    """A controller's lease, of that name."""
    with contextlib.ExitStack() as undo:

        def start(holder: str) -> Lease:
            lease = Lease(engine, holder=holder)
            undo.callback(lease.close)
            return lease

        yield start


def expire(engine: Engine, *, in_s: float = 0.0) -> None:
    """As if `TTL_S` had passed by Postgres's clock, or were about to."""
    with engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE controller_lease"
                " SET expires_at = clock_timestamp() + make_interval(secs => :in_s)"
            ),
            {"in_s": in_s},
        )


def term(lease: Lease) -> int:
    assert lease.renew()
    assert lease.epoch is not None
    return lease.epoch


def write(lease: Lease, epoch: int, value: str) -> None:
    with lease.writing(epoch) as connection:
        connection.execute(
            text("INSERT INTO sip_bridge_node (id, capacity, last_seen_at) VALUES (:id, 1, now())"),
            {"id": value},
        )


def written(engine: Engine) -> list[str]:
    with engine.begin() as connection:
        return [*connection.scalars(text("SELECT id FROM sip_bridge_node ORDER BY id"))]


def test_one_leads_until_it_lets_go(replica: Replica) -> None:
    one, other = replica("one"), replica("other")
    assert one.epoch is None
    assert term(one) == 1
    assert not other.renew()
    assert term(one) == 1
    one.release()
    assert one.epoch is None
    assert term(other) == 2
    assert not one.renew()


def test_a_leader_whose_process_has_ended_is_replaced_before_its_lease_expires(
    engine: Engine, replica: Replica
) -> None:
    one, other = replica("one"), replica("other")
    term(one)
    expire(engine, in_s=TTL_S - GONE_S - 0.1)
    assert not other.renew(), "it has missed some renewals, and lives"
    one.close()
    expire(engine, in_s=TTL_S - GONE_S + 1.0)
    assert not other.renew(), "Postgres may have restarted: it is given time to be back"
    expire(engine, in_s=TTL_S - GONE_S - 0.1)
    block_until(other.renew)
    assert other.epoch == 2
    assert not one.renew()


def test_a_leader_whose_connection_was_ended_leads_on(engine: Engine, replica: Replica) -> None:
    one, other = replica("one"), replica("other")
    term(one)
    with engine.begin() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND usename = current_user"
                " AND pid <> pg_backend_pid()"
            )
        )
    assert term(one) == 1
    expire(engine, in_s=TTL_S - GONE_S - 0.1)
    assert not other.renew(), "its new connection proves that it lives"


def test_a_second_process_of_the_same_name_does_not_share_the_lease(
    engine: Engine, replica: Replica
) -> None:
    one, namesake = replica("one"), replica("one")
    term(one)
    assert not namesake.renew()
    expire(engine)
    assert term(namesake) == 2
    assert not one.renew()


def test_a_late_writer_is_refused_whatever_it_believes(engine: Engine, replica: Replica) -> None:
    one, other = replica("one"), replica("other")
    epoch = term(one)
    expire(engine)
    with pytest.raises(LeaseLost):
        write(one, epoch, "late")
    epoch = term(one)  # nobody took it meanwhile
    assert epoch == 1
    expire(engine)
    term(other)
    with pytest.raises(LeaseLost):
        write(one, epoch, "later")
    assert one.epoch is None
    with pytest.raises(LeaseLost):
        write(other, epoch, "of an older term")
    write(other, 2, "in time")
    assert written(engine) == ["in time"]


def test_who_takes_over_waits_for_a_write_in_progress(engine: Engine, replica: Replica) -> None:
    one, other = replica("one"), replica("other")
    epoch = term(one)
    took_over = threading.Event()

    def take_over() -> None:
        expire(engine)
        term(other)
        took_over.set()

    thread = threading.Thread(target=take_over)
    with one.writing(epoch) as connection:
        connection.execute(
            text("INSERT INTO sip_bridge_node (id, capacity, last_seen_at) VALUES ('w', 1, now())")
        )
        thread.start()
        assert not took_over.wait(0.3)
    thread.join(5)
    assert took_over.is_set()
    assert written(engine) == ["w"]


def test_a_leader_that_hangs_within_a_write_holds_up_nobody_for_long(
    engine: Engine, replica: Replica
) -> None:
    one, other = replica("one"), replica("other")
    epoch = term(one)
    expire(engine, in_s=1.0)
    with pytest.raises(DBAPIError), one.writing(epoch) as connection:  # noqa: PT012
        started = time.monotonic()
        while not _taken(other):
            assert time.monotonic() - started < TAKE_OVER_S
        connection.execute(text("SELECT 1"))
    assert other.epoch == 2


def test_a_stale_assignment_is_not_written(engine: Engine, replica: Replica) -> None:
    add_account(engine)
    lease = replica("one")
    epoch = term(lease)
    write(lease, epoch, "a")
    write(lease, epoch, "b")
    with engine.begin() as connection:
        (row,) = read_registrations(connection)
    for bridge_id, expected in (("a", {row.id}), ("b", set())):
        assignment = Assignment(
            row.id, row.epoch, bridge_id, PlacementReason.NEW, Former.NOBODY, None
        )
        with lease.writing(epoch) as connection:
            assert write_assignments(connection, [assignment]) == expected
    assert owners(engine) == {"a": 1}


def _taken(lease: Lease) -> bool:
    try:
        return lease.renew()
    except OperationalError:  # the hung write holds the row
        return False
