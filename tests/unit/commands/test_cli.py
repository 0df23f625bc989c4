"""The console command: every subcommand is reachable, help imports none, settings are named."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from controlplane.cli import ALLORESTO, READER_GONE_EXIT, main
from controlplane.commands.lazy_group import LazyCommand, LazyGroup
from controlplane.commands.run import RUN

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
DEADLINE_S = 20.0


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


def alloresto(*words: str, env: dict[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "controlplane.cli", *words],
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=DEADLINE_S,
    )


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


@pytest.mark.parametrize("process", RUN.subcommands)
def test_a_process_without_settings_names_them(process: str) -> None:
    ours = ("ALLORESTO_", "DATABASE_URL", "REDIS_URL", "OPENAI_API_KEY")
    env = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    ended = alloresto("run", process, env=env)
    assert ended.returncode == 2
    assert "alloresto: DATABASE_URL: Field required" in ended.stderr
    assert "alloresto: REDIS_URL: Field required" in ended.stderr


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
            timeout=DEADLINE_S,
        )
    assert (ended.returncode, ended.stderr) == (READER_GONE_EXIT, b"")
