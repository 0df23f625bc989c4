"""The back office's pages, over a bridge, a carrier that refuses, and lines that stand well and
badly.
"""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.contracts.identifiers import new_id
from controlplane.models.call import Call
from controlplane.models.carrier import Carrier
from controlplane.models.nodes import SipBridgeNode
from controlplane.models.sip_registration import SipRegistration, SipRegistrationEvent
from tests.integration.webapp.pages.page import Names, Page
from tests.integration.webapp.site_under_test import SiteUnderTest


async def lines(site: SiteUnderTest) -> Names:
    """Seed once: a page is asked after another of the same database."""
    async with site.sessions.begin() as session:
        if await session.scalar(select(SipRegistration.id).limit(1)):
            return {"gateway": "bella-napoli-9f21c0aa"}
        now = datetime.now(UTC)
        session.add(SipBridgeNode(id="bridge-0", sip_address="192.0.2.1:5060", last_seen_at=now))
        session.add(
            Carrier(
                id="sud",
                name="Télécom Sud",
                registrar="sip.sud.example",
                source_networks=["192.0.2.0/24"],
            )
        )
        await session.flush()
        for restaurant, gateway, state, code in (
            (site.restaurant, "bella-napoli-9f21c0aa", "REGED", 200),
            (site.other, "le-voisin-3c7740d1", "FAIL_WAIT", 403),
        ):
            await _account(session, restaurant, gateway, state, code, now)
        session.add(Call(id=new_id(), restaurant_id=site.restaurant, started_at=now))
    return {"gateway": "bella-napoli-9f21c0aa"}


async def _account(
    session: AsyncSession, restaurant: UUID, gateway: str, state: str, code: int, now: datetime
) -> None:
    account = SipRegistration(
        id=new_id(),
        restaurant_id=restaurant,
        gateway_name=gateway,
        carrier_id="sud",
        username=gateway,
        password_encrypted="sealed",
        bridge_id="bridge-0",
        epoch=1,
        state=state,
        state_epoch=1,
        state_at=now - timedelta(minutes=5),
        last_sip_code=code,
    )
    session.add(account)
    await session.flush()
    session.add(
        SipRegistrationEvent(registration_id=account.id, epoch=1, event=state, sip_code=code)
    )


OFFICE = "/plateforme"
PAGES = [
    Page("platform/bridges", f"{OFFICE}/ponts", "platform", lines, names_all=True),
    Page("platform/lines", f"{OFFICE}/lignes", "platform", lines, names_all=True),
    Page("platform/line", f"{OFFICE}/lignes/{{gateway}}", "platform", lines, names_all=True),
    Page("platform/workers", f"{OFFICE}/agents", "platform", lines, names_all=True),
    Page("platform/calls", f"{OFFICE}/appels", "platform", lines, names_all=True),
    Page("platform/restaurants", f"{OFFICE}/restaurants", "platform", lines, names_all=True),
    Page(
        "platform/restaurant",
        f"{OFFICE}/restaurants/{{restaurant}}",
        "platform",
        lines,
        names_all=True,
    ),
    Page("platform/carriers", f"{OFFICE}/operateurs", "platform", lines, names_all=True),
]
