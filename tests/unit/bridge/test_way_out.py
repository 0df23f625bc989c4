"""Way outs are put off in time: side by side, never without one armed, and whatever fails, the next
turn comes. How little time was left is known.
"""

from collections.abc import Callable

import gevent
import gevent.event
import pytest

from controlplane.bridge.calls.call_state import CallState
from controlplane.bridge.calls.channel import WAY_OUT_S
from controlplane.bridge.calls.switch_clock import SwitchClock
from controlplane.bridge.calls.way_out import renew_way_out, renew_way_outs
from controlplane.bridge.calls.way_out_margin import WayOutMargin
from controlplane.esl.errors import EslTimeout
from tests.unit.bridge.one_call import OneCall

pytestmark = pytest.mark.unit

DEADLINE_S = 10.0
CALLS = 40


class Scheduler:
    """FreeSWITCH's, as far as `sched_api` and `sched_del` go: what is armed after each command."""

    def __init__(self, *, group: str) -> None:
        self.tasks = {"1": group}
        """The dialplan armed this one."""
        self.fewest = 1

    def run(self, *commands: str) -> list[str]:
        return [self._run(command.split()) for command in commands]

    def _run(self, words: list[str]) -> str:
        if words[0] == "sched_api":
            task = str(max(map(int, self.tasks), default=1) + 1)
            self.tasks[task] = words[2]
            return f"+OK Added: {task}"
        gone = [task for task, group in self.tasks.items() if words[1] in (task, group)]
        for task in gone:
            del self.tasks[task]
        self.fewest = min(self.fewest, len(self.tasks))
        return f"+OK Deleted: {len(gone)}"


def on(one: OneCall, run: Callable[..., list[str]]) -> OneCall:
    """Have `run` answer what this call's renewals say to FreeSWITCH."""
    one.switch.api_together = run  # type: ignore[method-assign]
    return one


def test_at_no_moment_is_nothing_armed_and_in_the_end_one_is() -> None:
    one = OneCall()
    scheduler = Scheduler(group=str(one.call.channel_uuid))
    on(one, scheduler.run)
    for _ in range(3):
        renew_way_out(one.context)
        assert list(scheduler.tasks.values()) == [str(one.call.channel_uuid)]
    one.channel.forget_way_out()  # another agent, or the dialplan, armed some
    scheduler.tasks |= {"90": str(one.call.channel_uuid), "91": str(one.call.channel_uuid)}
    renew_way_out(one.context)
    assert len(scheduler.tasks) == 1
    assert scheduler.fewest == 1


def test_a_renewal_is_one_write() -> None:
    one = OneCall()
    for _ in range(2):
        renew_way_out(one.context)
    assert [len(write) for write in one.switch.writes] == [4, 2]


def test_no_call_waits_for_another() -> None:
    """Every answer comes once all have asked: one after another none would ever come."""
    asked: list[tuple[str, ...]] = []
    all_asked = gevent.event.Event()

    def answer(*commands: str) -> list[str]:
        asked.append(commands)
        if len(asked) == CALLS:
            all_asked.set()
        assert all_asked.wait(DEADLINE_S)
        return ["+OK Added: 7" for _ in commands]

    calls = [on(OneCall(), answer) for _ in range(CALLS)]
    with gevent.Timeout(DEADLINE_S):
        renew_way_outs([one.context for one in calls])
    assert len(asked) == CALLS
    assert all(one.channel._way_out == "7" for one in calls)


def test_a_call_whose_answer_is_late_holds_up_neither_the_others_nor_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("controlplane.bridge.calls.way_out.ROUND_S", 0.01)
    late, renewed = gevent.event.Event(), list[str]()

    def hang(*commands: str) -> list[str]:
        renewed.append("hangs")
        late.wait(DEADLINE_S)
        return ["+OK Added: 7" for _ in commands]

    hanging, other = on(OneCall(), hang), OneCall()
    for _ in range(3):
        renew_way_outs([hanging.context, other.context])
    assert renewed == ["hangs"], "the next rounds leave it to the one that waits"
    assert len(other.switch.writes) == 3
    late.set()
    while hanging.call.way_out.locked():
        gevent.idle()
    renew_way_outs([hanging.context])
    assert renewed == ["hangs", "hangs"]


@pytest.mark.parametrize("error", [None, EslTimeout("no answer"), RuntimeError("unforeseen")])
def test_whatever_goes_wrong_the_next_calls_turn_comes(error: Exception | None) -> None:
    renewed: list[str] = []

    def answer(*commands: str) -> list[str]:
        renewed.append("asked")
        if error is not None:
            raise error
        return ["+OK Added: 7" for _ in commands]

    one = on(OneCall(), answer)
    for _ in range(2):
        renew_way_out(one.context)
    assert renewed == ["asked", "asked"]


class Margin:
    """A margin, and the clock it is measured by."""

    def __init__(self) -> None:
        self.now = 1_795_000_000.15
        self.margin = WayOutMargin(SwitchClock(lambda: self.now))


def test_what_is_put_off_a_second_later_had_most_of_a_second_left() -> None:
    it = Margin()
    due = it.margin.due(WAY_OUT_S)
    it.now += 1.0
    it.margin.put_off(due)
    assert it.margin.least_s() == pytest.approx(0.85)


def test_the_least_of_the_last_minute_is_told_and_then_forgotten() -> None:
    it = Margin()
    assert it.margin.least_s() is None
    for late_s in (1.0, 1.8, 1.0):
        due = it.margin.due(WAY_OUT_S)
        it.now += late_s
        it.margin.put_off(due)
    assert it.margin.least_s() == pytest.approx(0.05)
    assert it.margin.least_s(1) == pytest.approx(0.05)
    it.now += 70.0
    it.margin.put_off(it.now + 0.85)
    assert it.margin.least_s() == pytest.approx(0.85)


def test_nothing_is_told_of_one_that_somebody_else_armed() -> None:
    one = OneCall()
    renew_way_out(one.context)
    assert one.margin.least_s() is None
    renew_way_out(one.context)
    assert one.margin.least_s() is not None
    fresh = OneCall()
    renew_way_out(fresh.context)
    fresh.channel.forget_way_out()
    renew_way_out(fresh.context)
    assert fresh.margin.least_s() is None


def test_a_call_that_is_nobodys_to_keep_is_left_alone() -> None:
    one = OneCall()
    one.call.becomes(CallState.WAY_OUT)
    renew_way_out(one.context)
    assert one.switch.writes == []
