"""The folder of the gateway files: one agent's alone, in memory, and for its owner only.

FreeSWITCH reads a SIP password from a file. On a disk it would outlive its pod; open to others, any
process of the machine could read it. Where it is neither, the agent goes on, and says so.
"""

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Final

import structlog

from controlplane.bridge import metrics
from controlplane.errors import ServiceUnavailable

MOUNTS: Final = Path("/proc/self/mountinfo")
IN_MEMORY: Final = frozenset({"tmpfs", "ramfs"})
LOCK_FILE: Final = "agent.lock"

log = structlog.get_logger()


class FolderFault(StrEnum):
    """Says what is wrong with the folder, and what to change."""

    ON_DISK = "on a disk: mount a tmpfs there (in Kubernetes an emptyDir with medium: Memory)"
    OPEN_TO_OTHERS = "open to others: chmod 0700"
    NOT_OURS = "somebody else's: give it to the agent's user"


@contextmanager
def held_alone(folder: Path) -> Iterator[None]:
    """Keep other agents from `folder`, and so from its FreeSWITCH: each would undo what the other
    does. The kernel gives the lock back however the process ends (flock(2)).

    Raises `ServiceUnavailable` when another agent is there.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ServiceUnavailable(
                f"another bridge agent holds {folder}: one agent a FreeSWITCH; end that one first"
            ) from None
        yield
    finally:
        os.close(descriptor)


def check_folder(folder: Path) -> list[FolderFault]:
    """Log what is wrong with `folder` and set the metric, once, at the bridge agent's start."""
    found = folder_faults(folder)
    metrics.GATEWAY_FOLDER_EXPOSED.set(bool(found))
    for fault in found:
        log.warning("gateway_folder_exposed", folder=str(folder), reason=fault.value)
    return found


def folder_faults(folder: Path, *, mounts: Path = MOUNTS) -> list[FolderFault]:
    """Return every reason for which `folder`, made if missing, is no place for a password."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = folder.stat()
    found = []
    if file_system_of(folder, mounts=mounts) not in IN_MEMORY:
        found.append(FolderFault.ON_DISK)
    if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        found.append(FolderFault.OPEN_TO_OTHERS)
    if status.st_uid not in (os.getuid(), 0):
        found.append(FolderFault.NOT_OURS)
    return found


def file_system_of(folder: Path, *, mounts: Path = MOUNTS) -> str:
    """The type of the file system `folder` is on (proc(5), mountinfo); empty when not known."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    here = folder.resolve()
    best, kind = -1, ""
    for line in lines:
        fields, _, rest = line.partition(" - ")
        mount_point = Path(_unescape(fields.split()[4]))
        depth = len(mount_point.parts)
        if here.is_relative_to(mount_point) and depth >= best:  # a later mount covers an earlier
            best, kind = depth, rest.split()[0]
    return kind


def _unescape(text: str) -> str:
    """Blanks and backslashes are octal there."""
    return text.encode("latin-1", "replace").decode("unicode_escape")
