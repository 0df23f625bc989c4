"""A loop takes turn after turn whatever its turns do, and ends when it is asked to; what a greenlet
ends with is not lost.
"""

from collections.abc import Callable

import gevent
import pytest
from gevent.event import Event
from prometheus_client import CollectorRegistry, Counter
from structlog.testing import capture_logs

from controlplane.loop import GREENLET_FAILURES, RETRY_FIRST_S, run_loop, spawn

pytestmark = pytest.mark.unit

DEADLINE_S = 10.0
LONG_S = 3_600.0


class Loop:
    """`run_loop` in a greenlet, with the turns it took."""

    def __init__(self, turn: Callable[[int], None], *, every_s: float) -> None:
        self.turns = 0
        self.stop, self.wake, self._took_one = Event(), Event(), Event()
        self.failures = Counter("failures", "Failed turns.", ["loop"], registry=CollectorRegistry())
        self._turn = turn
        self.greenlet = gevent.spawn(
            run_loop,
            "tested",
            self._take,
            every_s=every_s,
            failures=self.failures,
            stop=self.stop,
            wake=self.wake,
        )

    def _take(self) -> None:
        self.wake.clear()
        self.turns += 1
        self._took_one.set()
        self._turn(self.turns)

    def next_turn(self) -> int:
        """Wait for one more turn; returns how many there were."""
        assert self._took_one.wait(DEADLINE_S)
        self._took_one.clear()
        return self.turns

    def end(self) -> None:
        self.stop.set()
        self.greenlet.get(timeout=DEADLINE_S)


def failures(loop: Loop) -> float:
    return loop.failures.labels("tested")._value.get()  # type: ignore[no-any-return]


def test_a_turn_that_fails_is_counted_and_followed_by_another() -> None:
    def turn(number: int) -> None:
        if number == 1:
            raise ConnectionError("away")
        if number == 2:
            raise KeyError("a defect")

    loop = Loop(turn, every_s=0.0)

    assert [loop.next_turn() for _ in range(3)] == [1, 2, 3]
    loop.end()
    assert failures(loop) == 2


def test_what_wakes_it_begins_a_turn_at_once() -> None:
    loop = Loop(lambda _: None, every_s=LONG_S)
    assert loop.next_turn() == 1

    loop.wake.set()

    assert loop.next_turn() == 2
    loop.end()


def test_a_failed_turn_is_not_hurried() -> None:
    """However often it is woken: what is away gets its time."""

    def turn(_: int) -> None:
        loop.wake.set()
        raise ConnectionError("away")

    loop = Loop(turn, every_s=0.0)
    began = gevent.get_hub().loop.now()
    for _ in range(3):
        loop.next_turn()

    assert gevent.get_hub().loop.now() - began >= RETRY_FIRST_S * 0.9 + RETRY_FIRST_S * 2 * 0.9
    loop.end()


def test_it_ends_in_its_pause() -> None:
    loop = Loop(lambda _: None, every_s=LONG_S)
    loop.next_turn()

    loop.end()


def test_a_deadline_that_leaks_is_a_failed_turn() -> None:
    """`gevent.Timeout` is no `Exception`: it went up past whoever had set it."""

    def turn(number: int) -> None:
        if number == 1:
            raise gevent.Timeout

    loop = Loop(turn, every_s=LONG_S)
    loop.next_turn()
    assert loop.next_turn() == 2
    loop.end()
    assert failures(loop) == 1


@pytest.mark.parametrize("failure", [LookupError("nobody thought of this"), gevent.Timeout()])
def test_what_a_greenlet_ends_with_is_counted_logged_and_told(failure: BaseException) -> None:
    def work(_number: int) -> None:
        raise failure

    told: list[bool] = []
    before = GREENLET_FAILURES.labels("careless")._value.get()
    with capture_logs() as logs:
        spawn("careless", work, 1, failed=lambda: told.append(True)).get(timeout=DEADLINE_S)
    assert GREENLET_FAILURES.labels("careless")._value.get() == before + 1
    assert [(log["event"], log["greenlet"]) for log in logs] == [("greenlet_failed", "careless")]
    assert told == [True]


def test_a_greenlet_may_begin_later() -> None:
    done: list[int] = []
    spawn("later", done.append, 7, after_s=0.01).get(timeout=DEADLINE_S)
    assert done == [7]
