"""`alloresto printer`: a restaurant's kitchen printers, and tickets that are printed again."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import click
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.commands import environment, record
from controlplane.commands.admin_database import ask_restaurant
from controlplane.commands.options import ACTOR, json_lines_option, restaurant_argument
from controlplane.commands.rows import print_rows
from controlplane.models.printer import Printer, PrinterProtocol
from controlplane.models.restaurant import Restaurant
from controlplane.restaurants import printers

LAST: Final = "last"


def _order_number(_context: click.Context, _argument: click.Parameter, typed: str) -> int | None:
    if typed == LAST:
        return None
    if not typed.isascii() or not typed.isdecimal() or len(typed) > 6:
        raise click.BadParameter(f"{typed!r} is no order's number: write 12, or {LAST}")
    return int(typed)


@click.command()
@restaurant_argument
@click.option(
    "--kind",
    type=click.Choice(PrinterProtocol, case_sensitive=False),
    required=True,
    help="Star CloudPRNT, or Epson Server Direct Print.",
)
@click.option("--name", required=True, help="What the kitchen calls it: « Four ».")
def add(*, restaurant: str, kind: PrinterProtocol, name: str) -> None:
    """Give it a printer, and print the URL that the printer is to poll, once."""
    site = environment.public_url()

    async def write(session: AsyncSession, owner: Restaurant) -> str:
        return await printers.add_printer(session, owner.id, name, kind, actor=ACTOR)

    owner, token = ask_restaurant(restaurant, write)
    print(f"{owner.slug}: type this URL into the printer; it is shown this once, and is a secret:")
    print(f"{site}{printers.poll_path(kind, token)}")


@click.command()
@restaurant_argument
@json_lines_option
def list_(*, restaurant: str, as_json: bool) -> None:
    """The printers in use: when each last polled, and whether it prints or is out of paper."""

    async def read(session: AsyncSession, owner: Restaurant) -> Sequence[Printer]:
        return await printers.printers(session, owner.id)

    _, found = ask_restaurant(restaurant, read)
    now = datetime.now(UTC)
    rows = [
        (str(one.id), one.protocol, record.text(one.polled_at), printers.health(one, now), one.name)
        for one in found
    ]
    print_rows(("id", "kind", "last poll", "state", "name"), rows, as_json=as_json)


@click.command()
@restaurant_argument
@click.argument("printer", metavar="PRINTER", type=click.UUID, help="Its id.")
def remove(*, restaurant: str, printer: UUID) -> None:
    """Take a printer out of use: its URL opens nothing any more."""

    async def write(session: AsyncSession, owner: Restaurant) -> str:
        now = datetime.now(UTC)
        return await printers.revoke_printer(session, owner.id, printer, now=now, actor=ACTOR)

    owner, name = ask_restaurant(restaurant, write)
    print(f"{owner.slug}: {name} prints no more")


@click.command()
@restaurant_argument
@click.argument(
    "number",
    metavar="ORDER",
    callback=_order_number,
    help=f"Its number on the kitchen page, or `{LAST}`.",
)
def reprint(*, restaurant: str, number: int | None) -> None:
    """Print an order's ticket again, marked DUPLICATA, on every printer."""

    async def write(session: AsyncSession, owner: Restaurant) -> tuple[int, list[str]]:
        order = await printers.order_to_print(session, owner.id, number, datetime.now(UTC))
        return order.number, await printers.print_again(session, order, actor=ACTOR)

    owner, (printed, where) = ask_restaurant(restaurant, write)
    names = ", ".join(where)
    print(f"{owner.slug}: order {printed} is printed again, marked DUPLICATA: {names}")
