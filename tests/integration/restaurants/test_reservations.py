"""A table is promised once, by one set of rules, whichever way it is asked for and changed."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from controlplane.contracts.identifiers import new_id
from controlplane.database import async_sessions
from controlplane.models.notification import Notification
from controlplane.models.opening_exception import OpeningException
from controlplane.models.reservation import (
    NEXT_STATUSES,
    Reservation,
    ReservationEvent,
    ReservationSource,
    ReservationStatus,
)
from controlplane.models.restaurant import Restaurant
from controlplane.restaurants.errors import NotTakingOrders
from controlplane.restaurants.find_reservation import Claim, own_reservations
from controlplane.restaurants.notify import NotificationKind
from controlplane.restaurants.reservation_errors import (
    KeyOfAnotherReservation,
    NotDueYet,
    NotGranted,
    ReservationStatusRefused,
    SeveralReservations,
    StayRefused,
    TooLateToChange,
    UnknownReservation,
    UnknownTable,
)
from controlplane.restaurants.reservation_request import HOLD_FOR, Guest
from controlplane.restaurants.reservation_rules import Rule
from controlplane.restaurants.reservation_status import cancel, confirm_hold, tell_status
from controlplane.restaurants.reservation_waitlist import promote, waiting_that_fit
from controlplane.restaurants.reservations import book, change, move, stay_until
from tests.integration.restaurants.dining_site import (
    CAMILLE,
    NOW,
    Site,
    at,
    open_site,
    request,
)

pytestmark = pytest.mark.integration

ONE_TABLE = ((1, 4),)
SEVERAL = ((1, 2), (2, 4), (2, 4))


@pytest.fixture
async def site(database: AsyncEngine) -> Site:
    """A restaurant of one table for four."""
    return await open_site(async_sessions(database), tables=ONE_TABLE)


async def test_another_tenant_sees_nothing(database: AsyncEngine, site: Site) -> None:
    """Neither through the functions, nor through the walls of a role that serves one restaurant."""
    booked = await site.book(at(20))
    other = await open_site(async_sessions(database), tables=ONE_TABLE)
    async with other.session() as session:
        await session.execute(text("SET LOCAL ROLE alloresto_worker"))
        for work in (
            change(session, other.restaurant_id, booked.id, NOW, actor="x", party=3),
            move(session, other.restaurant_id, booked.id, frozenset(), NOW, actor="x"),
            cancel(session, other.restaurant_id, booked.id, NOW, actor="x"),
            promote(session, other.restaurant_id, booked.id, NOW, actor="x"),
        ):
            with pytest.raises(UnknownReservation):
                await work
        restaurant = await session.get_one(Restaurant, other.restaurant_id)
        with pytest.raises(UnknownReservation):
            await own_reservations(
                session, restaurant, Claim(calling_from=CAMILLE.phone_e164, name="Roux"), NOW
            )
        assert (await session.scalars(select(Reservation))).all() == []
        wish = request(at(20), table_ids=frozenset(site.room.table_ids), by_staff=True)
        with pytest.raises(UnknownTable):
            await book(session, other.restaurant_id, wish, NOW)
    assert (await site.state(booked.id))[0] == "confirmed"
    assert (await other.book(at(20))).number == 1


@pytest.mark.parametrize("role", ["alloresto_worker", "alloresto_web"])
async def test_worker_and_site_may_do_all_of_it(site: Site, role: str) -> None:
    """Their grants suffice for a hold, its confirmation, a change, a move and a cancellation."""
    async with site.session() as session:
        await session.execute(text(f"SET LOCAL ROLE {role}"))
        mine = site.restaurant_id
        held = await book(session, mine, request(at(20), hold=True), NOW)
        await confirm_hold(session, mine, held.id, CAMILLE, NOW, actor=role)
        await change(session, mine, held.id, NOW, actor=role, starts_at=at(21))
        await move(session, mine, held.id, frozenset(site.room.table_ids), NOW, actor=role)
        await cancel(session, mine, held.id, NOW, actor=role)
        assert await waiting_that_fit(session, mine, NOW) == []


async def test_a_booking_has_its_table_its_number_and_its_event(site: Site) -> None:
    first, second = await site.book(at(18)), await site.book(at(20))
    assert [(one.number, one.status) for one in (first, second)] == [
        (1, "confirmed"),
        (2, "confirmed"),
    ]
    assert second.ends_at == at(21, 30)
    assert await site.state(second.id) == ("confirmed", set(site.room.table_ids), ["confirmed"])


async def test_a_refusal_names_its_rule_and_other_times(site: Site) -> None:
    await site.book(at(20))
    with pytest.raises(NotGranted) as refused:
        await site.book(at(20, 30))
    assert refused.value.refusal.rule is Rule.NO_TABLE
    assert refused.value.alternatives[0] == at(21, 30)
    assert at(18, 30) in refused.value.alternatives
    assert at(18, 45) not in refused.value.alternatives


async def test_a_closed_date_takes_nobody(site: Site) -> None:
    async with site.session() as session:
        session.add(OpeningException(restaurant_id=site.restaurant_id, date=at(20).date()))
    with pytest.raises(NotGranted) as refused:
        await site.book(at(20))
    assert (refused.value.refusal.rule, refused.value.alternatives) == (Rule.CLOSED, ())


async def test_a_paused_restaurant_takes_bookings_of_its_staff_only(site: Site) -> None:
    async with site.session() as session:
        await session.execute(update(Restaurant).values(status="paused"))
    with pytest.raises(NotTakingOrders):
        await site.book(at(20))
    await site.book(at(20), by_staff=True, source=ReservationSource.STAFF)


async def test_a_retried_request_finds_its_table(site: Site) -> None:
    first = await site.book(at(20), key="call:1")
    again = await site.book(at(20), key="call:1")
    assert (again.id, (await site.state(first.id))[2]) == (first.id, ["confirmed"])
    with pytest.raises(KeyOfAnotherReservation):
        await site.book(at(18), key="call:1")
    async with site.session() as session:
        await cancel(session, site.restaurant_id, first.id, NOW, actor="guest")
    with pytest.raises(KeyOfAnotherReservation):  # nobody is told of a table they lost
        await site.book(at(20), key="call:1")


async def test_a_hold_that_is_over_frees_its_table_without_a_job(site: Site) -> None:
    """1 A holds the table. 2 Before the hold is over B is refused. 3 At its end B gets the table,
    although nothing ran in between. 4 A's confirmation comes too late.
    """
    held = await site.book(at(20), hold=True)
    over = NOW + HOLD_FOR
    async with site.session() as session:
        with pytest.raises(NotGranted):
            await book(session, site.restaurant_id, request(at(20)), over - timedelta(seconds=1))
        await book(session, site.restaurant_id, request(at(20)), over)
        with pytest.raises(ReservationStatusRefused):
            await confirm_hold(session, site.restaurant_id, held.id, CAMILLE, over, actor="guest")
    assert await site.state(held.id) == ("cancelled", set(), ["hold", "cancelled"])


async def test_alternatives_count_a_hold_that_is_over_as_free(site: Site) -> None:
    """Nobody has ended it: it is read before any writer of this restaurant came by."""
    await site.book(at(21, 30), hold=True)
    async with site.session() as session:
        late = request(at(20, 10))
        with pytest.raises(NotGranted) as refused:
            await book(session, site.restaurant_id, late, NOW + HOLD_FOR)
    assert at(21, 30) in refused.value.alternatives


async def test_a_confirmed_hold_keeps_its_table_and_gets_its_guest(site: Site) -> None:
    held = await site.book(at(20), hold=True, guest=Guest())
    async with site.session() as session:
        for _ in range(2):
            confirmed = await confirm_hold(
                session, site.restaurant_id, held.id, CAMILLE, NOW, actor="guest"
            )
        assert confirmed.customer_name == "Camille Roux"
        with pytest.raises(NotGranted):
            await book(session, site.restaurant_id, request(at(20)), NOW + HOLD_FOR)
    assert (await site.state(held.id))[2] == ["hold", "confirmed"]


async def test_a_change_is_by_the_same_rules_and_keeps_what_it_has_when_refused(
    database: AsyncEngine,
) -> None:
    site = await open_site(
        async_sessions(database), tables=SEVERAL, combinations={(1, 2): (5, 8)}, max_covers=10
    )
    ours, theirs = await site.book(at(20), 4), await site.book(at(21), 4)
    mine = site.restaurant_id
    async with site.session() as session:
        with pytest.raises(NotGranted) as refused:
            await change(session, mine, ours.id, NOW, actor="guest", party=7)
        assert refused.value.refusal.rule is Rule.COVERS
        with pytest.raises(NotGranted) as refused:
            await change(session, mine, ours.id, NOW, actor="guest", party=6)
        assert refused.value.refusal.rule is Rule.NO_TABLE
        assert at(19) in refused.value.alternatives
    assert await site.state(ours.id) == ("confirmed", {site.room.table_ids[1]}, ["confirmed"])
    async with site.session() as session:
        larger = await change(session, mine, ours.id, NOW, actor="guest", party=6, starts_at=at(19))
        assert (larger.party, larger.starts_at, larger.ends_at) == (6, at(19), at(21))
    tables = set(site.room.table_ids[1:])
    assert await site.state(ours.id) == ("confirmed", tables, ["confirmed"] * 2)
    assert await site.state(theirs.id) == ("confirmed", {site.room.table_ids[2]}, ["confirmed"])
    async with site.session() as session:
        before = await session.scalar(
            select(ReservationEvent.before).where(ReservationEvent.before.is_not(None))
        )
    assert before == {
        "starts_at": at(20).isoformat(),
        "party": 4,
        "tables": [str(site.room.table_ids[1])],
    }


async def test_its_own_table_is_no_obstacle_to_a_change(site: Site) -> None:
    booked = await site.book(at(20))
    async with site.session() as session:
        await change(session, site.restaurant_id, booked.id, NOW, actor="guest", starts_at=at(21))
    assert (await site.state(booked.id))[1] == set(site.room.table_ids)


async def test_guests_change_and_cancel_in_time_and_the_staff_at_any(site: Site) -> None:
    booked, mine = await site.book(at(20)), site.restaurant_id
    late = at(18, 1)
    async with site.session() as session:
        with pytest.raises(TooLateToChange, match="120 min"):
            await cancel(session, mine, booked.id, late, actor="guest")
        with pytest.raises(TooLateToChange):
            await change(session, mine, booked.id, late, actor="guest", starts_at=at(21))
        await change(
            session, mine, booked.id, late, actor="staff", by_staff=True, starts_at=at(20, 20)
        )
        for _ in range(2):  # the second changes nothing
            await cancel(session, mine, booked.id, late, actor="staff", by_staff=True)
        await book(session, mine, request(at(20)), NOW)
    assert await site.state(booked.id) == ("cancelled", set(), ["confirmed"] * 2 + ["cancelled"])


async def test_what_is_over_never_comes_back(site: Site) -> None:
    """A cancelled reservation is not reactivated: a new one is made, by the rules of its day."""
    booked, mine = await site.book(at(20)), site.restaurant_id
    async with site.session() as session:
        await cancel(session, mine, booked.id, NOW, actor="guest")
    async with site.session() as session:
        for work in (
            change(session, mine, booked.id, NOW, actor="x", party=3),
            move(session, mine, booked.id, frozenset(), NOW, actor="x"),
            promote(session, mine, booked.id, NOW, actor="x"),
            confirm_hold(session, mine, booked.id, CAMILLE, NOW, actor="x"),
            *(
                tell_status(session, mine, booked.id, to, at(20), actor="x")
                for to in ReservationStatus
                if to is not ReservationStatus.CANCELLED
            ),
        ):
            with pytest.raises(ReservationStatusRefused):
                await work
    assert await site.state(booked.id) == ("cancelled", set(), ["confirmed", "cancelled"])
    assert (await site.book(at(20))).id != booked.id


async def test_the_staff_choose_tables_but_none_that_is_taken(database: AsyncEngine) -> None:
    site = await open_site(async_sessions(database), tables=SEVERAL)
    ours, theirs = await site.book(at(20), 4), await site.book(at(20), 4)
    small, one, two = site.room.table_ids
    async with site.session() as session:
        for tables in ({one, two}, {two}):
            with pytest.raises(NotGranted):
                await move(session, site.restaurant_id, ours.id, frozenset(tables), NOW, actor="s")
        unknown = frozenset({new_id()})
        with pytest.raises(UnknownTable):
            await move(session, site.restaurant_id, ours.id, unknown, NOW, actor="s")
        both = frozenset({small, one})
        await move(session, site.restaurant_id, ours.id, both, NOW, actor="s")
    assert (await site.state(ours.id))[1] == {small, one}
    assert (await site.state(theirs.id))[1] == {two}


async def test_guests_who_walk_in_are_seated_where_nobody_is_expected(site: Site) -> None:
    await site.book(at(20))
    walk_in: dict[str, Any] = {
        "source": ReservationSource.WALK_IN,
        "by_staff": True,
        "guest": Guest(),
    }
    with pytest.raises(NotGranted):
        await site.book(at(19, 3), **walk_in)
    seated = await site.book(at(18, 21), **walk_in)
    assert (seated.status, seated.ends_at) == ("seated", at(19, 51))
    async with site.session() as session:
        left = await tell_status(
            session, site.restaurant_id, seated.id, ReservationStatus.FINISHED, NOW, actor="staff"
        )
    assert await site.state(left.id) == ("finished", set(), ["seated", "finished"])


async def test_the_evening_of_a_reservation_and_those_who_do_not_come(site: Site) -> None:
    booked, mine = await site.book(at(20)), site.restaurant_id
    evening = ("reconfirmed", "arrived", "seated", "finished")
    async with site.session() as session:
        with pytest.raises(NotDueYet):
            await tell_status(
                session, mine, booked.id, ReservationStatus.NO_SHOW, at(19, 59), actor="s"
            )
        for status in evening:
            for _ in range(2):  # a second tap
                to = ReservationStatus(status)
                await tell_status(session, mine, booked.id, to, at(20), actor="s")
        missing = await book(session, mine, request(at(20)), NOW)
        gone = ReservationStatus.NO_SHOW
        await tell_status(session, mine, missing.id, gone, at(20, 15), actor="s")
    assert (await site.state(booked.id))[2] == ["confirmed", *evening]
    assert await site.state(missing.id) == ("no_show", set(), ["confirmed", "no_show"])


async def test_who_waits_gets_the_table_that_comes_free(site: Site) -> None:
    booked, mine = await site.book(at(20)), site.restaurant_id
    first = await site.book(at(20), or_wait=True)
    second = await site.book(at(20, 30), or_wait=True)
    assert [first.status, second.status] == ["waitlisted"] * 2
    async with site.session() as session:
        assert await waiting_that_fit(session, mine, NOW) == []
        with pytest.raises(NotGranted):
            await promote(session, mine, first.id, NOW, actor="staff")
        await cancel(session, mine, booked.id, NOW, actor="guest")
        fitting = await waiting_that_fit(session, mine, NOW)
        assert [one.id for one in fitting] == [first.id, second.id]
        await promote(session, mine, first.id, NOW, actor="staff")
        assert await waiting_that_fit(session, mine, NOW) == []
    assert (await site.state(first.id))[2] == ["waitlisted", "confirmed"]
    with pytest.raises(NotGranted) as refused:  # waiting would not help
        await site.book(at(20, 10), or_wait=True)
    assert refused.value.refusal.rule is Rule.OFF_SLOT
    assert (await site.book(at(18), or_wait=True)).status == "confirmed"


async def test_who_stays_longer_keeps_the_table_and_takes_nobody_elses(site: Site) -> None:
    seated, mine = await site.book(at(18)), site.restaurant_id  # until 19:30
    late = at(21, 30)

    async def stay(until: datetime) -> Reservation:
        async with site.session() as session:
            return await stay_until(session, mine, seated.id, until, NOW, actor="staff")

    assert (await stay(at(20))).ends_at == at(20)
    with pytest.raises(NotGranted):  # the table is theirs in Postgres too
        await site.book(at(19, 45))
    following = await site.book(at(20))
    for refused, error in (
        (at(20, 15), NotGranted),
        (at(18), StayRefused),
        (at(6, 1, day=28), StayRefused),
    ):
        with pytest.raises(error):
            await stay(refused)
    tables = (await site.state(seated.id))[1]
    async with site.session() as session:
        moved = await move(session, mine, seated.id, frozenset(tables), NOW, actor="staff")
        assert moved.ends_at == at(20)
        await cancel(session, mine, following.id, NOW, actor="staff", by_staff=True)
    assert (await stay(late)).ends_at == late
    assert (await stay(at(19))).ends_at == at(19)
    async with site.session() as session:
        larger = await change(session, mine, seated.id, NOW, actor="staff", by_staff=True, party=3)
        assert larger.ends_at == at(19, 30)


async def test_one_who_waits_is_told_of_a_table_that_comes_free_once(site: Site) -> None:
    booked, mine = await site.book(at(20)), site.restaurant_id
    unknown = Guest(name="Zoé")
    waiting = [
        await site.book(when, guest=guest, or_wait=True)
        for when, guest in ((at(20), unknown), (at(20), CAMILLE), (at(20), CAMILLE))
    ]

    async def told() -> list[UUID | None]:
        async with site.session() as session:
            free = Notification.kind == NotificationKind.TABLE_FREE
            return list(await session.scalars(select(Notification.about_id).where(free)))

    assert await told() == []
    async with site.session() as session:
        await cancel(session, mine, booked.id, NOW, actor="guest")
    assert await told() == [waiting[1].id]
    async with site.session() as session:
        first = await promote(session, mine, waiting[0].id, NOW, actor="staff")
        await cancel(session, mine, first.id, NOW, actor="staff", by_staff=True)
    assert await told() == [waiting[1].id, waiting[2].id]


async def find(site: Site, **claim: Any) -> list[int]:
    async with site.session() as session:
        restaurant = await session.get_one(Restaurant, site.restaurant_id)
        found = await own_reservations(session, restaurant, Claim(**claim), NOW)
        return [one.number for one in found]


async def test_guests_find_their_own_and_learn_of_nobody_elses(database: AsyncEngine) -> None:
    site = await open_site(async_sessions(database), tables=SEVERAL)
    await site.book(at(20))
    await site.book(at(20), guest=Guest(name="Zoé Martin", phone_e164="+33639980135"))
    await site.book(at(20), guest=Guest(name="M. MARTIN", phone_e164="+33639980136"))
    camille = {"calling_from": CAMILLE.phone_e164}
    assert await find(site, **camille) == [1]
    stranger = {"calling_from": "+33639980199"}
    today = at(20).date()
    assert await find(site, **stranger, name="mme zoe martin", on=today) == [2]
    assert await find(site, name="Martin", number=3) == [3]
    assert await find(site, name="Martin", phone_e164="+33639980135") == [2]
    for claim in (
        {},
        stranger,
        {"number": 1},
        {"phone_e164": CAMILLE.phone_e164},
        {"name": "Camille Roux"},
        {"name": "Camille Roux", "on": at(20, day=28).date()},
        {"name": "Camille Roux", "number": 2},
        {"name": "Mme", "number": 1},
        {"name": "Durand", "on": today},
    ):
        with pytest.raises(UnknownReservation) as refused:
            await find(site, **claim)
        assert str(refused.value) == "no such reservation"
    with pytest.raises(SeveralReservations):
        await find(site, name="Martin", on=today)


async def test_postgres_itself_refuses_a_table_twice(site: Site) -> None:
    """Whatever writes beside the rules: the same table, restaurant and time, while active."""
    await site.book(at(20))
    with pytest.raises(IntegrityError, match="ex_table_assignment_during"):
        async with site.session() as session:
            await session.execute(
                text(
                    "INSERT INTO table_assignment"
                    " SELECT gen_random_uuid(), restaurant_id, reservation_id, table_id,"
                    " tstzrange(upper(during) - interval '1 minute', upper(during)), true"
                    " FROM table_assignment"
                )
            )


def test_one_table_of_transitions_has_every_status_and_ends() -> None:
    assert set(NEXT_STATUSES) == set(ReservationStatus)
    ends = {status for status, following in NEXT_STATUSES.items() if not following}
    assert {str(status) for status in ends} == {"finished", "cancelled", "no_show"}
    reached = {status for following in NEXT_STATUSES.values() for status in following}
    assert {str(status) for status in set(ReservationStatus) - reached} == {"waitlisted", "hold"}
