"""A ticket is printed once, or marked DUPLICATA; a printer that dies in between loses none."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx2
import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from controlplane.database import async_sessions
from controlplane.database_roles import DatabaseRole
from controlplane.models.order import Order, OrderStatus
from controlplane.models.printer import Printer, PrinterProtocol, PrintJob, PrintState
from controlplane.restaurants.devices import pair_at_once
from controlplane.restaurants.order_status import change_order_status
from controlplane.restaurants.printers import add_printer, print_again, print_order, revoke_printer
from controlplane.tenancy import restaurant_session
from tests.integration.kitchen_orders import add_order, add_restaurant
from tests.integration.kitchen_site import running_site
from tests.integration.webapp.printers import EpsonPrinter, StarPrinter

pytestmark = pytest.mark.integration

Sessions = async_sessionmaker[AsyncSession]


@pytest.fixture
def sessions(database: AsyncEngine) -> Sessions:
    return async_sessions(database)


@pytest.fixture
async def browser(database_url: str) -> AsyncIterator[httpx2.AsyncClient]:
    async with (
        running_site(database_url) as site,
        httpx2.AsyncClient(base_url=site.base_url) as browser,
    ):
        yield browser


async def kitchen(sessions: Sessions, protocol: PrinterProtocol) -> tuple[UUID, str]:
    """A restaurant with one printer, by its token."""
    async with sessions.begin() as session:
        restaurant_id = await add_restaurant(session)
        return restaurant_id, await add_printer(
            session, restaurant_id, "Four", protocol, actor="test"
        )


async def order(sessions: Sessions, restaurant_id: UUID) -> UUID:
    """An order, whose ticket is queued under the role of who takes orders."""
    async with restaurant_session(sessions, restaurant_id) as session, session.begin():
        await session.execute(text(f"SET LOCAL ROLE {DatabaseRole.WORKER}"))
        order_id = await add_order(
            session, restaurant_id, options=["sans oignons"], allergy="noix\x1b@", note="vite"
        )
        await print_order(session, await session.get_one(Order, order_id))
        return order_id


async def states(sessions: Sessions) -> list[str]:
    async with sessions() as session:
        rows = await session.scalars(select(PrintJob.state).order_by(PrintJob.created_at))
        return list(rows)


async def test_another_tenant_sees_nothing(sessions: Sessions, browser: httpx2.AsyncClient) -> None:
    mine, _ = await kitchen(sessions, PrinterProtocol.STAR)
    other, theirs = await kitchen(sessions, PrinterProtocol.STAR)
    await order(sessions, mine)
    async with sessions() as session:
        job = await session.scalar(select(PrintJob.id))
    printer = StarPrinter(browser, theirs)
    assert await printer.poll() == {"jobReady": False}
    assert (await browser.get(printer.url, params={"token": str(job)})).status_code == 404
    await printer.confirm(str(job))
    assert await states(sessions) == ["queued"]
    stolen = f"{mine.hex}.{theirs.partition('.')[2]}"
    for path in (f"star/{stolen}", "star/x", f"star/{'x' * 300}", f"epson/{theirs}"):
        answer = await browser.post(
            f"/imprimante/{path}",
            content=b'{"ConnectionType": "x"}' if "star" in path else b"ConnectionType=GetRequest",
        )
        assert (answer.status_code, answer.text) == (404, "Page introuvable."), path
    async with sessions.begin() as session:
        printer_id = await session.scalar(select(Printer.id).filter_by(restaurant_id=other))
        assert printer_id is not None
        now = await session.scalar(select(func.now()))
        assert now is not None
        await revoke_printer(session, other, printer_id, now=now, actor="test")
    assert (await browser.post(printer.url, json={})).status_code == 404


async def test_star_prints_once_and_marks_every_other_time(
    sessions: Sessions, browser: httpx2.AsyncClient
) -> None:
    restaurant_id, token = await kitchen(sessions, PrinterProtocol.STAR)
    printer = StarPrinter(browser, token)
    order_id = await order(sessions, restaurant_id)
    job = await printer.fetch()
    assert job is not None
    await printer.confirm(job)
    assert await printer.fetch() is None
    (paper,) = printer.paper
    for said in (
        "BON DE PRÉPARATION",
        "n° 1",
        "ALLERGIE : NOIX",
        "1 x Margherita",
        "+ sans oignons",
        "NOTE : vite",
        "Ne vaut ni ticket de caisse ni facture.",
    ):
        assert said in paper, said
    assert "DUPLICATA" not in paper
    assert paper.count("\x1b@") == 1  # the caller's own command printed nothing
    assert "\x1b4" in paper[: paper.index("ALLERGIE")][-10:]

    async with sessions.begin() as session:
        placed = await session.get_one(Order, order_id)
        assert await print_again(session, placed, actor="test") == ["Four"]
    again = await printer.fetch()
    assert again is not None
    assert "DUPLICATA" in printer.paper[1]
    await printer.confirm(again)
    assert await states(sessions) == ["printed", "printed"]

    async def print_it_again() -> None:
        async with sessions.begin() as session:
            await print_again(session, await session.get_one(Order, order_id), actor="test")

    await asyncio.gather(*(print_it_again() for _ in range(4)))
    async with sessions() as session:
        copies = (await session.scalars(select(PrintJob.copy).order_by(PrintJob.copy))).all()
        assert copies == list(range(1, len(copies) + 1))
        assert len(copies) > 2


async def test_a_printer_that_dies_with_a_ticket_gets_it_again_marked(
    sessions: Sessions, browser: httpx2.AsyncClient
) -> None:
    restaurant_id, token = await kitchen(sessions, PrinterProtocol.STAR)
    await order(sessions, restaurant_id)
    first = StarPrinter(browser, token)
    assert await first.fetch()
    reborn = StarPrinter(browser, token)
    job = await reborn.fetch()
    assert job is not None
    assert "DUPLICATA" in reborn.paper[0]
    await reborn.confirm(job, "520 Timeout")
    assert await states(sessions) == ["queued"]
    reborn.code = "410 Paper out"
    assert await reborn.fetch() is None
    reborn.code = "200 OK"
    job = await reborn.fetch()
    assert job is not None
    await reborn.confirm(job)
    await reborn.confirm(job, "520 Timeout")  # told twice: what is printed stays printed
    assert await states(sessions) == ["printed"]


async def test_epson(sessions: Sessions, browser: httpx2.AsyncClient) -> None:
    restaurant_id, token = await kitchen(sessions, PrinterProtocol.EPSON)
    printer = EpsonPrinter(browser, token)
    assert await printer.fetch() is None
    await order(sessions, restaurant_id)
    job = await printer.fetch()
    assert job is not None
    assert "ALLERGIE : NOIX" in printer.paper[0]
    assert "DUPLICATA" not in printer.paper[0]
    await printer.tell("unknown", success=True)
    await printer.tell(job, success=False)
    job = await printer.fetch()
    assert job is not None
    assert "DUPLICATA" in printer.paper[1]
    await printer.tell(job, success=True)
    assert await states(sessions) == ["printed"]
    for garbage in (
        b"",
        b"\xff",
        b"ConnectionType=x",
        b"ConnectionType=SetResponse&ResponseFile=<",
        b"ConnectionType=SetResponse&ResponseFile=<!DOCTYPE x><x/>",
    ):
        answer = await browser.post(f"/imprimante/epson/{token}", content=garbage)
        assert answer.status_code == 400
    assert (
        await browser.post(f"/imprimante/epson/{token}", content=b"x" * 70_000)
    ).status_code == 413


async def test_what_nobody_needs_is_dropped_and_a_silent_printer_is_shown(
    sessions: Sessions, browser: httpx2.AsyncClient
) -> None:
    restaurant_id, token = await kitchen(sessions, PrinterProtocol.STAR)
    async with sessions.begin() as session:
        tablet = await pair_at_once(session, restaurant_id, "Four", now=datetime.now(UTC))
    browser.cookies.set("tablet", tablet)
    page = f"/place/{restaurant_id}/kitchen"
    assert "Imprimante muette" in (await browser.get(page)).text
    printer = StarPrinter(browser, token)
    await printer.poll()
    assert "Imprimante muette" not in (await browser.get(page)).text
    printer.code = "410 Paper out"
    await printer.poll()
    assert "Imprimante muette" in (await browser.get(page)).text
    printer.code = "200 OK"

    refused = await order(sessions, restaurant_id)
    named = (await printer.poll())["jobToken"]
    async with sessions.begin() as session:
        await change_order_status(
            session, restaurant_id, refused, to=OrderStatus.REJECTED, actor="kitchen"
        )
    assert (await browser.get(printer.url, params={"token": named})).status_code == 404

    cancelled, old = await order(sessions, restaurant_id), await order(sessions, restaurant_id)
    async with sessions.begin() as session:
        await change_order_status(
            session, restaurant_id, cancelled, to=OrderStatus.REJECTED, actor="kitchen"
        )
        await session.execute(
            update(PrintJob)
            .where(PrintJob.order_id == old)
            .values(created_at=func.now() - timedelta(hours=7))
        )
    assert await printer.fetch() is None
    assert set(await states(sessions)) == {PrintState.DROPPED}
