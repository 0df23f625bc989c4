"""`alloresto prompt`: a restaurant's words are checked, kept, shown as heard, and taken back."""

import json
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text

from controlplane.cli import main
from controlplane.contracts.prompts import AI_DISCLOSURE
from controlplane.controller.prompts import Prompts
from controlplane.database import sync_engine
from controlplane.prompts.engines import Engine as Speech
from controlplane.prompts.render import Sound
from tests.accounts import add_account, add_carrier

pytestmark = pytest.mark.integration

OURS, THEIRS = "chez-luigi-3f9a1c2b", "chez-mario-0a1b2c3d"
BY_NAME = f"Bonjour, ici Chez Luigi. {AI_DISCLOSURE}"
SOUND = Sound(wav=b"RIFF", duration_ms=20, level_dbfs=-18, peak_dbfs=-3)
Said = pytest.CaptureFixture[str]


@pytest.fixture
def engine(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """Two restaurants."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    engine = sync_engine(database_url, application_name="test")
    with engine.begin() as connection:
        add_carrier(connection)
        add_account(connection, OURS)
        add_account(connection, THEIRS)
    yield engine
    engine.dispose()


def heard(capsys: Said, restaurant: str) -> dict[str, tuple[str | None, bool]]:
    capsys.readouterr()
    assert main(["prompt", "show", restaurant, "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return {line["prompt"]: (line["text"], line["rendered"]) for line in lines}


def test_another_tenant_keeps_its_words_and_each_change_is_shown(
    engine: Engine, capsys: Said
) -> None:
    packaged = (None, False)
    rendering = Prompts(engine, Speech.ESPEAK_NG, leads=lambda: True, say=lambda _: SOUND)
    unchanged = {"greeting": (BY_NAME, False), "busy": packaged, "leave_message": packaged}
    assert heard(capsys, OURS) == unchanged

    assert main(["prompt", "say", OURS, "greeting", "  Luigi,\n bonsoir\u0007 "]) == 0
    assert capsys.readouterr().out == f"{OURS}: Luigi, bonsoir. {AI_DISCLOSURE}\n"
    assert main(["prompt", "say", OURS, "busy", "Toutes nos lignes sont prises !"]) == 0
    own = f"Luigi, bonsoir. {AI_DISCLOSURE}", "Toutes nos lignes sont prises !"
    assert heard(capsys, OURS)["greeting"] == (own[0], False)
    rendering.turn()
    assert heard(capsys, OURS) == {
        "greeting": (own[0], True),
        "busy": (own[1], True),
        "leave_message": packaged,
    }
    assert heard(capsys, THEIRS)["greeting"] == (BY_NAME, True)
    assert heard(capsys, THEIRS)["busy"] == packaged

    for kind in ("greeting", "busy"):
        assert main(["prompt", "reset", OURS, kind]) == 0
    assert heard(capsys, OURS) == unchanged
    rendering.turn()
    assert heard(capsys, OURS)["greeting"] == (BY_NAME, True)


@pytest.mark.parametrize(
    ("sentence", "reason"),
    [
        ("", "nothing to say"),
        (" \x00\n… 123", "nothing to say"),
        ("Bonjour <break/>", "cannot say < >"),
        ("x" * 201, "202 characters"),
    ],
)
def test_what_no_voice_can_say_is_refused_and_nothing_is_kept(
    engine: Engine, capsys: Said, sentence: str, reason: str
) -> None:
    assert main(["prompt", "say", OURS, "greeting", sentence]) == 1
    assert reason in capsys.readouterr().err
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM restaurant_prompt")) == 0
