"""The pages of the team, its tablets, the audit log and "Plus"."""

from datetime import UTC, datetime

from sqlalchemy import select

from controlplane.contracts.identifiers import new_id
from controlplane.models.device import Device
from controlplane.models.membership import Role
from controlplane.restaurants.audit import audit
from controlplane.restaurants.devices import offer_code
from controlplane.restaurants.team import invite
from tests.integration.webapp.pages.page import Names, Page
from tests.integration.webapp.site_under_test import SiteUnderTest


async def _people(site: SiteUnderTest) -> Names:
    """An invitation that waits, a tablet that waits for its code, and the tablet there is."""
    now = datetime.now(UTC)
    async with site.sessions.begin() as session:
        by = site.users["owner"]
        await invite(
            session, site.restaurant, "paul@example.fr", Role.MANAGER, invited_by=by, now=now
        )
        await offer_code(session, site.restaurant, "Comptoir", now=now, actor=f"user:{by}")
        device = await session.scalar(
            select(Device.id).where(
                Device.restaurant_id == site.restaurant, Device.paired_at.is_not(None)
            )
        )
    return {"device": str(device), "member": str(site.users["manager"])}


async def _deeds(site: SiteUnderTest) -> Names:
    """More than one page of them; of a member, a process, a user who is gone."""
    async with site.sessions.begin() as session:
        for actor in (f"user:{site.users['manager']}", "admin", f"user:{new_id()}"):
            for _ in range(18):
                await audit(
                    session,
                    site.restaurant,
                    actor=actor,
                    action="change_role",
                    object=f"user:{site.users['staff']}",
                    before={"role": Role.STAFF},
                    after={"role": Role.MANAGER},
                )
    return {}


PAGES = [
    Page("team/page", "/place/{restaurant}/team", seed=_people),
    Page("team/member", "/place/{restaurant}/team/members/{member}", seed=_people),
    Page("team/device", "/place/{restaurant}/team/devices/{device}", seed=_people),
    Page("team/audit", "/place/{restaurant}/audit", visitor="manager", seed=_deeds),
    Page("team/audit-filtered", "/place/{restaurant}/audit?what=menu&day=2026-01-01"),
    Page("team/more", "/place/{restaurant}/more", visitor="staff"),
]
