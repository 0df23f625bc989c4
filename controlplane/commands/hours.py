"""`alloresto hours`: when a restaurant does what, and what its callers are told of it."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial

import click
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.commands import record
from controlplane.commands.admin_database import ask_restaurant
from controlplane.commands.options import ACTOR, json_lines_option, restaurant_argument
from controlplane.commands.rows import print_rows
from controlplane.commands.wall_times import Day, HourWindow, Weekdays, spelt_days
from controlplane.contracts.opening import (
    Busy,
    BusyLevel,
    HolidayHours,
    Holidays,
    KitchenPace,
    KitchenUnit,
    OpeningException,
    OpeningKind,
)
from controlplane.models.restaurant import LEAST_EXPIRY_MINUTES, MOST_EXPIRY_MINUTES, Restaurant
from controlplane.restaurants import set_hours
from controlplane.restaurants.busy import set_busy
from controlplane.restaurants.decision import Answer
from controlplane.restaurants.expire_orders import set_expiry
from controlplane.restaurants.hour_windows import Window, spelt
from controlplane.restaurants.opening_hours import read_calendar
from controlplane.restaurants.set_kitchen import set_kitchen
from controlplane.restaurants.what_happens import Calendar, what_happens

kind_option = click.option(
    "--kind",
    "kinds",
    type=click.Choice(OpeningKind, case_sensitive=False),
    multiple=True,
    help="What the hours are for; given several times, for each.",
)
windows_argument = click.argument(
    "windows", metavar="[WINDOW]...", nargs=-1, type=HourWindow(), help="11:30-14:30; none: closed."
)


@click.command()
@restaurant_argument
@click.argument("days", metavar="DAYS", type=Weekdays(), help="mon-fri,sun or daily.")
@windows_argument
@kind_option
def week(
    *,
    restaurant: str,
    days: frozenset[int],
    windows: tuple[Window, ...],
    kinds: tuple[OpeningKind, ...],
) -> None:
    """Give weekdays these hours and no others; without --kind for on_site and pickup."""
    chosen = kinds or (OpeningKind.ON_SITE, OpeningKind.PICKUP)

    async def write(session: AsyncSession, owner: Restaurant) -> None:
        for kind in chosen:
            days_windows = dict.fromkeys(days, windows)
            await set_hours.set_week(session, owner.id, kind, days_windows, actor=ACTOR)

    owner, _ = ask_restaurant(restaurant, write)
    print(f"{owner.slug}: {spelt_days(days)} {spelt(windows)} for {', '.join(chosen)}")


@click.command(name="except")
@restaurant_argument
@click.argument("first", metavar="DATE", type=Day(), help="2026-12-24.")
@windows_argument
@click.option("--until", "last", type=Day(), help="Last date, included; only DATE without.")
@kind_option
@click.option("--label", default="", help="For the restaurant: « Congés d’été ».")
@click.option("--spoken", default="", help="Said to callers, in French.")
def except_(
    *,
    restaurant: str,
    first: date,
    windows: tuple[Window, ...],
    last: date | None,
    kinds: tuple[OpeningKind, ...],
    label: str,
    spoken: str,
) -> None:
    """Other hours on dates than the week says; without a window it is closed."""
    exception = OpeningException(
        date=first, last_date=last, kinds=kinds, label=label, spoken=spoken
    )

    async def write(session: AsyncSession, owner: Restaurant) -> None:
        await set_hours.add_exception(session, owner.id, exception, windows, actor=ACTOR)

    owner, _ = ask_restaurant(restaurant, write)
    print(f"{owner.slug}: {_dates(first, last)} {spelt(windows)}")


@click.command()
@restaurant_argument
@click.argument("day", metavar="DATE", type=Day(), help="2026-12-24.")
def as_usual(*, restaurant: str, day: date) -> None:
    """Take away the exceptions that cover a date: the week's hours are good again."""

    async def write(session: AsyncSession, owner: Restaurant) -> int:
        return await set_hours.remove_exceptions(session, owner.id, day, actor=ACTOR)

    owner, removed = ask_restaurant(restaurant, write)
    print(f"{owner.slug}: {removed} removed, {day} is as usual")


@click.command()
@restaurant_argument
@click.argument("hours", type=click.Choice(HolidayHours, case_sensitive=False))
@click.option("--alsace-moselle", is_flag=True, help="Good Friday and 26 December are holidays.")
def holidays(*, restaurant: str, hours: HolidayHours, alsace_moselle: bool) -> None:
    """What the week's hours are worth on public holidays."""
    said = Holidays(hours=hours, alsace_moselle=alsace_moselle)
    saying = partial(set_hours.set_holidays, holidays=said, actor=ACTOR)
    owner, _ = ask_restaurant(restaurant, saying)
    print(f"{owner.slug}: public holidays {hours}")


@click.command()
@restaurant_argument
@click.option("--least", type=click.IntRange(1, 240), default=20, help="Minutes, when it is idle.")
@click.option("--most", type=click.IntRange(1, 240), default=240, help="Minutes, however busy.")
@click.option("--seconds", type=click.IntRange(0, 3600), default=0, help="For each open unit.")
@click.option(
    "--count",
    "unit",
    type=click.Choice(KitchenUnit, case_sensitive=False),
    default=KitchenUnit.POINTS,
    help="What is a unit: a dish's kitchen points, or an order.",
)
def kitchen(*, restaurant: str, least: int, most: int, seconds: int, unit: KitchenUnit) -> None:
    """How long orders take: longer with each that the kitchen has to make already."""
    if least > most:
        raise click.UsageError("--least is more than --most")
    pace = KitchenPace(least_minutes=least, most_minutes=most, seconds_per_unit=seconds, unit=unit)
    writing = partial(_set_kitchen, pace=pace)
    owner, _ = ask_restaurant(restaurant, writing)
    print(f"{owner.slug}: {least} to {most} min, {seconds} s for each of the open {unit}")


async def _set_kitchen(session: AsyncSession, owner: Restaurant, *, pace: KitchenPace) -> None:
    await set_kitchen(session, owner.id, pace, actor=ACTOR)


@click.command()
@restaurant_argument
@click.argument("level", type=click.Choice(BusyLevel, case_sensitive=False))
@click.option("--delay", type=click.IntRange(1, 240), help="Minutes; with busy, and only with it.")
@click.option("--minutes", type=click.IntRange(1, 1440), help="It ends by itself after so long.")
def busy(*, restaurant: str, level: BusyLevel, delay: int | None, minutes: int | None) -> None:
    """How busy the kitchen is: as usual (online), so much later (busy), or no orders (paused)."""
    if (level is BusyLevel.BUSY) != (delay is not None):
        raise click.UsageError("--delay goes with busy, and only with it")
    until = None if minutes is None else datetime.now(UTC) + timedelta(minutes=minutes)
    said = Busy(level=level, delay_minutes=delay or 0, until=until)

    async def write(session: AsyncSession, owner: Restaurant) -> None:
        await set_busy(session, owner.id, said, actor=ACTOR)

    owner, _ = ask_restaurant(restaurant, write)
    print(f"{owner.slug}: {level}")


@click.command()
@restaurant_argument
@click.option("--minutes", type=click.IntRange(LEAST_EXPIRY_MINUTES, MOST_EXPIRY_MINUTES))
def expire(*, restaurant: str, minutes: int | None) -> None:
    """How long after its time an order that nobody took expires; what is given is changed."""
    owner, now = ask_restaurant(restaurant, partial(set_expiry, minutes=minutes, actor=ACTOR))
    print(f"{owner.slug}: an order that nobody took expires {now} min after it was to be ready")


@click.command()
@restaurant_argument
@json_lines_option
def list_(*, restaurant: str, as_json: bool) -> None:
    """The week and the exceptions of the next two months, one line a day and kind."""

    async def read(session: AsyncSession, owner: Restaurant) -> Calendar:
        return await read_calendar(session, owner, datetime.now(UTC))

    _, calendar = ask_restaurant(restaurant, read)
    rows = [*_week_rows(calendar), *_exception_rows(calendar)]
    print_rows(("kind", "days", "hours", "label"), rows, as_json=as_json)


@click.command()
@restaurant_argument
@click.argument("kind", type=click.Choice(OpeningKind, case_sensitive=False))
@click.option("--at", type=click.DateTime(), help="Wall time of the restaurant; now without.")
def ask(*, restaurant: str, kind: OpeningKind, at: datetime | None) -> None:
    """What happens at an instant: the rule that decides, and when it is possible next."""

    async def read(session: AsyncSession, owner: Restaurant) -> Answer:
        calendar = await read_calendar(session, owner, datetime.now(UTC))
        instant = at.replace(tzinfo=calendar.zone) if at else datetime.now(UTC)
        return what_happens(calendar, kind, instant)

    _, answer = ask_restaurant(restaurant, read)
    print(
        record.fields(
            {
                "open": "yes" if answer.open else "no",
                "rule": answer.rule.id,
                "sentence": answer.rule.sentence,
                "next": answer.following.sentence,
            }
        )
    )


def _week_rows(calendar: Calendar) -> list[Sequence[str]]:
    """One row for each kind and each set of days with the same hours."""
    hours: dict[tuple[OpeningKind, str], list[int]] = {}
    for kind in OpeningKind:
        for day in range(7):
            windows = [
                (one.opens, one.closes)
                for one in calendar.week
                if one.kind is kind and one.weekday == day
            ]
            if windows:
                hours.setdefault((kind, spelt(windows)), []).append(day)
    return [(kind, spelt_days(days), open_at, "-") for (kind, open_at), days in hours.items()]


def _exception_rows(calendar: Calendar) -> list[Sequence[str]]:
    return [
        (
            ",".join(one.kinds) or "all",
            _dates(one.date, one.last_date),
            spelt([(one.opens, one.closes)] if one.opens and one.closes else []),
            one.label or "-",
        )
        for one in calendar.exceptions
    ]


def _dates(first: date, last: date | None) -> str:
    return str(first) if last in (None, first) else f"{first}..{last}"
