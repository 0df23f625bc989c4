"""`alloresto menu`: a restaurant's menu from a file, and what of it goes wrong on the telephone."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

import click
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.commands import record
from controlplane.commands.admin_database import ask_restaurant
from controlplane.commands.options import json_lines_option
from controlplane.models.restaurant import Restaurant
from controlplane.restaurants.menu_changes import Change, changes_between
from controlplane.restaurants.menu_document import MenuDocument
from controlplane.restaurants.menu_files.mapping import OWN, read_mapping
from controlplane.restaurants.menu_files.problems import MenuFileRefused
from controlplane.restaurants.menu_files.read_file import MOST_BYTES, read_menu_file
from controlplane.restaurants.menu_import import import_menu
from controlplane.restaurants.menu_rows import read_document
from controlplane.restaurants.menu_sold_out import set_portions, set_sold_out
from controlplane.restaurants.voice_lint.findings import Finding, Severity
from controlplane.restaurants.voice_lint.lint import lint_menu

ERRORS_FOUND_EXIT: Final = 3
"""The lint ran and found an error, which is not the command's own failure."""

_SHOWN: Final = {Severity.ERROR: "erreur", Severity.WARNING: "à revoir"}

restaurant_option = click.option(
    "--restaurant", required=True, metavar="RESTAURANT", help="Slug, id or gateway name."
)


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@restaurant_option
@click.option("--dry-run", is_flag=True, help="Report only; write nothing.")
@click.option(
    "--mapping",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="TOML that says which column is which, for another system's export.",
)
def import_(*, file: Path, restaurant: str, dry_run: bool, mapping: Path | None) -> int:
    """Replace the menu by a file's: CSV, XLSX or JSON; all of it, or a report and nothing."""
    try:
        columns = read_mapping(_bytes(mapping)) if mapping else OWN
        document = read_menu_file(_bytes(file), mapping=columns)
    except MenuFileRefused as refused:
        _print_problems(refused)
        return 1
    taking = _changes if dry_run else _import
    _, changes = ask_restaurant(restaurant, partial(taking, document=document))
    for change in changes:
        print(change)
    print(f"{len(changes)} changement(s)" + (" (rien n'est écrit)" if dry_run else ""))
    print_findings(lint_menu(document), as_json=False)
    return 0


@click.command()
@restaurant_option
@json_lines_option
def lint(*, restaurant: str, as_json: bool) -> int:
    """What goes wrong on the telephone, with its fix; exit code 3 when it has an error."""
    _, menu = ask_restaurant(restaurant, _document)
    return print_findings(lint_menu(menu), as_json=as_json)


@click.command()
@click.argument("name", metavar="NAME", help="A dish, an option or an ingredient.")
@restaurant_option
@click.option("--hours", type=click.IntRange(1, 24 * 31), default=12, help="For so long.")
@click.option("--back", is_flag=True, help="It is there again.")
def sold_out(*, name: str, restaurant: str, hours: int, back: bool) -> None:
    """Take a dish, an option, or all that needs an ingredient off sale, in live calls too."""
    until = None if back else datetime.now(UTC) + timedelta(hours=hours)
    _, affected = ask_restaurant(restaurant, partial(_set_sold_out, name=name, until=until))
    print(f"{'back' if back else f'sold out for {hours} h'}: {', '.join(affected)}")


@click.command()
@click.argument("name", metavar="NAME", help="A dish.")
@click.argument(
    "left",
    metavar="[LEFT]",
    required=False,
    type=click.IntRange(0, 10_000),
    help="Without it they are counted no more.",
)
@restaurant_option
def portions(*, name: str, left: int | None, restaurant: str) -> None:
    """Say how many portions of a dish are left; orders count down, and at 0 it is sold out."""
    _, counted = ask_restaurant(restaurant, partial(_set_portions, name=name, left=left))
    print(f"{'not counted' if left is None else f'{left} left'}: {', '.join(counted)}")


def print_findings(findings: Sequence[Finding], *, as_json: bool) -> int:
    """One a line; the exit code that says whether there is an error among them."""
    for one in findings:
        if as_json:
            row = {"rule": one.rule, "severity": one.severity, "place": one.place}
            print(record.as_json(row | {"message": one.message}))
        else:
            print(f"{_SHOWN[one.severity]}  {one.place} [{one.rule}]\n    {one.message}")
    return ERRORS_FOUND_EXIT if any(f.severity is Severity.ERROR for f in findings) else 0


def _bytes(file: Path) -> bytes:
    """No more than is needed to see that it is too large."""
    with file.open("rb") as opened:
        return opened.read(MOST_BYTES + 1)


def _print_problems(refused: MenuFileRefused) -> None:
    for problem in refused.problems:
        print(problem)
    if refused.left_out:
        print(f"… et {refused.left_out} autres problèmes")
    print("Rien n'a été écrit : corrigez le fichier, puis importez-le à nouveau.")


async def _import(
    session: AsyncSession, owner: Restaurant, *, document: MenuDocument
) -> tuple[Change, ...]:
    return await import_menu(session, owner.id, document)


async def _changes(
    session: AsyncSession, owner: Restaurant, *, document: MenuDocument
) -> tuple[Change, ...]:
    return changes_between(await read_document(session, owner.id), document)


async def _set_sold_out(
    session: AsyncSession, owner: Restaurant, *, name: str, until: datetime | None
) -> tuple[str, ...]:
    return await set_sold_out(session, owner.id, name, until=until)


async def _set_portions(
    session: AsyncSession, owner: Restaurant, *, name: str, left: int | None
) -> tuple[str, ...]:
    return await set_portions(session, owner.id, name, left=left)


async def _document(session: AsyncSession, owner: Restaurant) -> MenuDocument:
    return await read_document(session, owner.id)
