"""`alloresto caller`: whose calls a restaurant does not want."""

from functools import partial

import click

from controlplane.commands import record
from controlplane.commands.admin_database import ask_restaurant
from controlplane.commands.options import json_lines_option, restaurant_argument
from controlplane.restaurants import blocked_callers

number_argument = click.argument("number", metavar="NUMBER", help="06 39 98 01 23, or +33…")


@click.command()
@restaurant_argument
@number_argument
def block(*, restaurant: str, number: str) -> None:
    """Refuse this number's calls from now on; hidden numbers cannot be refused."""
    owner, blocked = ask_restaurant(restaurant, partial(blocked_callers.block, number=number))
    print(f"{owner.slug}: calls from {blocked} are refused")


@click.command()
@restaurant_argument
@number_argument
def unblock(*, restaurant: str, number: str) -> None:
    """Take this number's calls again."""
    owner, unblocked = ask_restaurant(restaurant, partial(blocked_callers.unblock, number=number))
    print(f"{owner.slug}: calls from {unblocked} are taken again")


@click.command()
@restaurant_argument
@json_lines_option
def list_(*, restaurant: str, as_json: bool) -> None:
    """The blocked numbers, one a line."""
    _, numbers = ask_restaurant(restaurant, blocked_callers.list_blocked)
    for number in numbers:
        print(record.as_json({"number": number}) if as_json else number)
