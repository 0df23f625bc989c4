"""Every page of the site, in a real browser: axe finds nothing serious in light and dark, nothing
overflows at 320 px, no file is missing and no script fails.
"""

import shutil
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, BrowserContext, Page, ViewportSize

from tests.browser.playwright_pages import a_browser, as_visitor
from tests.integration.webapp.pages.all_pages import all_pages
from tests.integration.webapp.pages.page import Page as Shown
from tests.integration.webapp.site_under_test import SiteUnderTest, served, site

__all__ = ["site"]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(not shutil.which("chromium"), reason="no Chromium on this machine"),
]

NARROW: ViewportSize = {"width": 320, "height": 700}
WIDE: ViewportSize = {"width": 1_280, "height": 900}
SERIOUS = {"serious", "critical"}
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def base_url(site: SiteUnderTest) -> AsyncIterator[str]:
    async with served(site) as url:
        yield url


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with a_browser() as browser:
        yield browser


@pytest.mark.parametrize("shown", all_pages(), ids=lambda shown: shown.name)
async def test_a_page_is_accessible(
    site: SiteUnderTest, base_url: str, browser: Browser, shown: Shown
) -> None:
    path = shown.path.format(restaurant=site.restaurant, **await shown.seed(site))
    async with as_visitor(browser, site, base_url, shown.visitor) as context:
        page = await _opened(context, path)
        for scheme in ("light", "dark"):
            await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            assert await _findings(page) == [], scheme
        await page.set_viewport_size(NARROW)
        assert await page.evaluate(OVERFLOW) <= 0, "it overflows at 320 px"
        assert await _findings(page) == [], "320 px"


async def _opened(context: BrowserContext, path: str) -> Page:
    page = await context.new_page()
    page.on("pageerror", lambda error: pytest.fail(f"a script failed: {error}"))
    await page.set_viewport_size(WIDE)
    missing = []
    page.on("response", lambda answer: missing.append(answer.url) if answer.status == 404 else None)
    await page.goto(path)
    assert [url for url in missing if "/static/" in url] == []
    return page


async def _findings(page: Page) -> list[str]:
    results = await Axe().run(page)
    return [
        f"{each['id']}: {node['html'][:200]} {node.get('failureSummary', '')[:300]}"
        for each in results.response["violations"]
        if each["impact"] in SERIOUS
        for node in each["nodes"]
    ]
