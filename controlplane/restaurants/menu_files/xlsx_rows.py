"""The rows of a workbook's first sheet, read without trusting what the file says of itself."""

import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from io import BytesIO
from typing import Any, Final
from xml.etree.ElementTree import ParseError

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException

from controlplane.restaurants.menu_files.problems import MenuFileRefused, Problem, in_line, of_file
from controlplane.restaurants.menu_files.rows import LONGEST_CELL, MOST_COLUMNS, MOST_ROWS, Row

MOST_UNPACKED_BYTES: Final = 20_000_000
"""A workbook of 10,000 full lines is 4 MB unpacked; a compression bomb is far above."""
MOST_PARTS: Final = 500
_BROKEN: Final = (
    InvalidFileException,
    ParseError,
    zipfile.BadZipFile,
    zlib.error,
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    NotImplementedError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""openpyxl raises these of files that are no workbooks, or are cut short, encrypted or forged."""


def xlsx_rows(data: bytes) -> list[Row]:
    """The lines that are not empty. Raises `MenuFileRefused`."""
    try:
        _check_parts(data)
        with closing(openpyxl.load_workbook(BytesIO(data), read_only=True)) as book:
            sheet = book.worksheets[0]
            sheet.reset_dimensions()
            lines = sheet.iter_rows(max_row=MOST_ROWS + 2, max_col=MOST_COLUMNS + 1)
            return _rows(lines)
    except _BROKEN as error:
        message = (
            "ce classeur ne s'ouvre pas : enregistrez-le à nouveau en .xlsx, sans mot de passe"
        )
        raise MenuFileRefused([of_file(message)]) from error


def _check_parts(data: bytes) -> None:
    """Refuse what unpacks to too much, and XML entities, which no spreadsheet writes."""
    with zipfile.ZipFile(BytesIO(data)) as parts:
        infos = parts.infolist()
        if len(infos) > MOST_PARTS or sum(one.file_size for one in infos) > MOST_UNPACKED_BYTES:
            raise MenuFileRefused(
                [of_file("ce classeur est trop grand pour être celui d'une carte")]
            )
        for one in infos:
            if b"<!DOCTYPE" in parts.read(one).replace(b"\0", b""):
                raise MenuFileRefused(
                    [of_file("ce classeur contient du XML qu'un tableur n'écrit pas")]
                )


def _rows(lines: Iterator[Sequence[Any]]) -> list[Row]:
    rows: list[Row] = []
    problems: list[Problem] = []
    for number, cells in enumerate(lines, start=1):
        if number > MOST_ROWS + 1 or len(_without_last_empty(cells)) > MOST_COLUMNS:
            problems.append(
                in_line(
                    number,
                    f"la feuille dépasse {MOST_ROWS} lignes ou "
                    f"{MOST_COLUMNS} colonnes ; rien n'a été lu au-delà",
                )
            )
            break
        texts: list[str] = []
        for at, cell in enumerate(_without_last_empty(cells)):
            try:
                texts.append(_text(cell.value, cell.data_type))
            except ValueError as error:
                problems.append(in_line(number, str(error), column=_letters(at)))
        if any(texts):
            rows.append(Row(number, tuple(texts)))
    if problems:
        raise MenuFileRefused(problems)
    return rows


def _without_last_empty(cells: Sequence[Any]) -> Sequence[Any]:
    """openpyxl fills a line up to the width it was asked for."""
    width = max((at for at, cell in enumerate(cells, start=1) if cell.value is not None), default=0)
    return cells[:width]


def _text(value: object, kind: str) -> str:
    """A cell as it would be typed. Raises `ValueError` with what to change."""
    match value:
        case None:
            return ""
        case _ if kind == "f":
            raise ValueError("la cellule contient une formule : collez sa valeur à la place")
        case _ if kind == "e":
            raise ValueError("la cellule contient une erreur de calcul : écrivez sa valeur")
        case bool():
            return "oui" if value else "non"
        case int() | float() | Decimal():
            return f"{Decimal(str(value)).quantize(Decimal('0.0001')).normalize():f}"
        case datetime() | date() | time() | timedelta():
            raise ValueError("le tableur en a fait une date : mettez la cellule au format Texte")
    text = str(value).strip()
    if len(text) > LONGEST_CELL:
        raise ValueError(f"la cellule dépasse {LONGEST_CELL} caractères")
    return text


def _letters(at: int) -> str:
    letters: str = openpyxl.utils.get_column_letter(at + 1)
    return letters
