"""`alloresto transfer`: whom a restaurant's callers may be put through to."""

import click

from controlplane.commands import record
from controlplane.commands.admin_database import admin_connection
from controlplane.commands.options import json_lines_option, restaurant_argument
from controlplane.restaurants import caller_lists
from controlplane.text_table import table

WARM, BLIND = "warm", "blind"

number_argument = click.argument("number", metavar="NUMBER", help="01 99 00 12 34, or +33…")


@click.command()
@restaurant_argument
@number_argument
@click.argument("name", metavar="NAME", help='What callers hear: "le gérant".')
@click.option("--blind", is_flag=True, help="Connected at once, without a key to press.")
def add(*, restaurant: str, number: str, name: str, blind: bool) -> None:
    """List somebody, or change the entry of that number."""
    mode = BLIND if blind else WARM
    with admin_connection() as connection:
        owner = caller_lists.owner_called(connection, restaurant)
        listed = caller_lists.add_target(connection, owner, name=name, number=number, mode=mode)
    print(f"{owner.slug}: callers may be put through to {listed} ({mode})")


@click.command()
@restaurant_argument
@number_argument
def remove(*, restaurant: str, number: str) -> None:
    """Take somebody off the list."""
    with admin_connection() as connection:
        owner = caller_lists.owner_called(connection, restaurant)
        removed = caller_lists.remove_target(connection, owner, number)
    print(f"{owner.slug}: {removed} is rung no more")


@click.command()
@restaurant_argument
@json_lines_option
def list_(*, restaurant: str, as_json: bool) -> None:
    """The restaurant's own phone and its people, and who of them is never dialled, and why."""
    with admin_connection() as connection:
        owner = caller_lists.owner_called(connection, restaurant)
        people = caller_lists.targets(connection, owner)
    own_phone = owner.phone_e164
    rows = [("(the restaurant)", own_phone, BLIND, caller_lists.refused(own_phone, owner))]
    rows += [(one.name, one.phone_e164, one.mode, one.refused) for one in people]
    keys = ("name", "number", "mode", "refused")
    if as_json:
        for row in rows:
            print(record.as_json(dict(zip(keys, row, strict=True))))
    else:
        cells = [[*row[:3], "-" if row[3] is None else f"never dialled: {row[3]}"] for row in rows]
        print(table(["NAME", "NUMBER", "MODE", "PROBLEM"], cells))
