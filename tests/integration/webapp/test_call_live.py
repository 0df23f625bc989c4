"""An open page sees a call as it is spoken and the day as it goes on; nothing of a neighbour's."""

import json
from uuid import UUID

import pytest
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.busy_state import BusyState
from controlplane.models.call import Call
from controlplane.models.event_outbox import EventOutbox, OutboxTopic
from tests.integration.webapp.seeded_calls import add_call, add_live_call, say
from tests.integration.webapp.site_under_test import SiteUnderTest

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]


async def tell(session: AsyncSession, restaurant_id: UUID, call_id: UUID) -> None:
    """Write what the recorder writes after it has recorded."""
    await session.execute(
        insert(EventOutbox).values(
            restaurant_id=restaurant_id,
            topic=OutboxTopic.CALL_CHANGED,
            payload={"call_id": str(call_id)},
        )
    )


async def missed(site: SiteUnderTest, topics: str, after: int) -> list[tuple[str, str]]:
    """What a page that saw nothing since is sent: events by name, with their fragments."""
    answer = await site.by("staff").get(
        site.path("/events"), params={"topics": topics, "after": after, "once": "true"}
    )
    assert answer.status_code == 200
    found, name = [], ""
    for line in answer.text.splitlines():
        field, _, value = line.partition(": ")
        if field == "event":
            name = value
        elif field == "data" and name != "alive":
            found.append((name, json.loads(value).get("html", "")))
    return found


async def test_words_appear_as_they_are_spoken_until_the_call_is_over(site: SiteUnderTest) -> None:
    async with site.sessions.begin() as session:
        call_id = await add_live_call(session, site.restaurant)
        neighbours = await add_live_call(session, site.other)
        await say(session, site.other, neighbours)
        await tell(session, site.restaurant, call_id)
    newest = await site.site.feed.newest_id(site.restaurant)
    page = (await site.by("staff").get(site.path(f"/calls/{call_id}"))).text
    assert f'data-topics="call:{call_id}" data-after="{newest}"' in page
    assert await missed(site, f"call:{call_id}", newest) == []
    async with site.sessions.begin() as session:
        await say(
            session, site.restaurant, call_id, [("caller", 50, "Une Reine, s’il vous plaît.", {})]
        )
        await tell(session, site.restaurant, call_id)
    sent = await missed(site, f"call:{call_id}", newest)
    assert [name for name, _ in sent] == ["call"] * 4
    assert "Une Reine" in "".join(html for _, html in sent)
    assert "Me passer l’appel" in "".join(html for _, html in sent)
    for other in (neighbours, "nonsense", ""):
        assert await missed(site, f"call:{other}", newest) == []
    async with site.sessions.begin() as session:
        call = await session.get_one(Call, call_id)
        call.ended_at, call.outcome, call.duration_ms = call.started_at, "information", 60_000
        await tell(session, site.restaurant, call_id)
    over = "".join(html for _, html in await missed(site, f"call:{call_id}", newest))
    assert "Me passer l’appel" not in over
    assert "Renseignement" in over
    page = (await site.by("staff").get(site.path(f"/calls/{call_id}"))).text
    assert "data-topics" not in page, "a call that is over is not followed"


async def test_the_day_goes_on_without_being_loaded_again(site: SiteUnderTest) -> None:
    newest = await site.site.feed.newest_id(site.restaurant)
    async with site.sessions.begin() as session:
        call_id = await add_live_call(session, site.restaurant, caller_number="+33639985218")
        await add_call(session, site.restaurant)
        await tell(session, site.restaurant, call_id)
    (now,) = await missed(site, "calls", newest)
    assert f"/calls/{call_id}" in now[1]
    assert await missed(site, "today", newest) == [], "a turn of a call is no news of the day"
    assert (
        await site.by("staff").post(site.path("/busy"), data={"delay": "15"})
    ).status_code == 303
    sent = dict.fromkeys(html for _, html in await missed(site, "today", newest))
    assert any('value="15" class="is-wait" aria-pressed="true"' in html for html in sent)
    page = (await site.by("staff").get(site.path())).text
    assert 'value="15" class="is-wait" aria-pressed="true"' in page
    assert (
        await site.by("staff").post(site.path("/busy"), data={"delay": "99"})
    ).status_code == 404
    async with site.sessions() as session:
        state = await session.get_one(BusyState, site.restaurant)
        assert (state.delay_minutes, state.set_by) == (15, "Staff Esposito")
        assert state.until is not None, "a rush that nobody ends is over by itself"
