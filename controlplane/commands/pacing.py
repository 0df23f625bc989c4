"""`alloresto pacing`: how much a restaurant's kitchen promises a slot."""

from collections.abc import Sequence
from uuid import UUID

import click
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.commands.admin_database import ask_restaurant
from controlplane.commands.options import ACTOR, json_lines_option, restaurant_argument
from controlplane.commands.rows import print_rows
from controlplane.commands.wall_times import HourWindow, Weekdays, spelt_days
from controlplane.contracts.opening import ORDER_KINDS, OpeningKind
from controlplane.models.pacing import PacingRule, PacingUnit
from controlplane.models.restaurant import Restaurant
from controlplane.restaurants.hour_windows import Window, spelt
from controlplane.restaurants.set_pacing import (
    Pace,
    add_pacing,
    change_pacing,
    pacing_rules,
    remove_pacing,
)

SLOT_MINUTES = ("5", "10", "15", "20", "30", "60")

rule_argument = click.argument("rule", metavar="RULE", type=click.UUID, help="Its id.")


@click.command()
@restaurant_argument
@click.argument("most", type=click.IntRange(min=1))
@click.argument("unit", type=click.Choice(PacingUnit, case_sensitive=False))
@click.option("--slot-minutes", type=click.Choice(SLOT_MINUTES), default="15")
@click.option(
    "--kind",
    "kinds",
    type=click.Choice(OpeningKind, case_sensitive=False),
    multiple=True,
    help="Counted together; all that the kitchen makes without.",
)
@click.option("--days", type=Weekdays(), default="daily", help="mon-fri,sun or daily.")
@click.option("--hours", type=HourWindow(), help="19:00-21:00; at any hour without.")
def add(
    *,
    restaurant: str,
    most: int,
    unit: PacingUnit,
    slot_minutes: str,
    kinds: tuple[OpeningKind, ...],
    days: frozenset[int],
    hours: Window | None,
) -> None:
    """Promise at most so much a slot, beside what the other rules allow."""
    pace = Pace(
        kinds=frozenset(kinds) or ORDER_KINDS,
        unit=unit,
        most=most,
        slot_minutes=int(slot_minutes),
        weekdays=frozenset() if len(days) == 7 else days,
        window=hours,
    )

    async def write(session: AsyncSession, owner: Restaurant) -> UUID:
        return await add_pacing(session, owner.id, pace, actor=ACTOR)

    owner, rule_id = ask_restaurant(restaurant, write)
    print(f"{owner.slug}: at most {most} {unit} every {slot_minutes} min ({rule_id})")


@click.command(name="set")
@restaurant_argument
@rule_argument
@click.argument("most", type=click.IntRange(min=1))
def set_(*, restaurant: str, rule: UUID, most: int) -> None:
    """Allow more or less a slot; what is promised already stays."""

    async def write(session: AsyncSession, owner: Restaurant) -> None:
        await change_pacing(session, owner.id, rule, most, actor=ACTOR)

    owner, _ = ask_restaurant(restaurant, write)
    print(f"{owner.slug}: at most {most}")


@click.command()
@restaurant_argument
@rule_argument
def remove(*, restaurant: str, rule: UUID) -> None:
    """Take a rule away."""

    async def write(session: AsyncSession, owner: Restaurant) -> None:
        await remove_pacing(session, owner.id, rule, actor=ACTOR)

    owner, _ = ask_restaurant(restaurant, write)
    print(f"{owner.slug}: {rule} binds no more")


@click.command()
@restaurant_argument
@json_lines_option
def list_(*, restaurant: str, as_json: bool) -> None:
    """The rules, one a line."""

    async def read(session: AsyncSession, owner: Restaurant) -> Sequence[PacingRule]:
        return await pacing_rules(session, owner.id)

    _, rules = ask_restaurant(restaurant, read)
    keys = ("id", "most", "unit", "slot_minutes", "kinds", "days", "hours")
    print_rows(keys, [_row(rule) for rule in rules], as_json=as_json)


def _row(rule: PacingRule) -> Sequence[str]:
    window = [(rule.opens, rule.closes)] if rule.opens and rule.closes else []
    return (
        str(rule.id),
        str(rule.most),
        rule.unit,
        str(rule.slot_minutes),
        ",".join(rule.kinds),
        spelt_days(rule.weekdays),
        spelt(window) if window else "always",
    )
