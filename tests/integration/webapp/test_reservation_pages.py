"""The team takes, moves and ends reservations on the site by the rules that bind the telephone: a
refusal keeps what was typed and shows the times that are left, and nobody overwrites another's
change unseen.
"""

import re
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from controlplane.contracts.identifiers import new_id
from controlplane.local.demo.dining_room import add_dining_room
from controlplane.models.reservation import Reservation
from controlplane.restaurants.reservation_status import cancel
from tests.integration.webapp.pages.reservations import PARIS
from tests.integration.webapp.site_under_test import SiteUnderTest

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

TOMORROW = (datetime.now(PARIS) + timedelta(days=1)).date()


def typed(name: str, *, party: int = 4, time: str = "20:00", **more: str) -> dict[str, str]:
    return {
        "key": str(new_id()),
        "party": str(party),
        "day": TOMORROW.isoformat(),
        "time": time,
        "name": name,
        "phone": "06 39 98 01 34",
        **more,
    }


async def of(site: SiteUnderTest, name: str) -> Reservation:
    async with site.session() as session:
        found = await session.scalar(select(Reservation).where(Reservation.customer_name == name))
        assert found is not None
        return found


def seen(html: str) -> str:
    found = re.search(r'name="seen" value="([^"]+)"', html)
    assert found
    return found[1]


async def test_a_table_is_booked_offered_elsewhere_waited_for_and_given(
    site: SiteUnderTest,
) -> None:
    """1. A table for four is booked, and the same form sent twice books once. 2. The next guests
    find it taken: what they said is kept, other times are offered. 3. They take one; others wait.
    4. The first cancel, and who waits is told and placed. 5. The neighbour sees none of it.
    """
    async with site.sessions.begin() as session:
        await add_dining_room(session, site.restaurant, tables=((2, 4),))
    staff, new = site.by("staff"), site.path("/reservations/new")
    first = typed("Camille Roux", allergy="Arachides")
    for _ in range(2):
        booked = await staff.post(new, data=first)
        assert booked.status_code == 303
    camille = await of(site, "Camille Roux")
    assert camille.customer_phone_e164 == "+33639980134"
    shown = await staff.get(booked.headers["location"])
    assert (shown.text.count("Camille Roux, 4"), "allergie" in shown.text) == (1, True)

    second = typed("Ada & Léo")
    refused = await staff.post(new, data=second)
    assert refused.status_code == 422
    assert 'value="Ada &amp; Léo"' in refused.text
    offered = re.findall(r'name="at" value="([^"]+)"', refused.text)
    assert f"{TOMORROW}T21:30" in offered
    moved = await staff.post(new, data=second | {"at": f"{TOMORROW}T21:30"})
    assert moved.status_code == 303
    assert (await of(site, "Ada & Léo")).starts_at.astimezone(PARIS).hour == 21

    waits = await staff.post(new, data=typed("Aubert", or_wait="1"))
    assert waits.status_code == 303
    aubert = await of(site, "Aubert")
    assert aubert.status == "waitlisted"
    early = await staff.post(site.path(f"/reservations/{aubert.id}/promote"))
    said = await staff.get(early.headers["location"])
    assert "Aucune table qui convient" in said.text

    ends = await staff.get(site.path(f"/reservations/{camille.id}/end/cancelled"))
    assert "un SMS leur dit" in ends.text
    await staff.post(site.path(f"/reservations/{camille.id}/to/cancelled"))
    placed = await staff.post(site.path(f"/reservations/{aubert.id}/promote"))
    assert (placed.status_code, (await of(site, "Aubert")).status) == (303, "confirmed")
    told = await staff.post(site.path(f"/reservations/{aubert.id}/offer"))
    assert "Confirmée" in (await staff.get(told.headers["location"])).text

    for visitor, status in (("other", 404), ("anonymous", 303)):
        hidden = await site.by(visitor).get(site.path(f"/reservations/{aubert.id}"))
        assert (hidden.status_code, "Aubert" in hidden.text) == (status, False)


async def test_guests_walk_in_and_a_change_is_not_overwritten(site: SiteUnderTest) -> None:
    """1. Guests walk in and sit down. 2. Their table is kept longer. 3. A change that was begun
    before somebody else's is refused and shows both. 4. Their leaving ends it for good.
    """
    async with site.sessions.begin() as session:
        await add_dining_room(session, site.restaurant, name="Terrasse", tables=((5, 8),) * 2)
    staff = site.by("staff")
    new = site.path("/reservations/new")
    walk_in = {"key": str(new_id()), "walk_in": "1", "party": "6", "name": "Passants"}
    assert (await staff.post(new, data=walk_in)).status_code == 303
    one = await of(site, "Passants")
    page = site.path(f"/reservations/{one.id}")
    begun = seen((await staff.get(page)).text)

    until = (one.ends_at + timedelta(minutes=15)).astimezone(PARIS)
    kept = await staff.post(f"{page}/stay", data={"seen": begun, "until": f"{until:%H:%M}"})
    assert kept.status_code == 303
    assert (await of(site, "Passants")).ends_at.astimezone(PARIS).minute == until.minute

    when = {"party": "7", "day": TOMORROW.isoformat(), "time": "19:00"}
    stale = await staff.post(f"{page}/change", data={"seen": begun, **when})
    assert stale.status_code == 409
    assert 'value="7"' in stale.text
    assert "6\N{NO-BREAK SPACE}pers." in stale.text
    mine = await staff.post(f"{page}/change", data={"seen": seen(stale.text), **when})
    assert (mine.status_code, (await of(site, "Passants")).party) == (303, 7)

    named = {"seen": seen((await staff.get(page)).text), "name": "Léa", "allergy": "Soja"}
    wrong = await staff.post(f"{page}/guest", data=named | {"phone": "12"})
    assert (wrong.status_code, "form-errors" in wrong.text) == (422, True)
    corrected = await staff.post(f"{page}/guest", data=named | {"phone": "06 39 98 01 34"})
    after = (await staff.get(corrected.headers["location"])).text
    assert "Allergie\N{NO-BREAK SPACE}: Soja" in after
    assert "remarques changés" in after
    assert (await of(site, "Léa")).party == 7
    await staff.post(f"{page}/guest", data=named | {"seen": seen(after), "name": "Passants"})

    for typo in ({"party": "0"}, {"party": "x"}, {"day": "hier"}, {"time": "26:00"}):
        wrong = await staff.post(f"{page}/change", data={**when, **typo})
        assert (wrong.status_code, "form-errors" in wrong.text) == (422, True)
    await staff.post(f"{page}/to/finished")
    again = await staff.post(f"{page}/to/seated")
    assert "Rien n’a été changé" in (await staff.get(again.headers["location"])).text
    assert (await of(site, "Passants")).status == "finished"

    day = (await staff.get(site.path(f"/reservations?day={TOMORROW}"))).text
    topic = re.search(r'data-topics="([^"]+)"', day)
    assert topic
    for asked, shown in ((topic[1], True), ("service:x_y", False)):
        heard = await staff.get(site.path(f"/events?topics={asked}&after=0&once=true"))
        assert ('id=\\"service\\"' in heard.text, "Partis" in heard.text) == (True, shown)


async def test_who_waits_is_offered_a_table_that_is_free(site: SiteUnderTest) -> None:
    """Once: the second time the staff are told to call."""
    async with site.sessions.begin() as session:
        await add_dining_room(session, site.restaurant, name="Véranda", tables=((9, 12),))
    staff, new = site.by("staff"), site.path("/reservations/new")
    await staff.post(new, data=typed("Dix", party=10))
    await staff.post(new, data=typed("Onze", party=11, or_wait="1") | {"phone": "01 99 00 12 34"})
    await staff.post(new, data=typed("Douze", party=12, or_wait="1"))
    await _cancel(site, (await of(site, "Dix")).id)
    for name, sentence in (
        ("Onze", "Aucun SMS ne peut atteindre"),
        ("Douze", "déjà parti une fois"),
    ):
        one = await of(site, name)
        asked = await staff.post(site.path(f"/reservations/{one.id}/offer"))
        assert sentence in (await staff.get(asked.headers["location"])).text


async def _cancel(site: SiteUnderTest, reservation_id: UUID) -> None:
    """Its end tells the first who waits and whom an SMS reaches."""
    async with site.session() as session, session.begin():
        now = datetime.now(UTC)
        await cancel(session, site.restaurant, reservation_id, now, actor="test", by_staff=True)
