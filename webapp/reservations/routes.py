"""Reservations: a service's plan and list, a table taken by hand, guests who walk in or wait.

The rules are `controlplane/restaurants/reservations.py` and its neighbours; a refusal is shown with
what else is possible, and keeps what was typed.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import HTMLResponse, Response
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.contracts.identifiers import new_id
from controlplane.models.reservation import Reservation, ReservationStatus
from controlplane.restaurants.errors import Refused, RestaurantError
from controlplane.restaurants.reservation_errors import KeyOfAnotherReservation, NotGranted
from controlplane.restaurants.reservation_status import cancel, tell_status
from controlplane.restaurants.reservation_waitlist import offer, promote
from controlplane.restaurants.reservations import book, change, correct_guest, move, stay_until
from webapp import show
from webapp.forms import Form, read_uuid
from webapp.place import Place, StaffHere
from webapp.reservations import words
from webapp.reservations.day import read_service
from webapp.reservations.forms import (
    form_key,
    read_day,
    read_guest,
    read_request,
    read_time,
    read_when,
)
from webapp.reservations.queries import (
    Booking,
    booking,
    events_of,
    read_areas,
    read_tables,
)
from webapp.words import _

router = APIRouter(prefix="/place/{restaurant_id}/reservations", include_in_schema=False)

Text = Annotated[str, Query(max_length=60)]
Work = Callable[[AsyncSession, datetime], Awaitable[object]]
MOST_OFFERED: Final = 6
"""The nearest times at which there is a table: more would be read by nobody on the telephone."""


@router.get("")
async def day_page(place: StaffHere, day: Text = "", service: Text = "") -> HTMLResponse:
    """Show a service: who comes, where they sit, and who waits."""
    newest = await place.site.feed.newest_id(place.restaurant_id)
    async with place.session() as session:
        data = await read_service(place, session, day, service, datetime.now(UTC))
    return place.page("reservations/day.html", newest=newest, **data)


@router.get("/new")
async def new_page(
    place: StaffHere, day: Text = "", time: Text = "", walk_in: Text = "", table: Text = ""
) -> HTMLResponse:
    """Show the form of a new reservation, with what is known of it filled in."""
    today = datetime.now(place.zone)
    form = Form(
        values={
            "party": "2",
            "day": read_day(day, today.date()).isoformat(),
            "time": time or f"{today + timedelta(hours=1):%H}:00",
            "key": str(new_id()),
            "table": table,
        }
        | ({"walk_in": "1"} if walk_in else {})
    )
    return await _form_page(place, form)


@router.post("/new")
async def book_table(place: StaffHere, request: Request) -> Response:
    """Give the guests a table, or say which rule leaves none and when there is one."""
    form, now = await Form.read(request), datetime.now(UTC)
    asked = read_request(form, place.zone, place.frame.phone_e164, actor=place.actor, now=now)
    if asked is None:
        return await _form_page(place, form, status=422)
    try:
        async with place.session() as session, session.begin():
            made = await book(session, place.restaurant_id, asked, now)
    except KeyOfAnotherReservation as error:
        return await _form_page(place, form, refused=error, status=409)
    except Refused as error:
        return await _form_page(place, form, refused=error, status=422)
    path = _day_path(place, made.shift_date, made.shift_id, made.starts_at)
    return place.back(path, said=_made(place, made))


@router.get("/{reservation_id}/end/{to}")
async def end_page(place: StaffHere, reservation_id: UUID, to: ReservationStatus) -> HTMLResponse:
    """Ask before what never reopens, and say what the guest receives."""
    if to not in words.ENDINGS:
        raise HTTPException(404)
    shown = await _booking(place, reservation_id)
    return place.page("reservations/end.html", shown=shown, to=to, words=words)


@router.post("/{reservation_id}/to/{to}")
async def move_on(place: StaffHere, reservation_id: UUID, to: ReservationStatus) -> Response:
    """Record what the staff saw, or cancel."""

    async def work(session: AsyncSession, now: datetime) -> Reservation:
        if to is ReservationStatus.CANCELLED:
            return await cancel(
                session, place.restaurant_id, reservation_id, now, actor=place.actor, by_staff=True
            )
        return await tell_status(
            session, place.restaurant_id, reservation_id, to, now, actor=place.actor
        )

    return await _do(place, reservation_id, work, lambda: _(words.STATES[to][0]))


@router.post("/{reservation_id}/promote")
async def place_waiting(place: StaffHere, reservation_id: UUID) -> Response:
    """Give a table to guests who wait for one."""

    async def work(session: AsyncSession, now: datetime) -> Reservation:
        return await promote(session, place.restaurant_id, reservation_id, now, actor=place.actor)

    return await _do(place, reservation_id, work, lambda: _("Une table leur est donnée."))


@router.post("/{reservation_id}/offer")
async def offer_table(place: StaffHere, reservation_id: UUID) -> Response:
    """Tell guests who wait that a table is free; who calls first has it."""

    async def work(session: AsyncSession, now: datetime) -> None:
        await offer(session, place.restaurant_id, reservation_id, now, actor=place.actor)

    return await _do(place, reservation_id, work, lambda: _("Un SMS leur propose la table."))


@router.get("/{reservation_id}")
async def booking_page(place: StaffHere, reservation_id: UUID) -> HTMLResponse:
    """Show one reservation: what it is, what may come next, what happened to it."""
    return await _booking_page(place, reservation_id, Form())


@router.post("/{reservation_id}/change")
async def change_booking(place: StaffHere, reservation_id: UUID, request: Request) -> Response:
    """Give it another party, time or area."""
    form = await Form.read(request)
    when = read_when(form, place.zone)
    if when is None:
        return await _booking_page(place, reservation_id, form, status=422)

    async def work(session: AsyncSession, now: datetime) -> None:
        await change(
            session,
            place.restaurant_id,
            reservation_id,
            now,
            actor=place.actor,
            by_staff=True,
            party=when.party,
            starts_at=when.starts_at,
            area_id=read_uuid(form.text("area")),
        )

    return await _rewrite(place, reservation_id, form, work)


@router.post("/{reservation_id}/guest")
async def change_guest(place: StaffHere, reservation_id: UUID, request: Request) -> Response:
    """Correct who comes, and what they said of it."""
    form = await Form.read(request)
    guest = read_guest(form, place.frame.phone_e164, named=False)
    if guest is None:
        return await _booking_page(place, reservation_id, form, status=422)

    async def work(session: AsyncSession, now: datetime) -> None:
        await correct_guest(
            session, place.restaurant_id, reservation_id, guest, now, actor=place.actor
        )

    return await _rewrite(place, reservation_id, form, work)


@router.post("/{reservation_id}/move")
async def move_booking(place: StaffHere, reservation_id: UUID, request: Request) -> Response:
    """Seat the party at other tables, alone or pushed together."""
    form = await Form.read(request)
    chosen = frozenset(filter(None, map(read_uuid, form.all("table"))))
    if not chosen:
        form.fail("table", _("Choisissez au moins une table."))
        return await _booking_page(place, reservation_id, form, status=422)

    async def work(session: AsyncSession, now: datetime) -> None:
        await move(session, place.restaurant_id, reservation_id, chosen, now, actor=place.actor)

    return await _rewrite(place, reservation_id, form, work)


@router.post("/{reservation_id}/stay")
async def keep_table(place: StaffHere, reservation_id: UUID, request: Request) -> Response:
    """Leave the party its table until a time: that after their arrival which comes first."""
    form = await Form.read(request)
    until = read_time(form, "until")
    if until is None:
        return await _booking_page(place, reservation_id, form, status=422)
    came = (await _booking(place, reservation_id)).starts_at
    ends = datetime.combine(came.date(), until, place.zone)
    ends += timedelta(days=1) if ends <= came else timedelta()

    async def work(session: AsyncSession, now: datetime) -> None:
        at = ends.astimezone(UTC)
        await stay_until(session, place.restaurant_id, reservation_id, at, now, actor=place.actor)

    return await _rewrite(place, reservation_id, form, work)


async def _rewrite(place: Place, reservation_id: UUID, form: Form, work: Work) -> Response:
    """Do it, unless the reservation changed since the form was shown: both are shown then."""
    async with place.session() as session:
        events = await events_of(session, place.restaurant_id, reservation_id, place.zone)
    if not events or str(events[0].id) != form.text("seen"):
        return await _booking_page(place, reservation_id, form, status=409, stale=bool(events))
    try:
        async with place.session() as session, session.begin():
            await work(session, datetime.now(UTC))
    except Refused as error:
        return await _booking_page(place, reservation_id, form, status=422, refused=error)
    return place.back(f"/reservations/{reservation_id}", said=_("C’est noté."))


async def _booking_page(
    place: Place,
    reservation_id: UUID,
    form: Form,
    *,
    status: int = 200,
    refused: Refused | None = None,
    stale: bool = False,
) -> HTMLResponse:
    now = datetime.now(UTC)
    async with place.session() as session:
        shown = await booking(session, place.restaurant_id, reservation_id, place.zone, now)
        events = await events_of(session, place.restaurant_id, reservation_id, place.zone)
        tables = await read_tables(session, place.restaurant_id)
        areas = await read_areas(session, place.restaurant_id)
    if refused is not None:
        form.fail("", words.refused(refused, place.zone))
    return place.page(
        "reservations/booking.html",
        status=status,
        shown=shown,
        events=events,
        tables=[table for table in tables if table.active],
        areas=areas,
        form=form,
        ticked=frozenset(map(read_uuid, form.all("table"))) or shown.table_ids,
        offered=_offered(place, refused),
        stale=stale,
        now=now.astimezone(place.zone),
        words=words,
    )


async def _form_page(
    place: Place, form: Form, *, status: int = 200, refused: RestaurantError | None = None
) -> HTMLResponse:
    async with place.session() as session:
        tables = await read_tables(session, place.restaurant_id)
        areas = await read_areas(session, place.restaurant_id)
    if refused is not None:
        form.fail("", words.refused(refused, place.zone))
    return place.page(
        "reservations/new.html",
        status=status,
        form=form,
        key=form_key(form),
        tables=[table for table in tables if table.active],
        areas=areas,
        offered=_offered(place, refused),
        may_wait=isinstance(refused, NotGranted) and not form.ticked("walk_in"),
        now=datetime.now(place.zone),
        words=words,
    )


def _offered(place: Place, refused: RestaurantError | None) -> Sequence[datetime]:
    """The times at which there would be a table, in the restaurant's zone, the earliest first."""
    if not isinstance(refused, NotGranted):
        return ()
    nearest = refused.alternatives[:MOST_OFFERED]
    return [at.astimezone(place.zone) for at in sorted(nearest)]


async def _booking(place: Place, reservation_id: UUID) -> Booking:
    async with place.session() as session:
        return await booking(
            session, place.restaurant_id, reservation_id, place.zone, datetime.now(UTC)
        )


async def _do(place: Place, reservation_id: UUID, work: Work, said: Callable[[], str]) -> Response:
    """Do what a button says, and go back to where it is; what a rule refused is said there."""
    try:
        async with place.session() as session, session.begin():
            await work(session, datetime.now(UTC))
    except Refused as error:
        return place.back(f"/reservations/{reservation_id}", said=words.refused(error, place.zone))
    shown = await _booking(place, reservation_id)
    path = _day_path(place, shown.shift_date, shown.shift_id, shown.starts_at)
    return place.back(path, said=said())


def _day_path(place: Place, shift_date: date | None, shift_id: UUID | None, at: datetime) -> str:
    """The page of the service that it belongs to; of none, that of its date."""
    day = shift_date or at.astimezone(place.zone).date()
    service = f"&service={shift_id}" if shift_id else ""
    return f"/reservations?day={day.isoformat()}{service}"


def _made(place: Place, made: Reservation) -> str:
    if made.status == ReservationStatus.WAITLISTED:
        return _("Ces clients sont en liste d’attente.")
    if made.status == ReservationStatus.SEATED:
        return _("Ils sont à table.")
    at = show.clock(made.starts_at.astimezone(place.zone))
    return _("Réservation n° %(number)s notée, pour %(clock)s.", number=made.number, clock=at)
