"""A disk so small that a benchmark of faults can fill it: a tmpfs over a folder, for one round."""

import contextlib
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

BYTES: Final = 64 * 2**20
"""A bridge takes voice messages while there are 20 MiB; the speech of a round takes 3."""
COMMAND_S: Final = 10.0
BLOCK: Final = bytes(2**16)
FILLER: Final = ".filler"


class SmallDisks:
    """Stands in the place of some folders between `mount` and `unmount`."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = folders
        self._mounted: list[Path] = []

    def mount(self) -> None:
        """Hide each folder under an empty tmpfs. Raises CalledProcessError when not permitted."""
        for folder in self._folders:
            _run("mount", "-t", "tmpfs", "-o", f"size={BYTES},mode=0755", "tmpfs", str(folder))
            self._mounted.append(folder)

    def fill(self) -> None:
        """Leave no room on any of them."""
        for folder in self._mounted:
            with contextlib.suppress(OSError), (folder / FILLER).open("wb", buffering=0) as filler:
                while filler.write(BLOCK):
                    pass

    def make_room(self) -> None:
        """Leave room again."""
        for folder in self._mounted:
            (folder / FILLER).unlink(missing_ok=True)

    def unmount(self) -> None:
        """Show the folders again, as they were."""
        while self._mounted:
            _run("umount", "--lazy", str(self._mounted.pop()))


def why_not() -> str | None:
    """Return why nothing may be mounted here; None when it may."""
    with tempfile.TemporaryDirectory(prefix="alloresto-faults-") as folder:
        disks = SmallDisks([Path(folder)])
        try:
            disks.mount()
        except (subprocess.SubprocessError, OSError) as error:
            return f"no tmpfs can be mounted: {error}"
        disks.unmount()
    return None


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=COMMAND_S)
