"""The console command: every subcommand is reachable, a wrong setting is named."""

import os
import subprocess
import sys

import pytest

from controlplane.cli import READER_GONE_EXIT, main

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    "words", ["", "run", "demo", "up", "call", "db upgrade", "fs status", "bench call"]
)
def test_help_tells_what_each_command_does(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main([*words.split(), "--help"])
    assert exit_.value.code == 0
    assert "usage: alloresto" in capsys.readouterr().out


def test_a_missing_setting_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("DATABASE_URL", "REDIS_URL", "ALLORESTO_LINK_SECRET"):
        monkeypatch.delenv(name, raising=False)
    assert main(["run", "web"]) == 2
    said = capsys.readouterr().err
    assert "DATABASE_URL: Field required" in said
    assert "ALLORESTO_LINK_SECRET: Field required" in said


def test_a_wrong_setting_is_named_and_not_quoted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://localhost/x")
    monkeypatch.setenv("REDIS_URL", "redis://localhost")
    monkeypatch.setenv("ALLORESTO_LINK_SECRET", "tooshort")
    assert main(["run", "web"]) == 2
    said = capsys.readouterr().err
    assert "ALLORESTO_LINK_SECRET" in said
    assert "tooshort" not in said


def test_a_command_that_needs_a_database_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    assert main(["db", "upgrade"]) == 1
    assert "DATABASE_URL is not set" in capsys.readouterr().err


def test_a_reader_that_goes_away_is_no_failure() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as nobody_reads:
        ended = subprocess.run(
            [sys.executable, "-m", "controlplane.cli", "secrets", "new-key"],
            stdout=nobody_reads,
            stderr=subprocess.PIPE,
            check=False,
            timeout=20,
        )
    assert (ended.returncode, ended.stderr) == (READER_GONE_EXIT, b"")
