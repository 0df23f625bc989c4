"""A menu's file, whatever it is, as a document; a bad one is told of and changes nothing."""

from dataclasses import dataclass
from typing import Final

from controlplane.restaurants.menu_document import MOST_ITEMS, MenuDocument
from controlplane.restaurants.menu_files.csv_rows import csv_rows
from controlplane.restaurants.menu_files.json_file import json_document
from controlplane.restaurants.menu_files.mapping import OWN, ColumnMapping
from controlplane.restaurants.menu_files.problems import MenuFileRefused, of_file
from controlplane.restaurants.menu_files.rows import Row
from controlplane.restaurants.menu_files.table import table_document
from controlplane.restaurants.menu_files.xlsx_rows import xlsx_rows

MOST_BYTES: Final = 5_000_000
"""A menu of 2,000 dishes is half a megabyte."""
_OLD_EXCEL: Final = b"\xd0\xcf\x11\xe0"
_ZIP: Final = b"PK\x03\x04"


def read_menu_file(data: bytes, *, mapping: ColumnMapping = OWN) -> MenuDocument:
    """What the file is, its first bytes say: a workbook, JSON, else a table of text.

    Raises `MenuFileRefused`. Takes a second and 150 MB for the largest file that is read.
    """
    _check_size(data)
    document = _document(data, mapping)
    if len(document.placed_items()) > MOST_ITEMS:
        raise MenuFileRefused([of_file(f"une carte a au plus {MOST_ITEMS} plats")])
    return document


@dataclass(frozen=True, slots=True)
class FileColumn:
    """A column of a table, and the first of its cells that says something."""

    name: str
    example: str


def read_columns(data: bytes) -> tuple[FileColumn, ...]:
    """The columns of a table; none of JSON, whose names are ours. Raises `MenuFileRefused`."""
    _check_size(data)
    if _is_json(data):
        return ()
    head, *rows = _rows(data) or [Row(1, ())]
    return tuple(
        FileColumn(name, next((row.cells[at] for row in rows if any(row.cells[at : at + 1])), ""))
        for at, name in enumerate(head.cells)
    )


def _check_size(data: bytes) -> None:
    if len(data) > MOST_BYTES:
        size = f"{len(data) / 1_000_000:.1f}".replace(".", ",")
        most = MOST_BYTES // 1_000_000
        raise MenuFileRefused([of_file(f"le fichier fait {size} Mo, une carte {most} Mo au plus")])


def _document(data: bytes, mapping: ColumnMapping) -> MenuDocument:
    return json_document(data) if _is_json(data) else table_document(_rows(data), mapping)


def _is_json(data: bytes) -> bool:
    return data.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"[")


def _rows(data: bytes) -> list[Row]:
    if data.startswith(_OLD_EXCEL):
        raise MenuFileRefused([of_file("ancien format Excel : enregistrez le fichier en .xlsx")])
    return xlsx_rows(data) if data.startswith(_ZIP) else csv_rows(data)
