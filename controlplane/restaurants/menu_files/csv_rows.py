"""The rows of a CSV file, in whatever encoding and with whatever separator it was saved."""

import codecs
import csv
import io
import re
from typing import Final

from controlplane.restaurants.menu_files.problems import MenuFileRefused, Problem, in_line, of_file
from controlplane.restaurants.menu_files.rows import LONGEST_CELL, MOST_COLUMNS, MOST_ROWS, Row

_SEPARATORS: Final = ";,\t"
_UTF_16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_MULTIBYTE: Final = re.compile(rb"[\xc3-\xf4][\x80-\xbf]")


def csv_rows(data: bytes) -> list[Row]:
    """The lines that are not empty. Raises `MenuFileRefused`."""
    text = _decoded(data)
    first = text.partition("\n")[0]
    separator = max(_SEPARATORS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    rows: list[Row] = []
    line = 1
    try:
        for cells in reader:
            if len(rows) > MOST_ROWS or len(cells) > MOST_COLUMNS:
                raise MenuFileRefused([_too_large(line)])
            if any(len(cell) > LONGEST_CELL for cell in cells):
                raise MenuFileRefused([_never_ends(line)])
            if any(cell.strip() for cell in cells):
                rows.append(Row(line, tuple(cell.strip() for cell in cells)))
            line = reader.line_num + 1
    except csv.Error as error:
        raise MenuFileRefused([_never_ends(line)]) from error
    return rows


def _too_large(line: int) -> Problem:
    message = f"le fichier dépasse {MOST_ROWS} lignes ou {MOST_COLUMNS} colonnes : ce n'est pas une"
    return in_line(line, f"{message} carte, ou il en contient plusieurs ; rien n'a été lu au-delà")


def _never_ends(line: int) -> Problem:
    message = "un guillemet ouvert n'est pas refermé, ou une cellule dépasse"
    return in_line(line, f"{message} {LONGEST_CELL} caractères")


def _decoded(data: bytes) -> str:
    """UTF-8, UTF-16 with its mark, or Windows-1252, which French Excel writes.

    A file in which some lines are UTF-8 and others are not was put together from two: its accents
    would be guessed.
    """
    if data.startswith(_UTF_16):
        try:
            return data.decode("utf-16")
        except UnicodeDecodeError as error:
            raise MenuFileRefused([of_file("le fichier UTF-16 est coupé ou abîmé")]) from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return _windows_1252(data)


def _windows_1252(data: bytes) -> str:
    lines = data.splitlines()
    mixed = any(_MULTIBYTE.search(line) and _decodes(line, "utf-8") for line in lines)
    unreadable = [
        in_line(at, "accents illisibles : enregistrez le fichier en « CSV UTF-8 »")
        for at, line in enumerate(lines, start=1)
        if not _decodes(line, "utf-8") and (mixed or not _decodes(line, "cp1252"))
    ]
    if unreadable:
        raise MenuFileRefused(unreadable)
    return data.decode("cp1252")


def _decodes(line: bytes, encoding: str) -> bool:
    try:
        line.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True
