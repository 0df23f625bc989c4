"""What a caller said is in no log line: each kind of failure is raised through the real logging.

A log that cannot be written, its disk being full, costs its lines and nothing else.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.waiting import DEADLINE_S

pytestmark = pytest.mark.integration

NUMBER = "+33639980123"
NAME = "Camille Dupont"
SAID = (NUMBER, NUMBER[3:], "06 39 98 01 23", NAME, "Dupont")

RAISE_EACH = f"""
import asyncio, json, logging, os, sys, threading
import structlog
from sqlalchemy import insert, text
from aiworker.realtime.events import parse_event
from aiworker.tools.tool import Arguments
from controlplane.contracts.messages import CallArrived, parse_call_event
from controlplane.database import async_engine, sync_engine
from controlplane.log import configure_logging
from controlplane.models.blocked_caller import BlockedCaller
import controlplane.models.registry

NUMBER, NAME = {NUMBER!r}, {NAME!r}
configure_logging(process="test")
log = structlog.get_logger()
database = sync_engine(os.environ["DATABASE_URL"], application_name="test")


class Wish(Arguments):
    quantity: int


def refused_by_a_constraint():
    with database.begin() as connection:
        connection.execute(
            text("CREATE TEMP TABLE seen (number text PRIMARY KEY CHECK (number <> 'x'), who text)")
        )
        for _ in range(2):
            connection.execute(
                text("INSERT INTO seen VALUES (:number, :who)"), dict(number=NUMBER, who=NAME)
            )


def refused_by_a_type():
    with database.begin() as connection:
        connection.execute(text("SELECT CAST(:number AS uuid)"), dict(number=NUMBER))


def refused_by_a_foreign_key():
    with database.begin() as connection:
        connection.execute(
            insert(BlockedCaller).values(
                restaurant_id="00000000-0000-0000-0000-000000000000", phone_e164=NUMBER
            )
        )


async def asked_by_asyncio():
    engine = async_engine(os.environ["DATABASE_URL"], application_name="test")
    try:
        async with engine.begin() as connection:
            await connection.execute(text("SELECT CAST(:who AS int)"), dict(who=NAME))
    finally:
        await engine.dispose()


def chained():
    try:
        int(NUMBER + NAME)
    except ValueError as error:
        raise RuntimeError("could not read what " + NUMBER + " said") from error


def in_a_group():
    raise ExceptionGroup("two of " + NUMBER, [ValueError(NAME), KeyError(NUMBER)])


def with_a_note():
    error = ValueError(NAME)
    error.add_note(NUMBER)
    raise error


KINDS = [
    refused_by_a_constraint,
    refused_by_a_type,
    refused_by_a_foreign_key,
    lambda: asyncio.run(asked_by_asyncio()),
    lambda: Wish.model_validate(dict(quantity=NUMBER + NAME)),
    lambda: Wish.model_validate_json('{{"quantity": "' + NAME + '", "' + NAME + '": 1}}'),
    lambda: CallArrived.model_validate(dict(callerNumber=NUMBER, type="call_arrived")),
    lambda: parse_call_event('{{"callerNumber": "' + NUMBER + '"}}'),
    lambda: parse_event(('{{"type": "response.done", "response": "' + NAME + '"}}').encode()),
    lambda: int(NUMBER[1:] + NAME),
    lambda: {{}}[NUMBER],
    lambda: json.loads(NAME),
    lambda: NAME.encode("ascii").decode() + NAME.encode("utf-16").decode("ascii"),
    lambda: open("/nowhere/" + NUMBER),
    chained,
    in_a_group,
    with_a_note,
]
for raises in KINDS:
    try:
        raises()
    except Exception:
        log.exception("kind_failed")
        logging.getLogger("some.library").exception("it failed for %s", NUMBER)
    else:
        sys.exit("a kind raised nothing")


async def nobody_retrieves():
    async def fail(number):
        raise ValueError(number + NAME)

    task = asyncio.create_task(fail(NUMBER))
    await asyncio.sleep(0)
    del task


asyncio.run(nobody_retrieves())
thread = threading.Thread(target=lambda: int(NAME + NUMBER))
thread.start()
thread.join()
print(len(KINDS))
int(NAME + NUMBER)
"""

A_GREENLET_FAILS = f"""
import gevent.monkey
gevent.monkey.patch_all()
import gevent
from controlplane.log import configure_logging
from controlplane.loop import log_failed_greenlets


def fail(number):
    raise ValueError(number)


configure_logging(process="test")
log_failed_greenlets()
gevent.joinall([gevent.spawn(fail, {NUMBER!r})])
"""

THE_LOG_IS_FULL = """
import logging, sys
import structlog
from controlplane.log import LINES_LOST, configure_logging

configure_logging(process="test")
for number in range(1_000):
    structlog.get_logger().info("call_arrived", call_id="x" * 100)
    logging.getLogger("some.library").error("it failed")
print(LINES_LOST._value.get())
"""


def run(code: str, *, stderr: int = subprocess.PIPE, **environment: str) -> tuple[str, str]:
    """Both outputs of a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        timeout=DEADLINE_S * 2,
        check=False,
    )
    return done.stdout, done.stderr or ""


def test_a_failure_is_told_apart_without_what_was_said(database_url: str) -> None:
    counted, logged = run(RAISE_EACH, DATABASE_URL=database_url)
    assert counted, logged
    kinds = int(counted)
    assert logged.count('"event": "kind_failed"') == kinds
    assert logged.count("ERROR:some.library:it failed for <number>") == kinds
    assert "ERROR:asyncio:Task exception was never retrieved" in logged
    assert '"event": "thread_failed"' in logged
    assert '"event": "process_failed"' in logged
    assert [said for said in SAID if said in logged] == []
    for told in (  # class, SQLSTATE and place are there; texts about code are, too
        "psycopg.errors.UniqueViolation: SQLSTATE 23505",
        "in refused_by_a_constraint",
        "pydantic_core._pydantic_core.ValidationError",
        "RuntimeError: could not read what <number> said",
        "No such file or directory",
    ):
        assert told in logged, told


def test_a_greenlet_s_end_shows_no_argument() -> None:
    _, logged = run(A_GREENLET_FAILS)
    assert '"event": "greenlet_failed"' in logged
    assert [said for said in SAID if said in logged] == []


def test_a_full_log_ends_nothing_and_is_counted() -> None:
    with Path("/dev/full").open("w") as full:
        counted, _ = run(THE_LOG_IS_FULL, stderr=full.fileno())
    assert float(counted) >= 2_000
