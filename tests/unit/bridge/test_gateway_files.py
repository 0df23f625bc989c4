"""What FreeSWITCH reads is there whole and for its owner alone, or as it was before."""

import errno
import os
import stat
import threading
from pathlib import Path

import pytest

from controlplane.bridge.gateways.gateway_files import (
    gateway_files,
    remove_gateway_file,
    write_gateway_file,
)
from controlplane.bridge.gateways.gateway_xml import gateway_file_name
from controlplane.bridge.whole_file import link_whole, write_whole
from controlplane.contracts.channel_variables import ChannelVariable
from controlplane.contracts.sip_credentials import InvalidGateway
from tests.unit.bridge.test_gateway_xml import settings, variables

pytestmark = pytest.mark.unit


def test_the_file_is_private_whole_and_alone(tmp_path: Path) -> None:
    path = write_gateway_file(tmp_path, settings())
    assert path == tmp_path / gateway_file_name("bella-napoli-0a1b2c3d")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    write_gateway_file(tmp_path, settings(config_version=4))
    assert variables(path.read_text())[ChannelVariable.CONFIG_VERSION] == "4"
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]
    assert gateway_files(tmp_path) == {"bella-napoli-0a1b2c3d"}


def test_a_refused_gateway_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = write_gateway_file(tmp_path, settings())
    before = path.read_text()
    with pytest.raises(InvalidGateway):
        write_gateway_file(tmp_path, settings(password="$${x}"))
    assert path.read_text() == before
    assert list(tmp_path.iterdir()) == [path]


def test_removing_says_whether_it_was_there(tmp_path: Path) -> None:
    write_gateway_file(tmp_path, settings())
    assert remove_gateway_file(tmp_path, "bella-napoli-0a1b2c3d") is True
    assert remove_gateway_file(tmp_path, "bella-napoli-0a1b2c3d") is False
    with pytest.raises(InvalidGateway):
        remove_gateway_file(tmp_path, "../secret")


def full_disk(_descriptor: int) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_write_that_fails_leaves_the_old_file_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a full disk would end it: after the beginning was written."""
    file = tmp_path / "carriers.xml"
    write_whole(file, b"<include/>")
    monkeypatch.setattr("os.fsync", full_disk)
    with pytest.raises(OSError, match="No space left"):
        write_whole(file, b"<include>" + 100_000 * b" ", durable=True)
    assert file.read_text() == "<include/>"
    assert list(tmp_path.iterdir()) == [file]


def test_who_reads_while_it_is_replaced_finds_one_or_the_other_whole(tmp_path: Path) -> None:
    file, contents = tmp_path / "greeting.wav", (b"a" * 50_000, b"b" * 50_000)
    write_whole(file, contents[0])
    over = threading.Event()

    def replace() -> None:
        for n in range(60):
            write_whole(file, contents[n % 2])
            link_whole(file, file.with_name("packaged.wav"))
            write_whole(file, contents[n % 2])
        over.set()

    file.with_name("packaged.wav").write_bytes(contents[0])
    writer = threading.Thread(target=replace)
    writer.start()
    while not over.is_set():
        assert file.read_bytes() in contents
    writer.join()
