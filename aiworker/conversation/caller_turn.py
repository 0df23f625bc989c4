"""Whether the caller has the floor, whatever the server says or leaves unsaid of it. Pure.

The server says that the caller speaks, that they stopped, and that their turn is an item. Any of
the three may be missing, late or doubled: the loudness of the caller's own audio ends a turn that
the server does not. Times are seconds.
"""

from enum import StrEnum
from typing import Final

QUIET_SECONDS: Final = 1.5
"""The server's detector waits 0.5 s: a caller quiet for so long has ended their turn."""
LONGEST_SECONDS: Final = 45.0
"""Nobody orders in one breath of this; a noise may."""
COMMIT_SECONDS: Final = 0.8
"""The item follows the end of the turn at once."""
_SPEECH_MS: Final = 200
"""A turn with less voice in it than a "oui" was a noise: nothing will be committed."""
_REMEMBERED: Final = 16


class Floor(StrEnum):
    """Who has the floor, as far as the caller goes."""

    FREE = "free"
    CALLER = "caller"
    ENDING = "ending"
    """They stopped; their turn is not an item yet."""


class Lapse(StrEnum):
    """What a turn that lasts too long has come to."""

    UNENDED = "unended"
    """It is over, and the server is to be told so."""
    UNCOMMITTED = "uncommitted"
    """It is over, and is to be answered."""
    NOISE = "noise"
    """It was none."""


class CallerTurn:
    """It follows one caller's turn after the other, over one session."""

    def __init__(self, *, silent_since: float = 0.0) -> None:
        self.floor = Floor.FREE
        self.silent_since = silent_since
        """The caller's last turn ended then, by their voice."""
        self._item: str | None = None
        self._began_at = self._at = 0.0
        self._over: list[str] = []
        """These items were turns, and are dealt with."""
        self._closed = False
        """This side ended the turn: its item may have another id than the server told."""
        self._unnamed = False
        """A turn was answered whose item is not known: the next to come is it."""

    # --- What the server says ------------------------------------------------------------------

    def started(self, item: str | None, now: float) -> bool:
        """Note that the caller speaks. Says whether that is news."""
        known = item is not None and item in (self._item, *self._over)
        if known or (self.floor is Floor.CALLER and item is None):
            return False
        self._item, self._unnamed = item, False
        self.floor, self._began_at, self._at = Floor.CALLER, now, now
        return True

    def stopped(self, item: str | None, now: float, *, voiced_at: float) -> None:
        """Note that they stopped; their voice was last heard at `voiced_at`."""
        other = None not in (item, self._item) and item != self._item
        if other or item in self._over or self.floor is Floor.ENDING:
            return
        if self.floor is Floor.FREE:
            self._began_at = voiced_at
        self._item = item or self._item
        self._end(now, voiced_at)

    def committed(self, item: str, now: float, *, voiced_at: float) -> bool:
        """Note that a turn is an item. Says whether it is to be answered."""
        if item in self._over:
            return False
        if self.floor is Floor.CALLER and self._item not in (None, item):
            self._remember(item)  # of the turn before: this one goes on
            return True
        if self.floor is not Floor.ENDING:
            self._end(now, voiced_at)
        answered, self._unnamed = self._unnamed, False
        self._settle(item)
        return not answered

    # --- Time passes ---------------------------------------------------------------------------

    def overdue(self, now: float, *, voiced_at: float, voiced_ms: int) -> Lapse | None:
        """Say what has become of a turn that lasts too long. `voiced_ms`: of its last seconds."""
        if self.floor is Floor.CALLER:
            quiet = now > max(self._began_at, voiced_at) + QUIET_SECONDS
            return Lapse.UNENDED if quiet or now > self._began_at + LONGEST_SECONDS else None
        if self.floor is Floor.ENDING and now > self._at + COMMIT_SECONDS:
            return Lapse.UNCOMMITTED if voiced_ms >= _SPEECH_MS else Lapse.NOISE
        return None

    def close(self, now: float, *, voiced_at: float) -> None:
        """End a turn that the server does not: it is told to commit what it has."""
        self._end(now, voiced_at)
        self._closed = True

    def forget(self) -> None:
        """Take it for no turn; should it become an item, it was one."""
        self._item, self.floor = None, Floor.FREE

    def lapse(self) -> str:
        """Wait no longer for the item. Returns its id, made up if the server did not tell it."""
        item = self._item
        self._unnamed = item is None or self._closed
        self._settle(item)
        return item or f"unnamed_{self._at}"

    # --- The machine ---------------------------------------------------------------------------

    def _end(self, now: float, voiced_at: float) -> None:
        self.floor, self._at = Floor.ENDING, now
        self.silent_since = min(now, max(self._began_at, voiced_at))

    def _settle(self, item: str | None) -> None:
        self.floor, self._item = Floor.FREE, None
        self._closed = False
        if item is not None:
            self._remember(item)

    def _remember(self, item: str) -> None:
        self._over.append(item)
        del self._over[:-_REMEMBERED]
