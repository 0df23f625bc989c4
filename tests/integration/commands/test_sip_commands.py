"""`alloresto sip` shows what is so, and asks the controller for what is to be."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, Engine, insert, select, update

from controlplane.cli import main
from controlplane.database import sync_engine
from controlplane.models.nodes import SipBridgeNode
from controlplane.models.sip_registration import SipRegistration, SipRegistrationEvent
from tests.accounts import add_account, add_carrier
from tests.waiting import block_elapse, block_until

pytestmark = pytest.mark.integration

LUIGI = "chez-luigi-0a1b2c3d"
PASSWORD = "le-mot-de-passe-de-luigi"


@pytest.fixture
def engine(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """The database the commands use: two bridges, one carrier."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    engine = sync_engine(database_url, application_name="test")
    with engine.begin() as connection:
        add_carrier(connection)
        for bridge in ("bridge-1", "bridge-2"):
            add_bridge(connection, bridge)
    yield engine
    engine.dispose()


def add_bridge(connection: Connection, name: str, **values: Any) -> None:
    row = {"id": name, "capacity": 200, "last_seen_at": datetime.now(UTC), **values}
    connection.execute(insert(SipBridgeNode).values(**row))


def ago(seconds: float) -> datetime:
    return datetime.now(UTC) - timedelta(seconds=seconds)


def registered(connection: Connection, name: str = LUIGI, **changes: Any) -> UUID:
    """An account REGED on bridge-1, for five minutes, unless changed."""
    values = {
        "bridge_id": "bridge-1",
        "epoch": 1,
        "placement_reason": "new",
        "placed_at": ago(301),
        "state": "REGED",
        "state_epoch": 1,
        "state_at": ago(300),
        "last_sip_code": 200,
        **changes,
    }
    return add_account(connection, name, password=PASSWORD, **values)


def write(connection: Connection, name: str = LUIGI, **values: Any) -> None:
    row = SipRegistration
    connection.execute(update(row).where(row.gateway_name == name).values(**values))


def row_of(engine: Engine, name: str = LUIGI) -> Any:
    with engine.connect() as connection:
        query = select(SipRegistration.__table__).where(SipRegistration.gateway_name == name)
        return connection.execute(query).one()


Said = pytest.CaptureFixture[str]


def said(capsys: Said, *words: str, code: int = 0) -> str:
    """What `alloresto sip …` printed."""
    assert main(["sip", *words]) == code
    return capsys.readouterr().out


def test_list_has_a_line_for_each_account(engine: Engine, capsys: Said) -> None:
    with engine.begin() as connection:
        registered(connection)
        registered(connection, "zen-0a1b2c3d", bridge_id="bridge-2", former_bridge_id="bridge-1")
        add_account(connection, "new-0a1b2c3d")
    lines = said(capsys, "list").splitlines()
    assert lines[0].split()[:5] == ["GATEWAY", "RESTAURANT", "CARRIER", "BRIDGE", "STATE"]
    luigi, new, zen = lines[1:4]
    assert luigi.split() == (
        f"{LUIGI} Chez Luigi test bridge-1 REGED 200 OK 5 min - new, 5 min ago".split()
    )
    assert "UNPLACED" in new
    assert "on no bridge" in new
    assert "bridge-1 → bridge-2" in zen
    assert lines[-1] == "3 accounts, 2 registered, 2 need a human"
    assert luigi.index("bridge-1") == lines[0].index("BRIDGE"), "columns are aligned"


@pytest.mark.parametrize(
    ("filters", "wanted"),
    [
        (["--bridge", "bridge-2"], {"two", "moving", "stuck"}),
        (["--carrier", "other"], {"elsewhere"}),
        (["--state", "fail_wait"], {"refused", "just-refused"}),
        (["--state", "suspended"], {"locked"}),
    ],
)
def test_list_filters(engine: Engine, capsys: Said, filters: list[str], wanted: set[str]) -> None:
    with engine.begin() as connection:
        some_of_each(connection)
    lines = said(capsys, "list", "--json", *filters).splitlines()
    assert {json.loads(line)["gateway"] for line in lines} == wanted


def test_problems_are_what_needs_a_human(engine: Engine, capsys: Said) -> None:
    with engine.begin() as connection:
        some_of_each(connection)
    lines = said(capsys, "list", "--problems", "--json", code=3).splitlines()
    problems = {found["gateway"]: found["problem"] for found in map(json.loads, lines)}
    assert problems == {
        "refused": "not registered for 5 min",
        "locked": "suspended after 3 refusals",
        "unplaced": "on no bridge",
        "stuck": "still bound on bridge-2",
        "silent": "bridge-3 is silent",
        "never": "not registered for 5 min",
    }


def test_without_problems_the_list_of_them_is_empty(engine: Engine, capsys: Said) -> None:
    with engine.begin() as connection:
        registered(connection)
    assert "0 accounts" in said(capsys, "list", "--problems")


def some_of_each(connection: Connection) -> None:
    """One account for each way to fare."""
    add_carrier(connection, "other")
    add_bridge(connection, "bridge-3", last_seen_at=ago(60))
    registered(connection, "well")
    registered(connection, "two", bridge_id="bridge-2")
    registered(connection, "elsewhere", carrier_id="other")
    registered(connection, "refused", state="FAIL_WAIT", last_sip_code=503)
    registered(connection, "just-refused", state="FAIL_WAIT", state_at=ago(10))
    registered(connection, "locked", state="SUSPENDED", auth_failures=3, last_sip_code=403)
    add_account(connection, "unplaced")
    registered(connection, "paused", status="paused", bridge_id=None, state="DOWN")
    registered(connection, "stuck", former_bridge_id="bridge-2")
    registered(
        connection, "moving", epoch=2, state_epoch=1, placed_at=ago(5), former_bridge_id="bridge-2"
    )
    registered(connection, "silent", bridge_id="bridge-3")
    registered(connection, "never", epoch=2, state_epoch=1)


def test_a_thousand_accounts_are_listed_at_once(engine: Engine, capsys: Said) -> None:
    with engine.begin() as connection:
        for number in range(1_000):
            registered(connection, f"r-{number:04}")
    started = time.monotonic()
    assert len(said(capsys, "list").splitlines()) == 1_003
    assert time.monotonic() - started < 10.0


@pytest.mark.parametrize("action", ["show", "explain", "list"])
def test_nothing_shows_the_password(engine: Engine, capsys: Said, action: str) -> None:
    with engine.begin() as connection:
        registered(connection)
    sealed = row_of(engine).password_encrypted
    name = [] if action == "list" else [LUIGI]
    for form in ([], ["--json"]):
        shown = said(capsys, action, *name, *form)
        assert LUIGI in shown
        assert PASSWORD not in shown
        assert sealed not in shown


def test_show_tells_everything(engine: Engine, capsys: Said) -> None:
    with engine.begin() as connection:
        restaurant_id = registered(connection, epoch=7, state_epoch=7)
    shown = json.loads(said(capsys, "show", str(restaurant_id), "--json"))
    assert shown["gateway"] == LUIGI
    assert (shown["epoch"], shown["config_version"], shown["state"]) == (7, 1, "REGED")
    assert f"gateway                {LUIGI}" in said(capsys, "show", LUIGI)


def test_an_unknown_name_lists_those_near(engine: Engine, capsys: Said) -> None:
    with engine.begin() as connection:
        registered(connection)
    assert main(["sip", "show", "chez-luigy"]) == 1
    assert capsys.readouterr().err == (
        f"alloresto: no SIP account is called 'chez-luigy'; did you mean {LUIGI}?\n"
    )


def test_without_a_database_the_setting_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: Said
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    assert main(["sip", "list"]) == 1
    assert "DATABASE_URL is not set" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changes", "phrases"),
    [
        ({}, ["on bridge-1 for 5 min", "least loaded", "registered for 5 min", "Next: nothing"]),
        (
            {"state": "FAIL_WAIT", "last_sip_code": 403, "auth_failures": 2},
            ["403 forbidden", "refusal 2 of 3", "Next: Wrong password, a suspended line"],
        ),
        (
            {"state": "SUSPENDED", "last_sip_code": 401, "auth_failures": 3},
            ["3 of 3 times in a row", f"alloresto sip retry {LUIGI}"],
        ),
        (
            {"state": "FAIL_WAIT", "last_sip_code": 908},
            ["has not answered for", "UDP port blocked"],
        ),
        (
            {"state": "FAIL_WAIT", "last_sip_code": 904},
            ["904 password refused", "compare user name and password"],
        ),
        (
            {"state": "FAIL_WAIT", "last_sip_code": 900, "auth_failures": 1},
            ["900 challenge not understood", "digest authentication with MD5"],
        ),
        (
            {"state": "FAIL_WAIT", "last_sip_code": 200},
            ["keeps no binding of ours", "expires=0"],
        ),
        (
            {"state": "FAIL_WAIT", "last_sip_code": 404, "auth_failures": 1},
            ["404 no such account", "refusal 1 of 3"],
        ),
        ({"state": "TRYING", "last_sip_code": 200}, ["sent REGISTER", "not answered yet"]),
        ({"state": "FAIL_WAIT", "last_sip_code": 503}, ["503 carrier overloaded", "burst"]),
        ({"status": "paused", "bridge_id": None}, ["restaurant is paused: nobody registers it"]),
        ({"bridge_id": "gone"}, ["gone was last heard of", "another bridge takes over"]),
        (
            {"epoch": 2, "former_bridge_id": "bridge-2"},
            ["It is moving: bridge-2 keeps its binding"],
        ),
        ({"requested_bridge_id": "bridge-2"}, ["An admin asked for bridge-2"]),
        ({"bridge_id": "leaving"}, ["leaving is being drained"]),
        ({"bridge_id": None}, ["though bridges have room for 400", "controller's log"]),
    ],
)
def test_explain_says_where_why_and_what_next(
    engine: Engine, capsys: Said, changes: dict[str, Any], phrases: list[str]
) -> None:
    with engine.begin() as connection:
        add_bridge(connection, "gone", last_seen_at=ago(90))
        add_bridge(connection, "leaving", drain_requested_at=ago(1))
        registered(connection, **changes)
    text = said(capsys, "explain", LUIGI)
    for phrase in phrases:
        assert phrase in text


def test_explain_says_when_no_bridge_has_room(engine: Engine, capsys: Said) -> None:
    with engine.begin() as connection:
        connection.execute(update(SipBridgeNode).values(drain_requested_at=ago(1)))
        add_account(connection, LUIGI)
    text = said(capsys, "explain", LUIGI)
    assert "No bridge has room" in text
    assert "start another bridge" in text


@pytest.mark.parametrize(
    ("bridge", "reason"),
    [
        ("bridge-9", "no bridge is called 'bridge-9'"),
        ("bridge-1", f"{LUIGI} is already on bridge-1"),
        ("full", "full is full: 1 of 1"),
        ("gone", "gone is lost"),
        ("leaving", "leaving is being drained"),
    ],
)
def test_a_move_that_cannot_be_is_refused_and_not_asked_for(
    engine: Engine, capsys: Said, bridge: str, reason: str
) -> None:
    with engine.begin() as connection:
        add_bridge(connection, "gone", last_seen_at=ago(90))
        add_bridge(connection, "leaving", drain_requested_at=ago(1))
        add_bridge(connection, "full", capacity=1)
        registered(connection)
        registered(connection, "other", bridge_id="full")
    assert main(["sip", "move", LUIGI, bridge]) == 1
    assert reason in capsys.readouterr().err
    assert row_of(engine).requested_bridge_id is None


def test_a_moving_or_paused_account_is_not_moved(engine: Engine, capsys: Said) -> None:
    with engine.begin() as connection:
        registered(connection, former_bridge_id="bridge-2")
        registered(connection, "paused", status="paused", bridge_id=None)
        add_bridge(connection, "bridge-3")
    assert main(["sip", "move", LUIGI, "bridge-3"]) == 1
    assert "is moving from bridge-2 to bridge-1" in capsys.readouterr().err
    assert main(["sip", "move", "paused", "bridge-3"]) == 1
    assert "the restaurant is paused" in capsys.readouterr().err


def test_a_move_that_does_not_arrive_may_be_taken_back(engine: Engine) -> None:
    with engine.begin() as connection:
        add_bridge(connection, "small", capacity=1)  # full, and holds it
        registered(connection, epoch=2, state_epoch=1, former_bridge_id="small")
    assert main(["sip", "move", LUIGI, "small", "--no-wait"]) == 0
    assert row_of(engine).requested_bridge_id == "small"


def test_a_move_is_asked_for_and_watched_to_its_end(engine: Engine, capsys: Said) -> None:
    # 1 asked  2 the controller places it  3 the new bridge registers  4 the old one gives it back
    with engine.begin() as connection:
        registered(connection)
    steps = [
        {
            "bridge_id": "bridge-2",
            "former_bridge_id": "bridge-1",
            "epoch": 2,
            "requested_bridge_id": None,
        },
        {"state": "REGED", "state_epoch": 2},
        {"former_bridge_id": None},
    ]
    moved = Thread(target=play_controller, args=(engine, steps))
    moved.start()
    lines = said(capsys, "move", LUIGI, "bridge-2").splitlines()
    moved.join()
    assert lines[0] == f"asked: {LUIGI} from bridge-1 to bridge-2"
    assert lines[-1] == "done: registered on bridge-2"
    assert "registered on bridge-2; bridge-1 un-registers" in lines


def test_a_move_the_controller_refuses_is_told(engine: Engine, capsys: Said) -> None:
    with engine.begin() as connection:
        registered(connection)
    refused = Thread(target=play_controller, args=(engine, [{"requested_bridge_id": None}]))
    refused.start()
    assert main(["sip", "move", LUIGI, "bridge-2"]) == 1
    assert "the controller refused: full" in capsys.readouterr().err
    refused.join()


def play_controller(engine: Engine, steps: list[dict[str, Any]]) -> None:
    """Wait for the request, then write each step, slower than the command looks."""
    block_until(lambda: row_of(engine).requested_bridge_id)
    for step in steps:
        with engine.begin() as connection:
            write(connection, **step)
            if len(steps) == 1:
                tell(connection, row_of(engine).id, "move_refused", detail="full")
        block_elapse(0.7, because="the command looks every half second, and shows each step")


def tell(connection: Connection, registration_id: UUID, event: str, **values: Any) -> None:
    row = {"registration_id": registration_id, "bridge_id": "bridge-1", "epoch": 1, **values}
    connection.execute(insert(SipRegistrationEvent).values(event=event, **row))


def test_retry_forgets_the_refusals_of_a_suspended_account(engine: Engine, capsys: Said) -> None:
    with engine.begin() as connection:
        registered(connection, state="SUSPENDED", auth_failures=3, next_retry_at=ago(1))
    assert "is tried again on bridge-1" in said(capsys, "retry", LUIGI)
    row = row_of(engine)
    assert (row.auth_failures, row.next_retry_at) == (0, None)
    assert "STARTING" in said(capsys, "list"), "no longer suspended"


def test_retry_refuses_an_account_nothing_holds_back(engine: Engine, capsys: Said) -> None:
    with engine.begin() as connection:
        registered(connection, state="FAIL_WAIT", auth_failures=1)
    assert main(["sip", "retry", LUIGI]) == 1
    assert "is not suspended but FAIL_WAIT" in capsys.readouterr().err
    assert row_of(engine).auth_failures == 1


def test_trace_tells_the_history_in_order(engine: Engine, capsys: Said) -> None:
    with engine.begin() as connection:
        registered(connection)
        registration_id = connection.scalars(select(SipRegistration.id)).one()
        tell(connection, registration_id, "placed", detail="new")
        tell(connection, registration_id, "FAIL_WAIT", sip_code=403)
        tell(connection, registration_id, "REGED", sip_code=200)
    lines = said(capsys, "trace", LUIGI).splitlines()
    assert [line.split("  ", 1)[1].split() for line in lines] == [
        ["bridge-1", "epoch", "1", "placed", "new"],
        ["bridge-1", "epoch", "1", "FAIL_WAIT", "403", "forbidden"],
        ["bridge-1", "epoch", "1", "REGED", "200", "OK"],
    ]
    first = json.loads(said(capsys, "trace", LUIGI, "--json").splitlines()[0])
    assert (first["event"], first["detail"]) == ("placed", "new")
