"""Where printers poll: Star CloudPRNT and Epson Server Direct Print. The token in the URL says
whose they are; a wrong one gets the answer of no page.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, HTTPException, Query, Request, status
from fastapi.responses import JSONResponse, Response
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.printer import Printer, PrinterProtocol
from controlplane.restaurants.printers import (
    PRINTERS_PATH,
    Fetched,
    fetch,
    find_printer,
    next_job,
    settle,
)
from controlplane.restaurants.tokens import restaurant_of
from controlplane.tenancy import restaurant_session
from webapp.kitchen.queries import find_kitchen, tickets_by_id
from webapp.printers import epson, star
from webapp.printers.ticket import Line, ticket_lines
from webapp.site import Site, SiteHere

MOST_BODY: Final = 65_536
"""A poll is some hundred bytes; Epson's answers about ten tickets are a few thousand."""
LONGEST_TOKEN: Final = 200

router = APIRouter(prefix=PRINTERS_PATH, include_in_schema=False)

JobHere = Annotated[UUID, Query(alias="token")]


@router.post("/star/{token}")
async def star_polls(token: str, request: Request, site: SiteHere) -> JSONResponse:
    """Say whether there is a ticket for it."""
    poll = star.parse_poll(await _body(request))
    if poll is None:
        raise HTTPException(status.HTTP_400_BAD_REQUEST)
    async with _polling(site, token, PrinterProtocol.STAR) as (session, printer):
        job_id = await next_job(session, printer, _now(), ready=poll.ready)
    return JSONResponse(star.answer(None if poll.printing else job_id))


@router.get("/star/{token}")
async def star_fetches(token: str, site: SiteHere, job: JobHere) -> Response:
    """Hand the ticket over."""
    async with _polling(site, token, PrinterProtocol.STAR) as (session, printer):
        fetched = await fetch(session, printer, job)
        if fetched is None:
            raise HTTPException(status.HTTP_404_NOT_FOUND)
        lines = await _lines(session, printer, fetched)
    return Response(star.build(lines), media_type=star.MEDIA_TYPE)


@router.delete("/star/{token}")
async def star_confirms(
    token: str, site: SiteHere, job: JobHere, code: Annotated[str, Query(max_length=200)]
) -> Response:
    """Write down whether it is on paper."""
    async with _polling(site, token, PrinterProtocol.STAR) as (session, printer):
        await settle(session, printer, job, _now(), printed=star.printed(code))
    return Response()


@router.post("/epson/{token}")
async def epson_asks_or_tells(token: str, request: Request, site: SiteHere) -> Response:
    """Hand the next ticket over, or write down what became of those before."""
    told = epson.parse(await _body(request))
    if told is None:
        raise HTTPException(status.HTTP_400_BAD_REQUEST)
    async with _polling(site, token, PrinterProtocol.EPSON) as (session, printer):
        if isinstance(told, epson.Told):
            for job_id, printed in told.results:
                await settle(session, printer, job_id, _now(), printed=printed)
            return Response(media_type=epson.MEDIA_TYPE)
        ticket = await _next_for_epson(session, printer)
    return Response(ticket, media_type=epson.MEDIA_TYPE)


async def _next_for_epson(session: AsyncSession, printer: Printer) -> bytes:
    """An empty answer is none."""
    job_id = await next_job(session, printer, _now(), ready=True)
    fetched = await fetch(session, printer, job_id) if job_id else None
    if fetched is None:
        return b""
    return epson.build(fetched.job_id, await _lines(session, printer, fetched))


async def _lines(session: AsyncSession, printer: Printer, fetched: Fetched) -> list[Line]:
    kitchen = await find_kitchen(session, printer.restaurant_id)
    tickets = await tickets_by_id(session, kitchen, [fetched.order_id])
    return ticket_lines(tickets[fetched.order_id], kitchen.name, duplicate=fetched.duplicate)


@asynccontextmanager
async def _polling(
    site: Site, token: str, protocol: PrinterProtocol
) -> AsyncIterator[tuple[AsyncSession, Printer]]:
    """Open the restaurant's session, committed at the end, and find its printer."""
    restaurant_id = restaurant_of(token) if len(token) <= LONGEST_TOKEN else None
    if restaurant_id is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND)
    async with restaurant_session(site.sessions, restaurant_id) as session, session.begin():
        yield session, await find_printer(session, restaurant_id, token, protocol)


async def _body(request: Request) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BODY:
            raise HTTPException(status.HTTP_413_CONTENT_TOO_LARGE)
    return body


def _now() -> datetime:
    return datetime.now(UTC)
