"""How a benchmark of a fleet says what it found: progress, a table, one JSON line at the end."""

import json
import sys
from collections.abc import Mapping


def tell(line: str) -> None:
    """Progress, for the person who waits; never on standard output."""
    print(line, file=sys.stderr, flush=True)


def report(result: Mapping[str, object], *, as_json: bool) -> None:
    """The table, then the JSON line; with `as_json` standard output has nothing but that line."""
    for name, value in result.items():
        print(f"{name:28} {value}", file=sys.stderr if as_json else sys.stdout)
    print(json.dumps(result), flush=True)
