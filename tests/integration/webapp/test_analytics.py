"""Figures of a period are exact, and compared with as many days before; the file says the same as
the page.
"""

import csv
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from controlplane.models.order import Order, OrderStatus
from tests.integration.kitchen_orders import add_order
from tests.integration.webapp.seeded_calls import add_call, add_order_of, rate, say
from tests.integration.webapp.site_under_test import SiteUnderTest
from webapp.analytics.period import Span, period_of

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

PARIS = ZoneInfo("Europe/Paris")


async def test_a_period_ends_with_yesterday_and_is_compared_with_as_many_days() -> None:
    today = date(2026, 3, 1)
    week = period_of(Span.WEEK, today)
    assert (week.first, week.last) == (date(2026, 2, 22), date(2026, 2, 28))
    assert week.before == (date(2026, 2, 15), date(2026, 2, 21))
    assert period_of(Span.YESTERDAY, today).before == (date(2026, 2, 21),) * 2
    month = period_of(Span.MONTH, today)
    assert len(month.buckets()) == 30
    assert month.before is not None
    assert month.before[1] + timedelta(days=1) == month.first
    for day in range(365):
        year = period_of(Span.YEAR, today + timedelta(days=day))
        assert len(year.buckets()) == 12, year


async def test_the_figures_add_up(site: SiteUnderTest) -> None:
    yesterday = datetime.now(PARIS).replace(hour=19, minute=30) - timedelta(days=1)
    earlier = yesterday - timedelta(days=7)
    async with site.sessions.begin() as session:
        for number, at in enumerate([yesterday, yesterday, earlier]):
            call_id = await add_call(session, site.restaurant, started_at=at.astimezone(UTC))
            order_id = await add_order_of(session, site.restaurant, call_id)
            order = await session.get_one(Order, order_id)
            order.service_date, order.number = at.date(), 800 + number
            await rate(session, site.restaurant, call_id, 83_411)
        never_made = await add_order(session, site.restaurant, status=OrderStatus.REJECTED)
        (await session.get_one(Order, never_made)).service_date = yesterday.date()
        refused = await add_call(session, site.restaurant, started_at=yesterday.astimezone(UTC))
        await say(session, site.restaurant, refused)
        await add_call(
            session, site.restaurant, started_at=yesterday.astimezone(UTC), outcome="abandoned"
        )
        neighbours = await add_call(session, site.other, started_at=yesterday.astimezone(UTC))
        await rate(session, site.other, neighbours, 9_999_999)
    manager = site.by("manager")
    page = (await manager.get(site.path("/analytics?period=yesterday"))).text
    assert "52,80" in page, "two orders of 26,40"
    assert "+ 100" in page, "two orders, one a week before"
    assert "+ 300" in page, "four calls, one a week before"
    assert "Plat épuisé" in page
    assert "A raccroché avant que l’IA réponde" in page
    assert "Quatre fromages" in page
    file = await manager.get(site.path("/analytics.csv?period=yesterday"))
    assert file.headers["content-type"] == "text/csv; charset=utf-8"
    assert file.content.startswith(b"\xef\xbb\xbf"), "Excel reads it as UTF-8"
    head, line = csv.reader(file.text.lstrip("\ufeff").splitlines(), delimiter=";")
    assert dict(zip(head, line, strict=True)) == {
        "Jour": yesterday.date().isoformat(),
        "Appels": "4",
        "Manqués": "1",
        "Transférés": "0",
        "Commandes": "2",
        "Chiffre d’affaires (€)": "52,80",
        "Coût de l’IA (€)": "0,166822",
    }
    nonsense = await manager.get(site.path("/analytics?period=%00;DROP"))
    assert 'aria-current="true">7' in nonsense.text, "a week where the URL says nothing"
