"""What the tests of left-over processes count: a process and all it started, by /proc."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.waiting import block_until


@dataclass(frozen=True, slots=True)
class ProcessSeen:
    """A process at one moment; the start time tells it from a later one with the same id."""

    pid: int
    parent: int
    started: int
    name: str

    @property
    def runs(self) -> bool:
        """Whether it still does. A zombie does not: it only waits to be counted."""
        now = _look(self.pid)
        return now is not None and now.started == self.started


def process(pid: int) -> ProcessSeen:
    seen = _look(pid)
    assert seen is not None, f"no process {pid}"
    return seen


def tree_below(pid: int) -> set[ProcessSeen]:
    """Every descendant of `pid`, without itself."""
    everyone = [_look(int(entry.name)) for entry in Path("/proc").glob("[0-9]*")]
    found: set[ProcessSeen] = set()
    pending = {pid}
    while pending:
        below = {seen for seen in everyone if seen and seen.parent in pending} - found
        found |= below
        pending = {seen.pid for seen in below}
    return found


def still_running_after(seen: set[ProcessSeen], *, deadline: float) -> set[ProcessSeen]:
    """Those of `seen` that run when all have ended or `deadline` seconds have passed."""
    with suppress(AssertionError):
        block_until(lambda: not any(each.runs for each in seen), deadline_s=deadline)
    return {each for each in seen if each.runs}


def _look(pid: int) -> ProcessSeen | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None
    name, _, rest = stat.partition("(")[2].rpartition(")")
    fields = rest.split()
    if fields[0] in "ZX":
        return None
    return ProcessSeen(pid, int(fields[1]), int(fields[19]), name)
