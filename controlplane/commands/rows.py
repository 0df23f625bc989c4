"""What admin commands print of several things: a table for people, JSON lines for programs."""

from collections.abc import Sequence

from controlplane.commands import record
from controlplane.text_table import table


def print_rows(keys: Sequence[str], rows: Sequence[Sequence[str]], *, as_json: bool) -> None:
    """Print one JSON object a row, or a table with the keys as its head."""
    if as_json:
        for row in rows:
            print(record.as_json(dict(zip(keys, row, strict=True))))
    else:
        print(table([key.upper() for key in keys], rows))
