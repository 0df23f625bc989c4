"""`alloresto import-sqlite`: an existing application's restaurant is taken over once, exactly."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from controlplane.cli import main
from controlplane.commands.import_sqlite import ROWS_REFUSED_EXIT
from controlplane.database import sync_engine
from tests.accounts import SECRET_KEYS, add_account, add_carrier
from tests.old_application import add_rows, old_file
from tests.waiting import DEADLINE_S, block_until

pytestmark = pytest.mark.integration

Said = pytest.CaptureFixture[str]
DAY = "2026-11-01 19:30:00"


@pytest.fixture
def engine(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("ALLORESTO_SECRET_KEYS", SECRET_KEYS)
    engine = sync_engine(database_url, application_name="test")
    yield engine
    engine.dispose()


def ask(engine: Engine, statement: str) -> list[Any]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(statement))]


def everything(engine: Engine) -> list[Any]:
    """Every row an import may write, and what would tell or charge somebody."""
    tables = ["restaurant", "menu_version", "customer", "order", "order_line", "order_vat_line"]
    tables += ["order_event", "reservation", "reservation_event", "audit_log", "consent"]
    tables += ["event_outbox", "usage_record", "slot_use", "table_assignment"]
    return [sorted(map(str, ask(engine, f'SELECT t FROM "{table}" t'))) for table in tables]


def test_another_tenant_sees_nothing(engine: Engine, tmp_path: Path, capsys: Said) -> None:
    """1. Another restaurant has the slug already. 2. Names that are alike make nothing its own.
    3. Named by an admin it is the one, and a third restaurant has nothing of it.
    """
    with engine.begin() as connection:
        add_carrier(connection)
        add_account(connection, "chez-mario")
        add_account(connection, "luigi")
    path = old_file(
        tmp_path / "mario.db",
        orders=[(1, DAY, "done", 12.5)],
        order_items=[(1, 1, "Reine", 1, 12.5)],
    )
    before = everything(engine)
    assert main(["import-sqlite", str(path)]) == 1
    assert "--restaurant chez-mario" in capsys.readouterr().err
    assert everything(engine) == before
    assert main(["import-sqlite", str(path), "--restaurant", "chez-mario"]) == 0
    owners = 'SELECT r.slug FROM restaurant r JOIN "order" o ON o.restaurant_id = r.id'
    assert ask(engine, owners) == [("chez-mario",)]


def test_a_restaurant_is_taken_over_once_and_what_is_wrong_is_told(
    engine: Engine, tmp_path: Path, capsys: Said
) -> None:
    """1. A dry run reports and writes nothing. 2. The import writes what is right. 3. Run again it
    changes nothing. 4. An order that changed in the old application is a difference, and is told.
    """
    path = old_file(
        tmp_path / "mario.db",
        menu=[(1, "Pizzas", "Reine", 12.5, 10), (2, "Pizzas", "Offerte", "gratuit", None)],
        customers=[(1, "06 39 98 01 23", "Camille", "2026-10-01"), (2, "pas de numéro", "Luc")],
        orders=[
            (1, DAY, "done", 25.0, 1),
            (2, "2025-02-03 12:00:00", "cancelled", 9, None, "Zoé", "tél. perdu"),
            (3, "2026-02-30 12:00:00", "done", 9),
            (4, DAY, "done", 12.345),
        ],
        order_items=[
            (1, 1, "Reine", 2, 12.5, None, "sans oignon"),
            (2, 2, "Eau", 1, 9, 5.5),
            (3, 3, "Eau", 1, 9),
            (4, 4, "Eau", 1, 12.345),
            (5, 99, "Eau", 1, 9),
        ],
        reservations=[(1, DAY, 4, "confirmed", "Zoé", "06 39 98 01 24"), (2, DAY, 0, "confirmed")],
    )
    with sqlite3.connect(path) as connection:
        connection.execute(
            "UPDATE orders SET note = CAST(x'e974616765203200' AS TEXT) WHERE id = 1"
        )
    connection.close()
    empty = everything(engine)
    assert main(["import-sqlite", str(path), "--dry-run"]) == ROWS_REFUSED_EXIT
    told = capsys.readouterr().out
    assert everything(engine) == empty
    assert "Rien n’a été écrit" in told
    refused = [line.split(" : ")[0] for line in told.splitlines() if line.startswith("refusé")]
    assert refused == [
        "refusé  menu 2",
        "refusé  customers 2",
        "refusé  order_lines 5",
        "refusé  orders 3",
        "refusé  orders 4",
        "refusé  reservations 2",
    ]
    assert "Luc" not in told

    assert main(["import-sqlite", str(path)]) == ROWS_REFUSED_EXIT
    assert "≠" not in capsys.readouterr().out
    orders = (
        "SELECT total_cents, status, customer_name, customer_phone_e164, note, menu_version, number"
        ' FROM "order" ORDER BY number'
    )
    assert ask(engine, orders) == [
        (2500, "completed", "Camille", "+33639980123", "étage 2", None, 1),
        (900, "cancelled", None, None, "", None, 2),  # older than the restaurant keeps names
    ]
    assert ask(engine, "SELECT name, status FROM restaurant") == [("Chez Mario", "onboarding")]
    assert ask(engine, "SELECT name, price_cents FROM menu_item") == [("Reine", 1250)]
    assert ask(engine, "SELECT party, status FROM reservation") == [(4, "finished")]
    on_record = "SELECT diff->'orders' FROM audit_log WHERE action = 'import_data'"
    assert ask(engine, on_record) == [([None, 2],)]
    for silent in ("consent", "event_outbox", "usage_record", "slot_use", "table_assignment"):
        assert ask(engine, f"SELECT FROM {silent}") == []

    written = everything(engine)
    assert main(["import-sqlite", str(path)]) == ROWS_REFUSED_EXIT
    assert everything(engine) == written
    capsys.readouterr()

    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE orders SET total = 12.5 WHERE id = 1")
        connection.execute("UPDATE order_items SET quantity = 1 WHERE id = 1")
    connection.close()
    assert main(["import-sqlite", str(path)]) == 1
    assert "≠  orders" in capsys.readouterr().out
    assert everything(engine) == written


def test_who_was_erased_does_not_come_back(
    engine: Engine, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", redis_url)
    path = old_file(
        tmp_path / "mario.db",
        customers=[(1, "06 39 98 01 23", "Camille", "2026-10-01")],
        orders=[(1, DAY, "done", 9, 1)],
        order_items=[(1, 1, "Eau", 1, 9)],
    )
    assert main(["import-sqlite", str(path)]) == 0
    assert main(["caller", "erase", "06 39 98 01 23"]) == 0
    with sqlite3.connect(path) as connection:
        add_rows(connection, "orders", [(2, DAY, "done", 9, 1)])
        add_rows(connection, "order_items", [(2, 2, "Eau", 1, 9)])
    connection.close()
    assert main(["import-sqlite", str(path)]) == 0
    assert ask(engine, "SELECT FROM customer") == []
    whose = 'SELECT customer_name, customer_phone_e164 FROM "order"'
    assert ask(engine, whose) == [(None, None), (None, None)]


def test_a_number_taken_twice_a_day_costs_one_order(
    engine: Engine, tmp_path: Path, capsys: Said
) -> None:
    path = old_file(
        tmp_path / "mario.db",
        orders=[(one, DAY, "done", 9) for one in (1, 2, 3)],
        order_items=[(one, one, "Eau", 1, 9) for one in (1, 2, 3)],
    )
    with sqlite3.connect(path) as connection:
        connection.execute("ALTER TABLE orders ADD COLUMN number INTEGER")
        connection.execute("UPDATE orders SET number = max(1, id - 1)")
    connection.close()
    assert main(["import-sqlite", str(path)]) == ROWS_REFUSED_EXIT
    assert "refusé  orders 2 : une autre commande" in capsys.readouterr().out
    assert ask(engine, 'SELECT number FROM "order" ORDER BY 1') == [(1,), (2,)]


def test_a_file_that_cannot_be_read_says_why(engine: Engine, tmp_path: Path, capsys: Said) -> None:
    """1. It is no SQLite. 2. The old application is writing. 3. It is cut short."""
    text_file = tmp_path / "notes.db"
    text_file.write_text("bonjour", encoding="utf-8")
    assert main(["import-sqlite", str(text_file)]) == 1
    assert "pas une base SQLite" in capsys.readouterr().err
    path = old_file(tmp_path / "mario.db", customers=[(n, "06 39 98 01 23") for n in range(2_000)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("controlplane.restaurants.old_application.sqlite_file.BUSY_SECONDS", 0.1)
        busy = sqlite3.connect(path, isolation_level=None)
        busy.execute("BEGIN EXCLUSIVE")
        assert main(["import-sqlite", str(path)]) == 1
        busy.close()
    assert "l'ancienne application écrit" in capsys.readouterr().err
    path.write_bytes(path.read_bytes()[:20_000])
    assert main(["import-sqlite", str(path)]) == 1
    assert "endommagé" in capsys.readouterr().err
    assert ask(engine, "SELECT FROM restaurant") == []


def test_killed_in_the_middle_it_goes_on_where_it_was(
    engine: Engine, tmp_path: Path, capsys: Said
) -> None:
    """1. A process imports and is killed once it has written something. 2. Started again, every
    order is there once, whole.
    """
    orders = 600
    path = old_file(
        tmp_path / "mario.db",
        orders=[(n, DAY, "done", 21.5, None, None, None, None, 1) for n in range(1, orders + 1)],
        order_items=[
            row
            for n in range(1, orders + 1)
            for row in ((2 * n, n, "Reine", 1, 12.5, 10), (2 * n + 1, n, "Vin", 2, 5, 20))
        ],
    )
    command = [sys.executable, "-m", "controlplane.cli", "import-sqlite", str(path)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        block_until(lambda: bool(ask(engine, 'SELECT FROM "order" LIMIT 1')))
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait(DEADLINE_S)
    begun = len(ask(engine, 'SELECT FROM "order"'))
    assert 0 < begun < orders
    assert main(["import-sqlite", str(path)]) == 0
    assert "≠" not in capsys.readouterr().out
    sums = 'SELECT count(*), sum(total_cents), sum(items_cents) FROM "order"'
    assert ask(engine, sums) == [(orders, 2150 * orders, 2250 * orders)]
    assert ask(engine, "SELECT count(*) FROM order_line") == [(2 * orders,)]
