"""Admin commands work on the stack of this folder when the environment names none, and say so."""

from pathlib import Path
from typing import Any

import pytest

from controlplane.cli import main
from controlplane.commands.stack_address import STACK_FILE, StackAddress
from controlplane.local.launch.services import LocalServices
from tests.accounts import SECRET_KEYS

pytestmark = pytest.mark.integration

TOLD = "alloresto: on the stack that `make up` runs in this folder\n"
NOT_SET = "alloresto: DATABASE_URL is not set: write postgresql://…"
Said = pytest.CaptureFixture[str]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the command is typed; the environment says nothing."""
    for name in ("DATABASE_URL", "REDIS_URL", "ALLORESTO_SECRET_KEYS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    STACK_FILE.parent.mkdir()
    return tmp_path


def save(**changes: Any) -> None:
    """What `alloresto up` leaves in the folder."""
    values: dict[str, Any] = {
        "switch": "simulator",
        "realtime": "simulator",
        "dial_uri": "sip:gw+x@127.0.0.1:5080",
        "direct_uri": "sip:gw+x@127.0.0.1:5080",
        "database_url": "postgresql://127.0.0.1:1/none",
        "redis_url": "redis://127.0.0.1:1",
        "secret_keys": SECRET_KEYS,
        "esl_port": 8021,
        "esl_password": "of-the-stack",
        "public_url": "http://127.0.0.1",
        "kitchen_url": "http://127.0.0.1/",
        "kitchen_token": "of-the-tablet",
        "owner_password": "of-the-owner",
        "journal": None,
    }
    StackAddress(**{**values, **changes}).save(STACK_FILE)


@pytest.fixture
def running(folder: Path, services: LocalServices, database_url: str) -> None:
    save(database_url=database_url, redis_url=services.redis_url)


def test_its_database_redis_and_keys_are_used_and_it_is_told_once(
    running: None, capsys: Said
) -> None:
    for words in ("sip list", "bridge list", "carrier list", "secrets check", "db upgrade"):
        assert main(words.split()) == 0
        assert capsys.readouterr().err == TOLD, words


def test_a_command_that_needs_no_service_does_not_look(running: None, capsys: Said) -> None:
    assert main(["secrets", "new-key"]) == 0
    assert capsys.readouterr().err == ""


def test_only_its_user_can_read_where_it_is(running: None, capsys: Said) -> None:
    assert STACK_FILE.stat().st_mode & 0o777 == 0o600
    STACK_FILE.chmod(0o640)
    assert main(["sip", "list"]) == 1
    assert capsys.readouterr().err.startswith(NOT_SET)


@pytest.mark.parametrize("named", ["DATABASE_URL", "REDIS_URL"])
def test_an_environment_that_names_a_service_is_meant_alone(
    running: None, capsys: Said, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    monkeypatch.setenv(named, "postgresql://127.0.0.1:1/other")
    assert main(["bridge", "list"]) == 1
    said = capsys.readouterr().err
    assert TOLD not in said
    assert "make up" not in said


def test_what_the_environment_sets_is_not_taken_from_it(
    running: None, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALLORESTO_SECRET_KEYS", "nonsense")
    assert main(["secrets", "check"]) == 1
    assert "keys of 32 bytes" in capsys.readouterr().err


@pytest.mark.parametrize("left_behind", [True, False])
def test_without_one_that_runs_both_ways_are_named(
    folder: Path, capsys: Said, *, left_behind: bool
) -> None:
    if left_behind:
        save()
    assert main(["sip", "list"]) == 1
    assert capsys.readouterr().err == f"{NOT_SET}; or start a stack in this folder: make up\n"


def test_its_event_sockets_password_goes_to_no_other_host(
    running: None, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ALLORESTO_ESL_PASSWORD", raising=False)
    assert main(["fs", "status", "--host", "127.0.0.2"]) == 1
    said = capsys.readouterr().err
    assert said == "alloresto: ALLORESTO_ESL_PASSWORD is not set: the ESL password of 127.0.0.2\n"
