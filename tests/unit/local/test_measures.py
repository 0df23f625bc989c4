"""The benchmark's figures are right on calls made by hand, whose frames are known exactly."""

import json
import math
from pathlib import Path

import pytest

from aiworker.simulator.tone_code import encode
from controlplane.local.bench.measures import (
    CODES,
    HeardFrame,
    delta_to_ear_ms,
    gaps_ms,
    heard_error_ms,
    heard_frames,
    interrupt_to_silence_ms,
    percentile,
)
from controlplane.local.demo.journal import JournalEntry, read_journal
from freeswitch.telephone.g711 import FRAME_L16_BYTES
from freeswitch.telephone.rtp_session import ReceivedFrame

pytestmark = pytest.mark.unit

FRAME_S = 0.02


def voice(codes: range, *, begins: float = 100.0) -> list[HeardFrame]:
    """Frames one after another, 20 ms apart."""
    return [HeardFrame(begins + n * FRAME_S, code % CODES) for n, code in enumerate(codes)]


def audio_sent(item: str, first_frame: int, *, frames: int = 5, at: float = 99.0) -> JournalEntry:
    fields = {"item_id": item, "first_frame": first_frame, "frames": frames}
    return JournalEntry("AudioSent", at, fields)


def speech_started(at: float) -> JournalEntry:
    return JournalEntry("SpeechStarted", at, {})


def truncated(item: str, audio_end_ms: int, *, at: float, accepted: bool = True) -> JournalEntry:
    fields = {"item_id": item, "audio_end_ms": audio_end_ms, "accepted": accepted}
    return JournalEntry("Truncated", at, fields)


# --- Reading ---------------------------------------------------------------------------------


def test_only_the_simulators_voice_is_heard_with_its_numbers_and_times() -> None:
    sounds = [encode(7), bytes(FRAME_L16_BYTES), encode(4_095), encode(4_096)]
    frames = [
        ReceivedFrame(at=n * FRAME_S, sequence_number=n, timestamp=160 * n, l16=l16)
        for n, l16 in enumerate(sounds)
    ]
    assert heard_frames(frames) == [
        HeardFrame(0.0, 7),
        HeardFrame(2 * FRAME_S, 4_095),
        HeardFrame(3 * FRAME_S, 0),
    ]


def test_the_journal_is_read_from_an_instant_on(tmp_path: Path) -> None:
    file = tmp_path / "journal.jsonl"
    lines = [{"entry": "SpeechStarted", "at": at, "item_id": f"i{at}"} for at in (1.0, 2.0, 3.0)]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert read_journal(file, since=2.0) == [
        JournalEntry("SpeechStarted", 2.0, {"item_id": "i2.0"}),
        JournalEntry("SpeechStarted", 3.0, {"item_id": "i3.0"}),
    ]


# --- From delta to ear -----------------------------------------------------------------------


def test_each_items_first_frame_is_waited_for_once() -> None:
    journal = [
        audio_sent("a", 0, at=99.96),
        audio_sent("a", 5, at=99.97),
        audio_sent("b", 10, at=100.15),
        audio_sent("never heard", 500, at=100.16),
    ]
    delays = delta_to_ear_ms(journal, voice(range(20)))
    assert delays == pytest.approx([40.0, 50.0])


def test_a_frame_number_used_before_is_not_taken_for_the_item() -> None:
    """Numbers wrap at 4,096: the one heard before the audio was sent belongs to another item."""
    heard = [*voice(range(1), begins=10.0), *voice(range(CODES, CODES + 3), begins=100.0)]
    assert delta_to_ear_ms([audio_sent("b", CODES, at=99.95)], heard) == pytest.approx([50.0])


# --- Interruption ----------------------------------------------------------------------------


def test_silence_begins_with_the_last_frame_heard() -> None:
    heard = voice(range(50))
    assert interrupt_to_silence_ms([speech_started(100.945)], heard) == pytest.approx([35.0])


def test_a_sentence_resumed_after_a_noise_was_silent_all_the_same() -> None:
    heard = [*voice(range(50)), *voice(range(50, 100), begins=101.5)]
    assert interrupt_to_silence_ms([speech_started(100.95)], heard) == pytest.approx([30.0])


def test_jitter_is_no_silence() -> None:
    heard = [*voice(range(50)), *voice(range(50, 53), begins=101.07)]
    assert interrupt_to_silence_ms([speech_started(100.95)], heard) == pytest.approx([160.0])


def test_a_voice_that_goes_on_counts_as_the_whole_window() -> None:
    heard = voice(range(200))
    assert interrupt_to_silence_ms([speech_started(101.0)], heard) == pytest.approx([1_000.0])


def test_who_interrupts_nobody_is_not_counted() -> None:
    heard = voice(range(50))
    assert interrupt_to_silence_ms([speech_started(99.0), speech_started(101.5)], heard) == []


# --- Heard position --------------------------------------------------------------------------


@pytest.mark.parametrize(("reported", "error"), [(1_000, 0), (1_020, 20), (940, 60)])
def test_the_error_is_what_was_reported_against_what_the_ear_got(reported: int, error: int) -> None:
    journal = [audio_sent("a", 30), audio_sent("a", 55), truncated("a", reported, at=101.1)]
    assert heard_error_ms(journal, voice(range(30, 80))) == [error]


def test_frames_that_never_came_end_what_was_heard() -> None:
    heard = [*voice(range(10)), *voice(range(15, 20), begins=100.3)]
    assert heard_error_ms([audio_sent("a", 0), truncated("a", 400, at=101.0)], heard) == [200]


def test_an_item_whose_numbers_wrap_is_counted_through() -> None:
    first = CODES - 5
    heard = voice(range(first, first + 20))
    assert heard_error_ms([audio_sent("a", first), truncated("a", 400, at=101.0)], heard) == [0]


def test_what_comes_after_the_truncation_is_another_sentence() -> None:
    heard = [*voice(range(10)), *voice(range(10, 20), begins=110.0)]
    assert heard_error_ms([audio_sent("a", 0), truncated("a", 200, at=100.3)], heard) == [0]


def test_refused_truncations_and_unknown_items_have_no_error() -> None:
    journal = [
        audio_sent("a", 0),
        truncated("a", 9_999, at=101.0, accepted=False),
        truncated("b", 100, at=101.0),
    ]
    assert heard_error_ms(journal, voice(range(10))) == []


# --- Gaps ------------------------------------------------------------------------------------


def test_speech_without_a_hole_has_none() -> None:
    assert max(gaps_ms(voice(range(CODES - 10, CODES + 10)), skip_first_ms=0)) < 0.001
    assert gaps_ms([], skip_first_ms=0) == []


def test_a_late_frame_is_a_gap_of_its_lateness() -> None:
    heard = [*voice(range(10)), *voice(range(10, 20), begins=100.245)]
    gaps = gaps_ms(heard, skip_first_ms=0)
    assert max(gaps) == pytest.approx(45.0)
    assert sum(gap > 1 for gap in gaps) == 1


def test_frames_lost_count_though_the_next_came_in_time() -> None:
    heard = [*voice(range(10)), *voice(range(13, 20), begins=100.2)]
    assert max(gaps_ms(heard, skip_first_ms=0)) == pytest.approx(60.0)


def test_the_first_moments_can_be_left_out() -> None:
    heard = [*voice(range(5)), *voice(range(5, 60), begins=100.15)]
    assert max(gaps_ms(heard, skip_first_ms=0)) == pytest.approx(50.0)
    assert max(gaps_ms(heard, skip_first_ms=200)) < 0.001


# --- Percentile ------------------------------------------------------------------------------


def test_of_nothing_there_is_no_percentile() -> None:
    assert percentile([], 0.95) is None


def test_of_one_value_it_is_that_one() -> None:
    assert [percentile([7.0], fraction) for fraction in (0.0, 0.5, 0.95, 1.0)] == [7.0] * 4


def test_of_the_fifty_calls_of_a_benchmark_it_is_the_48th() -> None:
    assert percentile([float(n) for n in range(50, 0, -1)], 0.95) == 48.0


@pytest.mark.parametrize("count", [20, 60, 100])
def test_it_is_the_nearest_rank_of_any_number(count: int) -> None:
    values = [float(n) for n in range(1, count + 1)]
    assert percentile(values, 0.95) == math.ceil(round(0.95 * count, 6))
