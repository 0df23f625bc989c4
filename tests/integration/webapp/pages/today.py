"""The first page of the day, empty and at its fullest, and what there is to do."""

from datetime import UTC, datetime, timedelta
from random import randrange

from controlplane.contracts.identifiers import new_id
from controlplane.models.faq_gap import FaqGap, GapStatus
from controlplane.models.reservation import Reservation
from controlplane.models.task import TaskKind
from controlplane.restaurants.tasks import TaskDraft, add_task
from tests.integration.webapp.pages.page import Names, Page
from tests.integration.webapp.seeded_calls import add_call, add_live_call, add_order_of, rate
from tests.integration.webapp.site_under_test import SiteUnderTest


async def a_busy_day(site: SiteUnderTest) -> Names:
    now = datetime.now(UTC)
    async with site.sessions.begin() as session:
        call_id = await add_call(session, site.restaurant)
        await add_order_of(session, site.restaurant, call_id)
        await rate(session, site.restaurant, call_id, 1_230_000)
        await add_live_call(session, site.restaurant)
        for weeks in range(1, 5):
            for hours in range(-3, 4):
                at = now - timedelta(weeks=weeks, hours=hours)
                await add_call(session, site.restaurant, started_at=at)
        session.add(
            Reservation(
                restaurant_id=site.restaurant,
                number=randrange(10**9),
                idempotency_key=str(new_id()),
                status="confirmed",
                source="voice",
                party=4,
                starts_at=now - timedelta(minutes=12),
                ends_at=now + timedelta(hours=1),
                customer_name="Bernard",
                allergy_note="Arachides",
            )
        )
        session.add(
            FaqGap(
                restaurant_id=site.restaurant,
                words=f"parking {new_id()}",
                question="Vous avez un parking ?",
                times=4,
                status=GapStatus.OPEN,
                last_asked_at=now,
            )
        )
        for kind in TaskKind:
            draft = TaskDraft(
                kind=kind,
                words="Une écharpe rouge, table 4",
                created_by="agent",
                customer_name="Camille Roux",
                customer_phone_e164="+33639980134",
                call_id=call_id,
            )
            await add_task(session, site.restaurant, draft)
    return {}


TODAY = "/place/{restaurant}"
PAGES = [
    Page("today/first", TODAY),
    Page("today/owner", TODAY, seed=a_busy_day),
    Page("today/staff", TODAY, visitor="staff", seed=a_busy_day),
    Page("today/tasks", TODAY + "/tasks", visitor="staff", seed=a_busy_day),
]
