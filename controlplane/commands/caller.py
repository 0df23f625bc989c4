"""`alloresto caller`: whose calls a restaurant does not want."""

import click

from controlplane.commands import record
from controlplane.commands.admin_database import admin_connection
from controlplane.commands.options import json_lines_option, restaurant_argument
from controlplane.restaurants import caller_lists

number_argument = click.argument("number", metavar="NUMBER", help="06 39 98 01 23, or +33…")


@click.command()
@restaurant_argument
@number_argument
def block(*, restaurant: str, number: str) -> None:
    """Refuse this number's calls from now on; hidden numbers cannot be refused."""
    with admin_connection() as connection:
        owner = caller_lists.owner_called(connection, restaurant)
        blocked = caller_lists.block(connection, owner, number)
    print(f"{owner.slug}: calls from {blocked} are refused")


@click.command()
@restaurant_argument
@number_argument
def unblock(*, restaurant: str, number: str) -> None:
    """Take this number's calls again."""
    with admin_connection() as connection:
        owner = caller_lists.owner_called(connection, restaurant)
        unblocked = caller_lists.unblock(connection, owner, number)
    print(f"{owner.slug}: calls from {unblocked} are taken again")


@click.command()
@restaurant_argument
@json_lines_option
def list_(*, restaurant: str, as_json: bool) -> None:
    """The blocked numbers, one a line."""
    with admin_connection() as connection:
        owner = caller_lists.owner_called(connection, restaurant)
        numbers = caller_lists.blocked(connection, owner)
    for number in numbers:
        print(record.as_json({"number": number}) if as_json else number)
