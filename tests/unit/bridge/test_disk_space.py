"""What FreeSWITCH left of calls long over is removed, and nothing that a call may need."""

import os
import time
from pathlib import Path
from uuid import uuid4

import pytest

from controlplane.bridge.disk_space import LEFT_BEHIND_S, free_bytes, remove_left_behind

pytestmark = pytest.mark.unit


def test_only_old_files_of_streams_are_removed(tmp_path: Path) -> None:
    old, young = f"{uuid4()}_0.tmp.r8", f"{uuid4()}_12.tmp.r8"
    names = (old, young, "core.db", f"{uuid4()}.wav", f"../{uuid4()}"[3:])
    for name in names:
        (tmp_path / name).write_bytes(b"")
        if name != young:
            os.utime(tmp_path / name, (time.time() - LEFT_BEHIND_S - 1,) * 2)
    remove_left_behind(tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == {*names} - {old}


def test_a_disk_without_inodes_has_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert free_bytes(tmp_path) > 0
    room = os.statvfs(tmp_path)
    fields = list(room)
    fields[5:8] = [1_000, 0, 0]  # f_files, f_ffree, f_favail
    monkeypatch.setattr(os, "statvfs", lambda _: os.statvfs_result(fields))
    assert free_bytes(tmp_path) == 0
