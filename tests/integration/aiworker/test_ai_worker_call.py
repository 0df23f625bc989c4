"""A worker serves a call: bridge protocol, Realtime simulator, Postgres and Redis over sockets."""

import pytest
from redis.asyncio import Redis

from aiworker.simulator.brain import Call, Say
from aiworker.simulator.hearing import Hearing
from aiworker.simulator.journal import ClientEvent, Truncated
from controlplane.contracts.hangup_causes import CallOutcome
from controlplane.contracts.media import QUEUED_AHEAD_MS
from controlplane.contracts.messages import (
    Clear,
    Hangup,
    OrderPlaced,
    Transfer,
    TransferFailed,
    TurnEnded,
    UsageReported,
)
from controlplane.local.demo.restaurant import seed_demo
from tests.accounts import SECRETS
from tests.integration.ai_worker_bridge import CALLER_SOUNDS, Stage
from tests.integration.realtime_steps import Step

pytestmark = pytest.mark.integration

ORDER: tuple[Step, ...] = (
    [Call.of("add_item", dish="margherita", quantity=2, options=["fine"])],
    [Call.of("read_back")],
    [Say("Deux Margherita. C'est bien cela ?", 600)],
    [Call.of("place_order", customer_name="Martin")],
    [Say("Votre commande est enregistrée. Au revoir !", 600), Call.of("hang_up")],
)


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


async def test_an_order_is_placed_said_and_recorded(stage: Stage) -> None:
    """1 the caller orders, 2 hears it read back, 3 confirms, 4 hears the goodbye to its end."""
    bridge = stage.bridge()
    async with stage.play(*ORDER), bridge.call(greeting="playing"):
        await bridge.end_greeting()
        bridge.say("d_accord")
        await bridge.hears_all(600)
        bridge.say("oui_c_est_bien_ca")
        hangup = await bridge.request(Hangup)
        await bridge.hears_all(1_200)
    assert hangup.outcome is CallOutcome.ORDER
    assert stage.orders() == [(1, 1_900, "Martin", "+33639980123")]
    assert bridge.heard_frames() == list(range(60))
    events = await stage.events()
    turns = [event for event in events if isinstance(event, TurnEnded)]
    assistant = [turn for turn in turns if turn.role == "agent"]
    assert [turn.heard_ms for turn in assistant] == [600, 600]
    assert [turn.text for turn in turns if turn.role == "caller"][1] == "Oui, c'est bien ça."
    assert [turn.tool_name for turn in turns if turn.role == "tool"] == [
        "add_item", "read_back", "place_order", "hang_up",
    ]  # fmt: skip
    assert len({turn.position for turn in turns}) == len(turns)
    assert len([event for event in events if isinstance(event, OrderPlaced)]) == 1
    (usage,) = (event for event in events if isinstance(event, UsageReported))
    assert usage.output_audio_tokens == 1_200 // 50


async def test_an_order_is_not_placed_before_it_was_heard_and_answered(stage: Stage) -> None:
    steps: tuple[Step, ...] = (
        [Call.of("add_item", dish="margherita")],
        [Call.of("place_order")],
        [Call.of("read_back")],
        [Say("Une Margherita. C'est bien cela ?", 600), Call.of("place_order")],
        [Say("C'est bien cela ?", 200)],
    )
    bridge = stage.bridge()
    async with stage.play(*steps) as realtime, bridge.call():
        bridge.say("d_accord")
        await bridge.hears_all(800)
    assert stage.orders() == []
    created = [str(entry.event) for entry in realtime.journal.of(ClientEvent)]
    outputs = [event for event in created if "function_call_output" in event]
    assert "read_back_needed" in outputs[1], "it was not read back"
    assert "read_back_needed" in outputs[3], "it was not heard yet"


async def test_speech_is_paced(stage: Stage) -> None:
    bridge = stage.bridge()
    async with stage.play([Say("…", 2_000)]), bridge.call():
        bridge.say("d_accord")
        await bridge.hears_all(2_000)
    assert bridge.heard_frames() == list(range(100))
    ahead = [played.ends - played.arrived for played in bridge.chunks]
    assert max(ahead) <= (QUEUED_AHEAD_MS + 20) / 1_000
    gaps = [b.starts - a.ends for a, b in zip(bridge.chunks, bridge.chunks[1:], strict=False)]
    assert max(gaps) < 0.001


async def test_the_caller_interrupts_and_the_model_knows_what_was_heard(stage: Stage) -> None:
    """1 the assistant speaks, 2 the caller does too, 3 silence, 4 truncated where it was heard."""
    bridge = stage.bridge()
    steps: tuple[Step, ...] = (
        [Say("Un long discours que personne n'écoute.", 6_000)],
        [Say("Oui ?", 200)],
    )
    async with stage.play(*steps) as realtime, bridge.call():
        bridge.say("d_accord")
        await bridge.hears(600)
        bridge.say("finalement_un_coca")
        await bridge.request(Clear)
        heard = len(bridge.heard) // 16
        item = bridge.chunks[0].chunk.item
        await bridge.until(lambda: bridge.chunks[-1].chunk.item != item)
        await bridge.hears_all(heard + 200)
    (truncated,) = realtime.journal.of(Truncated)
    assert (truncated.item_id, truncated.accepted) == (item, True)
    assert truncated.audio_end_ms == bridge.heard_ms(item)
    assert bridge.heard_frames()[: heard // 20] == list(range(heard // 20))
    turns = [e for e in await stage.events() if isinstance(e, TurnEnded) and e.role == "agent"]
    assert turns[0].heard_ms == truncated.audio_end_ms
    assert len(turns[0].text) < len("Un long discours que personne n'écoute.")


async def test_a_backchannel_does_not_interrupt(stage: Stage) -> None:
    """1 the assistant speaks, 2 "mmh", 3 a pause, 4 the assistant goes on from the same frame."""
    bridge = stage.bridge()
    async with stage.play([Say("Voici ce que je vous propose.", 3_000)]), bridge.call():
        bridge.say("d_accord")
        await bridge.hears(600)
        bridge.say("mmh")
        await bridge.request(Clear)
        await bridge.hears_all(3_000)
    assert bridge.heard_frames() == list(range(150))


async def test_stop_interrupts_however_short(stage: Stage) -> None:
    bridge = stage.bridge()
    steps: tuple[Step, ...] = ([Say("Un discours.", 5_000)], [Say("Pardon.", 200)])
    async with stage.play(*steps) as realtime, bridge.call():
        bridge.say("d_accord")
        await bridge.hears(600)
        bridge.say("stop")
        first = bridge.chunks[0].chunk.item
        await bridge.until(lambda: bridge.chunks[-1].chunk.item != first)
    assert len(realtime.journal.of(Truncated)) == 1


async def test_a_caller_who_says_nothing_is_invited_to(stage: Stage) -> None:
    bridge = stage.bridge()
    async with stage.play([Say("Je vous écoute.", 400)]), bridge.call():
        await bridge.hears_all(400)


async def test_the_greeting_is_not_spoken_over(stage: Stage) -> None:
    """What the caller says over the greeting's end is heard; the assistant waits for that end."""
    bridge = stage.bridge()
    async with stage.play([Say("Bien.", 200)]) as realtime, bridge.call(greeting="playing"):
        bridge.say("d_accord")
        await bridge.said()
        assert not bridge.chunks
        assert not [e for e in realtime.journal.of(ClientEvent) if "append" in e.type]
        await bridge.end_greeting()
        await bridge.hears_all(200)


async def test_a_transfer_that_nobody_takes_brings_the_caller_back(stage: Stage) -> None:
    steps: tuple[Step, ...] = (
        [Say("Je vous passe le restaurant.", 300), Call.of("transfer_to_human")],
        [Say("Personne ne répond.", 200)],
    )
    bridge = stage.bridge()
    async with stage.play(*steps), bridge.call():
        bridge.say("parler_a_quelqu_un")
        transfer = await bridge.request(Transfer)
        assert transfer.reason == "asked"
        assert bridge.heard_frames() == list(range(15)), "the words before it were heard"
        await bridge.tell(TransferFailed(cause="NO_ANSWER"))
        await bridge.hears_all(500)


async def test_another_worker_resumes_with_the_cart(stage: Stage) -> None:
    """1 the caller orders, 2 the worker is gone, 3 another one has the cart and says so."""
    bridge = stage.bridge()
    steps: tuple[Step, ...] = ([Call.of("add_item", dish="calzone")], [Say("C'est noté.", 200)])
    async with stage.play(*steps):
        async with bridge.call():
            bridge.say("d_accord")
            await bridge.hears_all(200)
    resumed: tuple[Step, ...] = (
        [Say("Reprenons.", 200), Call.of("read_back")],
        [Say("Une calzone ?", 200)],
    )
    async with stage.play(*resumed, worker_id="worker-other") as realtime:
        async with bridge.call(resumed=True):
            await bridge.hears_all(600)
    told = [str(e.event) for e in realtime.journal.of(ClientEvent) if e.type.endswith("create")]
    assert any("reprenons" in event for event in told)
    assert any("ligne 1 : une Calzone" in event for event in told)
    (read_back,) = (event for event in told if "function_call_output" in event)
    assert "12" in read_back
    assert "1250" in read_back
