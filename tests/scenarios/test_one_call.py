"""The main job, on the switch found: a caller dials, orders, interrupts, confirms."""

import asyncio
import time
from pathlib import Path
from typing import TypeVar

import psycopg
import pytest

from controlplane.contracts.hangup_causes import CallOutcome
from controlplane.contracts.media import L16_BYTES_PER_MS
from controlplane.contracts.messages import (
    AgentConnected,
    CallEnded,
    DisclosurePlayed,
    OrderPlaced,
    TurnEnded,
)
from controlplane.database import libpq_url
from controlplane.local.bench.measures import CODES, heard_error_ms, heard_frames
from controlplane.local.demo.caller import CALLER_NUMBER, CALLER_SOUNDS, Ear, call_and_order, speech
from controlplane.local.demo.demo import SPOKEN_ORDER, placed_order
from controlplane.local.demo.journal import read_journal
from controlplane.local.demo.stack import RESTAURANT_PHONE, Stack
from controlplane.local.demo.transcript import LiveTranscript
from freeswitch.telephone.dialog import CallEnd, Dialog
from freeswitch.telephone.phone import Phone
from tests.scenarios.listening import (
    LONGEST_SILENCE_S,
    longest_silence_s,
    until_assistant_speaks,
)
from tests.waiting import DEADLINE_S, elapse, until

pytestmark = pytest.mark.scenario

T = TypeVar("T")

SWITCH_CLOCK_S = 0.5
"""FreeSWITCH looks at what it has scheduled this often."""


def recorded_call(stack: Stack, call_id: object) -> tuple[str, int, bool] | None:
    """Outcome, turns, disclosure of a call whose end was recorded."""
    with psycopg.connect(libpq_url(stack.address.database_url)) as database:
        row = database.execute(
            "SELECT outcome, disclosure_played_at IS NOT NULL,"
            " (SELECT count(*) FROM call_turn WHERE call_id = call.id)"
            " FROM call WHERE id = %s AND ended_at IS NOT NULL",
            [call_id],
        ).fetchone()
    return (row[0], row[2], row[1]) if row else None


def all_heard(stack: Stack, dialog: Dialog, *, since: float) -> bool:
    """Whether the caller has heard every frame that the model has said since."""
    journal = read_journal(Path(stack.address.journal or ""), since=since)
    said = {
        (entry.fields["first_frame"] + n) % CODES
        for entry in journal
        if entry.kind == "AudioSent"
        for n in range(entry.fields["frames"])
    }
    return said <= {frame.code for frame in heard_frames(dialog.received)}


def speech_s(recording: str) -> float:
    """How long the caller themselves speaks."""
    return len(speech(recording)) / (1_000 * L16_BYTES_PER_MS)


def transcript_of(recording: str) -> str:
    """The words of a recording."""
    return (CALLER_SOUNDS / f"{recording}.txt").read_text(encoding="utf-8").strip()


@pytest.mark.real_time("an interruption is truncated to 20 ms of what was heard")
async def test_caller_orders_interrupts_and_confirms(stack: Stack) -> None:
    """
    1. The caller dials; the greeting plays; a worker is connected meanwhile.
    2. Two dishes, one with an option. The caller cuts the agent short to add a drink.
    3. The agent reads the order back; the caller confirms; the agent says goodbye and hangs up.
    4. Postgres holds the order that was spoken, once, and the call's record.
    """
    began = time.monotonic()
    with LiveTranscript(stack.address.redis_url, show=None) as transcript:
        played = await call_and_order(stack.address.dial_uri)
        ended = await until(
            lambda: next((e for e in transcript.events if isinstance(e, CallEnded)), None),
            deadline_s=DEADLINE_S,
        )
    assert played.end is CallEnd.REMOTE_HANGUP
    order = placed_order(stack.address.database_url, ended.call_id)
    assert order is not None
    assert sorted(order.lines) == sorted(SPOKEN_ORDER)
    assert order.total_cents == 950 + 150 + 1_250 + 250
    assert [e.order_id for e in transcript.events if isinstance(e, OrderPlaced)] == [order.order_id]

    outcome, turns, disclosed = await until(
        lambda: recorded_call(stack, ended.call_id), deadline_s=DEADLINE_S
    )
    assert (outcome, disclosed) == (CallOutcome.ORDER, True)
    assert turns >= 8

    heard = heard_frames(played.frames)
    journal = read_journal(Path(stack.address.journal or ""), since=began)
    assert not [entry for entry in journal if entry.kind == "ScriptLost"]
    errors = heard_error_ms(journal, heard)
    assert errors, "the interruption was not truncated"
    assert max(errors) <= 20


async def test_caller_hangs_up_during_the_greeting(stack: Stack) -> None:
    """
    1. The caller dials and hangs up one second into the greeting.
    2. The call is recorded without disclosure, the worker free for the next one.
    """
    with LiveTranscript(stack.address.redis_url, show=None) as transcript:
        async with Phone() as phone:
            dialog = await phone.call(stack.address.direct_uri, from_number=CALLER_NUMBER)
            await elapse(1.0, because="the caller listens to a second of the greeting")
            await dialog.hangup()
        ended = await until(
            lambda: next((e for e in transcript.events if isinstance(e, CallEnded)), None),
            deadline_s=DEADLINE_S,
        )
    outcome, _, disclosed = await until(
        lambda: recorded_call(stack, ended.call_id), deadline_s=DEADLINE_S
    )
    assert not disclosed
    assert outcome in {CallOutcome.INFORMATION, CallOutcome.ABANDONED}


@pytest.mark.real_time("a caller's silence while a worker starts is measured")
async def test_no_worker_is_there(stack: Stack) -> None:
    """
    1. No worker runs. The caller hears the greeting, then "tous nos agents sont occupés", a tone.
    2. A worker starts; the tone goes on until the agent speaks, and the caller is answered.
    3. At no moment was there silence of more than three seconds.
    """
    stack.kill("ai-worker")
    with LiveTranscript(stack.address.redis_url, show=None) as transcript:
        async with Phone() as phone:
            dialog = await phone.call(stack.address.direct_uri, from_number=CALLER_NUMBER)
            await elapse(12.0, because="the caller waits into the busy message")
            assert not [e for e in transcript.events if isinstance(e, AgentConnected)]
            await asyncio.to_thread(stack.launch_again, "ai-worker")
            await until(
                lambda: next((e for e in transcript.events if isinstance(e, AgentConnected)), None),
                deadline_s=DEADLINE_S,
            )
            await until_assistant_speaks(dialog, since=dialog.answered_at or 0.0)
            spoken_to_at = time.monotonic()
            await Ear(dialog).wait_for_turn_over()
            await dialog.play(speech("qu_avez_vous_comme_pizzas"))
            asked_at = time.monotonic()
            await until_assistant_speaks(dialog, since=asked_at)
            await dialog.hangup()
    assert dialog.answered_at is not None
    silence = longest_silence_s(dialog.received, since=dialog.answered_at, until=spoken_to_at)
    assert silence <= LONGEST_SILENCE_S


@pytest.mark.real_time("a caller's silence while two processes start is measured")
async def test_worker_dies_mid_order(stack: Stack) -> None:
    """
    1. The caller has ordered two margheritas and a coke when the worker is killed.
    2. "Un instant, s'il vous plaît", then another worker, which has the cart.
    3. The caller says that is all, confirms, and the order is what was said before the crash.
    """
    with LiveTranscript(stack.address.redis_url, show=None) as transcript:
        async with Phone() as phone:
            dialog = await phone.call(stack.address.direct_uri, from_number=CALLER_NUMBER)
            ear = Ear(dialog)
            await ear.wait_for_turn_over()
            await dialog.play(speech("deux_margherita_un_coca"))
            await ear.wait_for_turn_over()
            killed_at = time.monotonic()
            stack.kill("ai-worker")
            await asyncio.to_thread(stack.launch_again, "ai-worker")
            await until(
                lambda: (
                    found
                    if len(found := [e for e in transcript.events if isinstance(e, AgentConnected)])
                    == 2
                    else None
                ),
                deadline_s=DEADLINE_S,
            )
            await until_assistant_speaks(dialog, since=killed_at)
            await ear.wait_for_turn_over()
            resumed_at = time.monotonic()
            for line in ("non_merci_c_est_tout", "oui_c_est_bien_ca"):
                await dialog.play(speech(line))
                await ear.wait_for_turn_over()
            await dialog.hangup()
        ended = await until(
            lambda: next((e for e in transcript.events if isinstance(e, CallEnded)), None),
            deadline_s=DEADLINE_S,
        )
    order = placed_order(stack.address.database_url, ended.call_id)
    assert order is not None
    assert sorted(order.lines) == [("Coca-Cola 33 cl", 1, ()), ("Margherita", 2, ())]
    assert (
        longest_silence_s(dialog.received, since=killed_at, until=resumed_at) <= LONGEST_SILENCE_S
    )


async def test_agent_restarts_with_a_call_in_progress(stack: Stack) -> None:
    """
    1. The assistant is answering when the bridge agent is killed, and started again after the
       dialplan has taken the call: the caller hears "un instant" and the waiting tone.
    2. The call is resumed: what of the answer was lost is said again, every frame of it. The same
       worker hears the next question and is heard answering it.
    3. At no moment was there silence of more than three seconds and a half.
    """
    with LiveTranscript(stack.address.redis_url, show=None) as transcript:
        async with Phone() as phone:
            dialog = await phone.call(stack.address.direct_uri, from_number=CALLER_NUMBER)
            ear = Ear(dialog)
            await ear.wait_for_turn_over()
            await dialog.play(speech("margherita_mozzarella_quatre_fromages"))
            ordered_at = time.monotonic()
            await ear.wait_for_speech(for_ms=500)
            killed_at = time.monotonic()
            stack.kill("bridge-agent")
            await ear.wait_for_turn_over()
            await asyncio.to_thread(stack.launch_again, "bridge-agent")
            await until(lambda: "call_resumed" in stack.processes["bridge-agent"].log_tail())
            back_at = time.monotonic()
            await until(lambda: all_heard(stack, dialog, since=ordered_at))
            await until(lambda: not ear.speaking)
            await dialog.play(speech("finalement_un_coca"))
            asked_at = time.monotonic()
            await until_assistant_speaks(dialog, since=asked_at)
            answered_in = time.monotonic() - asked_at
            await dialog.hangup()
        await until(
            lambda: next((e for e in transcript.events if isinstance(e, CallEnded)), None),
            deadline_s=DEADLINE_S,
        )
    assert len([e for e in transcript.events if isinstance(e, AgentConnected)]) == 1
    assert answered_in < LONGEST_SILENCE_S
    silence = longest_silence_s(dialog.received, since=killed_at, until=back_at)
    assert silence <= LONGEST_SILENCE_S + SWITCH_CLOCK_S


@pytest.mark.real_time("a caller's silence is measured, and speech is told from silence")
async def test_realtime_is_gone_mid_call(stack: Stack) -> None:
    """
    1. The model's server dies while the caller talks, and refuses every connection after that.
    2. "Un instant", then the restaurant's own phone is rung; nobody answers; goodbye.
    3. At no moment was there silence of more than three seconds.
    """
    async with Phone() as phone:
        dialog = await phone.call(stack.address.direct_uri, from_number=CALLER_NUMBER)
        ear = Ear(dialog)
        await ear.wait_for_turn_over()
        await dialog.play(speech("deux_margherita_un_coca"))
        lost_at = time.monotonic()
        stack.kill("realtime-simulator")
        await dialog.wait_ended(deadline_s=60.0)
        assert dialog.end is CallEnd.REMOTE_HANGUP
        assert dialog.ended_at is not None
        silence = longest_silence_s(dialog.received, since=lost_at, until=dialog.ended_at)
    assert silence <= LONGEST_SILENCE_S


async def test_caller_asks_for_a_human(stack: Stack) -> None:
    """
    1. The caller asks to speak to somebody; the restaurant's own phone rings.
    2. It is answered: the two hear each other, no worker listens any more.
    3. The restaurant hangs up, and so does the bridge; the call is recorded as transferred.
    """
    if stack.switch.add_phone is None:
        pytest.skip("the simulator's carrier rings nobody: this needs a real FreeSWITCH")
    with LiveTranscript(stack.address.redis_url, show=None) as transcript:
        async with Phone() as restaurant, Phone() as phone:
            address = restaurant.uri.rpartition("@")[2]
            await asyncio.to_thread(stack.switch.add_phone, RESTAURANT_PHONE, address)
            ringing = asyncio.create_task(restaurant.listen(deadline_s=40.0, rings_s=1.0))
            dialog = await phone.call(stack.address.direct_uri, from_number=CALLER_NUMBER)
            ear = Ear(dialog)
            await ear.wait_for_turn_over()
            asked_at = time.monotonic()
            await dialog.play(speech("parler_a_quelqu_un"))
            human = await ringing
            assert human.invite is not None
            assert CALLER_NUMBER.removeprefix("+33") not in human.invite.headers.required("From")
            at_the_restaurant = Ear(human)
            await dialog.play(speech("au_nom_de_martin"))
            await at_the_restaurant.wait_for_speech(for_ms=200)
            await human.play(speech("d_accord"))
            await ear.wait_for_speech(for_ms=100)
            answered_at = time.monotonic()
            await human.hangup()
            await dialog.wait_ended(deadline_s=5.0)
        ended = await until(
            lambda: next((e for e in transcript.events if isinstance(e, CallEnded)), None),
            deadline_s=DEADLINE_S,
        )
    assert ended.outcome is CallOutcome.TRANSFERRED
    assert not any(
        isinstance(event, TurnEnded) and "Martin" in event.text for event in transcript.events
    ), "the agent went on listening"
    silence = longest_silence_s(dialog.received, since=asked_at, until=answered_at)
    assert silence <= LONGEST_SILENCE_S + speech_s("parler_a_quelqu_un")


@pytest.mark.real_time("recorded speech is understood as it was spoken, without a gap")
async def test_caller_cannot_wait_for_the_end_of_the_greeting(stack: Stack) -> None:
    """
    1. The caller begins to order while the greeting still plays, and goes on over its end.
    2. The greeting is heard whole; the order is understood from its first word.
    """
    wanted = transcript_of("deux_margherita_un_coca")
    with LiveTranscript(stack.address.redis_url, show=None) as transcript:
        async with Phone() as phone:
            dialog = await phone.call(stack.address.direct_uri, from_number=CALLER_NUMBER)
            await elapse(3.5, because="the caller listens to most of a greeting of 5.2 s")
            await dialog.play(speech("deux_margherita_un_coca"))
            await until(lambda: said(transcript) == wanted, deadline_s=DEADLINE_S)
            await dialog.hangup()
    assert [e for e in transcript.events if isinstance(e, DisclosurePlayed)]


def said(transcript: LiveTranscript) -> str:
    """What the caller was understood to say; a pause of the machine's may make two turns of it."""
    return " ".join(
        event.text
        for event in transcript.events
        if isinstance(event, TurnEnded) and event.role == "caller" and event.text
    )
