"""`alloresto import-sqlite`: an existing application's restaurant, from its SQLite file."""

from pathlib import Path
from typing import Final

import click
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from controlplane.commands.admin_database import with_sessions
from controlplane.commands.environment import secret_box
from controlplane.models.restaurant import Restaurant
from controlplane.restaurants.find_restaurant import find_restaurant
from controlplane.restaurants.old_application.errors import TotalsDiffer
from controlplane.restaurants.old_application.import_file import Imported, import_file
from controlplane.restaurants.old_application.mapping import (
    MOST_MAPPING_BYTES,
    OldMapping,
    OldTable,
    read_old_mapping,
)
from controlplane.restaurants.old_application.sqlite_file import SqliteFile
from controlplane.restaurants.old_application.take_restaurant import (
    add_or_find,
    described_restaurant,
)
from controlplane.text_table import table

ROWS_REFUSED_EXIT: Final = 3
"""Everything else was imported, and these rows are to be corrected."""


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--mapping",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="TOML that says which table and column is which (docs/import-sqlite.md).",
)
@click.option(
    "--restaurant",
    metavar="RESTAURANT",
    help="Slug, id or gateway name of the one to import into; else the file's own is made.",
)
@click.option("--timezone", default="Europe/Paris", help="Of the restaurant that is made.")
@click.option("--dry-run", is_flag=True, help="Report only; write nothing.")
def import_sqlite(
    *, file: Path, mapping: Path | None, restaurant: str | None, timezone: str, dry_run: bool
) -> int:
    """Take over an existing application's restaurant from its SQLite file.

    The file is only read. Interrupted or run again it doubles nothing. Rows that are refused are
    told one by one, and the exit code is 3; it is 1 when what was written is not what was read.
    """
    columns = read_old_mapping(_bytes(mapping)) if mapping else OldMapping()
    box = secret_box()

    async def work(sessions: async_sessionmaker[AsyncSession]) -> Imported:
        with SqliteFile(file, columns) as opened:
            owner = await _owner(sessions, opened, restaurant, timezone=timezone, dry_run=dry_run)
            print(f"{owner.slug} ({owner.id})")
            return await import_file(
                sessions, box, owner, opened, columns, tell=_tell, dry_run=dry_run
            )

    done = with_sessions(work)
    _print(done, dry_run=dry_run)
    if not done.adds_up:
        raise TotalsDiffer
    return ROWS_REFUSED_EXIT if done.refused else 0


async def _owner(
    sessions: async_sessionmaker[AsyncSession],
    file: SqliteFile,
    restaurant: str | None,
    *,
    timezone: str,
    dry_run: bool,
) -> Restaurant:
    async with sessions.begin() as session:
        if restaurant is not None:
            return await find_restaurant(session, restaurant)
        described = described_restaurant(file, timezone=timezone)
        return await add_or_find(session, described, dry_run=dry_run)


def _tell(of: OldTable, old_id: object, reason: str) -> None:
    print(f"refusé  {of} {old_id} : {reason}")


def _print(done: Imported, *, dry_run: bool) -> None:
    rows = [
        (str(of), *map(str, (one.in_file, one.read, one.refused, one.left_out, one.new)))
        for of, one in done.counts.items()
    ]
    print(table(("TABLE", "FICHIER", "LUES", "REFUSÉES", "ÉCARTÉES", "NOUVELLES"), rows))
    if done.decoded:
        print(f"{done.decoded} texte(s) lus comme Windows-1252, faute d’être de l’UTF-8")
    if dry_run:
        print("Rien n’a été écrit.")
        return
    totals = [
        (
            "=" if one.same else "≠",
            str(one.table),
            *map(str, (one.year, one.file.rows, one.file.cents)),
            *map(str, (one.database.rows, one.database.cents)),
        )
        for one in done.compared
    ]
    titles = ("", "TABLE", "ANNÉE", "FICHIER", "CENTIMES", "BASE", "CENTIMES")
    print(table(titles, totals))


def _bytes(file: Path) -> bytes:
    """No more than is needed to see that it is too large."""
    with file.open("rb") as opened:
        return opened.read(MOST_MAPPING_BYTES + 1)
