"""Somebody of the platform sees a restaurant's pages only for a reason, for a while, on record, and
changes nothing.
"""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from controlplane.models.audit_entry import AuditEntry
from controlplane.models.platform import PlatformView
from controlplane.restaurants.platform_views import add_platform_member, remove_platform_member
from tests.integration.webapp.site_under_test import SiteUnderTest

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]


async def test_another_tenant_sees_nothing(site: SiteUnderTest) -> None:
    for visitor in ("other", "owner"):
        for path in ("/plateforme/ponts", f"/plateforme/restaurants/{site.restaurant}"):
            assert (await site.by(visitor).get(path)).status_code == 404
    async with site.session(site.other) as session:
        assert (await session.scalars(select(PlatformView))).all() == []


async def test_looking_takes_a_reason_and_changes_nothing(site: SiteUnderTest) -> None:
    client = site.by("platform")
    page = site.path("/kitchen")
    door = f"/plateforme/restaurants/{site.restaurant}"
    assert (await client.get(site.path("/calls"))).status_code == 404
    refused = await client.post(f"{door}/look", data={"reason": " ok "})
    assert refused.status_code == 422
    assert 'value=" ok "' in refused.text
    began = await client.post(f"{door}/look", data={"reason": "demande 4711"})
    assert began.headers["location"] == site.path()
    assert "demande 4711" in (await client.get(door)).text
    assert (await client.get(page)).status_code == 200
    assert (await client.post(f"{page}/busy", data={"level": "paused"})).status_code == 403
    async with site.sessions() as session:
        entry = (await session.scalars(select(AuditEntry).where(AuditEntry.action == "look"))).one()
    assert (entry.actor, entry.restaurant_id) == (
        f"platform:{site.users['platform']}",
        site.restaurant,
    )
    assert "4711" not in str(entry.diff)


async def test_a_view_ends_by_itself_and_at_once(site: SiteUnderTest) -> None:
    client = site.by("platform")
    door = f"/plateforme/restaurants/{site.restaurant}"
    await client.post(f"{door}/look", data={"reason": "demande 4712"})
    assert "Arrêter de regarder" in (await client.get(door)).text
    await client.post(f"{door}/stop")
    assert "Arrêter de regarder" not in (await client.get(door)).text
    await client.post(f"{door}/look", data={"reason": "demande 4713"})
    past = datetime.now(UTC) - timedelta(hours=1)
    async with site.sessions.begin() as session:
        await session.execute(
            update(PlatformView).values(created_at=past, expires_at=past + timedelta(minutes=30))
        )
    assert "Arrêter de regarder" not in (await client.get(door)).text


async def test_who_leaves_the_platform_looks_no_more(site: SiteUnderTest) -> None:
    client, email = site.by("platform"), "platform@restaurant.example"
    door = f"/plateforme/restaurants/{site.restaurant}"
    await client.post(f"{door}/look", data={"reason": "demande 4714"})
    assert (await client.get(site.path("/calls"))).status_code == 200
    async with site.sessions.begin() as session:
        await remove_platform_member(session, email, now=datetime.now(UTC))
    assert (await client.get(site.path("/calls"))).status_code == 404
    async with site.sessions.begin() as session:
        await add_platform_member(session, email)
    assert (await client.get(site.path("/calls"))).status_code == 404
    assert (await client.get(door)).status_code == 200
