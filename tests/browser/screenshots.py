"""Photographs the pages: `make screenshots` has all of them, in light and dark, on three screens.

Give it names (`orders/list`) for some, and `--to FOLDER`. It starts a Postgres of its own and seeds
what the pages' tests seed.
"""

import argparse
import asyncio
import sys
from pathlib import Path
from typing import Final

from playwright.async_api import Browser, ViewportSize

from controlplane.local.launch.services import LocalServices
from controlplane.migrations.schema import upgrade
from tests.browser.playwright_pages import a_browser, as_visitor
from tests.integration.webapp.pages.all_pages import all_pages
from tests.integration.webapp.pages.page import Page
from tests.integration.webapp.site_under_test import SiteUnderTest, a_site, served

SCREENS: Final[dict[str, ViewportSize]] = {
    "phone": {"width": 390, "height": 844},
    "tablet": {"width": 1_024, "height": 768},
    "desktop": {"width": 1_280, "height": 900},
}


async def photograph(names: list[str], folder: Path, services: LocalServices) -> None:
    """Write `<page>.<screen>.<light|dark>.png` for each page; the page's `/` becomes a dash."""
    chosen = [page for page in all_pages() if not names or page.name in names]
    async with (
        a_site(services.database_url, services.redis_url) as site,
        served(site) as base_url,
        a_browser() as browser,
    ):
        for page in chosen:
            path = page.path.format(restaurant=site.restaurant, **await page.seed(site))
            for dark in (False, True):
                await _each_screen(browser, site, base_url, page, path, folder, dark=dark)


async def _each_screen(
    browser: Browser,
    site: SiteUnderTest,
    base_url: str,
    page: Page,
    path: str,
    folder: Path,
    *,
    dark: bool,
) -> None:
    async with as_visitor(browser, site, base_url, page.visitor, dark=dark) as context:
        tab = await context.new_page()
        for screen, size in SCREENS.items():
            await tab.set_viewport_size(size)
            await tab.goto(path)
            name = f"{page.name.replace('/', '-')}.{screen}.{'dark' if dark else 'light'}.png"
            await tab.screenshot(path=folder / name, full_page=True)
            sys.stdout.write(f"{folder / name}\n")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("names", nargs="*")
    arguments.add_argument("--to", type=Path, default=Path(".alloresto/screenshots"))
    given = arguments.parse_args()
    given.to.mkdir(parents=True, exist_ok=True)
    with LocalServices(temporary=True, environment={}) as services:
        upgrade(services.database_url)
        asyncio.run(photograph(given.names, given.to, services))


if __name__ == "__main__":
    main()
