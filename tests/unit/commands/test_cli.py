"""The console command: every subcommand is reachable, help imports none, settings are named."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from controlplane.cli import ALLORESTO, READER_GONE_EXIT, main
from controlplane.commands.lazy_group import LazyCommand, LazyGroup
from controlplane.commands.run import RUN
from tests.waiting import DEADLINE_S

pytestmark = pytest.mark.unit

HEAVY = (
    "gevent",
    "greenswitch",
    "sqlalchemy",
    "psycopg",
    "redis",
    "pydantic",
    "openai",
    "fastapi",
    "numpy",
)


def groups(group: LazyGroup = ALLORESTO, *words: str) -> Iterator[tuple[str, ...]]:
    """The words of every group."""
    yield words
    for name, one in group.subcommands.items():
        if isinstance(one, LazyGroup):
            yield from groups(one, *words, name)


def commands(group: LazyGroup = ALLORESTO, *words: str) -> Iterator[tuple[str, LazyCommand]]:
    """Every command by its words, but the processes: their runtimes would stay in this one."""
    for name, one in group.subcommands.items():
        if isinstance(one, LazyCommand):
            yield " ".join((*words, name)), one
        elif isinstance(one, LazyGroup) and one is not RUN:
            yield from commands(one, *words, name)


COMMANDS = dict(commands())


@pytest.mark.parametrize("words", [*COMMANDS, *(" ".join(words) for words in groups())])
def test_help_tells_how_a_command_is_called(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*words.split(), "--help"]) == 0
    assert f"Usage: alloresto {words}".rstrip() in capsys.readouterr().out


@pytest.mark.parametrize("words", COMMANDS)
def test_a_groups_help_says_of_a_command_what_the_command_says(words: str) -> None:
    lazy = COMMANDS[words]
    assert (lazy.load("").help or "").partition("\n\n")[0] == lazy.help


def test_help_of_groups_imports_no_command() -> None:
    """What keeps `alloresto --help` quick, without a clock."""
    code = "import sys; from controlplane.cli import main\n"
    code += "".join(f"main([*{words!r}, '--help'])\n" for words in groups())
    code += f"print('imported:', [name for name in {HEAVY!r} if name in sys.modules])"
    ended = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        timeout=DEADLINE_S,
    )
    assert "bench" in ended.stdout
    assert ended.stdout.splitlines()[-1] == "imported: []"


def test_a_missing_setting_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("DATABASE_URL", "REDIS_URL", "ALLORESTO_LINK_SECRET"):
        monkeypatch.delenv(name, raising=False)
    assert main(["run", "web"]) == 2
    said = capsys.readouterr().err
    assert "alloresto: DATABASE_URL: Field required" in said
    assert "alloresto: ALLORESTO_LINK_SECRET: Field required" in said


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


@pytest.mark.parametrize("words", ["", "sip", "sip lst", "sip list --brdge x", "sip move one"])
def test_words_it_does_not_understand_are_answered_with_the_way_to_help(
    words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words.split()) == 2
    said = capsys.readouterr()
    assert "--help" in said.err
    assert said.out == ""


def test_a_command_that_needs_a_database_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for name in ("DATABASE_URL", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)  # no stack is found here
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
            timeout=DEADLINE_S,
        )
    assert (ended.returncode, ended.stderr) == (READER_GONE_EXIT, b"")
