"""The pages of accounts: each as who meets it, with something in its lists."""

from datetime import UTC, datetime

from controlplane.contracts.identifiers import new_id
from controlplane.models.membership import Role
from controlplane.models.user_account import UserAccount
from controlplane.restaurants.passkeys import add_passkey
from controlplane.restaurants.password_reset import offer_reset
from controlplane.restaurants.team import invite
from controlplane.restaurants.user_sessions import sign_in
from tests.integration.webapp.pages.page import Names, Page
from tests.integration.webapp.site_under_test import SiteUnderTest


async def _two_devices_and_a_key(site: SiteUnderTest) -> Names:
    async with site.sessions.begin() as session:
        user_id = site.users["owner"]
        now = datetime.now(UTC)
        await sign_in(session, user_id, now=now, browser="Safari · iPhone")
        await add_passkey(
            session,
            user_id,
            credential_id=new_id().bytes,
            public_key=b"cose",
            sign_count=0,
            name="Chrome · Android",
        )
    return {}


async def _reset(site: SiteUnderTest) -> Names:
    async with site.sessions.begin() as session:
        user = await session.get_one(UserAccount, site.users["staff"])
        _, token = await offer_reset(session, user, now=datetime.now(UTC))
    return {"token": token}


async def _invitation(site: SiteUnderTest) -> Names:
    async with site.sessions.begin() as session:
        token = await invite(
            session,
            site.restaurant,
            f"{new_id().hex}@example.fr",
            Role.MANAGER,
            invited_by=site.users["owner"],
            now=datetime.now(UTC),
        )
    return {"token": token}


PAGES = [
    Page("accounts/login", "/login", visitor="anonymous"),
    Page("accounts/reset-asked", "/reset", visitor="anonymous"),
    Page("accounts/reset", "/reset/{token}", visitor="anonymous", seed=_reset),
    Page("accounts/invitation", "/invitation/{token}", visitor="anonymous", seed=_invitation),
    Page("accounts/invitation-of-another", "/invitation/{token}", seed=_invitation),
    Page("accounts/pair", "/pair", visitor="anonymous"),
    Page("accounts/places", "/places"),
    Page("accounts/account", "/account", seed=_two_devices_and_a_key),
    Page("accounts/codes", "/account/codes"),
    Page("accounts/confirm", "/account/confirm"),
]
