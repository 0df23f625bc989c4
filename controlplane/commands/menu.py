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
from controlplane.models.menu_version import MenuVersion
from controlplane.models.restaurant import Restaurant
from controlplane.restaurants.menu_changes import Change, changes_between
from controlplane.restaurants.menu_document import MenuDocument
from controlplane.restaurants.menu_drafts import (
    MenuDraft,
    discard_draft,
    publish_draft,
    read_draft,
    save_draft,
)
from controlplane.restaurants.menu_errors import NoMenuDraft
from controlplane.restaurants.menu_files.mapping import OWN, read_mapping
from controlplane.restaurants.menu_files.problems import MenuFileRefused
from controlplane.restaurants.menu_files.read_file import MOST_BYTES, read_menu_file
from controlplane.restaurants.menu_rows import read_document
from controlplane.restaurants.menu_sold_out import set_portions, set_sold_out
from controlplane.restaurants.menu_versions import (
    Published,
    changes_since,
    list_versions,
    publish_menu,
    restore_menu,
    undo_menu,
)
from controlplane.restaurants.voice_lint.findings import Finding, Severity
from controlplane.restaurants.voice_lint.lint import lint_menu
from controlplane.text_table import table

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
@click.option("--draft", "as_draft", is_flag=True, help="Keep it as the draft; no caller is told.")
@click.option(
    "--mapping",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="TOML that says which column is which, for another system's export.",
)
def import_(
    *, file: Path, restaurant: str, dry_run: bool, as_draft: bool, mapping: Path | None
) -> int:
    """Replace the menu by a file's: CSV, XLSX or JSON; all of it, or a report and nothing."""
    try:
        columns = read_mapping(_bytes(mapping)) if mapping else OWN
        document = read_menu_file(_bytes(file), mapping=columns)
    except MenuFileRefused as refused:
        _print_problems(refused)
        return 1
    if dry_run:
        _, changes = ask_restaurant(restaurant, partial(_changes, document=document))
        _print_changes(changes)
        print("Rien n'a été écrit.")
    elif as_draft:
        saving = partial(_save_draft, document=document, source=file.name)
        _print_changes(ask_restaurant(restaurant, saving)[1].changes)
        print("Brouillon enregistré : alloresto menu publish le publie.")
    else:
        publishing = partial(_publish, document=document, source=file.name)
        _print_published(ask_restaurant(restaurant, publishing)[1])
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


@click.command()
@restaurant_option
@json_lines_option
def history(*, restaurant: str, as_json: bool) -> None:
    """The menu's published versions, newest first."""
    _, versions = ask_restaurant(restaurant, _versions)
    rows = [(one.number, one.published_at, one.source) for one in versions]
    if as_json:
        for row in rows:
            print(record.as_json(dict(zip(("number", "published", "source"), row, strict=True))))
    else:
        print(table(["NUMBER", "PUBLISHED", "SOURCE"], [[*map(record.text, row)] for row in rows]))


@click.command()
@click.argument("number", metavar="NUMBER", type=int, help="Of an older version.")
@restaurant_option
def diff(*, number: int, restaurant: str) -> None:
    """What differs between a version and the menu now."""
    _print_changes(ask_restaurant(restaurant, partial(_changes_since, number=number))[1])


@click.command()
@click.argument("number", metavar="NUMBER", type=int, help="Of an older version.")
@restaurant_option
def restore(*, number: int, restaurant: str) -> None:
    """Publish an older version again, under a new number."""
    _print_published(ask_restaurant(restaurant, partial(_restore, number=number))[1])


@click.command()
@restaurant_option
def undo(*, restaurant: str) -> None:
    """Publish the menu as it was before its last change."""
    _print_published(ask_restaurant(restaurant, _undo)[1])


@click.command()
@restaurant_option
def draft(*, restaurant: str) -> int:
    """What publishing the draft would change, and what of it goes wrong on the telephone."""
    found = ask_restaurant(restaurant, _read_draft)[1]
    _print_changes(found.changes)
    return print_findings(lint_menu(found.document), as_json=False)


@click.command()
@restaurant_option
@click.option("--over", is_flag=True, help="Take back what changed since the draft was begun.")
def publish(*, restaurant: str, over: bool) -> None:
    """Make the draft the menu, and a version."""
    _print_published(ask_restaurant(restaurant, partial(_publish_draft, over=over))[1])


@click.command()
@restaurant_option
def discard(*, restaurant: str) -> None:
    """Throw the draft away."""
    ask_restaurant(restaurant, _discard_draft)
    print("discarded")


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


def _print_published(published: Published) -> None:
    _print_changes(published.changes)
    print(f"version {published.number}")


def _print_changes(changes: Sequence[Change]) -> None:
    for change in changes:
        print(change)
    print(f"{len(changes)} changement(s)")


async def _publish(
    session: AsyncSession, owner: Restaurant, *, document: MenuDocument, source: str
) -> Published:
    return await publish_menu(session, owner.id, document, source=source)


async def _save_draft(
    session: AsyncSession, owner: Restaurant, *, document: MenuDocument, source: str
) -> MenuDraft:
    """A file is the whole menu: it takes the place of whatever draft there is."""
    try:
        over = (await read_draft(session, owner.id)).revision
    except NoMenuDraft:
        over = 0
    await save_draft(session, owner.id, document, over=over, source=source)
    return await read_draft(session, owner.id)


async def _read_draft(session: AsyncSession, owner: Restaurant) -> MenuDraft:
    return await read_draft(session, owner.id)


async def _publish_draft(session: AsyncSession, owner: Restaurant, *, over: bool) -> Published:
    return await publish_draft(session, owner.id, over_changes=over, despite_errors=True)


async def _discard_draft(session: AsyncSession, owner: Restaurant) -> None:
    await discard_draft(session, owner.id)


async def _changes(
    session: AsyncSession, owner: Restaurant, *, document: MenuDocument
) -> tuple[Change, ...]:
    return changes_between(await read_document(session, owner.id), document)


async def _versions(session: AsyncSession, owner: Restaurant) -> list[MenuVersion]:
    return await list_versions(session, owner.id)


async def _changes_since(
    session: AsyncSession, owner: Restaurant, *, number: int
) -> tuple[Change, ...]:
    return await changes_since(session, owner.id, number)


async def _restore(session: AsyncSession, owner: Restaurant, *, number: int) -> Published:
    return await restore_menu(session, owner.id, number)


async def _undo(session: AsyncSession, owner: Restaurant) -> Published:
    return await undo_menu(session, owner.id)


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
