"""A restaurant's box has a size, and a recording that nobody can be given keeps no other back."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, text

from controlplane.bridge.calls import call_policy, voice_messages
from controlplane.bridge.calls.call_policy import CallPolicies
from controlplane.bridge.calls.recording import Recording
from controlplane.bridge.calls.voice_messages import VoiceMessages
from controlplane.database import sync_engine
from tests.accounts import add_account, add_carrier
from tests.integration.switch_under_test import tone

pytestmark = pytest.mark.integration

DAY_S = 86_400


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = sync_engine(database_url, application_name="test")
    yield engine
    engine.dispose()


@pytest.fixture
def luigi(engine: Engine) -> UUID:
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO sip_bridge_node (id, capacity, last_seen_at)"
                " VALUES ('bridge-0', 200, now())"
            )
        )
        add_carrier(connection)
        return add_account(connection, "luigi", bridge_id="bridge-0")


@pytest.fixture(autouse=True)
def small_box(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three messages, or a minute of them."""
    for module in (voice_messages, call_policy):
        monkeypatch.setattr(module, "MOST_MESSAGES", 3)
        monkeypatch.setattr(module, "MOST_MESSAGES_MS", 60_000)


def record(folder: Path, restaurant: UUID, *, seconds: int = 2, age_s: float = 60) -> Path:
    """A finished recording, as FreeSWITCH leaves it."""
    l16 = tone(300, seconds * 1_000)
    wav = Recording(restaurant, None, l16).wav()
    comment = str(restaurant).encode()
    info = b"LIST" + (12 + len(comment)).to_bytes(4, "little") + b"INFOICMT"
    info += len(comment).to_bytes(4, "little") + comment
    file = folder / f"{uuid4()}.wav"
    file.write_bytes(wav[:36] + info + wav[36:])
    os.utime(file, (time.time() - age_s,) * 2)
    return file


def held(engine: Engine) -> list[tuple[int, bool]]:
    """Duration and whether it was heard, the oldest first."""
    with engine.connect() as connection:
        rows = connection.execute(
            text("SELECT duration_ms, heard_at IS NOT NULL FROM voice_message ORDER BY recorded_at")
        )
        return [tuple(row) for row in rows]


def takes_messages(engine: Engine, restaurant: UUID) -> bool:
    policies = CallPolicies(engine=engine, bridge_id="bridge-0")
    policies.reload()
    return policies.of(restaurant).takes_messages


@pytest.mark.parametrize(("count", "seconds"), [(3, 2), (2, 30)])
def test_a_full_box_takes_no_more_and_callers_are_not_asked_to_speak(
    engine: Engine, luigi: UUID, tmp_path: Path, count: int, seconds: int
) -> None:
    box = VoiceMessages(engine=engine, folder=tmp_path)
    for number in range(count):
        assert takes_messages(engine, luigi)
        record(tmp_path, luigi, seconds=seconds, age_s=100 - number)
        box.deliver()
    assert not takes_messages(engine, luigi)
    record(tmp_path, luigi)
    box.deliver()
    assert held(engine) == [(seconds * 1_000, False)] * count
    assert list(tmp_path.iterdir()) == []


def test_what_was_listened_to_makes_room(engine: Engine, luigi: UUID, tmp_path: Path) -> None:
    box = VoiceMessages(engine=engine, folder=tmp_path)
    for number in range(3):
        record(tmp_path, luigi, age_s=100 - number)
    box.deliver()
    with engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE voice_message SET heard_at = now() WHERE recorded_at ="
                " (SELECT min(recorded_at) FROM voice_message)"
            )
        )
    assert takes_messages(engine, luigi)
    record(tmp_path, luigi, seconds=3, age_s=50)
    box.deliver()
    assert held(engine) == [(2_000, False), (2_000, False), (3_000, False)]


def test_a_recording_older_than_a_message_may_be_is_deleted(
    engine: Engine, luigi: UUID, tmp_path: Path
) -> None:
    record(tmp_path, luigi, age_s=31 * DAY_S)
    record(tmp_path, luigi, seconds=3, age_s=29 * DAY_S)
    VoiceMessages(engine=engine, folder=tmp_path).deliver()
    assert held(engine) == [(3_000, False)]
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_read_keeps_no_other_back(
    engine: Engine, luigi: UUID, tmp_path: Path
) -> None:
    unreadable = tmp_path / f"{uuid4()}.wav"
    unreadable.mkdir()
    record(tmp_path, luigi)
    VoiceMessages(engine=engine, folder=tmp_path).deliver()
    assert held(engine) == [(2_000, False)]
