"""`alloresto hours` and `alloresto pacing`: what an admin writes is checked, audited, and decides
of the next order.
"""

import json
from datetime import UTC, datetime

import psycopg
import pytest

from controlplane.cli import main
from controlplane.database import libpq_url

pytestmark = pytest.mark.integration

ELSEWHERE = "chez-mario"
Said = pytest.CaptureFixture[str]


@pytest.fixture
def database(database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Two restaurants that nobody has given hours."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    with psycopg.connect(libpq_url(database_url)) as connection:
        for slug in ("chez-luigi", ELSEWHERE):
            connection.execute(
                "INSERT INTO restaurant (id, slug, name, spoken_name, address, timezone,"
                " phone_e164, status, preparation_minutes, voice, realtime_model) VALUES"
                " (gen_random_uuid(), %s, '', '', '', 'Europe/Paris', '+33199001235', 'live', 20,"
                " '', '')",
                [slug],
            )
    return libpq_url(database_url)


def rows(database: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(database) as connection:
        return connection.execute(query).fetchall()


def listed(what: str, restaurant: str, said: Said) -> list[dict[str, str]]:
    said.readouterr()
    assert main([what, "list", restaurant, "--json"]) == 0
    return [json.loads(line) for line in said.readouterr().out.splitlines()]


def test_another_tenant_sees_nothing(database: str, capsys: Said) -> None:
    assert main(["hours", "week", "chez-luigi", "daily", "18:30-00:30"]) == 0
    assert main(["hours", "except", "chez-luigi", "2026-12-25"]) == 0
    assert main(["pacing", "add", "chez-luigi", "8", "orders"]) == 0
    (rule,) = listed("pacing", "chez-luigi", capsys)
    for command in (
        ["hours", "as-usual", ELSEWHERE, "2026-12-25"],
        ["pacing", "set", ELSEWHERE, rule["id"], "9"],
        ["pacing", "remove", ELSEWHERE, rule["id"]],
    ):
        assert main(command) == 1
    assert listed("hours", ELSEWHERE, capsys) == []
    assert listed("pacing", ELSEWHERE, capsys) == []
    assert rows(database, "SELECT count(*) FROM audit_log") == [(4,)]


def test_hours_are_written_by_day_refused_whole_and_ask_tells_what_decides(
    database: str, capsys: Said
) -> None:
    assert main(["hours", "ask", "chez-luigi", "pickup"]) == 0
    assert "no_hours:pickup" in capsys.readouterr().out
    assert main(["hours", "week", "chez-luigi", "fri-mon", "11:30-14:30", "18:30-00:30"]) == 0
    assert main(["hours", "week", "chez-luigi", "sun", "--kind", "pickup"]) == 0
    overlapping = ["hours", "week", "chez-luigi", "fri,sat", "18:30-00:30", "00:15-02:00"]
    assert main(overlapping) == 1
    assert "overlap" in capsys.readouterr().err
    assert [
        (one["kind"], one["days"], one["hours"]) for one in listed("hours", "chez-luigi", capsys)
    ] == [
        ("on_site", "mon,fri,sat,sun", "11:30-14:30 18:30-00:30"),
        ("pickup", "mon,fri,sat", "11:30-14:30 18:30-00:30"),
    ]
    night = ["hours", "ask", "chez-luigi", "pickup", "--at", "2026-11-28 00:20:00"]
    assert main(night) == 0
    assert "week:pickup:friday" in capsys.readouterr().out
    (entry,) = rows(
        database, "SELECT actor, diff -> 'sunday' FROM audit_log ORDER BY at DESC LIMIT 1"
    )
    assert entry == ("admin", ["11:30-14:30 18:30-00:30", None])


def test_a_date_differs_until_it_is_as_usual_again(database: str, capsys: Said) -> None:
    day = datetime.now(UTC).date()
    today, weeks = str(day), ["hours", "week", "chez-luigi", "daily", "00:00-00:00"]
    assert main(weeks) == 0
    closed = ["hours", "except", "chez-luigi", today, "--label", "Travaux"]
    assert main([*closed, "--kind", "pickup"]) == 0
    for refused in (
        closed,  # it concerns pick-up too, and so does the first
        ["hours", "except", "chez-luigi", "2027-02-01", "--until", "2027-01-01"],
        ["hours", "except", "chez-luigi", "2027-02-01", "--label", "x" * 81],
        ["hours", "as-usual", "chez-luigi", "2027-02-01"],
    ):
        assert main(refused) == 1
    noon = ["--at", f"{today} 12:00:00"]
    for kind, rule in (("pickup", f"exception:pickup:{today}"), ("on_site", "week:on_site:")):
        capsys.readouterr()
        assert main(["hours", "ask", "chez-luigi", kind, *noon]) == 0
        assert rule in capsys.readouterr().out
    assert main(["hours", "as-usual", "chez-luigi", today]) == 0
    assert rows(database, "SELECT count(*) FROM opening_exception") == [(0,)]


def test_a_kitchen_pauses_and_holidays_close(database: str, capsys: Said) -> None:
    assert main(["hours", "week", "chez-luigi", "daily", "00:00-00:00"]) == 0
    assert main(["hours", "busy", "chez-luigi", "paused", "--minutes", "30"]) == 0
    assert main(["hours", "holidays", "chez-luigi", "closed"]) == 0
    capsys.readouterr()
    assert main(["hours", "ask", "chez-luigi", "pickup"]) == 0
    assert "busy:paused" in capsys.readouterr().out
    assert main(["hours", "busy", "chez-luigi", "online"]) == 0
    capsys.readouterr()
    christmas = ["--at", "2026-12-25 12:00:00"]
    assert main(["hours", "ask", "chez-luigi", "pickup", *christmas]) == 0
    assert "holiday:2026-12-25" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [
        ["hours", "week", "chez-luigi", "someday", "11:30-14:30"],
        ["hours", "week", "chez-luigi", "mon", "11h30-14h30"],
        ["hours", "week", "chez-luigi", "mon", "25:00-26:00"],
        ["hours", "except", "chez-luigi", "2026-02-30"],
        ["hours", "busy", "chez-luigi", "busy"],
        ["pacing", "add", "chez-luigi", "0", "orders"],
    ],
)
def test_what_is_no_time_is_a_usage_error(words: list[str]) -> None:
    assert main(words) == 2


def test_a_pacing_rule_is_added_changed_and_removed(database: str, capsys: Said) -> None:
    friday = ["--days", "fri", "--hours", "19:00-21:00", "--kind", "delivery"]
    assert main(["pacing", "add", "chez-luigi", "6", "orders", *friday]) == 0
    (rule,) = listed("pacing", "chez-luigi", capsys)
    assert (rule["kinds"], rule["days"], rule["hours"]) == ("delivery", "fri", "19:00-21:00")
    for refused in (["6", "covers"], ["6", "orders", "--kind", "reservation"]):
        assert main(["pacing", "add", "chez-luigi", *refused]) == 1
    assert main(["pacing", "set", "chez-luigi", rule["id"], "4"]) == 0
    assert rows(database, "SELECT most FROM pacing_rule") == [(4,)]
    assert main(["pacing", "remove", "chez-luigi", rule["id"]]) == 0
    assert rows(database, "SELECT action FROM audit_log ORDER BY at") == [
        ("add_pacing",),
        ("change_pacing",),
        ("remove_pacing",),
    ]
