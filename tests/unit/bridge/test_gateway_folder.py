"""Where SIP passwords may lie: in memory, and for their owner only."""

import subprocess
import sys
from pathlib import Path

import pytest

from controlplane.bridge.gateways.gateway_folder import (
    FolderFault,
    file_system_of,
    folder_faults,
    held_alone,
)
from controlplane.errors import ServiceUnavailable

pytestmark = pytest.mark.unit

MOUNTS = """\
22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw
30 22 0:25 / /dev/shm rw,nosuid - tmpfs tmpfs rw
31 22 0:26 / {folder}/in\\040memory rw - tmpfs tmpfs rw
32 22 0:27 / {folder}/over rw - tmpfs tmpfs rw
33 22 8:2 / {folder}/over rw shared:1 master:2 - xfs /dev/sdb rw
"""


@pytest.fixture
def mounts(tmp_path: Path) -> Path:
    file = tmp_path / "mountinfo"
    file.write_text(MOUNTS.format(folder=tmp_path))
    return file


@pytest.mark.parametrize(
    ("name", "kind"),
    [("in memory/gateways", "tmpfs"), ("over", "xfs"), ("overboard", "ext4"), ("else", "ext4")],
)
def test_the_innermost_and_last_mount_counts(
    tmp_path: Path, mounts: Path, name: str, kind: str
) -> None:
    assert file_system_of(tmp_path / name, mounts=mounts) == kind


def test_a_closed_folder_in_memory_is_well(tmp_path: Path, mounts: Path) -> None:
    folder = tmp_path / "in memory" / "gateways"
    assert folder_faults(folder, mounts=mounts) == []
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_disk_and_an_open_door_are_named(tmp_path: Path, mounts: Path) -> None:
    folder = tmp_path / "else"
    folder.mkdir(mode=0o755)
    folder.chmod(0o750)
    assert folder_faults(folder, mounts=mounts) == [FolderFault.ON_DISK, FolderFault.OPEN_TO_OTHERS]


def test_mounts_that_cannot_be_read_are_no_memory(tmp_path: Path) -> None:
    (tmp_path / "gateways").mkdir(mode=0o700)
    assert folder_faults(tmp_path / "gateways", mounts=tmp_path / "gone") == [FolderFault.ON_DISK]


def test_the_folder_has_one_agent_until_its_process_ends(tmp_path: Path) -> None:
    """Ended by kill -9: the kernel gives the lock back, and the next agent starts at once."""
    folder = tmp_path / "gateways"
    hold = (
        "import signal, sys; from pathlib import Path;"
        " from controlplane.bridge.gateways.gateway_folder import held_alone\n"
        "with held_alone(Path(sys.argv[1])): print('held', flush=True); signal.pause()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(folder)], stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(ServiceUnavailable, match="another bridge agent"), held_alone(folder):
            pytest.fail("two agents")
        other.kill()
    with held_alone(folder):
        assert list(folder.glob("*.xml")) == []
