"""A bridge takes as many calls as its cores carry, and no more than it has while it strains; it
says so to FreeSWITCH when it changes.
"""

import time
from typing import Any, cast

import pytest

from controlplane.bridge.calls.bridge_load import (
    CALM_LOOKS,
    LATE_S,
    LOOK_S,
    STRAINED_LOOKS,
    BridgeLoad,
    CallLimit,
)
from controlplane.bridge.standing_refusal import LAPSES_S
from controlplane.esl.client import EslClient
from controlplane.esl.errors import EslTimeout
from controlplane.esl.event import EslEvent

pytestmark = pytest.mark.unit

MOST = 40

TAKES = ["global_setvar alloresto_calls_refused=false", "sched_del alloresto_calls_refused"]
REFUSES = [
    *TAKES,
    f"sched_api +{LAPSES_S} alloresto_calls_refused {TAKES[0]}",
    "global_setvar alloresto_calls_refused=true",
]
"""It lapses by itself if the agent does not say it again."""


def strain(limit: CallLimit, calls: int, *, looks: int = STRAINED_LOOKS) -> None:
    for _ in range(looks):
        limit.look(calls, strained=True)


def test_at_ease_it_is_what_the_cores_carry() -> None:
    limit = CallLimit(MOST)
    for calls in range(MOST):
        limit.look(calls, strained=False)
    assert limit.now == MOST


def test_one_late_look_changes_nothing() -> None:
    limit = CallLimit(MOST)
    for _ in range(5):
        limit.look(30, strained=True)
        limit.look(30, strained=False)
    assert limit.now == MOST


def test_under_strain_nobody_new_is_taken_and_who_leaves_is_not_replaced() -> None:
    limit = CallLimit(MOST)
    strain(limit, 35)
    assert limit.now == 35
    strain(limit, 31, looks=1)
    assert limit.now == 31


def test_a_strain_that_few_calls_meet_does_not_close_the_bridge() -> None:
    limit = CallLimit(MOST)
    strain(limit, 0)
    assert limit.now == MOST // 4
    single = CallLimit(1)
    strain(single, 0)
    assert single.now == 1


def test_it_recovers_call_by_call() -> None:
    limit = CallLimit(MOST)
    strain(limit, 30)
    for _ in range(CALM_LOOKS * 3):
        limit.look(30, strained=False)
    assert limit.now == 33
    for _ in range(CALM_LOOKS * MOST):
        limit.look(30, strained=False)
    assert limit.now == MOST


class Bridge:
    """A bridge's load, with a switch that keeps what it is told and a clock of its own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.calls, self.connected = 1_000.0, 0, True
        self.on_their_way_out = 0
        self.silent_s = 0.0
        self.margin: float | None = None
        self.told: list[str] = []
        self.handlers: dict[str, Any] = {}
        monkeypatch.setattr(time, "monotonic", lambda: self.now)
        self.load = BridgeLoad(
            esl=cast("EslClient", self),
            most=MOST,
            calls=lambda: self.calls,
            everybody=lambda: self.calls + self.on_their_way_out,
            margin_s=lambda _: self.margin,
        )
        self.load.subscribe()

    def api(self, command: str) -> str:
        self.told.append(command)
        return "+OK"

    def api_together(self, *commands: str) -> list[str]:
        answers = [self.api(command) for command in commands]
        self.now += self.silent_s
        if self.silent_s:
            raise EslTimeout
        return answers

    def on(self, name: str, handler: Any) -> None:
        self.handlers[name] = handler

    def look(self, *, late_s: float = 0.0) -> list[str]:
        """What it says to FreeSWITCH at its next look."""
        self.told.clear()
        self.now += LOOK_S + late_s
        self.load.look()
        return list(self.told)


@pytest.fixture
def bridge(monkeypatch: pytest.MonkeyPatch) -> Bridge:
    return Bridge(monkeypatch)


def test_freeswitch_is_told_at_first_and_when_it_changes(bridge: Bridge) -> None:
    assert bridge.look() == ["fsctl max_sessions 90", *TAKES]
    assert bridge.look() == []
    bridge.calls = MOST
    assert bridge.look() == REFUSES
    assert bridge.look() == []
    bridge.calls -= 1
    assert bridge.look() == TAKES
    bridge.load.connected()
    assert bridge.look()[1:] == TAKES, "it may be another FreeSWITCH"


def test_callers_on_their_way_out_are_not_counted_but_for_freeswitchs_sessions(
    bridge: Bridge,
) -> None:
    """At its own bound FreeSWITCH would say 503, and to come again in five minutes."""
    bridge.calls, bridge.on_their_way_out = MOST // 2, MOST // 2
    assert bridge.look()[1:] == TAKES
    bridge.on_their_way_out = MOST
    assert bridge.look() == REFUSES
    bridge.on_their_way_out -= 1
    assert bridge.look() == TAKES


def test_a_refusal_is_said_again_before_it_lapses(bridge: Bridge) -> None:
    bridge.look()
    bridge.calls = MOST
    told = [bridge.look() for _ in range(int(LAPSES_S / LOOK_S))]
    assert told.count(REFUSES) >= 3
    assert all(commands in ([], REFUSES) for commands in told)


def test_what_was_not_answered_is_told_again_and_the_wait_for_it_is_no_strain_of_ours(
    bridge: Bridge,
) -> None:
    bridge.look()
    bridge.calls, bridge.silent_s = MOST, 5.0
    for _ in range(STRAINED_LOOKS + 1):
        with pytest.raises(EslTimeout):
            bridge.look()
    assert bridge.load.limit.now == MOST
    bridge.calls, bridge.silent_s = MOST - 1, 0.0
    assert bridge.look()[1:] == TAKES, "nobody knows what it has heard of"


def test_a_call_that_arrives_is_looked_at_at_once(bridge: Bridge) -> None:
    bridge.look()
    bridge.told.clear()
    bridge.calls = MOST
    bridge.handlers["CHANNEL_ANSWER"](EslEvent({}))
    assert bridge.load._changed.is_set()
    bridge.load.look()
    assert bridge.told == REFUSES


@pytest.mark.parametrize("sign", ["late", "margin", "idle"])
def test_every_sign_of_strain_counts(bridge: Bridge, sign: str) -> None:
    bridge.look()
    bridge.calls = 30
    late_s = 0.0
    match sign:
        case "late":
            late_s = LATE_S * 2
        case "margin":
            bridge.margin = 0.1
        case "idle":
            for _ in range(2):
                bridge.handlers["HEARTBEAT"](EslEvent({"Idle-CPU": "1.500000"}))
    told = [bridge.look(late_s=late_s) for _ in range(STRAINED_LOOKS)]
    assert told[-1] == REFUSES


def test_signs_of_a_bridge_at_ease_are_none(bridge: Bridge) -> None:
    bridge.calls, bridge.margin = MOST - 1, 0.85
    bridge.look()
    for idle in ("40.000000", "0.000000"):  # one busy second
        bridge.handlers["HEARTBEAT"](EslEvent({"Idle-CPU": idle}))
    assert not any(bridge.look(late_s=0.01) for _ in range(10))
    assert bridge.load.limit.now == MOST


def test_without_freeswitch_it_only_looks(bridge: Bridge) -> None:
    bridge.connected = False
    assert bridge.look() == []
