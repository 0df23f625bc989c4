"""The way out is renewed just after a second of FreeSWITCH's clock, which its events tell."""

import pytest

from controlplane.bridge.calls.switch_clock import AFTER_SECOND_S, SwitchClock
from controlplane.esl.event import EslEvent

pytestmark = pytest.mark.unit

US = 1_000_000


class Clocks:
    """Ours, and FreeSWITCH's, which is `ahead_s` of it."""

    def __init__(self, ahead_s: float) -> None:
        self.now, self.ahead_s = 1_795_000_000.0, ahead_s
        self.known = SwitchClock(lambda: self.now)

    def event(self, *, late_s: float) -> None:
        """One arrives that was made `late_s` ago."""
        self.now += 0.05
        stamp = int((self.now - late_s + self.ahead_s) * US)
        self.known.note(EslEvent({"Event-Date-Timestamp": str(stamp)}))

    @property
    def next_renewal(self) -> float:
        """The part of FreeSWITCH's second in which the next one is."""
        return (self.now + self.ahead_s + self.known.until_after_second()) % 1.0


@pytest.mark.parametrize("ahead_s", [0.0, 0.4, -0.7, 3.9, -86_400.2])
def test_renewals_are_just_after_its_second_wherever_it_stands(ahead_s: float) -> None:
    clocks = Clocks(ahead_s)
    for late_s in (0.02, 0.004, 0.02, 0.011):
        clocks.event(late_s=late_s)
    assert clocks.next_renewal == pytest.approx(AFTER_SECOND_S, abs=0.02)


def test_events_that_waited_for_us_do_not_move_it_far() -> None:
    clocks = Clocks(0.3)
    clocks.event(late_s=0.003)
    for _ in range(3):
        clocks.event(late_s=1.5)
    assert clocks.next_renewal == pytest.approx(AFTER_SECOND_S, abs=0.06)
    clocks.event(late_s=0.003)
    assert clocks.next_renewal == pytest.approx(AFTER_SECOND_S, abs=0.005)


def test_a_clock_that_was_set_back_is_followed() -> None:
    clocks = Clocks(0.9)
    clocks.event(late_s=0.0)
    clocks.ahead_s = 0.4
    for _ in range(400):
        clocks.event(late_s=0.0)
    assert clocks.next_renewal == pytest.approx(AFTER_SECOND_S, abs=0.02)


def test_before_any_event_there_is_a_renewal_a_second() -> None:
    clocks = Clocks(0.0)
    assert 0.0 < clocks.known.until_after_second() <= 1.0
    clocks.known.note(EslEvent({}))
    assert 0.0 < clocks.known.until_after_second() <= 1.0
