"""What an old application's columns hold is read exactly, or refused with what to change."""

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.restaurants.old_application import values
from controlplane.restaurants.old_application.errors import OldFileRefused, RowRefused
from controlplane.restaurants.old_application.mapping import (
    OldMapping,
    OldTable,
    read_old_mapping,
)
from controlplane.restaurants.old_application.read_menu import read_menu
from controlplane.restaurants.old_application.read_rows import (
    Reading,
    read_order,
    read_reservation,
)
from controlplane.restaurants.old_application.sqlite_file import Row, SqliteFile
from tests.old_application import old_file

pytestmark = pytest.mark.unit

PARIS = ZoneInfo("Europe/Paris")
NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)


def reading(*, erased: str = "", mapping: OldMapping | None = None) -> Reading:
    return Reading(
        restaurant_id=UUID(int=1),
        own_number="+33199001111",
        zone=PARIS,
        mapping=mapping or OldMapping(),
        now=NOW,
        personal_since=NOW - timedelta(days=390),
        is_erased=lambda number: number == erased,
    )


def order(**changed: values.Value) -> Row:
    row: Row = {"id": 7, "created_at": "2026-11-01 19:30:00", "status": "done", "total": 25.0}
    return row | {"customer_name": "Camille", "customer_phone": "06 39 98 01 23"} | changed


def line(**changed: values.Value) -> Row:
    row: Row = {"id": 1, "order_id": 7, "name": "Reine", "quantity": 2, "unit_price": 12.5}
    return row | changed


@pytest.mark.parametrize(
    ("value", "cents"),
    [(12.5, 1250), (12, 1200), ("12,50 €", 1250), ("12€50", 1250), (0.1 + 0.2, 30), (0, 0)],
)
def test_a_price_is_its_exact_cents(value: values.Value, cents: int) -> None:
    assert values.cents(value, in_cents=False) == cents


@given(st.integers(0, values.MOST_CENTS))
def test_every_cent_survives_a_float(cents: int) -> None:
    assert values.cents(cents / 100, in_cents=False) == cents


@pytest.mark.parametrize("value", [12.345, "12,345", "gratuit", -3, "-3", 1e300, None, b"12"])
def test_a_price_that_is_none_is_refused_not_rounded(value: values.Value) -> None:
    with pytest.raises(RowRefused):
        values.cents(value, in_cents=False)


@pytest.mark.parametrize(
    ("value", "at"),
    [
        ("2026-07-14 19:30:00", datetime(2026, 7, 14, 17, 30, tzinfo=UTC)),
        ("2026-01-14T19:30", datetime(2026, 1, 14, 18, 30, tzinfo=UTC)),
        ("2025-10-26 02:30:00", datetime(2025, 10, 26, 0, 30, tzinfo=UTC)),  # the first of two
        ("2026-07-14T17:30:00Z", datetime(2026, 7, 14, 17, 30, tzinfo=UTC)),
        (1_784_050_200, datetime(2026, 7, 14, 17, 30, tzinfo=UTC)),
        (1_784_050_200_000, datetime(2026, 7, 14, 17, 30, tzinfo=UTC)),
    ],
)
def test_an_instant_is_the_restaurants_wall_clock(value: values.Value, at: datetime) -> None:
    assert values.instant(value, PARIS) == at


@pytest.mark.parametrize(
    "value", ["2025-02-30 12:00", "2026-03-29 02:30", "hier", "", None, 1e30, "0001-01-01", b"\xff"]
)
def test_a_time_that_does_not_exist_is_refused(value: values.Value) -> None:
    with pytest.raises(RowRefused):
        values.instant(value, PARIS)


def test_an_order_adds_up_and_is_the_same_whenever_it_is_read() -> None:
    lines = [line(), line(id=2, name="Eau", quantity=250, unit_price=1, vat_rate="5,5")]
    row = order(total="270,00 €", discount=5)
    read = read_order(reading(), row, lines)
    assert read == read_order(reading(), row, lines)
    assert [one["quantity"] for one in read.lines] == [2, 99, 99, 52]
    assert sum(one["total_cents"] for one in read.lines) == read.order["items_cents"] == 27_500
    assert sum(one["gross_cents"] for one in read.vat_lines) == read.order["total_cents"] == 27_000
    unknown, known = read.vat_lines
    assert (unknown["rate_bp"], unknown["vat_cents"], known["rate_bp"]) == (0, 0, 550)
    assert read.order["customer_phone_e164"] == "+33639980123"


@pytest.mark.parametrize(
    ("row", "lines", "reason"),
    [
        (order(total=24), [line()], "le total dit 2400 centimes, les lignes font 2500"),
        (order(status="pending"), [line()], "statut « pending »"),
        (order(discount=26, total=None), [line()], "la remise dépasse"),
        (order(), [], "aucune ligne"),
        (order(), [line()] * 501, "plus de 500 lignes"),
        (order(), [line(quantity=0)], "la quantité"),
        (order(), [line(name="\0")], "nom de plat"),
        (order(number="A12"), [line()], "le numéro de commande"),
        (order(note=b"\x00\x01"), [line()], "BLOB"),
    ],
)
def test_a_wrong_order_is_refused_with_its_reason(row: Row, lines: list[Row], reason: str) -> None:
    with pytest.raises(RowRefused) as refused:
        read_order(reading(), row, lines)
    assert reason in str(refused.value).replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize(
    "case",
    [(reading(erased="+33639980123"), order()), (reading(), order(created_at=1_600_000_000))],
)
def test_who_was_erased_or_came_long_ago_is_not_brought_back(case: tuple[Reading, Row]) -> None:
    read = read_order(*case, [line()]).order
    assert (read["customer_name"], read["customer_phone_e164"]) == (None, None)
    assert read["total_cents"] == 2500


def test_a_reservation_to_come_is_not_given_a_table_that_another_may_have() -> None:
    row: Row = {"id": 1, "starts_at": "2026-11-27 20:00", "party": 4, "status": "confirmed"}
    assert read_reservation(reading(), row)["status"] == "finished"
    with pytest.raises(RowRefused, match="à venir"):
        read_reservation(reading(), row | {"starts_at": "2026-12-31 20:00"})
    cancelled = row | {"starts_at": "2026-12-31 20:00", "status": "Annulée"}
    assert read_reservation(reading(), cancelled)["status"] == "cancelled"


def test_wrong_dishes_cost_themselves_and_no_other() -> None:
    dish: Row = {"id": 1, "category": "Pizzas", "name": "Reine", "price": 12.5}
    rows = [
        dish,
        dish | {"id": 2, "name": "REINE"},
        dish | {"id": 3, "name": "Calzone", "price": "gratuit"},
        dish | {"id": 4, "name": "Royale", "price": -3},
        dish | {"id": 5, "category": ""},
    ]
    refused: list[object] = []
    menu = read_menu(rows, {}, OldMapping(), lambda old_id, _: refused.append(old_id))
    assert [item.name for _, item in menu.placed_items()] == ["Reine"]
    assert refused == [2, 3, 4, 5]


@pytest.mark.parametrize(
    ("toml", "told"),
    [
        ('[orders.columns]\nprix = "x"', "« prix » est inconnu"),
        ('[orders.statuses]\nnew = "placed"', "« placed » n'est pas l'un de"),
        ('vat_rate = "7"', "taux de TVA inconnu"),
        ("[orders", "n'est pas du TOML"),
        ("[commandes]", "nom inconnu"),
    ],
)
def test_a_wrong_mapping_says_what_to_change(toml: str, told: str) -> None:
    with pytest.raises(OldFileRefused) as refused:
        read_old_mapping(toml.encode())
    assert told in str(refused.value).replace("\N{NO-BREAK SPACE}", " ")


def test_lines_of_an_id_that_two_orders_have_are_counted_once(tmp_path: Path) -> None:
    """What is in the file is then what was read, and the import's totals still add up."""
    path = old_file(
        tmp_path / "old.db",
        orders=[(1, "2026-11-01 19:30", "done", 5)],
        order_items=[(1, 1, "Reine", 1, 2), (2, 1, "Eau", 1, 3)],
    )
    with sqlite3.connect(path) as connection:
        connection.execute(
            "CREATE TABLE twice AS SELECT * FROM orders UNION ALL SELECT * FROM orders"
        )
    connection.close()
    with SqliteFile(path, read_old_mapping(b'[orders]\ntable = "twice"')) as opened:
        ((_, lines),) = opened.orders()
        assert opened.ids_used_twice(OldTable.ORDERS) == {1: 2}
        assert (len(lines), opened.lines_read) == (2, opened.count(OldTable.ORDER_LINES))


def test_a_file_is_read_by_the_mapped_names_and_never_written(tmp_path: Path) -> None:
    path = old_file(tmp_path / "old.db", orders=[(1, "2026-11-01 19:30", "Livrée", 5)])
    mapping = read_old_mapping(b'[orders.columns]\nnote = "customer_name"')
    before = path.read_bytes()
    with SqliteFile(path, mapping) as opened:
        ((row, lines),) = opened.orders()
    assert (row["id"], row["status"], lines) == (1, "Livrée", [])
    assert path.read_bytes() == before
    missing = read_old_mapping(b'[orders.columns]\ntotal = "montant"')
    with pytest.raises(OldFileRefused, match="montant"), SqliteFile(path, missing):
        pass
    with pytest.raises(OldFileRefused, match="commandes"):
        with SqliteFile(path, read_old_mapping(b'[orders]\ntable = "commandes"')):
            pass
    assert OldMapping().status(OldTable.ORDERS, "Livrée") == "completed"
