"""Says what a benchmark of a fleet found: progress, a table, one JSON line at the end."""

import json
import sys
from collections.abc import Mapping


def tell(line: str) -> None:
    """Print progress for the person who waits; it never goes to standard output."""
    print(line, file=sys.stderr, flush=True)


def report(result: Mapping[str, object], *, as_json: bool) -> None:
    """Print the table, then the JSON line; with `as_json` standard output has nothing but that
    line.
    """
    for name, value in result.items():
        print(f"{name:28} {value}", file=sys.stderr if as_json else sys.stdout)
    print(json.dumps(result), flush=True)
