"""`alloresto transfer`: whom a restaurant's callers may be put through to."""

from functools import partial

import click
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.commands import record
from controlplane.commands.admin_database import ask_restaurant
from controlplane.commands.options import ACTOR, json_lines_option, restaurant_argument
from controlplane.models.restaurant import Restaurant
from controlplane.models.transfer_target import TransferMode
from controlplane.restaurants import transfer_targets
from controlplane.restaurants.transfer_targets import Target
from controlplane.text_table import table

number_argument = click.argument("number", metavar="NUMBER", help="01 99 00 12 34, or +33…")


@click.command()
@restaurant_argument
@number_argument
@click.argument("name", metavar="NAME", help='What callers hear: "le gérant".')
@click.option("--blind", is_flag=True, help="Connected at once, without a key to press.")
def add(*, restaurant: str, number: str, name: str, blind: bool) -> None:
    """List somebody, or change the entry of that number."""
    mode = TransferMode.BLIND if blind else TransferMode.WARM
    adding = partial(transfer_targets.add_target, name=name, number=number, mode=mode, actor=ACTOR)
    owner, listed = ask_restaurant(restaurant, adding)
    print(f"{owner.slug}: callers may be put through to {listed} ({mode})")


@click.command()
@restaurant_argument
@number_argument
def remove(*, restaurant: str, number: str) -> None:
    """Take somebody off the list."""
    removing = partial(transfer_targets.remove_target, number=number, actor=ACTOR)
    owner, removed = ask_restaurant(restaurant, removing)
    print(f"{owner.slug}: {removed} is rung no more")


@click.command()
@restaurant_argument
@json_lines_option
def list_(*, restaurant: str, as_json: bool) -> None:
    """The restaurant's own phone and its people, and who of them is never dialled, and why."""
    _, people = ask_restaurant(restaurant, _everybody)
    rows = [(one.name, one.phone_e164, one.mode, one.refused) for one in people]
    keys = ("name", "number", "mode", "refused")
    if as_json:
        for row in rows:
            print(record.as_json(dict(zip(keys, row, strict=True))))
    else:
        cells = [[*row[:3], "-" if row[3] is None else f"never dialled: {row[3]}"] for row in rows]
        print(table(["NAME", "NUMBER", "MODE", "PROBLEM"], cells))


async def _everybody(session: AsyncSession, owner: Restaurant) -> list[Target]:
    own = transfer_targets.own_phone(owner, name="(the restaurant)")
    return [own, *await transfer_targets.list_targets(session, owner)]
