"""A restaurant reads its calls, finds one again, says what was wrong in it, and that is a case."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from controlplane.contracts.identifiers import new_id
from controlplane.models.audit_entry import AuditEntry
from controlplane.models.call_case import CallCase
from controlplane.models.restaurant import Restaurant
from controlplane.models.voice_message import VoiceMessage
from controlplane.restaurants.call_cases import MOST_OF_A_CALL, export_cases
from controlplane.restaurants.erase_caller import erase_caller
from tests.integration.webapp.seeded_calls import (
    KARIM,
    Said,
    add_call,
    add_live_call,
    add_order_of,
    rate,
    say,
)
from tests.integration.webapp.site_under_test import SiteUnderTest
from webapp.calls.queries import PAGE

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

LINKS = re.compile(r'row-link" href="[^"]*/calls/([0-9a-f-]{36})"')


async def listed(site: SiteUnderTest, query: str = "", *, visitor: str = "owner") -> list[str]:
    """The ids of the calls that the list shows."""
    answer = await site.by(visitor).get(site.path("/calls" + query))
    assert answer.status_code == 200
    return LINKS.findall(answer.text)


async def test_calls_are_found_again_by_what_came_of_them_by_day_and_by_whom(
    site: SiteUnderTest,
) -> None:
    yesterday = datetime.now(UTC) - timedelta(days=1)
    async with site.sessions.begin() as session:
        order = await add_call(session, site.restaurant)
        await add_order_of(session, site.restaurant, order)
        missed = await add_call(session, site.restaurant, outcome="unserved", caller_number=None)
        old = await add_call(session, site.restaurant, started_at=yesterday, outcome="transferred")
        live = await add_live_call(session, site.restaurant, caller_number="+33639985218")
        neighbours = await add_call(session, site.other, caller_number="+33639981111")
    day = yesterday.date().isoformat()
    assert str(neighbours) not in await listed(site)
    assert await listed(site, "?outcome=missed") == [str(missed)]
    assert await listed(site, "?outcome=live") == [str(live)]
    assert await listed(site, "?outcome=transferred") == [str(old)]
    assert await listed(site, f"?day={day}") == [str(old)]
    assert await listed(site, "?q=benali") == [str(order)]
    assert str(order) in await listed(site, "?q=06 39 98 41 07")
    assert await listed(site, "?q=9852") == [str(live)]
    assert await listed(site, "?q=%25") == [], "a wildcard is a character like any other"
    assert await listed(site, "?q=%00&day=hier&outcome=x&after=y") == await listed(site)


async def test_a_long_list_goes_on_where_the_page_before_ended(site: SiteUnderTest) -> None:
    at = datetime.now(UTC) - timedelta(days=40)
    async with site.sessions.begin() as session:
        ids = [
            str(await add_call(session, site.restaurant, started_at=at, outcome="message"))
            for _ in range(PAGE + 2)
        ]
    day = f"?day={at.date().isoformat()}"
    first = await listed(site, day)
    rest = await listed(site, f"{day}&after={first[-1]}")
    assert (len(first), [*first, *rest]) == (PAGE, sorted(ids, reverse=True))


async def test_staff_see_what_was_heard_and_no_cost(site: SiteUnderTest) -> None:
    async with site.sessions.begin() as session:
        call_id = await add_call(session, site.restaurant)
        await say(session, site.restaurant, call_id)
        await add_order_of(session, site.restaurant, call_id)
        await rate(session, site.restaurant, call_id, 83_400)
    path = site.path(f"/calls/{call_id}")
    staff, manager = [(await site.by(who).get(path)).text for who in ("staff", "manager")]
    unheard = re.search(r'<s class="unheard">(.*?)</s>', staff, re.DOTALL)
    assert unheard is not None
    assert "aussi la Parma" in unheard[1]
    assert "sold_out" in staff
    assert ("0,083" in staff, "0,083" in manager) == (False, True)
    assert (await site.by("other").get(path)).status_code == 404


async def test_what_was_wrong_becomes_a_case_and_is_erased_with_the_caller(
    site: SiteUnderTest,
) -> None:
    async with site.sessions.begin() as session:
        call_id = await add_call(session, site.restaurant, caller_number="+33639987777")
        turns = await say(session, site.restaurant, call_id)
    path, staff = site.path(f"/calls/{call_id}"), site.by("staff")
    form = {"kind": "tone", "better": "Plus court,\n s'il vous plaît", "turn": str(turns[1])}
    for _ in range(2):
        answer = await staff.post(f"{path}/wrong", data=form)
        assert (answer.status_code, answer.headers["location"]) == (303, path)
    page = (await staff.get(path)).text
    assert "cas de test" in page
    assert page.count("Signalé par Staff Esposito") == 1
    assert "turn agent flagged" in page
    assert str(call_id) in await listed(site, "?outcome=wrong")
    async with site.sessions.begin() as session:
        restaurant = await session.get_one(Restaurant, site.restaurant)
        (case,) = [c for c in await export_cases(session, restaurant) if c["call"] == call_id]
        said = await session.scalars(
            select(AuditEntry.actor).where(AuditEntry.action == "report_wrong")
        )
        assert set(said) == {f"user:{site.users['staff']}"}
        assert (case["kind"], case["should_be"]) == ("tone", "Plus court, s'il vous plaît")
        assert [turn.get("wrong") for turn in case["turns"]] == [None, True, *[None] * 4]
        assert json.dumps(case, default=str)
        erased = await erase_caller(session, [restaurant], "+33639987777")
        assert {part.table: part.erased for part in erased.parts}["call_case"] == 1
        left = await session.scalar(
            select(func.count(CallCase.id)).where(CallCase.call_id == call_id)
        )
        assert left == 0


async def test_a_report_that_says_nothing_keeps_what_was_typed(site: SiteUnderTest) -> None:
    async with site.sessions.begin() as session:
        call_id = await add_call(session, site.restaurant, caller_number=KARIM)
    path, staff = site.path(f"/calls/{call_id}/wrong"), site.by("staff")
    answer = await staff.post(path, data={"kind": "nonsense", "better": "Dire 26,40"})
    assert (answer.status_code, "Dire 26,40" in answer.text) == (422, True)
    assert "Choisissez ce qui était faux." in answer.text
    answer = await staff.post(path, data={"kind": "price", "better": "x" * 501})
    assert (answer.status_code, "au plus 500" in answer.text) == (422, True)
    answer = await staff.post(path, data={"kind": "price", "turn": str(call_id)})
    assert "Signalez l’appel entier" in answer.text
    async with site.sessions.begin() as session:
        session.add_all(
            CallCase(
                restaurant_id=site.restaurant,
                call_id=call_id,
                kind="other",
                called_at=datetime.now(UTC),
                reported_by="admin",
                turn_id=turn_id,
            )
            for turn_id in await say(session, site.restaurant, call_id, SO_MANY)
        )
    answer = await staff.post(path, data={"kind": "price"})
    assert f"déjà {MOST_OF_A_CALL} erreurs" in answer.text


async def test_a_message_is_heard_and_its_caller_called_back(site: SiteUnderTest) -> None:
    message_id = new_id()
    async with site.sessions.begin() as session:
        message = {"recorded_at": datetime.now(UTC), "duration_ms": 24_000, "audio": b"RIFF"}
        for restaurant_id, id_ in ((site.restaurant, message_id), (site.other, new_id())):
            ids = {"id": id_, "restaurant_id": restaurant_id, "channel_uuid": new_id()}
            session.add(VoiceMessage(**ids, **message, caller_number=KARIM))
    staff, path = site.by("staff"), site.path("/messages")
    page = (await staff.get(path)).text
    assert page.count("<audio") == 1, "the neighbour's stay theirs"
    assert f'href="tel:{KARIM}"' in page
    assert "à écouter" in (await staff.get(site.path("/calls"))).text
    assert "à écouter" in (await staff.get(site.path())).text
    assert (await staff.post(f"{path}/{message_id}/heard")).headers["location"] == path
    assert "Tout est écouté." in (await staff.get(path)).text
    assert (await site.by("other").post(f"{path}/{message_id}/heard")).status_code == 404


SO_MANY: Said = [("caller", 1, "Oui.", {})] * MOST_OF_A_CALL
