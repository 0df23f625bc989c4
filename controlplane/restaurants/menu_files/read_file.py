"""A menu's file, whatever it is, as a document; a bad one is told of and changes nothing."""

from typing import Final

from controlplane.restaurants.menu_document import MOST_ITEMS, MenuDocument
from controlplane.restaurants.menu_files.csv_rows import csv_rows
from controlplane.restaurants.menu_files.json_file import json_document
from controlplane.restaurants.menu_files.mapping import OWN, ColumnMapping
from controlplane.restaurants.menu_files.problems import MenuFileRefused, of_file
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
    if len(data) > MOST_BYTES:
        size = f"{len(data) / 1_000_000:.1f}".replace(".", ",")
        most = MOST_BYTES // 1_000_000
        raise MenuFileRefused([of_file(f"le fichier fait {size} Mo, une carte {most} Mo au plus")])
    document = _document(data, mapping)
    if len(document.placed_items()) > MOST_ITEMS:
        raise MenuFileRefused([of_file(f"une carte a au plus {MOST_ITEMS} plats")])
    return document


def _document(data: bytes, mapping: ColumnMapping) -> MenuDocument:
    if data.startswith(_OLD_EXCEL):
        raise MenuFileRefused([of_file("ancien format Excel : enregistrez le fichier en .xlsx")])
    if data.startswith(_ZIP):
        return table_document(xlsx_rows(data), mapping)
    if data.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"["):
        return json_document(data)
    return table_document(csv_rows(data), mapping)
