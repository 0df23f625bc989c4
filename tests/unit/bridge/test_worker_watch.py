"""A worker that hangs is lost after 5 s, one that does not begin after 15 s, one that an earlier
agent knew and that says nothing to this one after 2 s; time is the test's.
"""

import pytest

from controlplane.bridge.calls.worker_watch import (
    FIRST_WORDS_S,
    LOST_S,
    PROOF_S,
    SILENT_S,
    WorkerWatch,
)

pytestmark = pytest.mark.unit

JUST_OVER_S = 0.01


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def watch(clock: Clock) -> WorkerWatch:
    watch = WorkerWatch(clock)
    watch.begins()
    return watch


def test_who_beats_is_neither_silent_nor_lost(watch: WorkerWatch, clock: Clock) -> None:
    for _ in range(60):
        clock.now += 1.0
        watch.heard()
        assert not watch.silent
        assert not watch.lost(awaited=False)


def test_who_falls_silent_is_lost_after_five_seconds(watch: WorkerWatch, clock: Clock) -> None:
    watch.heard()
    clock.now += SILENT_S + JUST_OVER_S
    assert watch.silent
    clock.now += LOST_S - SILENT_S - 2 * JUST_OVER_S
    assert not watch.lost(awaited=False)
    clock.now += 2 * JUST_OVER_S
    assert watch.lost(awaited=False)


def test_who_is_still_starting_has_fifteen_seconds(watch: WorkerWatch, clock: Clock) -> None:
    clock.now += FIRST_WORDS_S - JUST_OVER_S
    assert not watch.lost(awaited=True)
    clock.now += 2 * JUST_OVER_S
    assert watch.lost(awaited=False)


def test_who_lives_but_never_speaks_is_lost_unless_it_asks_for_patience(
    watch: WorkerWatch, clock: Clock
) -> None:
    watch.await_words()
    for _ in range(14):
        clock.now += 1.0
        watch.heard()
    assert not watch.lost(awaited=True)
    watch.await_words()  # it asked for a filler
    clock.now += 2.0
    watch.heard()
    assert not watch.lost(awaited=True)
    clock.now += FIRST_WORDS_S
    watch.heard()
    assert watch.lost(awaited=True)
    assert not watch.lost(awaited=False)


def test_whom_an_earlier_agent_knew_must_show_at_once_that_it_lives(
    watch: WorkerWatch, clock: Clock
) -> None:
    watch.begins(known=True)
    clock.now += PROOF_S - JUST_OVER_S
    assert not watch.lost(awaited=False)
    clock.now += 2 * JUST_OVER_S
    assert watch.lost(awaited=False)
    watch.heard()
    clock.now += LOST_S - JUST_OVER_S
    assert not watch.lost(awaited=False)
