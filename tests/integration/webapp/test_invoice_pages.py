"""An owner reads what they are billed down to each call, has the files as they were issued, and
sees the invoice counted once more; nobody else, and no neighbour, sees any of it.
"""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from tests.integration.webapp.pages.invoices import an_invoice
from tests.integration.webapp.site_under_test import SiteUnderTest

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]


async def test_an_owner_reads_an_invoice_down_to_its_calls(site: SiteUnderTest) -> None:
    number = (await an_invoice(site))["number"]
    owner = site.by("owner")
    page = await owner.get(site.path(f"/invoices/{number}"))
    assert "24 appels" in page.text.replace("\N{NO-BREAK SPACE}", " ")
    said = await owner.post(site.path(f"/invoices/{number}/recount"))
    told = (await owner.get(said.headers["location"])).text.replace("\N{NO-BREAK SPACE}", " ")
    assert "Recalculée depuis 24 appels et 24 SMS : identique." in told

    files = {}
    for name in ("pdf", "xml"):
        answer = await owner.get(site.path(f"/invoices/{number}.{name}"))
        files[name] = answer.content
        assert answer.headers["content-disposition"] == f'attachment; filename="{number}.{name}"'
    assert (files["pdf"][:4], files["xml"][:5]) == (b"%PDF", b"<?xml")

    sheet = (await owner.get(site.path(f"/invoices/{number}/calls.csv"))).content.decode()
    lines = sheet.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}").split("\r\n")
    assert (len(lines), lines[1].split(";")[:5]) == (
        50,
        ["01/10/2026", "20:30:00", "Appels", "331", "0,8275"],
    )
    usage = site.path(f"/invoices/{number}/usage/call")
    rest = await owner.get(usage, params={"at": "2026-10-23T00:00Z", "after": "0" * 32})
    assert rest.text.count('<th scope="row">') == 2


async def test_bills_take_the_owner_and_a_password_of_a_moment_ago(site: SiteUnderTest) -> None:
    number = (await an_invoice(site))["number"]
    paths = [f"/invoices/{number}{end}" for end in ("", ".pdf", ".xml", "/calls.csv")]
    neighbour = [await site.by("other").get(f"/place/{site.other}{path}") for path in paths]
    assert {answer.status_code for answer in neighbour} == {404}
    for path in ("/invoices/0", "/invoices/x-y", "/invoices/2026-999999.pdf"):
        assert (await site.by("owner").get(site.path(path))).status_code == 404
    long_ago = datetime.now(UTC) - timedelta(minutes=11)
    async with site.sessions.begin() as session:
        await session.execute(text("UPDATE user_session SET confirmed_at = :at"), {"at": long_ago})
    for path in paths:
        asked = await site.by("owner").get(site.path(path))
        assert asked.status_code == 303
        assert asked.headers["location"].startswith("/account/confirm?next=")
