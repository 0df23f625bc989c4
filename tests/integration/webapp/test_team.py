"""An owner runs the team from its page, after the password; a tablet is paired by a code and gone
at once; every deed is in the audit log, by name.
"""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from sqlalchemy import select, update

from controlplane.contracts.identifiers import new_id
from controlplane.models.device import Device
from controlplane.models.membership import Membership, Role
from controlplane.models.user_account import UserAccount
from controlplane.models.user_session import UserSession
from controlplane.restaurants.audit import audit
from controlplane.restaurants.devices import pair_at_once
from controlplane.restaurants.try_limits import Limit
from controlplane.restaurants.user_sessions import revoke, sign_in
from tests.integration.webapp.mailed import newest_link
from tests.integration.webapp.site_under_test import ORIGIN, PASSWORD_HASH, SiteUnderTest
from tests.waiting import DEADLINE_S, until
from webapp.live import stream
from webapp.team import routes
from webapp.visitor import DEVICE_COOKIE, SESSION_COOKIE

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]


async def added(site: SiteUnderTest, name: str, role: Role = Role.STAFF) -> UserAccount:
    async with site.sessions.begin() as session:
        email = f"{new_id().hex}@example.fr"
        user = UserAccount(id=new_id(), email=email, name=name, password_hash=PASSWORD_HASH)
        session.add(user)
        await session.flush()
        session.add(Membership(restaurant_id=site.restaurant, user_id=user.id, role=role))
    return user


async def said(client: httpx2.AsyncClient, answer: Any) -> str:
    """The page that an act leads to."""
    assert answer.status_code == 303, answer.text[:300]
    return (await client.get(answer.headers["location"])).text


async def test_an_invitation_is_sent_again_and_taken_back(site: SiteUnderTest) -> None:
    owner, email = site.by("owner"), f"{new_id().hex}@example.fr"
    form = {"email": email, "role": "manager"}
    page = await said(owner, await owner.post(site.path("/team/invitations"), data=form))
    assert f"L’invitation part à {email}" in page
    assert "valable encore 6" in page
    link = await newest_link(site, email)
    resend = re.search(r"/team/invitations/[0-9a-f-]+/resend", page)
    assert resend is not None
    page = await said(owner, await owner.post(site.path(resend[0])))
    assert "Un nouveau lien part" in page
    again = await newest_link(site, email)
    assert again != link
    assert (await site.by("anonymous").get(link)).status_code == 404
    assert (await site.by("anonymous").get(again)).status_code == 200
    assert "déjà acceptée ou annulée" in await said(owner, await owner.post(site.path(resend[0])))
    revoke = re.search(r"/team/invitations/[0-9a-f-]+/revoke", page)
    assert revoke is not None
    await said(owner, await owner.post(site.path(revoke[0])))
    assert (await site.by("anonymous").get(again)).status_code == 404
    form["email"] = "staff@restaurant.example"
    twice = await owner.post(site.path("/team/invitations"), data=form)
    assert twice.status_code == 422
    assert "fait déjà partie de l’équipe" in twice.text
    assert 'value="staff@restaurant.example"' in twice.text


async def test_invitations_flood_no_mailbox(
    site: SiteUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "INVITE", Limit(new_id().hex, 1, timedelta(hours=1)))
    owner, form = site.by("owner"), {"email": f"{new_id().hex}@example.fr", "role": "staff"}
    page = await said(owner, await owner.post(site.path("/team/invitations"), data=form))
    again = await owner.post(site.path("/team/invitations"), data=form)
    assert (again.status_code, "Trop d’essais" in again.text) == (422, True)
    resend = re.findall(r"/team/invitations/[0-9a-f-]+/resend", page)[-1]
    assert "Trop d’essais" in await said(owner, await owner.post(site.path(resend)))


async def test_the_password_is_asked_again_and_what_was_typed_comes_back(
    site: SiteUnderTest,
) -> None:
    owner = site.by("owner")
    await make_stale(site, "owner")
    asked = await owner.post(
        site.path("/team/invitations"), data={"email": "paul@example.fr", "role": "manager"}
    )
    path = asked.headers["location"]
    assert path.startswith("/account/confirm?next=/place/")
    next = re.search(r'name="next" value="([^"]+)"', (await owner.get(path)).text)
    assert next is not None
    page = (await owner.get(next[1].replace("&amp;", "&"))).text
    assert 'value="paul@example.fr"' in page
    assert 'value="manager" checked' in page
    for act in ("devices", f"members/{site.users['staff']}/remove"):
        answer = await owner.post(site.path(f"/team/{act}"), data={"name": "Four"})
        assert answer.headers["location"].startswith("/account/confirm?next=")
    await site.sign_in("owner")


async def make_stale(site: SiteUnderTest, visitor: str) -> None:
    async with site.sessions.begin() as session:
        mine = UserSession.user_id == site.users[visitor]
        await session.execute(update(UserSession).where(mine).values(confirmed_at=None))


async def test_roles_change_and_who_is_removed_is_out_at_once(site: SiteUnderTest) -> None:
    owner = site.by("owner")
    user = await added(site, "Marco Esposito")
    member = site.path(f"/team/members/{user.id}")
    assert "Marco Esposito" in (await owner.get(member)).text
    assert (await owner.post(f"{member}/role", data={"role": "owner"})).status_code == 422
    page = await said(owner, await owner.post(f"{member}/role", data={"role": "manager"}))
    assert "Le rôle de Marco Esposito est changé" in page
    await said(owner, await owner.post(f"{member}/remove"))
    assert (await owner.get(member)).status_code == 404
    own = site.path(f"/team/members/{site.users['owner']}")
    assert "Un propriétaire garde son rôle" in (await owner.get(own)).text
    assert (await owner.post(f"{own}/remove")).status_code == 409
    log = (await owner.get(site.path("/audit?what=team"))).text
    assert "Marco Esposito · Équipe → Responsable" in log
    assert "a retiré quelqu’un de l’équipe" in log


async def test_a_tablet_is_paired_by_its_code_and_opens_the_kitchen_until_it_is_removed(
    site: SiteUnderTest,
) -> None:
    owner = site.by("owner")
    page = (await owner.post(site.path("/team/devices"), data={"name": "Plonge"})).text
    code = re.search(r'class="pairing-code">([0-9  ]+)<', page)
    assert code is not None
    assert code[1] not in (await owner.get(site.path("/team"))).text
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(site.app, client=("198.51.100.71", 1)),
        base_url=ORIGIN,
        headers={"accept": "text/html", "sec-fetch-site": "same-origin"},
    ) as tablet:
        wrong = await tablet.post("/pair", data={"code": "1234567890"})
        assert wrong.status_code == 422
        paired = await tablet.post("/pair", data={"code": f" {code[1]} "})
        assert paired.headers["location"] == site.path("/kitchen")
        assert (await tablet.post("/pair", data={"code": code[1]})).status_code == 422
        assert (await tablet.get(site.path("/team"))).status_code in {303, 404}
        assert (await tablet.get(f"/place/{site.other}/kitchen")).status_code in {303, 404}
        page = (await owner.get(site.path("/team"))).text
        assert "en direct" in page
        device = re.search(r'/team/devices/([0-9a-f-]+)">Retirer<span class="unseen"> Plonge', page)
        assert device is not None
        await said(owner, await owner.post(site.path(f"/team/devices/{device[1]}/revoke")))
        assert (await tablet.get(site.path("/kitchen"))).status_code in {303, 404}
        for _ in range(8):
            await tablet.post("/pair", data={"code": "1234567890"})
        assert (await tablet.post("/pair", data={"code": "1234567890"})).status_code == 429
    log = (await owner.get(site.path("/audit?what=team"))).text
    assert "Plonge" in log
    assert "a été jumelée" in log


async def test_an_open_stream_ends_with_the_right_to_hear_it(
    site: SiteUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1 A tablet is taken away, 2 a member is removed: theirs end at once, another's goes on.
    3 Whose that is signs out: it ends when it is looked at again.
    """
    owner, cook = site.by("owner"), await added(site, "Nadia Petit")
    async with site.sessions.begin() as session:
        now = datetime.now(UTC)
        tablet_token = await pair_at_once(session, site.restaurant, "Bar", now=now)
        tokens = [await sign_in(session, cook.id, now=now) for _ in range(2)]
        staff_token = await sign_in(session, site.users["staff"], now=now)
        device = await session.scalar(select(Device.id).where(Device.name == "Bar"))
    tablet = await opened(site, {DEVICE_COOKIE: tablet_token})
    members = [await opened(site, {SESSION_COOKIE: token}) for token in tokens]
    monkeypatch.setattr(stream, "RIGHTS_EVERY_S", 0.0)
    monkeypatch.setattr(stream, "ALIVE_EVERY_S", 0.05)
    staff = await opened(site, {SESSION_COOKIE: staff_token})
    await said(owner, await owner.post(site.path(f"/team/devices/{device}/revoke")))
    await asyncio.wait_for(tablet, DEADLINE_S)
    assert not any(each.done() for each in (*members, staff))
    await said(owner, await owner.post(site.path(f"/team/members/{cook.id}/remove")))
    await asyncio.wait_for(asyncio.gather(*members), DEADLINE_S)
    assert not staff.done()
    async with site.sessions.begin() as session:
        await revoke(session, staff_token)
    await asyncio.wait_for(staff, DEADLINE_S)


async def opened(site: SiteUnderTest, cookies: dict[str, str]) -> asyncio.Task[httpx2.Response]:
    """A stream that is open; the task is done when it has ended."""
    pages = site.site.feed._subscriptions.get(site.restaurant, set())
    before = len(pages)
    client = httpx2.AsyncClient(
        transport=httpx2.ASGITransport(site.app), base_url=ORIGIN, cookies=cookies
    )
    ends = asyncio.ensure_future(client.get(site.path("/events?topics=ticket&after=0")))
    await until(
        lambda: len(site.site.feed._subscriptions.get(site.restaurant, ())) > before or ends.done()
    )
    return ends


async def test_the_log_is_filtered_and_read_page_by_page(site: SiteUnderTest) -> None:
    user = await added(site, "Zoé Petit")
    at_once = {"actor": f"user:{user.id}", "action": "set_busy", "object": "busy_state"}
    async with site.sessions.begin() as session:
        for _ in range(60):
            await audit(session, site.restaurant, **at_once)  # type: ignore[arg-type]
        await audit(session, site.other, actor=f"user:{user.id}", action="join", object="x")
    manager = site.by("manager")
    today = datetime.now(UTC).date()
    first = (await manager.get(site.path(f"/audit?who=user:{user.id}&day={today}"))).text
    assert first.count("a changé le coup de feu") == 50
    older = re.search(r'href="([^"]+)">Plus anciens', first)
    assert older is not None
    second = (await manager.get(older[1].replace("&amp;", "&"))).text
    assert second.count("a changé le coup de feu") == 10
    assert "a rejoint l’équipe" not in first + second
    nothing = (await manager.get(site.path(f"/audit?who=user:{user.id}&what=menu"))).text
    assert "Aucun acte ne correspond" in nothing
    for garbage in ("day=9999-12-31", "day=x&what=x&who=%00", f"after={new_id()}"):
        assert (await manager.get(site.path(f"/audit?{garbage}"))).status_code == 200


async def test_the_restaurant_is_handed_to_somebody_of_the_team_alone(site: SiteUnderTest) -> None:
    owner = site.by("owner")
    heir = await added(site, "Paul Durand", Role.MANAGER)
    stranger = site.path(f"/team/members/{site.users['other']}/own")
    assert (await owner.post(stranger)).status_code == 404
    handed = await owner.post(site.path(f"/team/members/{heir.id}/own"))
    assert handed.headers["location"] == site.path()
    assert (await owner.get(site.path("/team"))).status_code == 403
