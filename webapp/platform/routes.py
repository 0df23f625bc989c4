"""The platform's back office: bridges, lines, workers, calls, restaurants, carriers."""

from datetime import UTC, datetime
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, HTTPException, Query, Request, status
from fastapi.responses import RedirectResponse, Response

from controlplane.contracts.clean_text import clean_text
from controlplane.registrations.report import AccountReport, UnknownAccount
from controlplane.restaurants.people_errors import NoReason
from controlplane.restaurants.platform_views import begin_view, end_views, open_view
from webapp.forms import Form
from webapp.platform import queries, words
from webapp.platform.heartbeats import read_fleet
from webapp.platform.office import Office, OfficeHere
from webapp.site import PARIS
from webapp.words import _

router = APIRouter(prefix="/plateforme", include_in_schema=False)

Asked = Annotated[str, Query(max_length=80)]
STATES: Final = ("problems", "all")


@router.get("")
async def office(_office: OfficeHere) -> Response:
    """Begin with what is broken."""
    return RedirectResponse("/plateforme/ponts", status.HTTP_303_SEE_OTHER)


@router.get("/ponts")
async def bridges(office: OfficeHere) -> Response:
    """Show what needs a person, then every bridge."""
    async with office.session() as session:
        lines = await queries.read_lines(session)
    fleet = await read_fleet(office.site.redis)
    beats = fleet.bridges if fleet else {}
    shown = [
        (each, beats.get(each.id), words.bridge(each, beats.get(each.id), heard=fleet is not None))
        for each in lines.bridges
    ]
    return office.page(
        "platform/bridges.html",
        lines=lines,
        registered=sum(account.registered for account in lines.accounts),
        live=sum(account.restaurant_status == "live" for account in lines.accounts),
        troubles=words.troubles(lines.accounts),
        bridges=shown,
        fleet=fleet,
        now=datetime.now(PARIS),
    )


@router.get("/lignes")
async def lines(
    office: OfficeHere, q: Asked = "", state: str = "all", after: Asked = ""
) -> Response:
    """List the lines that match, those that need a person first."""
    async with office.session() as session:
        accounts = (await queries.read_lines(session)).accounts
    asked = q.strip().lower()
    matching = [
        each
        for each in accounts
        if _matches(each, asked) and (state != "problems" or each.problem is not None)
    ]
    matching.sort(key=_problems_first)
    rest = [each for each in matching if _problems_first(each) > _key(after)] if after else matching
    page = rest[: queries.PAGE_ROWS]
    return office.page(
        "platform/lines.html",
        rows=[(each, words.line(each)) for each in page],
        matching=len(matching),
        q=q,
        state=state if state in STATES else "all",
        after=_spelt(page[-1]) if len(rest) > len(page) else "",
    )


@router.get("/lignes/{gateway}")
async def line(office: OfficeHere, gateway: str) -> Response:
    """Say where one line stands and what happened to it."""
    async with office.session() as session:
        try:
            account, history = await queries.read_line(session, gateway)
        except UnknownAccount:
            raise HTTPException(404) from None
    return office.page(
        "platform/line.html",
        account=account,
        shown=words.line(account),
        history=list(reversed(history)),
        now=datetime.now(PARIS),
    )


@router.get("/agents")
async def workers(office: OfficeHere) -> Response:
    """Show the workers that are alive, and the calls that wait for one."""
    fleet = await read_fleet(office.site.redis)
    return office.page("platform/workers.html", fleet=fleet, now=datetime.now(PARIS))


@router.get("/appels")
async def calls(office: OfficeHere) -> Response:
    """Show the calls that go on, without a word of what is said."""
    async with office.session() as session:
        rows = await queries.read_live_calls(session)
    return office.page("platform/calls.html", rows=rows, now=datetime.now(PARIS))


@router.get("/restaurants")
async def restaurants(office: OfficeHere, q: Asked = "", after: Asked = "") -> Response:
    """List the restaurants by slug."""
    async with office.session() as session:
        found = await queries.read_tenants(
            session, asked=clean_text(q).strip(), after=clean_text(after)
        )
    page = found[: queries.PAGE_ROWS]
    return office.page(
        "platform/restaurants.html",
        rows=[(each, words.restaurant(each.status)) for each in page],
        q=q,
        after=page[-1].slug if len(found) > len(page) else "",
    )


@router.get("/restaurants/{restaurant_id}")
async def restaurant(office: OfficeHere, restaurant_id: UUID) -> Response:
    """Show one restaurant, and who looked at it."""
    return await _restaurant(office, restaurant_id, Form())


@router.post("/restaurants/{restaurant_id}/look")
async def look(request: Request, office: OfficeHere, restaurant_id: UUID) -> Response:
    """Begin to look at the restaurant's pages, for the reason that the form gives."""
    form = await Form.read(request)
    async with office.session() as session, session.begin():
        try:
            await begin_view(
                session,
                restaurant_id,
                office.user.user_id,
                form.text("reason"),
                now=datetime.now(UTC),
            )
        except NoReason:
            form.fail("reason", _("Dites pourquoi : un numéro de demande, ou quelques mots."))
    if form.errors:
        return await _restaurant(office, restaurant_id, form, status=422)
    return RedirectResponse(f"/place/{restaurant_id}", status.HTTP_303_SEE_OTHER)


@router.post("/restaurants/{restaurant_id}/stop")
async def stop(office: OfficeHere, restaurant_id: UUID) -> Response:
    """Look no longer."""
    async with office.session() as session, session.begin():
        await end_views(session, restaurant_id, office.user.user_id, now=datetime.now(UTC))
    return RedirectResponse(f"/plateforme/restaurants/{restaurant_id}", status.HTTP_303_SEE_OTHER)


@router.get("/operateurs")
async def carriers(office: OfficeHere) -> Response:
    """Show the carriers, those that refuse first."""
    async with office.session() as session:
        rows = await queries.read_carriers(session)
    return office.page("platform/carriers.html", rows=rows, now=datetime.now(PARIS))


async def _restaurant(
    office: Office, restaurant_id: UUID, form: Form, *, status: int = 200
) -> Response:
    now = datetime.now(PARIS)
    async with office.session() as session:
        found = await queries.read_tenants(session, restaurant_id=restaurant_id)
        if not found:
            raise HTTPException(404)
        owner = await queries.read_owner(session, restaurant_id)
        views = await queries.read_views(session, restaurant_id)
        looking = await open_view(session, restaurant_id, office.user.user_id, now=now)
    return office.page(
        "platform/restaurant.html",
        status=status,
        tenant=found[0],
        shown=words.restaurant(found[0].status),
        owner=owner,
        views=views,
        looking=looking,
        form=form,
        now=now,
    )


def _matches(account: AccountReport, asked: str) -> bool:
    fields = (account.restaurant, account.gateway, account.carrier, account.username)
    return not asked or any(asked in field.lower() for field in fields)


def _problems_first(account: AccountReport) -> tuple[bool, str]:
    return account.problem is None, account.gateway


def _spelt(account: AccountReport) -> str:
    fine, gateway = _problems_first(account)
    return f"{int(fine)}{gateway}"


def _key(after: str) -> tuple[bool, str]:
    return after[:1] == "1", after[1:]
