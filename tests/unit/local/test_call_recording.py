"""The WAV of a call has each side on its channel at its time; silence is told by loudness."""

import wave
from pathlib import Path

import numpy as np
import pytest

from controlplane.commands.stack_address import DATA_FOLDER
from controlplane.local.demo.call_recording import CallRecording
from controlplane.local.demo.demo import written
from controlplane.local.demo.journal import JournalEntry
from controlplane.local.demo.silence import interruptions, last_heard
from freeswitch.telephone.dialog import Utterance
from freeswitch.telephone.rtp_session import ReceivedFrame

pytestmark = pytest.mark.unit


def tone(level: int, ms: int = 20) -> bytes:
    return np.full(ms * 8, level, dtype="<i2").tobytes()


def frame(at: float, level: int = 1_000) -> ReceivedFrame:
    return ReceivedFrame(at=at, sequence_number=0, timestamp=0, l16=tone(level))


def channels(file: Path) -> tuple[list[int], list[int]]:
    """First sample of each 20 ms, caller and assistant."""
    with wave.open(str(file)) as sound:
        assert (sound.getnchannels(), sound.getframerate(), sound.getsampwidth()) == (2, 8_000, 2)
        samples = np.frombuffer(sound.readframes(sound.getnframes()), dtype="<i2").reshape(-1, 2)
    return samples[::160, 0].tolist(), samples[::160, 1].tolist()


def test_nothing_heard_is_nothing_to_listen_to(tmp_path: Path) -> None:
    assert not CallRecording().write(tmp_path / "call.wav")
    assert not list(tmp_path.iterdir())


async def test_both_sides_are_at_their_times(tmp_path: Path) -> None:
    recording = CallRecording()
    for at in (10.0, 10.021, 10.055, 10.2):  # jitter, then a gap
        recording.hear(frame(at))
    utterance = Utterance(tone(5, 40))
    recording.say(utterance, tone(5, 40))
    never = Utterance(tone(7))
    recording.say(never, tone(7))
    utterance.started_at = 10.12
    assert recording.write(tmp_path / "call.wav")
    caller, assistant = channels(tmp_path / "call.wav")
    assert assistant == [1_000] * 3 + [0] * 7 + [1_000]
    assert caller == [0] * 6 + [5, 5] + [0] * 3


def test_a_folder_nobody_may_write_to_costs_the_recording_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    DATA_FOLDER.touch()  # a file in its place: root may write to any folder
    recording = CallRecording()
    recording.hear(frame(10.0))
    assert not written(recording, as_json=True)
    told = capsys.readouterr()
    assert (told.out, told.err.count("\n")) == ("", 1)


def test_an_interruption_is_the_caller_over_a_voice() -> None:
    journal = [JournalEntry("SpeechStarted", at, {"real": True}) for at in (1.0, 2.0, 3.0)]
    assert interruptions(journal, [1.9, 2.01, 3.4]) == [2.0]


def test_a_voice_that_goes_on_after_a_while_had_stopped() -> None:
    heard = [1.9, 2.02, 2.04, 2.2, 2.9, 3.0]
    assert last_heard(heard, since=2.0) == 2.2
    assert last_heard([1.9], since=2.0) == 2.0
