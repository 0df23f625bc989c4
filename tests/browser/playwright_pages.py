"""Chromium of the system, driven by Playwright, as one visitor of the site under test."""

import contextlib
from collections.abc import AsyncIterator

from playwright.async_api import Browser, BrowserContext, async_playwright

from tests.browser.chromium import PROGRAM
from tests.integration.webapp.site_under_test import SiteUnderTest


@contextlib.asynccontextmanager
async def a_browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=PROGRAM, args=["--no-sandbox", "--disable-gpu"]
        )
        try:
            yield browser
        finally:
            await browser.close()


@contextlib.asynccontextmanager
async def as_visitor(
    browser: Browser,
    site: SiteUnderTest,
    base_url: str,
    visitor: str,
    *,
    dark: bool = False,
    scripts: bool = True,
) -> AsyncIterator[BrowserContext]:
    """A window of that visitor's own, with their cookies."""
    context = await browser.new_context(
        base_url=base_url,
        java_script_enabled=scripts,
        color_scheme="dark" if dark else "light",
        locale="fr-FR",
        reduced_motion="reduce",
        timezone_id="Europe/Paris",
    )
    given = site.cookies.get(visitor, {})
    await context.add_cookies(
        [{"name": name, "value": value, "url": base_url} for name, value in given.items()]
    )
    try:
        yield context
    finally:
        await context.close()
