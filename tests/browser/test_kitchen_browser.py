"""The kitchen's page lives in a real browser: tickets come and move by themselves, what was missed
or pressed without a network is made up for, all tabs share one stream, and nothing needs a script.
"""

import shutil
from collections.abc import AsyncIterator
from uuid import UUID

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, expect
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from controlplane.models.order import Order, OrderStatus
from tests.browser.playwright_pages import a_browser, as_visitor
from tests.integration.kitchen_orders import add_order
from tests.integration.webapp.site_under_test import SiteUnderTest, served, site
from tests.waiting import until

__all__ = ["site"]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(not shutil.which("chromium"), reason="no Chromium on this machine"),
]

DEADLINE_MS = 10_000
LOUDSPEAKER = """
window.tones = 0;
const node = () => ({ connect: node, start: () => { window.tones += 1; }, stop() {}, frequency: {},
  gain: { setValueAtTime() {}, exponentialRampToValueAtTime() {} } });
window.AudioContext = class {
  state = "suspended";
  async resume() { this.state = "running"; }
  createOscillator() { return node(); }
  createGain() { return node(); }
};
"""
"""This machine has none; a context of the browser's would wait for it."""


class Network:
    """What lies between the browser and the site; while it is `cut`, nothing gets through."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.cut = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = PlainTextResponse("", 502) if self.cut else self._app
        await answer(scope, receive, send)


@pytest.fixture(scope="module")
def network(site: SiteUnderTest) -> Network:
    return Network(site.app)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def base_url(site: SiteUnderTest, network: Network) -> AsyncIterator[str]:
    async with served(site, app=network) as url:
        yield url


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    expect.set_options(timeout=DEADLINE_MS)
    async with a_browser() as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="module")
async def tablet(
    site: SiteUnderTest, base_url: str, browser: Browser
) -> AsyncIterator[BrowserContext]:
    async with as_visitor(browser, site, base_url, "tablet") as context:
        yield context


async def order(site: SiteUnderTest, **given: object) -> UUID:
    async with site.sessions.begin() as session:
        return await add_order(session, site.restaurant, **given)  # type: ignore[arg-type]


async def status_of(site: SiteUnderTest, order_id: UUID) -> str:
    async with site.sessions() as session:
        return (await session.get_one(Order, order_id)).status


async def opened(site: SiteUnderTest, context: BrowserContext) -> Page:
    page = await context.new_page()
    page.on("pageerror", lambda error: pytest.fail(f"a script failed: {error}"))
    await page.goto(site.path("/kitchen"))
    await expect(page.locator("p.live.on")).to_be_visible()
    await page.evaluate("window.loadedOnce = true")
    return page


def open_streams(site: SiteUnderTest) -> int:
    return sum(len(pages) for pages in site.site.feed._subscriptions.values())


async def test_tickets_come_move_and_are_taken_back_without_loading_the_page(
    site: SiteUnderTest, tablet: BrowserContext
) -> None:
    """1 An order is committed and appears, above the one that is due later; it is said aloud. 2 Its
    button moves it to the next lane; "Annuler" takes it back. 3 Handed over, it is sent after the
    moment in which it can be undone. 4 The page was never loaded again.
    """
    later = await order(site, due_in_min=40)
    page = await opened(site, tablet)
    soon = await order(site, due_in_min=10, customer="<i>Inès")
    fresh = page.locator("#lane-new > .ticket")
    await expect(fresh.first).to_have_id(f"order-{soon}")
    await expect(fresh.last).to_have_id(f"order-{later}")
    await expect(page.locator("#news")).to_contain_text("Nouvelle commande, numéro")
    assert await page.locator(".ticket i").count() == 0
    await page.locator(f"#order-{soon} .go").click()
    await expect(page.locator(f"#lane-accepted > #order-{soon}")).to_be_visible()
    await page.get_by_role("button", name="Annuler").click()
    await expect(page.locator(f"#lane-new > #order-{soon}")).to_be_visible()
    for name in ("accepted", "preparing", "ready"):
        await page.locator(f"#order-{soon} .go").click()
        await expect(page.locator(f"#lane-{name} > #order-{soon}")).to_be_visible()
    await page.locator(f"#order-{soon} .go").click()
    await expect(page.locator(f"#order-{soon}")).to_have_class("ticket ready brief queued")
    assert await status_of(site, soon) == OrderStatus.READY
    await expect(page.locator(f"#lane-over > #order-{soon}")).to_be_visible()
    assert await page.evaluate("window.loadedOnce")


async def test_tabs_share_one_stream_and_what_was_missed_or_pressed_offline_is_made_up_for(
    site: SiteUnderTest, network: Network, tablet: BrowserContext
) -> None:
    """1 Two tabs, one stream. 2 The network is cut: the page says so, a press waits, an order is
    placed meanwhile. 3 The network is back: the press is sent, the order is there in both tabs.
    """
    pressed = await order(site)
    before = open_streams(site)
    page, second = await opened(site, tablet), await opened(site, tablet)
    assert open_streams(site) == before + 1
    network.cut = True
    for subscription in [s for pages in site.site.feed._subscriptions.values() for s in pages]:
        subscription.end()
    await expect(page.get_by_role("alert")).to_contain_text("Pas de connexion depuis")
    await page.locator(f"#order-{pressed} .go").click()
    await expect(page.locator(f"#order-{pressed}.queued")).to_be_visible()
    missed = await order(site)
    assert await status_of(site, pressed) == OrderStatus.PLACED
    network.cut = False
    for tab in (page, second):
        await expect(tab.locator(f"#lane-new > #order-{missed}")).to_be_visible()
        await expect(tab.locator(f"#lane-accepted > #order-{pressed}")).to_be_visible()
        assert await tab.evaluate("window.loadedOnce")
    await until(lambda: status_of(site, pressed))
    assert await status_of(site, pressed) == OrderStatus.ACCEPTED
    await expect(page.locator(f"#order-{pressed}.queued")).to_have_count(0)


async def test_nothing_that_somebody_is_in_is_replaced(
    site: SiteUnderTest, tablet: BrowserContext
) -> None:
    """An open sheet of a ticket stays open while its order changes, which shows as it is closed."""
    order_id = await order(site, status=OrderStatus.READY)
    page = await opened(site, tablet)
    await page.locator(f"#order-{order_id} [popovertarget]").first.click()
    sheet = page.locator(f"#other-{order_id}")
    await expect(sheet).to_be_visible()
    done = await site.by("staff").post(site.path(f"/kitchen/orders/{order_id}/completed"))
    assert done.status_code == 303
    news = await order(site)
    await expect(page.locator(f"#order-{news}")).to_be_visible()
    await expect(sheet).to_be_visible()
    await sheet.get_by_role("button", name="Fermer").click()
    await expect(page.locator(f"#lane-over > #order-{order_id}")).to_be_visible()


async def test_sound_is_turned_on_by_one_touch(site: SiteUnderTest, tablet: BrowserContext) -> None:
    await order(site)
    await tablet.add_init_script(LOUDSPEAKER)
    page = await opened(site, tablet)
    await page.locator("#sound").click()
    await expect(page.locator("#sound")).to_have_attribute("aria-pressed", "true")
    await page.wait_for_function("window.tones >= 2", timeout=DEADLINE_MS)


async def test_without_javascript_the_orders_and_their_buttons_are_there(
    site: SiteUnderTest, base_url: str, browser: Browser
) -> None:
    order_id = await order(site)
    async with as_visitor(browser, site, base_url, "tablet", scripts=False) as context:
        page = await context.new_page()
        await page.goto(site.path("/kitchen"))
        await page.locator(f"#order-{order_id} .go").click()
        await expect(page.locator(f"#lane-accepted > #order-{order_id}")).to_be_visible()
