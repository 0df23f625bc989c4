"""A folder without room is one in which no file can be made."""

import os
from pathlib import Path

import pytest

from controlplane.bridge.disk_space import free_bytes

pytestmark = pytest.mark.unit


def test_a_disk_without_inodes_has_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert free_bytes(tmp_path) > 0
    room = os.statvfs(tmp_path)
    fields = list(room)
    fields[5:8] = [1_000, 0, 0]  # f_files, f_ffree, f_favail
    monkeypatch.setattr(os, "statvfs", lambda _: os.statvfs_result(fields))
    assert free_bytes(tmp_path) == 0
