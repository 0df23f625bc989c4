"""The journal that the Realtime simulator writes, read by the demo, the benchmarks and tests."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One line of the simulator's journal."""

    kind: str
    at: float
    fields: dict[str, Any]


def read_journal(file: Path, *, since: float) -> list[JournalEntry]:
    """Entries at or after `since` (monotonic seconds), oldest first."""
    entries = []
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            fields = json.loads(line)
            if fields["at"] >= since:
                entries.append(JournalEntry(fields.pop("entry"), fields.pop("at"), fields))
    return entries
