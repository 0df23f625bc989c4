"""In Chromium with an authenticator of its own, a user makes a passkey on the account page, and it
alone signs them in.
"""

import shutil
from urllib.parse import urlsplit

import pytest
from playwright.async_api import BrowserContext, Page

from tests.browser.playwright_pages import a_browser, as_visitor
from tests.integration.webapp.site_under_test import SiteUnderTest, served, site

__all__ = ["site"]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(not shutil.which("chromium"), reason="no Chromium on this machine"),
]

AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


async def with_authenticator(context: BrowserContext) -> Page:
    """A page whose browser has an authenticator that says yes (WebAuthn §11.2)."""
    page = await context.new_page()
    protocol = await context.new_cdp_session(page)
    await protocol.send("WebAuthn.enable")
    await protocol.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    return page


async def test_a_passkey_is_made_and_signs_in(
    site: SiteUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with served(site) as url, a_browser() as browser:
        named = f"http://localhost:{urlsplit(url).port}"  # no passkey is made for a bare address
        settings = site.site.settings.model_copy(update={"public_url": named})
        monkeypatch.setattr(site.site, "settings", settings)
        async with as_visitor(browser, site, named, "staff") as context:
            page = await with_authenticator(context)
            await page.goto("/account")
            await page.get_by_role("button", name="Ajouter une clé d’accès").click()
            await page.get_by_text("Votre clé d’accès est enregistrée").wait_for()
            await page.get_by_role("button", name="Se déconnecter").click()
            await page.wait_for_url("**/login")
            await page.get_by_role("button", name="Utiliser une clé d’accès").click()
            await page.wait_for_url(f"**{site.path()}")
            await page.goto("/account")
            await page.get_by_text("utilisée à l’instant").wait_for()
