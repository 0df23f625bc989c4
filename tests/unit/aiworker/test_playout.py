"""Pacing and the heard position, to the millisecond, against a clock that stands still."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiworker.media.playout import Chunk, Playout, Speech
from controlplane.contracts.media import CHUNK_MS, FRAME_MS, QUEUED_AHEAD_MS

pytestmark = pytest.mark.unit

MS = 8


def pcmu(ms: int, first: int = 0) -> bytes:
    """Audio in which every millisecond is its own number (modulo 251), so order shows."""
    return b"".join(bytes([(first + at) % 251]) * MS for at in range(ms))


def due(playout: Playout, now: float) -> list[Chunk]:
    return list(iter(lambda: playout.next_chunk(now), None))


def sent_ms(chunks: list[Chunk]) -> int:
    return sum(len(chunk.pcmu) for chunk in chunks) // MS


def speaking(*lengths: int) -> Playout:
    """Whole items a, b, … of these lengths."""
    playout = Playout()
    for name, length in zip("abcdef", lengths, strict=False):
        playout.receive(name, pcmu(length))
        playout.end_item(name)
    return playout


def play(playout: Playout, start: float, end: float) -> list[Chunk]:
    """Everything sent between two moments, asked for when the playout says so."""
    chunks, now = due(playout, start), start
    while (at := playout.next_chunk_at(now)) is not None and at <= end:
        now = max(at, now + 0.001)
        chunks += due(playout, now)
    return chunks


def test_the_first_delta_leaves_at_once_even_when_short() -> None:
    playout = Playout()
    playout.receive("a", pcmu(40))
    assert [len(chunk.pcmu) // MS for chunk in due(playout, 0.0)] == [40]


def test_no_more_than_allowed_is_queued_ahead() -> None:
    playout = speaking(2_000)
    assert sent_ms(due(playout, 0.0)) == QUEUED_AHEAD_MS
    assert due(playout, 0.05) == []
    assert sent_ms(due(playout, CHUNK_MS / 1_000)) == CHUNK_MS


def test_all_of_it_is_sent_in_order_and_padded_to_whole_frames() -> None:
    playout = speaking(955)
    chunks = play(playout, 0.0, 10.0)
    assert b"".join(chunk.pcmu for chunk in chunks) == pcmu(955) + b"\xff" * 5 * MS
    assert [chunk.seq for chunk in chunks] == list(range(len(chunks)))
    assert all(len(chunk.pcmu) % (FRAME_MS * MS) == 0 for chunk in chunks)


def test_an_item_that_is_not_whole_holds_back_the_next() -> None:
    playout = Playout()
    playout.receive("a", pcmu(30))
    playout.receive("b", pcmu(100))
    assert [chunk.item for chunk in due(playout, 0.0)] == ["a"]
    playout.end_item("a")
    assert {chunk.item for chunk in due(playout, 0.0)} == {"a", "b"}


def test_an_item_is_marked_once_at_its_end() -> None:
    playout = speaking(200)
    last = due(playout, 0.0)[-1]
    assert playout.mark_due() == last.seq
    assert playout.mark_due() is None
    assert [speech.heard_ms for speech in playout.marked(last.seq)] == [200]
    assert not playout.audible(0.3)


def test_the_end_of_an_item_that_comes_late_is_still_marked() -> None:
    playout = Playout()
    playout.receive("a", pcmu(100))
    due(playout, 0.0)
    assert playout.mark_due() is None
    playout.end_item("a")
    assert playout.mark_due() == 0


def test_a_mark_that_never_comes_is_not_waited_for() -> None:
    playout = speaking(200)
    due(playout, 0.0)
    assert playout.overdue(1.0) == []
    assert [speech.item for speech in playout.overdue(3.0)] == ["a"]


def test_what_nobody_says_was_heard_is_said_again_when_whoever_played_it_is_gone() -> None:
    playout = speaking(400, 300)
    play(playout, 0.0, 0.7)
    of_a = playout.mark_due()
    assert of_a is not None
    assert [speech.item for speech in playout.marked(of_a)] == ["a"]
    playout.say_again()
    again = play(playout, 2.0, 3.0)
    assert b"".join(chunk.pcmu for chunk in again) == pcmu(300)
    assert {chunk.item for chunk in again} == {"b"}
    assert playout.mark_due() == again[-1].seq


def test_what_counted_as_heard_without_a_mark_is_said_again_once() -> None:
    playout = speaking(200, 100)
    play(playout, 0.0, 0.3)
    assert [speech.item for speech in playout.overdue(3.0)] == ["a", "b"]
    playout.say_again()
    assert sent_ms(play(playout, 3.0, 4.0)) == 300
    playout.marked(99)
    playout.say_again()
    assert play(playout, 4.0, 5.0) == []


def test_an_interruption_being_decided_says_nothing_again() -> None:
    playout = speaking(200)
    due(playout, 0.0)
    playout.pause(0.1)
    playout.say_again()
    assert due(playout, 0.2) == []


def test_a_false_alarm_resumes_on_the_exact_millisecond() -> None:
    playout = speaking(2_000)
    before = play(playout, 0.0, 0.5)
    assert playout.pause(0.5)
    playout.cleared("a", 480)
    playout.resume()
    after = play(playout, 1.0, 9.0)
    assert {chunk.generation for chunk in before} == {0}
    assert {chunk.generation for chunk in after} == {1}
    assert b"".join(chunk.pcmu for chunk in after) == pcmu(2_000)[480 * MS :]
    assert after[0].seq == before[-1].seq + 1


def test_two_false_alarms_in_one_item() -> None:
    playout = speaking(2_000)
    play(playout, 0.0, 0.5)
    playout.pause(0.5)
    playout.cleared("a", 480)
    playout.resume()
    play(playout, 1.0, 1.3)
    playout.pause(1.3)
    playout.cleared("a", 760)
    playout.resume()
    assert b"".join(c.pcmu for c in play(playout, 2.0, 9.0)) == pcmu(2_000)[760 * MS :]


def test_nothing_is_sent_while_paused_and_what_comes_is_kept() -> None:
    playout = speaking(200)
    due(playout, 0.0)
    playout.pause(0.1)
    playout.receive("b", pcmu(CHUNK_MS))
    assert due(playout, 5.0) == []
    assert playout.next_chunk_at(5.0) is None
    playout.cleared("a", 100)
    playout.resume()
    assert sent_ms(due(playout, 5.0)) == 100 + CHUNK_MS


def test_until_the_bridge_tells_the_clock_says_what_was_heard() -> None:
    playout = speaking(2_000)
    play(playout, 0.0, 0.5)
    playout.pause(0.5)
    assert [speech.heard_ms for speech in playout.drop()] == [500]


def test_the_bridge_knows_better_than_the_clock() -> None:
    playout = speaking(2_000)
    play(playout, 0.0, 0.5)
    playout.pause(0.5)
    playout.cleared("a", 440)
    assert [speech.heard_ms for speech in playout.drop()] == [440]


def test_items_before_the_one_heard_were_heard_and_those_behind_were_not() -> None:
    playout = speaking(100, 100, 100)
    due(playout, 0.0)
    playout.pause(0.15)
    playout.cleared("b", 40)
    assert [(s.item, s.heard_ms) for s in playout.drop()] == [("a", 100), ("b", 40), ("c", 0)]


def test_nothing_heard_since_the_last_clear() -> None:
    playout = speaking(1_000)
    due(playout, 0.0)
    playout.pause(0.02)
    playout.cleared(None, 0)
    assert [speech.heard_ms for speech in playout.drop()] == [0]


def test_all_heard_when_paused_is_done_with_on_resume() -> None:
    playout = speaking(200)
    due(playout, 0.0)
    playout.pause(0.19)
    playout.cleared("a", 200)
    assert [speech.item for speech in playout.resume()] == ["a"]


def test_silence_needs_no_clear() -> None:
    assert Playout().pause(1.0) is False
    playout = speaking(100)
    assert playout.pause(1.0) is False, "nothing was handed over yet"


def test_the_position_by_the_clock_leaves_out_what_the_switch_holds() -> None:
    playout = speaking(1_000)
    due(playout, 0.0)
    assert playout.heard_of("a", 0.1) == (100, 1_000)
    assert playout.heard_of("z", 0.1) is None


@given(
    st.lists(st.integers(1, 700), min_size=1, max_size=4),
    st.lists(st.tuples(st.integers(0, 900), st.integers(0, 100)), max_size=6),
)
def test_whatever_the_interruptions_every_millisecond_is_heard_once_in_order(
    lengths: list[int], alarms: list[tuple[int, int]]
) -> None:
    """A switch that plays what it is sent; false alarms at any moment, told to any millisecond."""
    playout = speaking(*lengths)
    switch = Switch()
    now = 0.0
    for wait_ms, lag_ms in alarms:
        end = now + wait_ms / 1_000
        switch.queue(play(playout, now, end), now)
        now = end
        if playout.pause(now):
            item, played = switch.clear(now)
            playout.cleared(item, played)
        playout.resume()
        now += lag_ms / 1_000
    switch.queue(play(playout, now, now + 10), now)
    switch.clear(now + 20)
    heard = {name: bytes(audio) for name, audio in switch.heard.items()}
    whole = {name: pcmu(ms) for name, ms in zip("abcdef", lengths, strict=False)}
    assert {name: audio[: len(whole[name])] for name, audio in heard.items()} == whole


class Switch:
    """Plays chunks back to back from when the first came; counts what was heard of each item."""

    def __init__(self) -> None:
        self.heard: dict[str, bytearray] = {}
        self._queue: list[tuple[float, Chunk]] = []
        self._free_at = 0.0

    def queue(self, chunks: list[Chunk], now: float) -> None:
        self._free_at = max(self._free_at, now)
        for chunk in chunks:
            self._queue.append((self._free_at, chunk))
            self._free_at += len(chunk.pcmu) / MS / 1_000

    def clear(self, now: float) -> tuple[str | None, int]:
        item = None
        for starts, chunk in self._queue:
            played = min(len(chunk.pcmu) // MS, round((now - starts) * 1_000))
            if played > 0:
                item = chunk.item
                self.heard.setdefault(item, bytearray()).extend(chunk.pcmu[: played * MS])
        self._queue.clear()
        self._free_at = now
        return item, len(self.heard[item]) // MS if item else 0


def test_speech_is_over_only_when_it_ended() -> None:
    speech = Speech(item="a", response="r", sent_ms=20, heard_ms=20, audio=bytearray(20 * MS))
    assert not speech.all_heard
    speech.ended = True
    assert speech.all_heard
