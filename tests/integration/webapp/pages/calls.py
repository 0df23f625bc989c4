"""The pages of calls: the list, one call past and live, and what was wrong in it."""

from datetime import UTC, datetime

from controlplane.contracts.identifiers import new_id
from controlplane.models.voice_message import VoiceMessage
from tests.integration.webapp.pages.page import Names, Page
from tests.integration.webapp.seeded_calls import (
    KARIM,
    add_call,
    add_live_call,
    add_order_of,
    rate,
    say,
)
from tests.integration.webapp.site_under_test import SiteUnderTest


async def an_order(site: SiteUnderTest) -> Names:
    async with site.sessions.begin() as session:
        call_id = await add_call(session, site.restaurant)
        turns = await say(session, site.restaurant, call_id)
        await add_order_of(session, site.restaurant, call_id)
        await rate(session, site.restaurant, call_id, 83_400)
        await add_call(session, site.restaurant, caller_number=None, outcome="unserved")
    return {"call": str(call_id), "turn": str(turns[1])}


async def a_message(site: SiteUnderTest) -> Names:
    async with site.sessions.begin() as session:
        for number, heard in ((KARIM, None), (None, datetime.now(UTC))):
            session.add(
                VoiceMessage(
                    restaurant_id=site.restaurant,
                    channel_uuid=new_id(),
                    caller_number=number,
                    recorded_at=datetime.now(UTC),
                    duration_ms=24_000,
                    audio=b"RIFF",
                    heard_at=heard,
                )
            )
    return {}


async def somebody_talks(site: SiteUnderTest) -> Names:
    async with site.sessions.begin() as session:
        call_id = await add_live_call(session, site.restaurant)
        await say(session, site.restaurant, call_id)
    return {"call": str(call_id)}


ONE = "/place/{restaurant}/calls/{call}"
PAGES = [
    Page("calls/list", "/place/{restaurant}/calls", seed=an_order),
    Page("calls/found", "/place/{restaurant}/calls?q=Benali", visitor="staff", seed=an_order),
    Page("calls/none", "/place/{restaurant}/calls?q=Rossini", visitor="staff"),
    Page("calls/one", ONE, seed=an_order),
    Page("calls/live", ONE, visitor="staff", seed=somebody_talks),
    Page("calls/end", ONE + "/end", visitor="staff", seed=somebody_talks),
    Page("calls/messages", "/place/{restaurant}/messages", visitor="staff", seed=a_message),
    Page("calls/wrong", ONE + "/wrong?turn={turn}", visitor="staff", seed=an_order),
]
