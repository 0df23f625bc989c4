"""An invoice is issued whole, with the next number of one series, bills each thing once, and is
changed by nobody.
"""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime
from uuid import UUID

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from controlplane.billing.errors import (
    AlreadyCredited,
    AlreadyInvoiced,
    MonthNotOver,
    NoRecipient,
    NothingToBill,
)
from controlplane.billing.issue import Issuer, credit, issue
from controlplane.billing.usage import rate_calls
from controlplane.database import async_engine, async_sessions
from controlplane.database_roles import DatabaseRole
from controlplane.models.invoice import Invoice, InvoiceKind, InvoiceLine, InvoiceUsage
from controlplane.models.restaurant import Restaurant
from controlplane.tenancy import restaurant_session
from tests.billing_rows import add_billed, add_call, add_plan
from tests.integration.kitchen_orders import add_restaurant

pytestmark = pytest.mark.integration

NOVEMBER, DECEMBER = date(2026, 11, 1), date(2026, 12, 1)
EVENING = datetime(2026, 11, 3, 19, tzinfo=UTC)
IN_JANUARY = datetime(2027, 1, 2, 9, tzinfo=UTC)
Sessions = async_sessionmaker[AsyncSession]


async def restaurants(sessions: Sessions, count: int = 1) -> list[UUID]:
    """With a plan of 100 minutes, two numbers, and one call of 120 min 30 s in November."""
    async with sessions.begin() as session:
        plan = await add_plan(session)
        ours = [await add_billed(session, plan, numbers=2) for _ in range(count)]
        for restaurant_id in ours:
            await add_call(session, restaurant_id, EVENING, seconds=7_230)
    return ours


async def issued(
    sessions: Sessions, restaurant_id: UUID, issuer: Issuer, month: date = NOVEMBER
) -> Invoice:
    async with sessions.begin() as session:
        restaurant = await session.get_one(Restaurant, restaurant_id)
        return await issue(session, restaurant, month, issuer=issuer)


async def credited(sessions: Sessions, invoice: Invoice, issuer: Issuer) -> Invoice:
    async with sessions.begin() as session:
        found = await session.get_one(Invoice, invoice.id)
        return await credit(session, found, reason="Mauvaise adresse", issuer=issuer)


async def cents_of_calls(sessions: Sessions, invoice: Invoice) -> list[tuple[date, int]]:
    async with sessions() as session:
        rows = await session.execute(
            select(InvoiceLine.month, InvoiceLine.net_cents).where(
                InvoiceLine.invoice_id == invoice.id, InvoiceLine.kind == "calls"
            )
        )
        return [(month, cents) for month, cents in rows]


async def test_another_tenant_sees_nothing(sessions: Sessions, issuer: Issuer) -> None:
    ours, theirs = await restaurants(sessions, 2)
    invoice = await issued(sessions, theirs, issuer)
    assert (await issued(sessions, ours, issuer)).net_cents == invoice.net_cents
    for table in ("invoice", "invoice_line", "invoice_usage", "subscription", "invoice_recipient"):
        async with sessions.begin() as session:
            await session.execute(text(f"GRANT SELECT ON {table} TO {DatabaseRole.WEB}"))
        async with restaurant_session(sessions, ours) as session:
            await session.execute(text(f"SET LOCAL ROLE {DatabaseRole.WEB}"))
            seen = await session.scalars(text(f"SELECT DISTINCT restaurant_id FROM {table}"))
            assert seen.all() == [ours], table


async def test_an_invoice_bills_the_month(sessions: Sessions, issuer: Issuer) -> None:
    """Base fee 49 €, two numbers at 2 €, 20 min 30 s beyond the plan at 0.15 €."""
    (ours,) = await restaurants(sessions)
    invoice = await issued(sessions, ours, issuer)
    assert (invoice.year, invoice.number) == (2026, 1)
    assert (invoice.issued_on, invoice.due_on) == (date(2026, 12, 1), date(2026, 12, 31))
    assert (invoice.net_cents, invoice.vat_cents, invoice.total_cents) == (5_608, 1_122, 6_730)
    assert invoice.buyer["siren"] == "732829320"
    assert b"2026-000001" in invoice.xml
    async with sessions() as session:
        lines = await session.execute(
            select(InvoiceLine.kind, InvoiceLine.quantity, InvoiceLine.net_cents).order_by(
                InvoiceLine.position
            )
        )
        assert lines.all() == [("base", 1, 4_900), ("numbers", 2, 400), ("calls", 1_230, 308)]
        assert await session.scalar(select(func.count(InvoiceUsage.usage_id))) == 3


async def test_a_month_is_invoiced_once_and_not_before_it_is_over(
    sessions: Sessions, issuer: Issuer
) -> None:
    (ours,) = await restaurants(sessions)
    # In Paris November ends at 23:00 UTC; its last call may be recorded an hour later.
    early = replace(issuer, clock=lambda: datetime(2026, 11, 30, 23, 59, tzinfo=UTC))
    with pytest.raises(MonthNotOver):
        await issued(sessions, ours, early)
    await issued(sessions, ours, replace(issuer, clock=lambda: datetime(2026, 12, 1, tzinfo=UTC)))
    with pytest.raises(AlreadyInvoiced, match="2026-000001"):
        await issued(sessions, ours, issuer)


async def test_who_has_no_plan_or_no_firm_is_told_and_no_number_is_lost(
    sessions: Sessions, issuer: Issuer
) -> None:
    (ours,) = await restaurants(sessions)
    async with sessions.begin() as session:
        stranger = await add_restaurant(session)
    with pytest.raises(NoRecipient, match="alloresto invoice recipient"):
        await issued(sessions, stranger, issuer)
    async with sessions.begin() as session:
        await session.execute(text("DELETE FROM subscription"))
    with pytest.raises(NothingToBill, match="alloresto invoice subscribe"):
        await issued(sessions, ours, issuer, date(2026, 10, 1))
    async with sessions() as session:
        assert await session.scalar(text("SELECT count(*) FROM invoice_counter")) == 0


async def test_numbers_have_no_gap_however_many_issue_at_once_and_some_fail(
    database_url: str, sessions: Sessions, issuer: Issuer
) -> None:
    """12 restaurants on connections of their own; every third fails after it took its number."""
    ours = await restaurants(sessions, 12)
    engine = async_engine(database_url, application_name="test", pool_size=12)

    class Failed(Exception):
        pass

    async def attempt(index: int) -> str:
        try:
            async with async_sessions(engine).begin() as session:
                restaurant = await session.get_one(Restaurant, ours[index])
                await issue(session, restaurant, NOVEMBER, issuer=issuer)
                if index % 3 == 0:
                    raise Failed
        except Failed:
            return "failed"
        return "issued"

    outcomes = Counter(await asyncio.gather(*map(attempt, range(12))))
    await engine.dispose()
    assert outcomes == {"issued": 8, "failed": 4}
    async with sessions() as session:
        numbers = await session.scalars(select(Invoice.number).order_by(Invoice.number))
        assert numbers.all() == list(range(1, 9))


async def test_one_month_issued_by_many_at_once_is_issued_once(
    database_url: str, sessions: Sessions, issuer: Issuer
) -> None:
    (ours,) = await restaurants(sessions)
    engine = async_engine(database_url, application_name="test", pool_size=6)
    tries = (issued(async_sessions(engine), ours, issuer) for _ in range(6))
    outcomes = Counter(type(one) for one in await asyncio.gather(*tries, return_exceptions=True))
    await engine.dispose()
    assert outcomes == {Invoice: 1, AlreadyInvoiced: 5}


async def test_each_year_has_its_series_and_its_date_is_our_own(
    sessions: Sessions, issuer: Issuer
) -> None:
    """At 23:30 UTC on 31 December it is next year in Paris."""
    ours, theirs = await restaurants(sessions, 2)
    midnight = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)
    first = await issued(sessions, ours, issuer)
    second = await issued(sessions, theirs, replace(issuer, clock=lambda: midnight))
    assert (first.year, first.number) == (2026, 1)
    assert (second.year, second.number, second.issued_on) == (2027, 1, date(2027, 1, 1))


async def test_what_came_late_is_billed_by_the_next_invoice_at_its_own_months_price(
    sessions: Sessions, issuer: Issuer
) -> None:
    """November's 100 minutes were used up, so 60 s that come late cost their 15 cents."""
    (ours,) = await restaurants(sessions)
    first = await issued(sessions, ours, issuer)
    async with sessions.begin() as session:
        await add_call(session, ours, EVENING, seconds=60)
        await session.execute(*rate_calls(ours, now=issuer.clock()))
    second = await issued(sessions, ours, replace(issuer, clock=lambda: IN_JANUARY), DECEMBER)
    assert await cents_of_calls(sessions, first) == [(NOVEMBER, 308)]
    assert await cents_of_calls(sessions, second) == [(NOVEMBER, 15)]


async def test_a_call_over_the_end_of_a_month_is_billed_once(
    sessions: Sessions, issuer: Issuer
) -> None:
    async with sessions.begin() as session:
        ours = await add_billed(session, await add_plan(session, included_minutes=0))
        await add_call(session, ours, datetime(2026, 11, 30, 22, 59, tzinfo=UTC), seconds=600)
    first = await issued(sessions, ours, issuer)
    second = await issued(sessions, ours, replace(issuer, clock=lambda: IN_JANUARY), DECEMBER)
    assert await cents_of_calls(sessions, first) == [(NOVEMBER, 150)]
    assert await cents_of_calls(sessions, second) == []


async def test_a_credited_invoice_is_billed_anew_and_the_next_month_is_not_changed_by_it(
    sessions: Sessions, issuer: Issuer
) -> None:
    (ours,) = await restaurants(sessions)
    first = await issued(sessions, ours, issuer)
    note = await credited(sessions, first, issuer)
    assert (note.kind, note.number, note.corrects_id) == (InvoiceKind.CREDIT_NOTE, 2, first.id)
    assert (note.net_cents, note.vat_cents) == (first.net_cents, first.vat_cents)
    again = await issued(sessions, ours, issuer)
    assert (again.number, again.edition, again.net_cents) == (3, 2, first.net_cents)
    for document in (first, note):
        with pytest.raises(AlreadyCredited):
            await credited(sessions, document, issuer)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE invoice SET total_cents = 0, net_cents = 0, vat_cents = 0",
        "DELETE FROM invoice_line",
        "UPDATE invoice_usage SET billing = 2",
        "TRUNCATE invoice CASCADE",
        "UPDATE invoice_counter SET last = last + 2",
        "UPDATE invoice_counter SET last = last + 1",
        "DELETE FROM invoice_counter",
        "INSERT INTO invoice_line SELECT gen_random_uuid(), restaurant_id, invoice_id, 9, kind,"
        " month, plan_id, 'free', 0, 0, 1, 0 FROM invoice_line LIMIT 1",
        "INSERT INTO invoice_usage SELECT restaurant_id, usage_id, 2, invoice_id"
        " FROM invoice_usage LIMIT 1",
        "INSERT INTO invoice SELECT (json_populate_record(i, json_build_object('id',"
        " gen_random_uuid(), 'number', 7, 'edition', 2))).* FROM invoice i",
    ],
)
async def test_what_is_issued_is_changed_by_nobody(
    sessions: Sessions, issuer: Issuer, statement: str
) -> None:
    """Not even by the owner of the tables, who may do anything else."""
    (ours,) = await restaurants(sessions)
    await issued(sessions, ours, issuer)
    with pytest.raises(
        (IntegrityError, DBAPIError),
        match=r"append-only|up by one|out of turn"
        r"|would be missing|do not add up|billed already",
    ):
        async with sessions.begin() as session:
            await session.execute(text(statement))


@pytest.mark.parametrize("verb", ["UPDATE invoice SET reason = ''", "DELETE FROM usage_record"])
async def test_an_admin_has_no_right_to_change_it_either(sessions: Sessions, verb: str) -> None:
    async with sessions() as session:
        await session.execute(text(f"SET LOCAL ROLE {DatabaseRole.ADMIN}"))
        with pytest.raises(DBAPIError, match="permission denied"):
            await session.execute(text(verb))


async def test_an_admins_role_may_issue_and_credit(
    database_url: str, sessions: Sessions, issuer: Issuer
) -> None:
    (ours,) = await restaurants(sessions)
    engine = async_engine(
        database_url, application_name="test", role=DatabaseRole.ADMIN, pool_size=1
    )
    invoice = await issued(async_sessions(engine), ours, issuer)
    assert (await credited(async_sessions(engine), invoice, issuer)).number == 2
    await engine.dispose()
