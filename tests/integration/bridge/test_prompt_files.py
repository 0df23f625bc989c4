"""A bridge's prompts are files: fetched when they change, kept without Postgres, gone in time."""

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError

from controlplane.bridge.prompt_files import PromptFiles
from controlplane.contracts.identifiers import new_id
from controlplane.database import sync_engine
from controlplane.database_roles import DatabaseRole
from tests.accounts import add_account, add_carrier

pytestmark = pytest.mark.integration

BRIDGE = "bridge-1"
PACKAGED = {"greeting_generic": b"generic", "busy": b"busy", "leave_message": b"message"}


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """The tables' owner, with one bridge."""
    engine = sync_engine(database_url, application_name="test")
    with engine.begin() as connection:
        connection.execute(
            text("INSERT INTO sip_bridge_node (id, capacity, last_seen_at) VALUES (:id, 9, now())"),
            {"id": BRIDGE},
        )
        add_carrier(connection)
    yield engine
    engine.dispose()


@pytest.fixture
def packaged(tmp_path: Path) -> Path:
    folder = tmp_path / "sounds"
    folder.mkdir()
    for name, sound in PACKAGED.items():
        (folder / f"{name}.wav").write_bytes(sound)
    return folder


def restaurant(engine: Engine, *, bridge_id: str | None = BRIDGE) -> UUID:
    with engine.begin() as connection:
        return add_account(connection, bridge_id=bridge_id, epoch=1)


def say(engine: Engine, whose: UUID, wav: bytes) -> None:
    """Have its greeting be this sound, as the controller would."""
    rendering_id = new_id()
    with engine.begin() as connection:
        values = {"id": rendering_id, "whose": whose, "wav": wav, "prompt": new_id()}
        connection.execute(
            text(
                "INSERT INTO prompt_rendering (id, restaurant_id, kind, digest, text, voice,"
                " engine, wav, duration_ms, level_dbfs, peak_dbfs, rendered_at) VALUES (:id,"
                " :whose, 'greeting', encode(sha256(:wav), 'hex'),"
                " 'Je suis une intelligence artificielle.', '', '', :wav, 20, -18, -3, now())"
            ),
            values,
        )
        connection.execute(
            text(
                "INSERT INTO restaurant_prompt (id, restaurant_id, kind, rendering_id)"
                " VALUES (:prompt, :whose, 'greeting', :id) ON CONFLICT (restaurant_id, kind)"
                " DO UPDATE SET rendering_id = excluded.rendering_id"
            ),
            values,
        )


def test_what_callers_hear_is_what_postgres_says_or_last_said(
    engine: Engine, database_url: str, packaged: Path, tmp_path: Path
) -> None:
    ours, plain = restaurant(engine), restaurant(engine)
    elsewhere = restaurant(engine, bridge_id=None)
    say(engine, ours, b"ours")
    say(engine, elsewhere, b"elsewhere")
    folder = tmp_path / "prompts"
    agent = sync_engine(database_url, application_name="bridge-agent", role=DatabaseRole.BRIDGE)
    files = PromptFiles(agent, bridge_id=BRIDGE, folder=folder, packaged=packaged)

    # Its own where there is one, the packaged one elsewhere; other bridges' are none of ours.
    files.reload()
    assert (files.folder(ours) / "greeting.wav").read_bytes() == b"ours"
    assert (files.folder(ours) / "busy.wav").read_bytes() == b"busy"
    assert (files.folder(plain) / "greeting.wav").read_bytes() == b"generic"
    assert {path.name for path in folder.iterdir()} == {str(ours), str(plain)}

    # Who plays the old one hears it to its end; who opens the file hears the new one.
    with (files.folder(ours) / "greeting.wav").open("rb") as playing:
        say(engine, ours, b"new ")
        files.reload()
        assert playing.read() == b"ours"
    assert (files.folder(ours) / "greeting.wav").read_bytes() == b"new "
    assert [path.name for path in (folder / str(ours)).glob(".*")] == []

    # An agent that starts without Postgres has what the last one fetched.
    away = sync_engine("postgresql://nobody@127.0.0.1:9/none", application_name="bridge-agent")
    orphan = PromptFiles(away, bridge_id=BRIDGE, folder=folder, packaged=packaged)
    with pytest.raises(OperationalError):
        orphan.reload()
    assert orphan.provide(ours) == files.folder(ours)
    assert (files.folder(ours) / "greeting.wav").read_bytes() == b"new "

    # A gateway that comes before its greeting has the packaged one, and keeps its folder.
    stranger = new_id()
    provided = files.provide(stranger)
    assert provided is not None
    assert (provided / "greeting.wav").read_bytes() == b"generic"

    # What cannot be written, a folder being there, keeps nothing else from being written.
    say(engine, plain, b"plain")
    broken = files.folder(ours) / "busy.wav"
    broken.unlink()
    (broken / "in the way").mkdir(parents=True)
    again = PromptFiles(agent, bridge_id=BRIDGE, folder=folder, packaged=packaged)
    with pytest.raises(OSError, match="busy"):
        again.reload()
    assert (files.folder(plain) / "greeting.wav").read_bytes() == b"plain"

    # A restaurant that left leaves nothing; what is of no restaurant is none of ours.
    (folder / "music").mkdir()
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE sip_registration SET bridge_id = NULL WHERE restaurant_id = :id"),
            {"id": ours},
        )
    files.reload()
    assert {path.name for path in folder.iterdir()} == {str(plain), "music"}
    agent.dispose()


def test_a_folder_that_no_gateway_file_can_name_costs_no_registration(
    engine: Engine, packaged: Path, tmp_path: Path
) -> None:
    odd = tmp_path / "jean+claude${x}"
    files = PromptFiles(engine, bridge_id=BRIDGE, folder=odd, packaged=packaged)
    assert files.provide(new_id()) is None
