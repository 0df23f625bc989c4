"""What the caller has heard is counted from FreeSWITCH's PLAYBACK events, chunk by chunk."""

import pytest

from controlplane.bridge.calls.playback import MAX_WAITING_CHUNKS, Chunk, Playback
from controlplane.contracts.messages import AudioChunk, Cleared

pytestmark = pytest.mark.unit


class Switch:
    """Records what playback asks of FreeSWITCH."""

    def __init__(self) -> None:
        self.playing: list[str] = []
        self.breaks = 0

    def stop(self) -> None:
        self.breaks += 1


def chunk(seq: int, *, item: str = "item_a", generation: int = 0, ms: int = 100) -> Chunk:
    return Chunk(
        file=f"{seq}.r8", audio=AudioChunk(item=item, seq=seq, generation=generation, ms=ms)
    )


@pytest.fixture
def switch() -> Switch:
    return Switch()


@pytest.fixture
def playback(switch: Switch) -> Playback:
    return Playback(play=switch.playing.append, stop=switch.stop)


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
    playback.started("0.r8")
    playback.stopped("0.r8", played_ms=100)
    playback.started("1.r8")
    assert playback.clear(1)
    assert switch.breaks == 1
    playback.stopped("1.r8", played_ms=40)
    assert playback.cleared(1) == Cleared(generation=1, item="item_a", played_ms=140)
    assert playback.idle


def test_the_position_starts_again_with_each_item(playback: Playback) -> None:
    playback.open()
    playback.add(chunk(0, item="item_a"))
    playback.add(chunk(1, item="item_b"))
    for seq in (0, 1):
        playback.started(f"{seq}.r8")
        playback.stopped(f"{seq}.r8", played_ms=100)
    playback.clear(1)
    assert playback.cleared(1) == Cleared(generation=1, item="item_b", played_ms=100)


def test_an_item_resumed_after_a_false_alarm_keeps_its_count(playback: Playback) -> None:
    playback.open()
    playback.add(chunk(0))
    playback.started("0.r8")
    playback.clear(1)
    playback.stopped("0.r8", played_ms=60)
    assert playback.cleared(1).played_ms == 60
    playback.add(chunk(1, generation=1, ms=40))
    playback.started("1.r8")
    playback.stopped("1.r8", played_ms=40)
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


def test_a_chunk_cut_short_is_not_heard_to_its_end(playback: Playback) -> None:
    playback.open()
    for seq in range(2):
        playback.add(chunk(seq))
    playback.started("0.r8")
    playback.stopped("0.r8", played_ms=100)
    assert playback.heard_seq == 0
    playback.started("1.r8")
    playback.stopped("1.r8", played_ms=80)
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
    playback.started("busy.wav")
    playback.stopped("busy.wav", played_ms=3_000)
    playback.clear(1)
    assert playback.cleared(1).item is None


def test_another_application_is_never_broken(playback: Playback, switch: Switch) -> None:
    """While the restaurant's phone rings a break would end the ringing."""
    playback.open()
    playback.add(chunk(0))
    playback.close()
    assert not playback.clear(1)
    assert switch.breaks == 0


def test_a_file_freeswitch_refused_is_not_waited_for(playback: Playback, switch: Switch) -> None:
    playback.open()

    def refuse(_: str) -> None:
        raise ConnectionError

    refusing = Playback(play=refuse, stop=switch.stop)
    refusing.open()
    with pytest.raises(ConnectionError):
        refusing.add(chunk(0))
    assert refusing.idle
