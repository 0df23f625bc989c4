"""`alloresto ladder`: whom a restaurant has told of an order that nobody accepts, step by step."""

from collections.abc import Sequence
from datetime import timedelta

import click
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.commands.admin_database import ask_restaurant
from controlplane.commands.options import ACTOR, json_lines_option, restaurant_argument
from controlplane.commands.rows import print_rows
from controlplane.models.escalation_step import EscalationStep
from controlplane.models.notification import Channel
from controlplane.models.restaurant import Restaurant
from controlplane.restaurants import escalation
from controlplane.restaurants.escalation import LATEST, Step

MOST_MINUTES = LATEST // timedelta(minutes=1)


@click.command()
@restaurant_argument
@json_lines_option
def show(*, restaurant: str, as_json: bool) -> None:
    """The steps, the soonest first."""

    async def read(session: AsyncSession, owner: Restaurant) -> Sequence[EscalationStep]:
        return await escalation.ladder(session, owner.id)

    _, steps = ask_restaurant(restaurant, read)
    rows = [(f"{one.after_seconds / 60:g}", one.channel, one.recipient) for one in steps]
    print_rows(("minutes", "channel", "to"), rows, as_json=as_json)


@click.command(name="set")
@restaurant_argument
@click.option(
    "--step",
    "steps",
    metavar="MINUTES CHANNEL TO",
    type=(
        click.IntRange(1, MOST_MINUTES),
        click.Choice(Channel, case_sensitive=False),
        str,
    ),
    multiple=True,
    help='3 sms "06 39 98 01 23", 10 email name@example.fr; given several times, for each.',
)
@click.option("--none", "nobody", is_flag=True, help="Nobody is told any more.")
def set_(*, restaurant: str, steps: tuple[tuple[int, Channel, str], ...], nobody: bool) -> None:
    """Have these people told, and no others; orders placed before keep their steps."""
    if nobody == bool(steps):
        raise click.UsageError("give a --step for each, or --none to have nobody told")
    wanted = [Step(timedelta(minutes=minutes), channel, to) for minutes, channel, to in steps]

    async def write(session: AsyncSession, owner: Restaurant) -> int:
        await escalation.set_ladder(session, owner, wanted, actor=ACTOR)
        return len(await escalation.ladder(session, owner.id))

    owner, count = ask_restaurant(restaurant, write)
    print(f"{owner.slug}: steps of the ladder: {count}")
