"""`alloresto transfer`, `caller` and `cases`: what people type is normalised, checked and kept, and
what was reported wrong is printed as JSON.
"""

import json
from collections.abc import Iterator
from uuid import UUID

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from controlplane.cli import main
from controlplane.contracts.identifiers import new_id
from controlplane.database import sync_engine
from tests.accounts import add_account, add_carrier

pytestmark = pytest.mark.integration

GATEWAY = "chez-luigi-3f9a1c2b"
OTHER = "chez-mario-0a1b2c3d"
OUR_LINE = "0033199009999"
Said = pytest.CaptureFixture[str]


@pytest.fixture
def engine(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    monkeypatch.setenv("DATABASE_URL", database_url)
    engine = sync_engine(database_url, application_name="test")
    yield engine
    engine.dispose()


@pytest.fixture
def luigi(engine: Engine) -> UUID:
    """Two restaurants; the second's phone is a premium number."""
    with engine.begin() as connection:
        add_carrier(connection)
        luigi = add_account(connection, GATEWAY)
        add_account(connection, OTHER, phone_e164="+33899123456", username=OUR_LINE)
    return luigi


def rows(engine: Engine, table: str, columns: str) -> list[tuple[object, ...]]:
    with engine.connect() as connection:
        query = text(f"SELECT {columns} FROM {table} ORDER BY 1")
        return [tuple(row) for row in connection.execute(query)]


def test_a_number_is_listed_as_people_write_it_and_changed(engine: Engine, luigi: UUID) -> None:
    assert main(["transfer", "add", GATEWAY, "01 99 00 43 21", "le  gérant"]) == 0
    assert main(["transfer", "add", str(luigi), "0033199008765", "la caisse", "--blind"]) == 0
    assert main(["transfer", "add", GATEWAY, "+33 1 99 00 43 21", "la patronne"]) == 0
    assert rows(engine, "transfer_target", "position, restaurant_id, name, phone_e164, mode") == [
        (0, luigi, "la patronne", "+33199004321", "warm"),
        (1, luigi, "la caisse", "+33199008765", "blind"),
    ]
    assert main(["transfer", "remove", GATEWAY, "01.99.00.43.21"]) == 0
    assert rows(engine, "transfer_target", "name") == [("la caisse",)]


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("112", "no telephone number"),
        ("36 31", "no telephone number"),
        ("sip:x@evil.example", "no telephone number"),
        ("0899123456", "premium"),
        ("+44 20 7946 0958", "another country"),
        ("01 99 00 99 99", "a line that we answer ourselves"),
    ],
)
def test_a_number_never_dialled_is_refused_with_the_reason(
    engine: Engine, luigi: UUID, capsys: Said, number: str, reason: str
) -> None:
    assert main(["transfer", "add", GATEWAY, number, "le gérant"]) == 1
    assert reason in capsys.readouterr().err
    assert rows(engine, "transfer_target", "name") == []


@pytest.mark.parametrize("name", ["", "  ", "x" * 61, "le\x07gérant"])
def test_a_name_nobody_could_say_is_refused(luigi: UUID, name: str) -> None:
    assert main(["transfer", "add", GATEWAY, "0199004321", name]) == 1


def test_the_list_shows_the_restaurants_phone_and_what_is_wrong_with_it(
    luigi: UUID, capsys: Said
) -> None:
    main(["transfer", "add", OTHER, "0199004321", "le gérant"])
    capsys.readouterr()
    assert main(["transfer", "list", OTHER, "--json"]) == 0
    own, manager = map(json.loads, capsys.readouterr().out.splitlines())
    assert (own["number"], "premium" in own["refused"]) == ("+33899123456", True)
    assert (manager["name"], manager["refused"]) == ("le gérant", None)
    assert main(["transfer", "list", OTHER]) == 0
    assert "never dialled: 08 numbers" in capsys.readouterr().out


def test_blocked_and_unblocked(engine: Engine, luigi: UUID, capsys: Said) -> None:
    for _ in range(2):
        assert main(["caller", "block", GATEWAY, "06 39 98 01 23"]) == 0
    assert rows(engine, "blocked_caller", "restaurant_id, phone_e164") == [(luigi, "+33639980123")]
    capsys.readouterr()
    assert main(["caller", "list", OTHER]) == 0
    assert capsys.readouterr().out == ""
    assert main(["caller", "unblock", OTHER, "0639980123"]) == 1
    assert main(["caller", "list", GATEWAY]) == 0
    assert capsys.readouterr().out == "+33639980123\n"
    assert main(["caller", "unblock", GATEWAY, "0639980123"]) == 0
    assert rows(engine, "blocked_caller", "phone_e164") == []


def test_an_overseas_number_is_blocked_with_its_own_country_code(
    engine: Engine, luigi: UUID
) -> None:
    with engine.begin() as connection:
        add_account(connection, "chez-payet-1a2b3c4d", phone_e164="+262262123456")
    for name in (GATEWAY, "chez-payet-1a2b3c4d"):
        assert main(["caller", "block", name, "0692 12 34 56"]) == 0
    assert rows(engine, "blocked_caller", "phone_e164") == [("+262692123456",)] * 2


def test_a_belgian_restaurant_s_numbers_are_read_as_belgian(engine: Engine, luigi: UUID) -> None:
    with engine.begin() as connection:
        add_account(connection, "chez-maes-1a2b3c4d", phone_e164="+3225550000")
    assert main(["caller", "block", "chez-maes-1a2b3c4d", "0470 12 34 56"]) == 0
    assert rows(engine, "blocked_caller", "phone_e164") == [("+32470123456",)]


def test_the_restaurants_own_people_cannot_be_blocked(luigi: UUID, capsys: Said) -> None:
    main(["transfer", "add", GATEWAY, "0199004321", "le gérant"])
    for own in ("0199004321", "01 99 00 56 78"):
        assert main(["caller", "block", GATEWAY, own]) == 1
        assert "restaurant's own" in capsys.readouterr().err


def test_an_unknown_restaurant_is_answered_with_those_near(luigi: UUID, capsys: Said) -> None:
    assert main(["caller", "list", "luigi"]) == 1
    assert f"did you mean {GATEWAY}" in capsys.readouterr().err


def test_limits_are_shown_changed_one_by_one_and_bounded(
    engine: Engine, luigi: UUID, capsys: Said
) -> None:
    assert main(["caller", "limits", GATEWAY, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "at_once": 12,
        "an_hour": 120,
        "ai_minutes_a_day": 600,
    }
    assert main(["caller", "limits", GATEWAY, "--at-once", "20"]) == 0
    assert main(["caller", "limits", GATEWAY, "--ai-minutes-a-day", "900"]) == 0
    columns = "most_calls_at_once, most_calls_an_hour, most_ai_minutes_a_day"
    assert rows(engine, "restaurant", columns) == [(12, 120, 600), (20, 120, 900)]
    for wrong in (("--at-once", "0"), ("--an-hour", "99999"), ("--ai-minutes-a-day", "-1")):
        assert main(["caller", "limits", GATEWAY, *wrong]) == 2
    with engine.begin() as connection, pytest.raises(IntegrityError):
        connection.execute(text("UPDATE restaurant SET most_calls_an_hour = 0"))


def test_what_was_reported_wrong_is_a_json_object_a_line(
    engine: Engine, luigi: UUID, capsys: Said
) -> None:
    ids = {"restaurant": luigi, "call": new_id(), "turn": new_id(), "case": new_id()}
    with engine.begin() as connection:
        for statement in (
            "INSERT INTO call (id, restaurant_id, started_at, menu_version, input_audio_tokens,"
            " input_text_tokens, cached_tokens, output_audio_tokens, output_text_tokens)"
            " VALUES (:call, :restaurant, now(), 7, 0, 0, 0, 0, 0)",
            "INSERT INTO call_turn (id, restaurant_id, call_id, position, role, text, unheard, at)"
            " VALUES (:turn, :restaurant, :call, 0, 'agent', 'Vingt heures.', 'Et avec ?', now())",
            "INSERT INTO call_case (id, restaurant_id, call_id, turn_id, kind, better, called_at,"
            " reported_by) VALUES (:case, :restaurant, :call, :turn, 'time', 'Vingt et une heures',"
            " now(), 'admin')",
        ):
            connection.execute(text(statement), ids)
    assert main(["cases", GATEWAY]) == 0
    case = json.loads(capsys.readouterr().out)
    assert (case["kind"], case["should_be"]) == ("time", "Vingt et une heures")
    assert (case["call"], case["menu_version"]) == (str(ids["call"]), 7)
    assert case["turns"] == [
        {"role": "agent", "text": "Vingt heures.", "unheard": "Et avec ?", "wrong": True}
    ]
    assert main(["cases", OTHER]) == 0
    assert capsys.readouterr().out == ""
    assert rows(engine, "audit_log", "action, actor")[:1] == [("export_cases", "admin")]
