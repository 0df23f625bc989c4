"""`alloresto printer`, `ladder` and `hours expire`: what an admin sets up is checked, audited
without a name, a number or a secret, and no other restaurant's.
"""

import asyncio
import json
from uuid import UUID

import psycopg
import pytest

from controlplane.cli import main
from controlplane.database import async_engine, async_sessions, libpq_url
from controlplane.models.order import OrderStatus
from controlplane.restaurants.printers import MOST_PRINTERS
from controlplane.restaurants.tokens import token_hash
from tests.integration.kitchen_orders import add_order, add_restaurant

pytestmark = pytest.mark.integration

SITE = "https://alloresto.example"
Said = pytest.CaptureFixture[str]


class Kitchen:
    """Two restaurants, and what the database has of them."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.ours, self.theirs = (str(each) for each in asyncio.run(self._restaurants()))

    async def _restaurants(self) -> tuple[UUID, UUID]:
        engine = async_engine(self.url, application_name="test")
        async with async_sessions(engine).begin() as session:
            both = await add_restaurant(session), await add_restaurant(session)
        await engine.dispose()
        return both

    def order(self, *, due_in_min: int = 20, status: OrderStatus = OrderStatus.PLACED) -> None:
        """Have one placed, with the next number."""

        async def place() -> None:
            engine = async_engine(self.url, application_name="test")
            async with async_sessions(engine).begin() as session:
                await add_order(session, UUID(self.ours), due_in_min=due_in_min, status=status)
            await engine.dispose()

        asyncio.run(place())

    def rows(self, query: str) -> list[tuple[object, ...]]:
        with psycopg.connect(libpq_url(self.url)) as connection:
            answer = connection.execute(query)
            return answer.fetchall() if answer.description else []

    def audited(self) -> list[object]:
        return [action for (action,) in self.rows("SELECT action FROM audit_log ORDER BY at")]


@pytest.fixture
def kitchen(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Kitchen:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("ALLORESTO_PUBLIC_URL", f"{SITE}/")
    return Kitchen(database_url)


def listed(words: list[str], said: Said) -> list[dict[str, str]]:
    said.readouterr()
    assert main([*words, "--json"]) == 0
    return [json.loads(line) for line in said.readouterr().out.splitlines()]


def refused(words: list[str], said: Said) -> str:
    """What a command says that does nothing."""
    said.readouterr()
    assert main(words) == 1
    return said.readouterr().err


def add(restaurant: str, name: str, kind: str = "star") -> list[str]:
    return ["printer", "add", restaurant, "--kind", kind, "--name", name]


def test_another_tenant_sees_nothing(kitchen: Kitchen, capsys: Said) -> None:
    kitchen.order()
    step = ["--step", "3", "sms", "06 39 98 01 77"]
    assert main(add(kitchen.ours, "Four")) == 0
    assert main(["ladder", "set", kitchen.ours, *step]) == 0
    assert main(["hours", "expire", kitchen.ours, "--minutes", "45"]) == 0
    (printer,) = listed(["printer", "list", kitchen.ours], capsys)

    assert listed(["printer", "list", kitchen.theirs], capsys) == []
    assert listed(["ladder", "show", kitchen.theirs], capsys) == []
    assert "no such printer" in refused(
        ["printer", "remove", kitchen.theirs, printer["id"]], capsys
    )
    assert "no order 1" in refused(["printer", "reprint", kitchen.theirs, "1"], capsys)
    assert main(["ladder", "set", kitchen.theirs, "--none"]) == 0
    assert main(["hours", "expire", kitchen.theirs]) == 0
    assert "expires 120 min" in capsys.readouterr().out
    assert len(listed(["ladder", "show", kitchen.ours], capsys)) == 1
    assert kitchen.audited() == ["add_printer", "set_ladder", "set_expiry", "set_ladder"]
    assert kitchen.rows("SELECT diff FROM audit_log WHERE action = 'set_expiry'") == [
        ({"minutes": [120, 45]},)
    ]


def test_a_printers_url_is_told_once_and_its_state_as_long_as_it_is_in_use(
    kitchen: Kitchen, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(add(kitchen.ours, " Four  à pizza ", "epson")) == 0
    told, url = capsys.readouterr().out.splitlines()
    assert "shown this once" in told
    assert url.startswith(f"{SITE}/imprimante/epson/{UUID(kitchen.ours).hex}.")
    assert kitchen.rows("SELECT token_hash FROM printer") == [(token_hash(url.split("/")[-1]),)]
    secret = url.rpartition(".")[2]
    assert secret not in str(kitchen.rows("SELECT diff::text, object FROM audit_log"))

    (printer,) = listed(["printer", "list", kitchen.ours], capsys)
    assert (printer["kind"], printer["name"]) == ("epson", "Four à pizza")
    assert (printer["last poll"], printer["state"]) == ("-", "never polled")
    for polled, ready, state in (
        ("now()", True, "prints"),
        ("now()", False, "no paper, open or faulty"),
        ("now() - interval '2 minutes'", False, "silent"),
    ):
        kitchen.rows(f"UPDATE printer SET polled_at = {polled}, ready = {ready}")
        assert listed(["printer", "list", kitchen.ours], capsys)[0]["state"] == state

    for name in ("", "x" * 41, "\x1b@"):
        assert "1 to 40 characters" in refused(add(kitchen.ours, name), capsys)
    kitchen.rows(
        "INSERT INTO printer (id, restaurant_id, name, protocol, token_hash) SELECT"
        f" gen_random_uuid(), '{kitchen.ours}', 'x', 'star', n::text"
        f" FROM generate_series(2, {MOST_PRINTERS}) n"
    )
    assert "at most 10 printers" in refused(add(kitchen.ours, "Bar"), capsys)
    assert main(["printer", "remove", kitchen.ours, printer["id"]]) == 0
    assert "no such printer" in refused(["printer", "remove", kitchen.ours, printer["id"]], capsys)
    for wrong in ("", "alloresto.example"):
        monkeypatch.setenv("ALLORESTO_PUBLIC_URL", wrong)
        assert "ALLORESTO_PUBLIC_URL" in refused(add(kitchen.ours, "Bar"), capsys)
    assert len(listed(["printer", "list", kitchen.ours], capsys)) == MOST_PRINTERS - 1
    assert kitchen.audited() == ["add_printer", "revoke_printer"]


def test_a_ticket_is_printed_again_marked_and_only_where_somebody_needs_it(
    kitchen: Kitchen, capsys: Said
) -> None:
    def reprint(which: str) -> list[str]:
        return ["printer", "reprint", kitchen.ours, which]

    assert "no order is of this service" in refused(reprint("last"), capsys)
    for due_in_min, status in (
        (-420, OrderStatus.PREPARING),
        (20, OrderStatus.READY),
        (20, OrderStatus.CANCELLED),
    ):
        kitchen.order(due_in_min=due_in_min, status=status)
    assert "alloresto printer add" in refused(reprint("2"), capsys)
    assert main(add(kitchen.ours, "Four")) == 0
    assert main(add(kitchen.ours, "Bar", "epson")) == 0
    assert "no order 1 is of this service" in refused(reprint("1"), capsys)
    for cancelled in ("3", "last"):
        assert "order 3 is cancelled" in refused(reprint(cancelled), capsys)
    assert kitchen.rows("SELECT count(*) FROM print_job") == [(0,)]

    assert main(reprint("2")) == 0
    assert "order 2 is printed again, marked DUPLICATA: Four, Bar" in capsys.readouterr().out
    kitchen.order()
    assert main(reprint("last")) == 0
    assert "order 4 " in capsys.readouterr().out
    assert main(reprint("4")) == 0
    assert kitchen.rows(
        'SELECT number, array_agg(DISTINCT copy), count(*) FROM print_job JOIN "order" o'
        " ON o.id = order_id GROUP BY number ORDER BY number"
    ) == [(2, [2], 2), (4, [2, 3], 4)]
    for garbage in ("first", "-1", "², ", "9" * 12):
        assert main(reprint(garbage)) == 2
    assert kitchen.audited()[2:] == ["print_again"] * 3


def test_a_ladder_is_taken_whole_and_shown_as_it_is_kept(kitchen: Kitchen, capsys: Said) -> None:
    mail, sms = ["--step", "10", "email", " Luigi@Example.fr"], ["--step", "3", "SMS"]
    assert main(["ladder", "set", kitchen.ours, *mail, *sms, "06 39 98 01 77"]) == 0
    kept = [
        {"minutes": "3", "channel": "sms", "to": "+33639980177"},
        {"minutes": "10", "channel": "email", "to": "luigi@example.fr"},
    ]
    for to, what in (
        ("01 99 00 11 11", "step 2 (not_mobile): no SMS reaches a landline"),
        ("+32 470 12 34 56", "step 2 (foreign): the number is of another country"),
        ("luigi", "step 2 (no_number): that is no telephone number"),
    ):
        said = refused(["ladder", "set", kitchen.ours, *mail, *sms, to], capsys)
        assert what in said
        assert to not in said
    for address in ("luigi", "a@b.fr\nBcc: c@d.fr", "@b.fr"):
        said = refused(["ladder", "set", kitchen.ours, "--step", "1", "email", address], capsys)
        assert "step 1 (no_address): that is no e-mail address" in said
    assert "at most 6 steps" in refused(["ladder", "set", kitchen.ours, *mail * 7], capsys)
    for usage in (
        [],
        [*mail, "--none"],
        ["--step", "0", "sms", "06 39 98 01 77"],
        ["--step", "61", "sms", "06 39 98 01 77"],
        ["--step", "3", "fax", "06 39 98 01 77"],
        ["--step", "3", "sms"],
    ):
        assert main(["ladder", "set", kitchen.ours, *usage]) == 2
    for minutes in ("14", "1441"):
        assert main(["hours", "expire", kitchen.ours, "--minutes", minutes]) == 2
    assert listed(["ladder", "show", kitchen.ours], capsys) == kept

    assert main(["ladder", "set", kitchen.ours, "--none"]) == 0
    assert listed(["ladder", "show", kitchen.ours], capsys) == []
    assert kitchen.rows("SELECT diff FROM audit_log ORDER BY at") == [
        ({"steps": [0, 2]},),
        ({"steps": [2, 0]},),
    ]
