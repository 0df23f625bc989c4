"""`alloresto invoice` from the plan to the file: what is issued agrees with its calls in rows, XML
and PDF, and any difference is named.
"""

import asyncio
import json
from collections.abc import Iterator
from ctypes.util import find_library
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from controlplane.billing.pdf import attached_xml
from controlplane.billing.verify import numbers_missing, verify
from controlplane.cli import main
from controlplane.database import async_engine, async_sessions, sync_engine
from tests.accounts import add_account, add_carrier

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(
        not find_library("pango-1.0"), reason="no Pango on this machine: no PDF can be made"
    ),
]

SELLER = {
    "NAME": "AlloResto Démo",
    "LEGAL_FORM": "SAS au capital de 10 000 €",
    "SIREN": "552 100 554",
    "VAT": "FR 96 552 100 554",
    "REGISTERED": "RCS Lyon",
    "STREET": "2 quai des Tests",
    "POSTCODE": "69002",
    "CITY": "Lyon",
    "IBAN": "FR7630006000011234567890189",
}
ADDRESS = ["--street", "1 rue du Four", "--postcode", "69001", "--city", "Lyon"]
FIRM = ["--siren", "732829320", *ADDRESS]
CALL = (
    "INSERT INTO call (id, restaurant_id, started_at, ended_at, duration_ms, time_to_agent_ms,"
    " input_audio_tokens, input_text_tokens, cached_tokens, output_audio_tokens,"
    " output_text_tokens) SELECT gen_random_uuid(), id, CAST(:at AS timestamptz),"
    " CAST(:at AS timestamptz) + interval '90 s', 90000, 900, 5, 4, 3, 2, 1 FROM restaurant"
    " WHERE slug = :slug"
)
SMS = (
    "INSERT INTO notification (id, restaurant_id, key, kind, channel, state, recipient, sms_parts,"
    " next_attempt_at, expires_at, settled_at) SELECT gen_random_uuid(), id, 'k', 'order_placed',"
    " 'sms', 'sent', '+33639980134', 2, CAST(:at AS timestamptz), CAST(:at AS timestamptz),"
    " CAST(:at AS timestamptz) FROM restaurant WHERE slug = :slug"
)
Said = pytest.CaptureFixture[str]


@pytest.fixture
def engine(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """Two restaurants, `luigi` and `mario`, each with three calls and an SMS in October 2026."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    for name, value in SELLER.items():
        monkeypatch.setenv(f"ALLORESTO_SELLER_{name}", value)
    engine = sync_engine(database_url, application_name="test")
    with engine.begin() as connection:
        add_carrier(connection)
        for slug in ("luigi", "mario"):
            add_account(connection, slug)
            for day in (3, 4, 5):
                at = datetime(2026, 10, day, 19, tzinfo=UTC)
                connection.execute(text(CALL), {"at": at, "slug": slug})
            connection.execute(text(SMS), {"at": at, "slug": slug})
    yield engine
    engine.dispose()


def set_up() -> None:
    prices = ["--base-fee", "49", "--minute", "0,15", "--included-minutes", "1", "--number", "2"]
    prices += ["--sms", "0,07"]
    assert main(["invoice", "plan", "essentiel", "--name", "Essentiel", *prices]) == 0
    for slug in ("luigi", "mario"):
        plan = ["essentiel", "--from", "2026-10", "--numbers", "1"]
        assert main(["invoice", "subscribe", slug, *plan]) == 0
        assert main(["invoice", "recipient", slug, "--name", f"SARL {slug.title()}", *FIRM]) == 0


@pytest.fixture
def issued(engine: Engine, capsys: Said) -> str:
    """The number of luigi's invoice of October: 49 € + 2 € + 3.5 min at 0.15 € + 2 × 0.07 €."""
    set_up()
    assert main(["invoice", "issue", "luigi", "2026-10", "--json"]) == 0
    summary = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (summary["net_cents"], summary["vat_cents"]) == (5_167, 1_033)
    return str(summary["number"])


async def problems_after(url: str, statement: str, number: str) -> str:
    """What is found after a change that only the tables' owner can make, having switched their
    triggers off. It is undone.
    """
    engine = async_engine(url, application_name="test", pool_size=1)
    async with async_sessions(engine)() as session:
        for table in ("invoice", "invoice_line", "usage_record", "invoice_usage"):
            await session.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
        await session.execute(text(statement))
        verified = await verify(session, number)
        missing = await numbers_missing(session, int(number[:4]))
        await session.rollback()
    await engine.dispose()
    return f"{verified.problems} {missing}"


def test_another_tenant_sees_nothing(issued: str, capsys: Said) -> None:
    assert main(["invoice", "list", "mario"]) == 0
    assert issued not in capsys.readouterr().out
    assert main(["invoice", "list", "luigi"]) == 0
    assert issued in capsys.readouterr().out


def test_what_was_issued_agrees(issued: str, capsys: Said, tmp_path: Path) -> None:
    """Also after a credit note, a second edition, and once its calls are kept no longer."""
    assert main(["invoice", "credit", issued, "--reason", "Mauvaise adresse"]) == 0
    assert main(["invoice", "issue", "luigi", "2026-10"]) == 0
    for number in range(3):
        assert main(["invoice", "verify", f"{issued[:4]}-{number + 1:06}"]) == 0
    out = capsys.readouterr().out
    assert out.count("all agree") == 3
    assert out.count("3 calls compared, 0 no longer kept; 1 SMS compared, 0 no longer kept") == 2
    pdf, xml = tmp_path / "i.pdf", tmp_path / "i.xml"
    assert main(["invoice", "show", issued, "--pdf", str(pdf), "--xml", str(xml)]) == 0
    assert attached_xml(pdf.read_bytes()) == xml.read_bytes()
    assert "62,00" in capsys.readouterr().out


def test_calls_and_sms_that_are_kept_no_longer_are_counted(
    engine: Engine, issued: str, capsys: Said
) -> None:
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM call"))
        connection.execute(text("DELETE FROM notification"))
    assert main(["invoice", "verify", issued]) == 0
    assert (
        "0 calls compared, 3 no longer kept; 0 SMS compared, 1 no longer kept"
        in capsys.readouterr().out
    )


DIFFERENCES = [
    ("UPDATE call SET duration_ms = 30000", "quantity is 90, the call says 30"),
    ("UPDATE call SET cached_tokens = 7", "cached_tokens is 3, the call says 7"),
    ("UPDATE call SET started_at = started_at + interval '40 days'", "the call says 2026-11"),
    ("UPDATE notification SET sms_parts = 5", "quantity is 2, the sms says 5"),
    ("UPDATE usage_record SET micros = 1 WHERE kind = 'number'", "price is not its plan's"),
    ("DELETE FROM invoice_usage", "its usage comes to"),
    ("DELETE FROM invoice_line WHERE kind = 'numbers'", "its lines come to"),
    ("UPDATE invoice SET due_on = due_on + 1", "XML: BT-9 is not what the rows say"),
    (
        "UPDATE invoice SET xml = convert_to(replace(convert_from(xml, 'UTF8'),"
        " '>51.67<', '>51.68<'), 'UTF8')",
        "PDF: it does not carry the XML that is stored",
    ),
    (
        "UPDATE invoice SET buyer = jsonb_set(buyer, '{name}', '\"SARL Autre\"')",
        "PDF: 'SARL Autre' is not printed",
    ),
    ("UPDATE invoice SET number = 2", "[1, 2]"),
]


def test_every_difference_is_named(issued: str, database_url: str) -> None:
    for statement, problem in DIFFERENCES:
        number = f"{issued[:5]}000002" if "number = 2" in statement else issued
        assert problem in asyncio.run(problems_after(database_url, statement, number)), statement


def test_a_command_whose_invoice_differs_ends_with_1(
    engine: Engine, issued: str, capsys: Said
) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE call SET duration_ms = 30000"))
    assert main(["invoice", "verify", issued]) == 1
    said = capsys.readouterr().out
    assert "quantity is 90, the call says 30" in said
    assert "6 problems; 3 calls compared" in said


def test_a_seller_who_is_not_said_is_asked_for(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, capsys: Said
) -> None:
    set_up()
    monkeypatch.delenv("ALLORESTO_SELLER_IBAN")
    monkeypatch.setenv("ALLORESTO_SELLER_SIREN", "552100555")
    assert main(["invoice", "issue", "luigi", "2026-10"]) == 2
    said = capsys.readouterr().err
    assert "ALLORESTO_SELLER_IBAN: Field required" in said
    assert "ALLORESTO_SELLER_SIREN: " in said
    assert "552100555" not in said


REFUSED: list[tuple[list[str], str]] = [
    (["issue", "luigi", "2026-13"], "write 2026-11"),
    (["issue", "luigi", "2099-01"], "is not over"),
    (["subscribe", "luigi", "nothing"], "no plan is called 'nothing'"),
    (["subscribe", "luigi"], "name a plan, or say --end"),
    (["subscribe", "luigi", "essentiel", "--from", "2026-10"], "begin in a later month"),
    (["plan", "p", "--name", "P", "--base-fee", "gratuit", "--minute", "1"], "is no price"),
    (["plan", "p", "--name", "P", "--base-fee", "-3", "--minute", "1"], "is no price"),
    (["plan", "p", "--name", "P", "--base-fee", "0,001", "--minute", "1"], "number of cents"),
    (["recipient", "luigi", "--name", "x", "--siren", "732829321", *ADDRESS], "no SIREN"),
    (["recipient", "luigi", "--name", "x\x07", *FIRM], "control characters"),
    (["verify", "2026-999999"], "no invoice has the number"),
    (["show", "; DROP TABLE invoice"], "no invoice has the number"),
    (["credit", "2026-000001", "--reason", " "], "write words"),
]


def test_what_cannot_be_done_is_said(issued: str, capsys: Said) -> None:
    for words, says in REFUSED:
        assert main(["invoice", *words]) in (1, 2)
        assert says in capsys.readouterr().err
