"""Statistics of a week with calls, and of a period without."""

from datetime import UTC, datetime, timedelta

from controlplane.models.order import Order
from tests.integration.webapp.pages.page import Names, Page
from tests.integration.webapp.seeded_calls import add_call, add_order_of, rate, say
from tests.integration.webapp.site_under_test import SiteUnderTest


async def a_week(site: SiteUnderTest) -> Names:
    """Days of more and fewer calls, some missed, some transferred, most with an order."""
    async with site.sessions.begin() as session:
        for day in range(1, 15):
            for n in range(1 + day % 5):
                at = datetime.now(UTC).replace(hour=11 + 2 * n) - timedelta(days=day)
                call_id = await add_call(session, site.restaurant, started_at=at)
                await rate(session, site.restaurant, call_id, 31_000 * (n + 1))
                order_id = await add_order_of(session, site.restaurant, call_id)
                order = await session.get_one(Order, order_id)
                order.service_date, order.number = at.date(), 900 + n
                await session.flush()
            await add_call(session, site.restaurant, started_at=at, outcome="transferred")
            refused = await add_call(session, site.restaurant, started_at=at, outcome="information")
            await say(session, site.restaurant, refused)
            await add_call(session, site.restaurant, started_at=at, outcome="unserved")
    return {}


PATH = "/place/{restaurant}/analytics"
PAGES = [
    Page("analytics/empty", PATH + "?period=yesterday", visitor="manager"),
    Page("analytics/week", PATH, visitor="manager", seed=a_week),
    Page("analytics/year", PATH + "?period=year", visitor="manager"),
]
