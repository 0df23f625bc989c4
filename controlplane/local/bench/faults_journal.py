"""Follows the Realtime simulator's journal while it is written: who says what, in which frames."""

import json
from pathlib import Path
from typing import Any, Final

from controlplane.local.bench.faults_speech import Saying
from controlplane.local.demo.journal import JournalEntry

_WANTED: Final = ("AudioSent", "Said", "ResponseEnded", "SessionOpened", "FaultDone")
"""Most lines are of the callers' sound, and are not parsed."""
_STARTS: Final = tuple(f'{{"entry": "{kind}"' for kind in _WANTED)


class JournalReader:
    """Reads on from where it was. `sayings` grows with each reading."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._position = 0
        self._sayings: dict[str, Saying] = {}
        self._items_of: dict[str, list[Saying]] = {}
        self.sayings: list[Saying] = []
        """Every item of the assistants with sound, in the order in which they began."""
        self.entries: list[JournalEntry] = []
        """Sessions and faults."""

    def read(self) -> list[Saying]:
        """Take in what was written since; return all sayings."""
        with self._file.open("rb") as file:
            file.seek(self._position)
            written = file.read()
        whole, newline, _ = written.rpartition(b"\n")
        self._position += len(whole) + len(newline)
        for line in whole.decode().split("\n"):
            if line.startswith(_STARTS):
                self._take(json.loads(line))
        return self.sayings

    def _take(self, fields: dict[str, Any]) -> None:
        match fields["entry"]:
            case "AudioSent":
                self._grow(fields)
            case "Said" if fields["item_id"] in self._sayings:
                self._sayings[fields["item_id"]].text = fields["transcript"]
            case "ResponseEnded":
                for saying in self._items_of.pop(fields["response_id"], ()):
                    saying.whole = fields["status"] == "completed"
            case "SessionOpened" | "FaultDone":
                self.entries.append(JournalEntry(fields.pop("entry"), fields.pop("at"), fields))

    def _grow(self, sent: dict[str, Any]) -> None:
        saying = self._sayings.get(sent["item_id"])
        if saying is None:
            saying = Saying(sent["item_id"], sent["first_frame"], sent["at"])
            self._sayings[saying.item_id] = saying
            self._items_of.setdefault(sent["response_id"], []).append(saying)
            self.sayings.append(saying)
        saying.frames += sent["frames"]
