"""The kitchen page works in headless Chromium, where one is found."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from controlplane.database import async_sessions
from controlplane.models.order import Order, OrderStatus
from tests.browser.chromium import PROGRAM, Page, chromium
from tests.integration.delivery_orders import TO_BELLECOUR
from tests.integration.kitchen_orders import add_order, add_restaurant
from tests.integration.kitchen_site import TestSite, running_site
from tests.waiting import until

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(PROGRAM is None, reason="no chromium on PATH"),
]

Sessions = async_sessionmaker[AsyncSession]

LIVE = "document.getElementById('live').classList.contains('on')"
NUMBERS = (
    "[...document.querySelectorAll('#%s .ticket h2')].map((h) => h.innerText.replace(/\\D/g, ''))"
)
BROUGHT = {OrderStatus.OUT_FOR_DELIVERY, OrderStatus.PREPARING, OrderStatus.NO_SHOW}
TO_MAKE, DONE = NUMBERS % "to-make", NUMBERS % "done"


@pytest.fixture
def sessions(database: AsyncEngine) -> Sessions:
    return async_sessions(database)


@pytest.fixture
async def restaurant(sessions: Sessions) -> UUID:
    async with sessions.begin() as session:
        return await add_restaurant(session, name="Pizzeria Bella Napoli")


@pytest.fixture
async def site(database_url: str) -> AsyncIterator[TestSite]:
    async with running_site(database_url) as site:
        yield site


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    async with chromium(tmp_path / "profile") as page:
        yield page


async def test_orders_appear_and_move_without_loading_the_page_again(
    site: TestSite, sessions: Sessions, restaurant: UUID, page: Page
) -> None:
    """1 The page opens with one order. 2 Another one, due before it, is committed and appears
    above. 3 Its button is pressed, four times: it ends among the finished ones. 4 The page was
    never loaded again, and the browser refused nothing.
    """
    async with sessions.begin() as session:
        await add_order(session, restaurant, due_in_min=30)
    await page.open(site.page(restaurant))
    await page.until(LIVE)
    await page.evaluate("window.loadedOnce = true")
    async with sessions.begin() as session:
        second = await add_order(session, restaurant, customer="<i>Inès", due_in_min=10)
    await page.until(f"{TO_MAKE}.join() === '2,1'")
    assert await page.evaluate("document.getElementById('news').textContent") == (
        "Nouvelle commande, numéro 2"
    )
    assert await page.evaluate("document.querySelectorAll('.ticket i').length") == 0
    for status in ("accepted", "preparing", "ready", "completed"):
        await page.evaluate(f"document.querySelector('#order-{second} button').click()")
        await page.until(f"document.querySelector('#order-{second}').matches('.{status}')")
    assert (await page.evaluate(TO_MAKE), await page.evaluate(DONE)) == (["1"], ["2"])
    assert await page.evaluate("window.loadedOnce")
    assert page.complaints == []
    async with sessions() as session:
        stored = await session.scalar(select(Order.status).where(Order.id == second))
        assert stored == OrderStatus.COMPLETED


async def test_what_was_missed_offline_appears_on_return(
    site: TestSite, sessions: Sessions, restaurant: UUID, page: Page
) -> None:
    """1 The stream ends under the page, which says so while it can't come back. 2 Orders are
    committed meanwhile. 3 The network is back: they appear, and the page was not loaded again.
    """
    await page.open(site.page(restaurant))
    await page.until(LIVE)
    await page.evaluate("window.loadedOnce = true")
    offline = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    await page.call("Network.emulateNetworkConditions", offline=True, **offline)
    feed = site.server.config.app.state.site.feed

    async def cut_off() -> object:
        for subscription in [one for pages in feed._subscriptions.values() for one in pages]:
            subscription.end()
        return await page.evaluate("document.getElementById('live').classList.contains('off')")

    await until(cut_off)
    async with sessions.begin() as session:
        for _ in range(3):
            await add_order(session, restaurant)
    assert await page.evaluate(TO_MAKE) == []
    await page.call("Network.emulateNetworkConditions", offline=False, **offline)
    await page.until(f"{TO_MAKE}.length === 3")
    await page.until(LIVE)
    assert await page.evaluate("window.loadedOnce")


async def test_the_page_is_drawn_and_nothing_overflows(
    site: TestSite, sessions: Sessions, restaurant: UUID, page: Page, tmp_path: Path
) -> None:
    async with sessions.begin() as session:
        for status in OrderStatus:
            await add_order(
                session,
                restaurant,
                dishes=((2, "Margherita", 1_100), (1, "Coca-Cola 33 cl", 250)),
                options=("pâte fine", "mozzarella"),
                customer="Anne-Charlotte de la Tour du Pin",
                status=status,
                delivery=TO_BELLECOUR if status in BROUGHT else None,
                note="sans olives" if status == OrderStatus.PLACED else "",
            )
    await page.open(site.page(restaurant))
    await page.until(LIVE)
    (tmp_path / "kitchen.png").write_bytes(await page.screenshot())
    for width in (1280, 800, 360):
        await page.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=900,
            deviceScaleFactor=1,
            mobile=False,
        )
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        (tmp_path / f"kitchen-{width}.png").write_bytes(await page.screenshot())
    sizes = "[...document.querySelectorAll('button')].map((b) => b.offsetHeight)"
    assert min(await page.evaluate(sizes)) >= 44
    assert page.complaints == []


async def test_without_javascript_the_orders_are_there_and_the_page_says_so(
    site: TestSite, sessions: Sessions, restaurant: UUID, tmp_path: Path
) -> None:
    async with sessions.begin() as session:
        await add_order(session, restaurant)
    async with chromium(tmp_path / "profile", javascript="off") as page:
        await page.open(site.page(restaurant))
        await page.until("document.querySelectorAll('#to-make .ticket').length === 1")
        text = await page.evaluate("document.getElementById('live').innerText")
    assert "toutes les dix secondes" in text
