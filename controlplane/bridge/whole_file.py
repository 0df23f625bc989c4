"""Writes a file that FreeSWITCH reads: it sees the old one or the new one, whole."""

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path


def write_whole(file: Path, content: bytes, *, durable: bool = False) -> None:
    """Put a file there that its owner alone may read. Who has the old one open reads on in it.

    `durable`: after a power cut the name is that of a whole file too. It waits for the disk. Raises
    OSError.
    """
    with _put_in_place(file) as temporary:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(content)
            handle.flush()
            if durable:
                os.fsync(descriptor)


def link_whole(file: Path, target: Path) -> None:
    """Put a link to `target` there, in place of whatever file it was. Raises OSError."""
    with _put_in_place(file) as temporary:
        temporary.symlink_to(target)


@contextlib.contextmanager
def _put_in_place(file: Path) -> Iterator[Path]:
    """Give the name of a file to be made, and then that file its own name."""
    file.parent.mkdir(mode=0o700, exist_ok=True, parents=True)
    # Not `*.xml`: FreeSWITCH's includes must never see it.
    temporary = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        yield temporary
        temporary.replace(file)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()
        raise
