"""`alloresto menu`: what is wrong with a restaurant's menu on the telephone."""

from collections.abc import Sequence
from typing import Final

import click
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.commands import record
from controlplane.commands.admin_database import ask_restaurant
from controlplane.commands.options import json_lines_option
from controlplane.models.restaurant import Restaurant
from controlplane.restaurants.menu_document import MenuDocument
from controlplane.restaurants.menu_rows import read_document
from controlplane.restaurants.voice_lint.findings import Finding, Severity
from controlplane.restaurants.voice_lint.lint import lint_menu

ERRORS_FOUND_EXIT: Final = 3
"""The lint ran and found an error, which is not the command's own failure."""

_SHOWN: Final = {Severity.ERROR: "erreur", Severity.WARNING: "à revoir"}

restaurant_option = click.option(
    "--restaurant", required=True, metavar="RESTAURANT", help="Slug, id or gateway name."
)


@click.command()
@restaurant_option
@json_lines_option
def lint(*, restaurant: str, as_json: bool) -> int:
    """What goes wrong on the telephone, with its fix; exit code 3 when it has an error."""
    _, menu = ask_restaurant(restaurant, _document)
    return print_findings(lint_menu(menu), as_json=as_json)


def print_findings(findings: Sequence[Finding], *, as_json: bool) -> int:
    """One a line; the exit code that says whether there is an error among them."""
    for one in findings:
        if as_json:
            row = {"rule": one.rule, "severity": one.severity, "place": one.place}
            print(record.as_json(row | {"message": one.message}))
        else:
            print(f"{_SHOWN[one.severity]}  {one.place} [{one.rule}]\n    {one.message}")
    return ERRORS_FOUND_EXIT if any(f.severity is Severity.ERROR for f in findings) else 0


async def _document(session: AsyncSession, owner: Restaurant) -> MenuDocument:
    return await read_document(session, owner.id)
