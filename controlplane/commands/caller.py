"""`alloresto caller`: whose calls a restaurant does not want."""

import click
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.commands import record
from controlplane.commands.admin_database import in_transaction
from controlplane.commands.options import json_lines_option, restaurant_argument
from controlplane.restaurants import blocked_callers
from controlplane.restaurants.find_restaurant import find_restaurant

number_argument = click.argument("number", metavar="NUMBER", help="06 39 98 01 23, or +33…")


@click.command()
@restaurant_argument
@number_argument
def block(*, restaurant: str, number: str) -> None:
    """Refuse this number's calls from now on; hidden numbers cannot be refused."""

    async def blocked(session: AsyncSession) -> tuple[str, str]:
        owner = await find_restaurant(session, restaurant)
        return owner.slug, await blocked_callers.block(session, owner, number)

    slug, e164 = in_transaction(blocked)
    print(f"{slug}: calls from {e164} are refused")


@click.command()
@restaurant_argument
@number_argument
def unblock(*, restaurant: str, number: str) -> None:
    """Take this number's calls again."""

    async def unblocked(session: AsyncSession) -> tuple[str, str]:
        owner = await find_restaurant(session, restaurant)
        return owner.slug, await blocked_callers.unblock(session, owner, number)

    slug, e164 = in_transaction(unblocked)
    print(f"{slug}: calls from {e164} are taken again")


@click.command()
@restaurant_argument
@json_lines_option
def list_(*, restaurant: str, as_json: bool) -> None:
    """The blocked numbers, one a line."""

    async def listed(session: AsyncSession) -> list[str]:
        return await blocked_callers.list_blocked(
            session, await find_restaurant(session, restaurant)
        )

    for number in in_transaction(listed):
        print(record.as_json({"number": number}) if as_json else number)
