"""What the caller has heard is counted chunk by chunk, as FreeSWITCH says that each is over; a file
is removed then, and never one that may still be played.
"""

import pytest

from controlplane.bridge.calls.playback import MAX_WAITING_CHUNKS, Chunk, Playback
from controlplane.contracts.messages import AudioChunk, Cleared

pytestmark = pytest.mark.unit


class Switch:
    """Records what playback asks of FreeSWITCH, and says what was heard of it."""

    def __init__(self) -> None:
        self.playing: list[str] = []
        self.breaks = 0
        self.removed: list[str] = []
        self.playback = Playback(play=self.play, stop=self.stop, remove=self.removed.append)
        self._executions: list[tuple[str, str]] = []

    def play(self, file: str, execution: str) -> None:
        self.playing.append(file)
        self._executions.append((file, execution))

    def stop(self) -> None:
        self.breaks += 1

    def heard(self, seq: int, ms: int = 100) -> None:
        """The oldest playback of this chunk is over."""
        file = f"{seq}.r8"
        found = next(one for one in self._executions if one[0] == file)
        self._executions.remove(found)
        self.playback.stopped(found[1], played_ms=ms)


def chunk(seq: int, *, item: str = "item_a", generation: int = 0, ms: int = 100) -> Chunk:
    return Chunk(
        file=f"{seq}.r8", audio=AudioChunk(item=item, seq=seq, generation=generation, ms=ms)
    )


@pytest.fixture
def switch() -> Switch:
    return Switch()


@pytest.fixture
def playback(switch: Switch) -> Playback:
    return switch.playback


def test_chunks_wait_while_the_greeting_plays(playback: Playback, switch: Switch) -> None:
    playback.add(chunk(0))
    playback.add(chunk(1))
    assert switch.playing == []
    assert not playback.idle
    playback.open()
    assert switch.playing == ["0.r8", "1.r8"]


def test_a_minute_of_waiting_chunks_is_the_limit(playback: Playback) -> None:
    taken = [playback.add(chunk(seq)) for seq in range(MAX_WAITING_CHUNKS + 5)]
    assert taken.count(False) == 5


def test_the_heard_position_is_what_was_played_of_the_item(
    playback: Playback, switch: Switch
) -> None:
    playback.open()
    for seq in range(3):
        playback.add(chunk(seq))
    switch.heard(0)
    assert playback.clear(1)
    assert switch.breaks == 1
    switch.heard(1, 40)
    assert playback.cleared(1) == Cleared(generation=1, item="item_a", played_ms=140)
    assert playback.idle


def test_the_position_starts_again_with_each_item(playback: Playback, switch: Switch) -> None:
    playback.open()
    playback.add(chunk(0, item="item_a"))
    playback.add(chunk(1, item="item_b"))
    for seq in (0, 1):
        switch.heard(seq)
    playback.clear(1)
    assert playback.cleared(1) == Cleared(generation=1, item="item_b", played_ms=100)


def test_an_item_resumed_after_a_false_alarm_keeps_its_count(
    playback: Playback, switch: Switch
) -> None:
    playback.open()
    playback.add(chunk(0))
    playback.clear(1)
    switch.heard(0, 60)
    assert playback.cleared(1).played_ms == 60
    playback.add(chunk(1, generation=1, ms=40))
    switch.heard(1, 40)
    playback.clear(2)
    assert playback.cleared(2).played_ms == 100


def test_a_chunk_cleared_before_it_arrived_is_never_played(
    playback: Playback, switch: Switch
) -> None:
    playback.open()
    playback.clear(1)
    playback.cleared(1)
    assert not playback.add(chunk(7, generation=0))
    assert playback.add(chunk(8, generation=1))
    assert switch.playing == ["8.r8"]


def test_clearing_silence_says_that_nothing_was_heard(playback: Playback, switch: Switch) -> None:
    playback.open()
    assert not playback.clear(1)
    assert switch.breaks == 0
    assert playback.cleared(1) == Cleared(generation=1, item=None, played_ms=0)


def test_a_chunk_cut_short_is_not_heard_to_its_end(playback: Playback, switch: Switch) -> None:
    playback.open()
    for seq in range(2):
        playback.add(chunk(seq))
    switch.heard(0)
    assert playback.heard_seq == 0
    switch.heard(1, 80)
    assert playback.heard_seq == 0


def test_another_worker_counts_from_zero(playback: Playback, switch: Switch) -> None:
    playback.open()
    playback.add(chunk(0, generation=3))
    playback.restart()
    playback.open()
    playback.add(chunk(0, generation=0))
    assert switch.playing == ["0.r8", "0.r8"]


def test_events_of_prompts_change_nothing(playback: Playback) -> None:
    playback.open()
    playback.stopped("a prompt's execution", played_ms=3_000)
    playback.clear(1)
    assert playback.cleared(1).item is None


def test_another_application_is_never_broken(playback: Playback, switch: Switch) -> None:
    """While the restaurant's phone rings a break would end the ringing."""
    playback.open()
    playback.add(chunk(0))
    playback.close()
    assert not playback.clear(1)
    assert switch.breaks == 0


def test_a_file_freeswitch_refused_is_not_waited_for() -> None:
    def refuse(file: str, execution: str) -> None:
        raise ConnectionError

    removed: list[str] = []
    refusing = Playback(play=refuse, stop=lambda: None, remove=removed.append)
    refusing.open()
    with pytest.raises(ConnectionError):
        refusing.add(chunk(0))
    assert refusing.idle
    assert removed == [], "it may have been queued all the same"


def test_a_file_is_removed_once_it_was_heard(playback: Playback, switch: Switch) -> None:
    playback.open()
    for seq in range(3):
        playback.add(chunk(seq))
    assert switch.removed == []
    switch.heard(0)
    switch.heard(1, 40)
    assert switch.removed == ["0.r8", "1.r8"]


def test_the_files_of_what_was_cleared_are_removed_once_freeswitch_has_stopped(
    playback: Playback, switch: Switch
) -> None:
    playback.open()
    for seq in range(3):
        playback.add(chunk(seq))
    playback.clear(1)
    assert switch.removed == []
    switch.heard(0, 60)
    playback.cleared(1)
    assert switch.removed == ["0.r8", "1.r8", "2.r8"]
    playback.add(chunk(3, generation=0))
    assert switch.removed[3:] == ["3.r8"], "it came too late to be heard"


def test_what_waits_for_the_end_of_the_greeting_and_is_cleared_is_removed(
    playback: Playback, switch: Switch
) -> None:
    playback.add(chunk(0))
    playback.clear(1)
    assert switch.removed == ["0.r8"]


def test_what_is_heard_before_somebody_is_rung_keeps_its_file(
    playback: Playback, switch: Switch
) -> None:
    playback.open()
    playback.add(chunk(0))
    playback.close()
    playback.clear(1)
    playback.cleared(1)
    assert switch.removed == []


def test_after_missed_events_no_file_is_removed_that_may_still_be_played(
    playback: Playback, switch: Switch
) -> None:
    playback.open()
    for seq in range(2):
        playback.add(chunk(seq))
    playback.count_as_heard()
    assert playback.heard_seq == 1
    switch.heard(1)
    assert switch.removed == []


def test_the_next_streams_files_are_its_own_though_they_have_the_same_names(
    playback: Playback, switch: Switch
) -> None:
    playback.open()
    playback.add(chunk(0))
    playback.restart()
    playback.open()
    playback.add(chunk(0))
    switch.heard(0, 20)  # of the first worker, told late
    assert switch.removed == []
    assert playback.heard_seq == -1
    switch.heard(0)
    assert (playback.heard_seq, switch.removed) == (0, ["0.r8"])
