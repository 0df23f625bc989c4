"""The tone code says which frame was heard: after G.711, quietly, off the edge, nothing else."""

import audioop
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from aiworker.simulator import tone_code
from aiworker.simulator.hearing import read_folder
from aiworker.simulator.utterance import utterance

pytestmark = pytest.mark.unit

EVERY_INDEX = list(range(tone_code.INDEX_COUNT))
SPEECH = tone_code.encode_speech(tone_code.INDEX_COUNT * 20)
CALLER_SOUNDS = Path(__file__).resolve().parents[3] / "freeswitch" / "sounds" / "caller"


def pcmu(l16: bytes) -> bytes:
    return audioop.ulaw2lin(audioop.lin2ulaw(l16, 2), 2)


def pcma(l16: bytes) -> bytes:
    return audioop.alaw2lin(audioop.lin2alaw(l16, 2), 2)


@pytest.mark.parametrize("line", [bytes, pcmu, pcma], ids=["L16", "PCMU", "PCMA"])
@pytest.mark.parametrize("level", [1.0, 0.1, 0.03])
def test_every_index_is_read_back(line: Callable[[bytes], bytes], level: float) -> None:
    assert tone_code.decode_frames(line(audioop.mul(SPEECH, 2, level))) == EVERY_INDEX


@pytest.mark.parametrize("late", [1, 10, 25, 40, 50])
def test_a_window_off_the_frame_s_edge_reads_the_frame_that_fills_it(late: int) -> None:
    assert tone_code.decode_frames(pcmu(SPEECH[2 * late :])) == EVERY_INDEX[:-1]
    early = tone_code.decode_frames(pcma(bytes(2 * late) + SPEECH))
    assert early[:-1] == EVERY_INDEX[:-1]


@pytest.mark.parametrize("offset", [0, 40, 80, 120, 152])
def test_the_edge_of_the_frames_is_found(offset: int) -> None:
    found = tone_code.frame_offset(pcmu(bytes(2 * offset) + SPEECH[: 320 * 50]))
    assert found == offset
    assert tone_code.frame_offset(bytes(3_200)) is None


def test_frames_follow_one_another_without_a_click() -> None:
    samples = np.frombuffer(tone_code.encode(7) * 3, dtype="<i2").astype(int)
    steps = np.abs(np.diff(samples))
    assert steps[159] <= steps[:159].max()


def test_indexes_wrap() -> None:
    assert tone_code.decode(tone_code.encode(4_096 + 5)) == 5
    assert tone_code.decode_frames(tone_code.encode_speech(40, 4_095)) == [4_095, 0]


def test_silence_noise_and_speech_are_no_frames() -> None:
    noise = np.random.default_rng(1).normal(0, 3_000, 160 * 500).astype("<i2").tobytes()
    recordings = [recording.l16 for recording in read_folder(CALLER_SOUNDS)]
    assert recordings
    for sound in [bytes(3_200), noise, utterance("deux margherita et un coca"), *recordings]:
        assert set(tone_code.decode_frames(pcmu(sound))) == {None}


def test_a_frame_is_160_samples() -> None:
    with pytest.raises(ValueError, match="320 bytes"):
        tone_code.decode(bytes(318))
    with pytest.raises(ValueError, match="whole number"):
        tone_code.encode_speech(30)
