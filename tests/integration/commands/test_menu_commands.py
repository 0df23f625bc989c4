"""`alloresto menu`: one restaurant's menu is looked at, and nothing of another's is told."""

import json
from pathlib import Path

import pytest
from sqlalchemy import text

from controlplane.cli import main
from controlplane.commands.menu import ERRORS_FOUND_EXIT
from controlplane.database import sync_engine
from controlplane.local.demo.restaurant import Hours, seed_demo
from tests.accounts import SECRETS, add_account, add_carrier

pytestmark = pytest.mark.integration

Said = pytest.CaptureFixture[str]
OTHER = "chez-mario-0a1b2c3d"


@pytest.fixture(autouse=True)
def two_restaurants(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The demo's pizzeria, and another restaurant that has no menu yet."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    seed_demo(
        database_url,
        registrar="127.0.0.1:5070",
        username="bella",
        password="first password",
        secrets=SECRETS,
        hours=Hours.REAL,
    )
    engine = sync_engine(database_url, application_name="test")
    with engine.begin() as connection:
        add_carrier(connection)
        add_account(connection, OTHER)
    engine.dispose()


def execute(database_url: str, statement: str) -> None:
    engine = sync_engine(database_url, application_name="test")
    with engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()


def test_another_tenant_sees_nothing(database_url: str, capsys: Said) -> None:
    execute(database_url, "UPDATE menu_item SET price_cents = 0 WHERE name = 'Reine'")
    assert main(["menu", "lint", "--restaurant", OTHER, "--json"]) == 0
    assert capsys.readouterr().out == ""


def test_the_lint_tells_what_to_change_and_whether_it_is_an_error(
    database_url: str, capsys: Said
) -> None:
    execute(database_url, "UPDATE menu_item SET price_cents = 0 WHERE name = 'Reine'")
    assert main(["menu", "lint", "--restaurant", "bella-napoli"]) == 0
    told = capsys.readouterr().out
    assert "à revoir  Pizzas › Reine [price_zero]" in told
    execute(database_url, "UPDATE option_group SET min_select = 1 WHERE name = 'Pâte'")
    execute(database_url, "DELETE FROM option WHERE name IN ('fine', 'épaisse')")
    assert main(["menu", "lint", "--restaurant", "bella-napoli", "--json"]) == ERRORS_FOUND_EXIT
    first = json.loads(capsys.readouterr().out.splitlines()[0])
    assert (first["rule"], first["severity"], first["place"]) == ("no_option", "error", "Pâte")
    assert "mettez son minimum à 0" in first["message"]


TABLE = "categorie;nom;prix;tva\nPizzas;Reine;{price};10\n"


@pytest.fixture
def carte(tmp_path: Path) -> Path:
    return tmp_path / "carte.csv"


def test_a_dry_run_tells_what_would_change_and_writes_nothing(carte: Path, capsys: Said) -> None:
    carte.write_text(TABLE.format(price="11,50"), encoding="utf-8")
    assert main(["menu", "import", str(carte), "--restaurant", OTHER, "--dry-run"]) == 0
    assert "+ Pizzas › Reine" in capsys.readouterr().out
    assert main(["menu", "import", str(carte), "--restaurant", OTHER]) == 0
    assert "1 changement(s)\nversion 1\n" in capsys.readouterr().out
    assert main(["menu", "import", str(carte), "--restaurant", OTHER]) == 0
    assert capsys.readouterr().out.startswith("0 changement(s)\nversion 1\n")


def test_a_file_with_a_fault_is_reported_by_line_and_not_taken(carte: Path, capsys: Said) -> None:
    carte.write_text(TABLE.format(price="gratuit") + "Pizzas;Royale;12;10\n", encoding="utf-8")
    assert main(["menu", "import", str(carte), "--restaurant", "bella-napoli"]) == 1
    told = capsys.readouterr().out.replace("\N{NO-BREAK SPACE}", " ")
    assert told.startswith("ligne 2, colonne « prix » : prix illisible (« gratuit »)")
    assert "Rien n'a été écrit" in told
    carte.write_text(TABLE.format(price="12"), encoding="utf-8")
    assert main(["menu", "import", str(carte), "--restaurant", "bella-napoli", "--dry-run"]) == 0
    assert "- Pizzas › Margherita" in capsys.readouterr().out


def test_another_systems_export_is_read_with_its_mapping(
    tmp_path: Path, carte: Path, capsys: Said
) -> None:
    mapping = tmp_path / "deliveroo.toml"
    mapping.write_text(
        '[columns]\ncategorie = "Section"\nnom = "Item"\nprix = "Price"\n', encoding="utf-8"
    )
    carte.write_text("Section,Item,Price\nBurgers,Cheese,9.90\n", encoding="utf-8")
    words = ["menu", "import", str(carte), "--restaurant", OTHER]
    assert main(words) == 1
    assert main([*words, "--mapping", str(mapping)]) == 0
    assert "+ Burgers › Cheese" in capsys.readouterr().out


def test_what_has_run_out_is_taken_off_sale_and_counted(
    database_url: str, carte: Path, capsys: Said
) -> None:
    carte.write_text(
        "categorie;nom;prix;ingredients\nPizzas;Reine;12;jambon\nPizzas;Royale;13;jambon\n",
        encoding="utf-8",
    )
    here = ["--restaurant", OTHER]
    main(["menu", "import", str(carte), *here])
    capsys.readouterr()
    assert main(["menu", "sold-out", "Jambons", *here]) == 0
    assert capsys.readouterr().out == "sold out for 12 h: jambon, Reine, Royale\n"
    assert main(["menu", "sold-out", "jambon", "--back", *here]) == 0
    assert main(["menu", "portions", "reine", "5", *here]) == 0
    assert main(["menu", "portions", "reine", *here]) == 0
    assert capsys.readouterr().out.endswith("5 left: Reine\nnot counted: Reine\n")
    assert main(["menu", "sold-out", "Margherita", *here]) == 1
    assert "nothing on the menu is called" in capsys.readouterr().err


def test_a_menu_is_gone_back_to(carte: Path, capsys: Said) -> None:
    here = ["--restaurant", OTHER]
    for price in ("11", "12"):
        carte.write_text(TABLE.format(price=price), encoding="utf-8")
        main(["menu", "import", str(carte), *here])
    capsys.readouterr()
    assert main(["menu", "diff", "1", *here]) == 0
    assert "11,00 € → 12,00 €" in capsys.readouterr().out.replace("\N{NO-BREAK SPACE}", " ")
    assert main(["menu", "undo", *here]) == 0
    assert capsys.readouterr().out.endswith("1 changement(s)\nversion 3\n")
    assert main(["menu", "restore", "2", *here]) == 0
    assert main(["menu", "restore", "9", *here]) == 1
    assert "no menu version 9" in capsys.readouterr().err
    assert main(["menu", "history", "--json", *here]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(row["number"], row["source"]) for row in rows] == [
        (4, "version 2"),
        (3, "version 1"),
        (2, "carte.csv"),
        (1, "carte.csv"),
    ]
