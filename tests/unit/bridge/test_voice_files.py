"""Files of the assistant's voice are removed when nobody will play them, and no other file is."""

import os
import time
from pathlib import Path
from uuid import uuid4

import pytest

from controlplane.bridge.calls.voice_files import LEFT_BEHIND_S, look_after, remove_voice_file

pytestmark = pytest.mark.unit


def test_a_heard_file_is_removed_though_it_be_gone_already(tmp_path: Path) -> None:
    channel = uuid4()
    file = tmp_path / f"{channel}_12.tmp.r8"
    file.write_bytes(b"")
    for _ in range(2):
        remove_voice_file(channel, str(file))
    assert not file.exists()


def test_no_other_file_is_removed_whatever_the_worker_says(tmp_path: Path) -> None:
    channel = uuid4()
    names = [
        f"{uuid4()}_0.tmp.r8",  # another call's
        f"{channel}.wav",
        f"{channel}_0.tmp.r8.wav",
        f"{channel}_x.tmp.r8",
        f"{channel}_0.tmp.r8\n",
        "core.db",
    ]
    for name in names:
        (tmp_path / name).write_bytes(b"")
        remove_voice_file(channel, str(tmp_path / name))
    assert {file.name for file in tmp_path.iterdir()} == {*names}
    (tmp_path / f"{channel}_0.tmp.r8").mkdir()
    remove_voice_file(channel, str(tmp_path / f"{channel}_0.tmp.r8"))
    assert (tmp_path / f"{channel}_0.tmp.r8").is_dir()


def test_what_is_left_of_calls_long_over_is_removed_and_the_rest_is_measured(
    tmp_path: Path,
) -> None:
    old, young = f"{uuid4()}_0.tmp.r8", f"{uuid4()}_12.tmp.r8"
    names = (old, young, "core.db", f"{uuid4()}.wav", f"../{uuid4()}"[3:])
    for name in names:
        (tmp_path / name).write_bytes(bytes(3_200))
        if name != young:
            os.utime(tmp_path / name, (time.time() - LEFT_BEHIND_S - 1,) * 2)
    assert look_after(tmp_path) == (1, 3_200)
    assert {file.name for file in tmp_path.iterdir()} == {*names} - {old}
