"""`alloresto menu`: one restaurant's menu is looked at, and nothing of another's is told."""

import json

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
