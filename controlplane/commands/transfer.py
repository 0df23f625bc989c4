"""`alloresto transfer`: whom a restaurant's callers may be put through to."""

import click
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.commands import record
from controlplane.commands.admin_database import in_transaction
from controlplane.commands.options import json_lines_option, restaurant_argument
from controlplane.models.transfer_target import TransferMode
from controlplane.restaurants import transfer_targets
from controlplane.restaurants.find_restaurant import find_restaurant
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

    async def added(session: AsyncSession) -> tuple[str, str]:
        owner = await find_restaurant(session, restaurant)
        listed = await transfer_targets.add_target(
            session, owner, name=name, number=number, mode=mode
        )
        return owner.slug, listed

    slug, listed = in_transaction(added)
    print(f"{slug}: callers may be put through to {listed} ({mode})")


@click.command()
@restaurant_argument
@number_argument
def remove(*, restaurant: str, number: str) -> None:
    """Take somebody off the list."""

    async def removed(session: AsyncSession) -> tuple[str, str]:
        owner = await find_restaurant(session, restaurant)
        return owner.slug, await transfer_targets.remove_target(session, owner, number)

    slug, gone = in_transaction(removed)
    print(f"{slug}: {gone} is rung no more")


@click.command()
@restaurant_argument
@json_lines_option
def list_(*, restaurant: str, as_json: bool) -> None:
    """The restaurant's own phone and its people, and who of them is never dialled, and why."""

    async def listed(session: AsyncSession) -> list[Target]:
        owner = await find_restaurant(session, restaurant)
        own = transfer_targets.own_phone(owner, name="(the restaurant)")
        return [own, *await transfer_targets.list_targets(session, owner)]

    rows = [(one.name, one.phone_e164, one.mode, one.refused) for one in in_transaction(listed)]
    keys = ("name", "number", "mode", "refused")
    if as_json:
        for row in rows:
            print(record.as_json(dict(zip(keys, row, strict=True))))
    else:
        cells = [[*row[:3], "-" if row[3] is None else f"never dialled: {row[3]}"] for row in rows]
        print(table(["NAME", "NUMBER", "MODE", "PROBLEM"], cells))
