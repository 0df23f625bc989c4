"""Realtime that refuses, hangs, closes or lies: the caller hears something within 3 s."""

import time

import pytest
from redis.asyncio import Redis

from aiworker.simulator.brain import Call, Say
from aiworker.simulator.faults import Fault, FaultKind
from aiworker.simulator.hearing import Hearing
from aiworker.simulator.journal import ClientEvent, SessionOpened
from controlplane.contracts.messages import Hold, Transfer
from controlplane.local.demo.restaurant import seed_demo
from tests.accounts import SECRETS
from tests.integration.ai_worker_bridge import CALLER_SOUNDS, FakeBridge, Stage
from tests.integration.realtime_steps import Step
from tests.waiting import stays_true

pytestmark = pytest.mark.integration

SOMETHING_S = 3.0
"""Longest silence a caller is left in."""


@pytest.fixture(scope="module")
def hearing() -> Hearing:
    return Hearing.from_folders([CALLER_SOUNDS])


@pytest.fixture
def stage(database_url: str, redis_url: str, redis: Redis, hearing: Hearing) -> Stage:
    seed_demo(
        database_url,
        registrar="127.0.0.1:5060",
        username="u",
        password="long-enough",
        secrets=SECRETS,
    )
    return Stage(database_url, redis_url, redis, hearing)


async def hears_something(bridge: FakeBridge, *, beyond_ms: int = 0) -> None:
    """More of the assistant's voice than before, "un instant", or the transfer's prompt."""
    await bridge.until(
        lambda: (
            len(bridge.heard) > beyond_ms * 16
            or any(isinstance(request, Hold | Transfer) for request in bridge.requests)
        ),
        seconds=SOMETHING_S,
    )


@pytest.mark.parametrize(
    ("fault", "attempts"),
    [
        (Fault(kind=FaultKind.REFUSE, status=401), 1),
        (Fault(kind=FaultKind.REFUSE, status=503), 2),
        (Fault(kind=FaultKind.AUDIO_FORMAT, format="audio/pcm"), 2),
    ],
)
async def test_a_session_that_cannot_be_had_is_left_to_a_human(
    stage: Stage, fault: Fault, attempts: int
) -> None:
    """A key that is refused is refused again: not tried twice. No other format is ever played."""
    bridge = stage.bridge()
    async with stage.play([Say("…", 200)], faults=[fault]) as realtime, bridge.call():
        transfer = await bridge.request(Transfer, seconds=SOMETHING_S)
        assert realtime.connections == attempts
    assert transfer.reason == "technical"
    assert bridge.chunks == []


@pytest.mark.parametrize("kind", [FaultKind.HANG_ON_CONNECT, FaultKind.NO_SESSION_UPDATED])
async def test_a_server_that_hangs_is_not_waited_for(stage: Stage, kind: FaultKind) -> None:
    bridge = stage.bridge()
    faults = [Fault(kind=kind, connection=1)]
    async with stage.play([Say("Bonjour.", 200)], faults=faults), bridge.call():
        await hears_something(bridge)
        bridge.say("d_accord")
        await bridge.hears_all(200)


async def test_nothing_is_said_over_the_greeting_even_when_realtime_fails(stage: Stage) -> None:
    bridge = stage.bridge()
    refused = Fault(kind=FaultKind.REFUSE, status=401)
    async with stage.play(faults=[refused]) as realtime, bridge.call(greeting="playing"):
        await bridge.until(lambda: realtime.connections)
        await stays_true(lambda: bridge.requests == [], for_s=0.2)
        await bridge.end_greeting()
        await bridge.request(Transfer, seconds=SOMETHING_S)


@pytest.mark.parametrize("code", [1000, 1001, 1011])
async def test_a_session_lost_in_the_middle_goes_on_in_another(stage: Stage, code: int) -> None:
    """1 the caller orders, 2 the session closes as it answers, 3 the next one has the cart."""
    steps: tuple[Step, ...] = ([Say("Reprenons.", 400)],)
    close = Fault(kind=FaultKind.CLOSE, code=code, on="response.create", connection=1)
    bridge = stage.bridge()
    async with stage.play(*steps, faults=[close]) as realtime, bridge.call():
        bridge.say("d_accord")
        await bridge.hears_all(400)
    assert len(realtime.journal.of(SessionOpened)) == 2
    second = realtime.journal.of(SessionOpened)[1].session_id
    told = [e for e in realtime.journal.of(ClientEvent) if e.session_id == second]
    assert "problème technique" in str([entry.event for entry in told])


async def test_a_response_that_never_comes_is_bridged_by_a_word(stage: Stage) -> None:
    """1 the caller asks, 2 nothing comes, 3 "un instant" within 3 s of silence."""
    mute = Fault(kind=FaultKind.MUTE, connection=1)
    bridge = stage.bridge()
    async with stage.play([Say("…", 200)], faults=[mute]) as realtime, bridge.call():
        bridge.say("d_accord")
        await bridge.said()
        asked = time.monotonic()
        await bridge.request(Hold)
        waited = time.monotonic() - asked
        await bridge.until(lambda: len(realtime.journal.of(SessionOpened)) == 2)
        await bridge.hears_all(200)
    assert waited < SOMETHING_S + 0.6, "0.5 s is the detector's own silence"


async def test_malformed_tool_arguments_are_asked_for_again(stage: Stage) -> None:
    steps: tuple[Step, ...] = (
        [Call("add_item", '{"dish": "marg')],
        [Call.of("add_item", dish="margherita", price_cents=1)],
        [Call.of("add_item", dish="ratatouille")],
        [Call.of("add_item", dish="margherita")],
        [Say("C'est noté.", 200)],
    )
    bridge = stage.bridge()
    async with stage.play(*steps) as realtime, bridge.call():
        bridge.say("d_accord")
        await bridge.hears_all(200)
    events = [str(entry.event) for entry in realtime.journal.of(ClientEvent)]
    outputs = [event for event in events if "function_call_output" in event]
    assert "malformed_arguments" in outputs[0]
    assert "les prix viennent de la carte" in outputs[1]
    assert "unknown_dish" in outputs[2]
    assert '"total_cents":950' in outputs[3].replace("\\", "")


@pytest.mark.parametrize(
    "fault",
    [
        Fault(kind=FaultKind.ERROR, error_code="server_error", on="response.create"),
        Fault(kind=FaultKind.UNKNOWN_EVENT, on="response.create"),
        Fault(kind=FaultKind.DONE_WITHOUT_CREATED, times=1),
        Fault(kind=FaultKind.TRANSCRIPTION_FAILED),
        Fault(kind=FaultKind.USAGE_NULL),
        Fault(kind=FaultKind.RESPONSE_FAILED, times=1),
    ],
    ids=lambda fault: str(fault.kind),
)
async def test_one_error_does_not_make_the_agent_mute(stage: Stage, fault: Fault) -> None:
    steps: tuple[Step, ...] = ([Say("Bien.", 200)], [Say("Très bien.", 200)], [Say("Oui.", 200)])
    bridge = stage.bridge()
    async with stage.play(*steps, faults=[fault]) as realtime, bridge.call():
        bridge.say("d_accord")
        await bridge.until(
            lambda: any(e.type == "response.create" for e in realtime.journal.of(ClientEvent))
        )
        await hears_something(bridge)
        await bridge.until(lambda: not bridge.playing)
        heard = len(bridge.heard) // 16
        bridge.say("d_accord")
        await bridge.hears_all(heard + 200)


async def test_a_false_alarm_resumes_on_the_same_frame(stage: Stage) -> None:
    false = Fault(kind=FaultKind.FALSE_SPEECH_STARTED, after_ms=1_200, ms=300)
    bridge = stage.bridge()
    async with stage.play([Say("Voici la carte.", 2_000)], faults=[false]), bridge.call():
        bridge.say("d_accord")
        await bridge.hears_all(2_000)
    assert bridge.heard_frames() == list(range(100))
    assert len(bridge.cleared_at) == 1


async def test_what_a_dead_response_still_sends_is_not_heard(stage: Stage) -> None:
    late = Fault(kind=FaultKind.LATE_DELTAS, count=20)
    slow = Fault(kind=FaultKind.STALL, ms=1_500, times=1)
    steps: tuple[Step, ...] = ([Say("Un long discours.", 6_000)], [Say("Oui ?", 200)])
    bridge = stage.bridge()
    async with stage.play(*steps, faults=[late, slow]), bridge.call():
        bridge.say("d_accord")
        await bridge.hears(200)
        bridge.say("finalement_un_coca")
        first = bridge.chunks[0].chunk.item
        await bridge.until(lambda: bridge.chunks[-1].chunk.item != first)
        heard = bridge.heard_ms(first)
        await bridge.hears_all(heard + 200)
    assert bridge.heard_frames()[heard // 20 :][0] != heard // 20
    assert bridge.heard_ms(first) == heard
