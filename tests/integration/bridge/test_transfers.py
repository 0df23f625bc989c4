"""Callers are handed only to humans the restaurant lists, and only to one who takes them.

On the simulator, and on the real FreeSWITCH where one is found.
"""

import asyncio
import json
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import pytest

from controlplane.contracts import redis_keys
from controlplane.contracts.call_requests import EndCall, PutThrough, RequestRefusal
from controlplane.contracts.hangup_causes import CallOutcome
from controlplane.contracts.messages import (
    EndWanted,
    HandOverWanted,
    Hangup,
    Started,
    TakeMessage,
    Transfer,
    TransferFailed,
)
from controlplane.restaurants.call_errors import BridgeSilent, CallRefused
from controlplane.restaurants.call_requests import ask_bridge
from freeswitch.telephone.dialog import CallEnd, Dialog
from freeswitch.telephone.phone import CallCancelled, Phone
from tests.integration.bridge_under_test import (
    BRIDGE_ID,
    CALLER_NUMBER,
    Stream,
    codes,
    prompts,
    until_heard,
)
from tests.integration.overflow_site import OverflowSite, site_of_a_module, until_beep
from tests.integration.switch_under_test import heard, tone
from tests.scenarios.listening import LONGEST_SILENCE_S, longest_silence_s
from tests.waiting import DEADLINE_S, stays_true, until

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

GATEWAY = "chez-luigi-3f9a1c2b"
MANAGER = "+33199004321"
COUNTER = "+33199008765"
CALLER_HZ, HUMAN_HZ = 300, 400
RING_S, ACCEPT_S = 12, 5
"""So long it rings here, and so long who picked up may look for the key."""
HURRIED = f"""
from controlplane.bridge.calls import channel
channel.RING_S, channel.ACCEPT_S = {RING_S}, {ACCEPT_S}
"""
PROMPT_CUT_S = 1.0
"""The recorded "un instant" is that much longer than the test's."""


site = site_of_a_module(GATEWAY, setup=HURRIED)


async def target(site: OverflowSite, number: str, mode: str, *, of: UUID | None = None) -> UUID:
    """One entry of the allow-list, known to the agent."""
    target_id = uuid4()
    await site.change_policies(
        "INSERT INTO transfer_target (id, restaurant_id, name, phone_e164, mode, position)"
        " VALUES (%s, %s, 'le gérant', %s, %s, 0)"
        " ON CONFLICT (restaurant_id, phone_e164)"
        " DO UPDATE SET id = excluded.id, mode = excluded.mode",
        *(target_id, of or site.restaurant_id, number, mode),
    )
    return target_id


def no_way_out(dialog: Dialog) -> bool:
    """The caller has heard nothing of what plays when nobody can serve them."""
    return not {"busy", "leave_message"} & set(prompts(dialog))


@asynccontextmanager
async def asking(
    site: OverflowSite, phone: Phone, target_id: UUID | None
) -> AsyncIterator[tuple[Dialog, Stream]]:
    """A call whose worker has asked for this transfer."""
    async with site.talking(phone) as (dialog, stream):
        await stream.ask(Transfer(reason="asked", target_id=target_id))
        yield dialog, stream


async def hears(dialog: Dialog, hertz: int, *, since: float = 0.0) -> None:
    await until(
        lambda: hertz in [h for h, ms in heard([f for f in dialog.received if f.at >= since])]
    )


async def back_with_the_agent(dialog: Dialog, stream: Stream) -> TransferFailed:
    failed = await stream.message(TransferFailed)
    await stream.speak(2_000)
    await until(lambda: 2_004 in codes(dialog))
    return failed


async def start_agent_and_resume(site: OverflowSite) -> None:
    """Return once the new agent has the call; the log holds those of the agents before it."""
    resumed = len(site.bridge.log("call_resumed"))
    await site.start_agent()
    await until(lambda: len(site.bridge.log("call_resumed")) > resumed)


async def test_a_blind_transfer_connects_at_once(site: OverflowSite) -> None:
    target_id = await target(site, COUNTER, "blind")
    site.carrier.refuse(None)
    async with Phone() as phone, asking(site, phone, target_id) as (dialog, stream):
        human = await site.carrier.listen(deadline_s=DEADLINE_S, rings_s=1.0)
        invite = site.carrier.invites[-1]
        assert COUNTER in invite.uri
        assert CALLER_NUMBER.removeprefix("+33") not in str(bytes(invite))
        assert GATEWAY in invite.headers.required("From")
        await stream.connection.wait_closed()
        human.play(tone(HUMAN_HZ, 1_000))
        dialog.play(tone(CALLER_HZ, 1_000))
        await hears(human, CALLER_HZ)
        await hears(dialog, HUMAN_HZ)
        assert "transfer_person" in prompts(dialog)
        await human.hangup()
        assert await dialog.wait_ended(deadline_s=DEADLINE_S) is CallEnd.REMOTE_HANGUP
    assert (await site.ended()).outcome is CallOutcome.TRANSFERRED


async def test_a_warm_transfer_waits_for_the_key(site: OverflowSite) -> None:
    target_id = await target(site, MANAGER, "warm")
    site.carrier.refuse(None)
    async with Phone() as phone, asking(site, phone, target_id) as (dialog, stream):
        asked_at = time.monotonic()
        human = await site.carrier.listen(deadline_s=DEADLINE_S, rings_s=1.0)
        await until_heard(human, "accept_transfer")
        dialog.play(tone(CALLER_HZ, 500))
        human.play(tone(HUMAN_HZ, 500))
        await stays_true(
            lambda: (
                not stream.connection.close_code
                and CALLER_HZ not in [hertz for hertz, _ in heard(human.received)]
                and HUMAN_HZ not in [hertz for hertz, _ in heard(dialog.received)]
            ),
            for_s=0.7,
        )
        await human.send_dtmf("1")
        await stream.connection.wait_closed()
        connected_at = time.monotonic()
        dialog.play(tone(CALLER_HZ, 1_000))
        human.play(tone(HUMAN_HZ, 1_000))
        await hears(human, CALLER_HZ)
        await hears(dialog, HUMAN_HZ)
        await human.hangup()
        await dialog.wait_ended(deadline_s=DEADLINE_S)
    silence = longest_silence_s(dialog.received, since=asked_at, until=connected_at)
    assert silence <= LONGEST_SILENCE_S
    assert (await site.ended()).outcome is CallOutcome.TRANSFERRED


async def test_who_declines_a_warm_transfer_gives_the_caller_back(site: OverflowSite) -> None:
    target_id = await target(site, MANAGER, "warm")
    site.carrier.refuse(None)
    async with Phone() as phone, asking(site, phone, target_id) as (dialog, stream):
        human = await site.carrier.listen(deadline_s=DEADLINE_S)
        await until_heard(human, "accept_transfer")
        await human.hangup()
        failed = await back_with_the_agent(dialog, stream)
    assert failed.cause == "NORMAL_CLEARING"


async def test_a_voicemail_never_gets_the_caller(site: OverflowSite) -> None:
    """It answers, talks over the prompt, and presses nothing."""
    target_id = await target(site, MANAGER, "warm")
    site.carrier.refuse(None)
    async with Phone() as phone, asking(site, phone, target_id) as (dialog, stream):
        asked_at = time.monotonic()
        voicemail = await site.carrier.listen(deadline_s=DEADLINE_S)
        voicemail.play(tone(HUMAN_HZ, 15_000))
        failed = await until(
            lambda: next((m for m in stream.messages if isinstance(m, TransferFailed)), None),
            deadline_s=25.0,
        )
        back_at = time.monotonic()
        assert prompts(voicemail) == ["accept_transfer"]
        await voicemail.wait_ended(deadline_s=DEADLINE_S)
        await back_with_the_agent(dialog, stream)
    assert failed.cause == "ALLOTTED_TIMEOUT"
    assert HUMAN_HZ not in [h for h, _ in heard(dialog.received)]
    silence = longest_silence_s(dialog.received, since=asked_at, until=back_at)
    assert silence <= LONGEST_SILENCE_S


async def test_a_busy_line_gives_the_caller_back(site: OverflowSite) -> None:
    target_id = await target(site, MANAGER, "warm")
    site.carrier.refuse(486)
    async with Phone() as phone, asking(site, phone, target_id) as (dialog, stream):
        failed = await back_with_the_agent(dialog, stream)
    assert failed.cause == "USER_BUSY"


@pytest.mark.parametrize("kind", ["unknown", "of_another_restaurant", "premium"])
async def test_who_is_not_on_the_list_is_never_rung(site: OverflowSite, kind: str) -> None:
    target_id = uuid4()
    if kind == "of_another_restaurant":
        other = await asyncio.to_thread(
            site.bridge.place, f"other-{uuid4().hex[:8]}", registrar=site.carrier.registrar
        )
        target_id = await target(site, MANAGER, "blind", of=other)
    if kind == "premium":
        target_id = await target(site, "+33899123456", "blind")
    rung = len(site.carrier.invites)
    async with Phone() as phone, asking(site, phone, target_id) as (dialog, stream):
        failed = await back_with_the_agent(dialog, stream)
    assert failed.cause == "not_allowed"
    assert len(site.carrier.invites) == rung


async def test_a_caller_who_would_rather_leave_a_message(site: OverflowSite) -> None:
    async with Phone() as phone, site.talking(phone) as (dialog, stream):
        await stream.speak(3_000)
        await stream.ask(TakeMessage())
        await until_heard(dialog, "leave_message")
        await stream.connection.wait_closed()
        assert 3_004 in codes(dialog)
        await until_beep(dialog)
        await dialog.play(tone(CALLER_HZ, 1_500))
        await dialog.send_dtmf("#")
        await dialog.wait_ended(deadline_s=DEADLINE_S)
    assert (await site.ended()).outcome is CallOutcome.MESSAGE
    await site.row("SELECT 1 FROM voice_message")


async def test_a_caller_given_up_is_told_goodbye(site: OverflowSite) -> None:
    async with Phone() as phone, site.talking(phone) as (dialog, stream):
        await stream.ask(Hangup(outcome=CallOutcome.ERROR))
        assert await dialog.wait_ended(deadline_s=DEADLINE_S) is CallEnd.REMOTE_HANGUP
    assert prompts(dialog)[-1] == "goodbye"
    assert (await site.ended()).outcome is CallOutcome.ERROR


async def test_with_a_worker_connected_the_way_out_never_comes(site: OverflowSite) -> None:
    """Put off at once when the greeting ends, then every second: ten seconds of it are watched."""
    async with Phone() as phone, site.talking(phone) as (dialog, stream):

        async def in_the_dialplan_of_a_call() -> bool:
            rows = json.loads(await asyncio.to_thread(site.switch.api, "show channels as json"))
            return {row["dest"] for row in rows.get("rows", [])} == {"incoming_call"}

        await stays_true(in_the_dialplan_of_a_call, for_s=10.0)
        await stream.speak(4_000)
        await until(lambda: 4_004 in codes(dialog))
    assert "busy" not in prompts(dialog)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
async def test_the_agent_restarts_while_two_people_talk(
    site: OverflowSite, how: signal.Signals
) -> None:
    site.carrier.refuse(None)
    async with Phone() as phone, asking(site, phone, None) as (dialog, stream):
        human = await site.carrier.listen(deadline_s=DEADLINE_S, rings_s=0.5)
        await stream.connection.wait_closed()
        await asyncio.to_thread(site.stop_agent, how)
        # The way out of an abandoned call comes within 4.5 s, and the new agent starts none either.
        await stays_true(lambda: no_way_out(dialog), for_s=5.0)
        await start_agent_and_resume(site)
        await stays_true(lambda: no_way_out(dialog), for_s=5.0)
        began = time.monotonic()
        human.play(tone(HUMAN_HZ, 1_000))
        dialog.play(tone(CALLER_HZ, 1_000))
        await hears(human, CALLER_HZ, since=began)
        await hears(dialog, HUMAN_HZ, since=began)
        assert no_way_out(dialog)
        await human.hangup()
        await dialog.wait_ended(deadline_s=DEADLINE_S)
    assert (await site.ended()).outcome is CallOutcome.TRANSFERRED


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
async def test_the_agent_restarts_while_their_phone_rings(
    site: OverflowSite, how: signal.Signals
) -> None:
    """It rings on, is answered, and the two are left alone."""
    site.carrier.refuse(None)
    async with Phone() as phone, asking(site, phone, None) as (dialog, _):
        rung = len(site.carrier.invites)
        ringing = asyncio.create_task(site.carrier.listen(deadline_s=20.0, rings_s=3.0))
        await until(lambda: len(site.carrier.invites) > rung)
        await asyncio.to_thread(site.stop_agent, how)
        await start_agent_and_resume(site)
        human = await ringing
        await stays_true(lambda: no_way_out(dialog), for_s=5.0)
        began = time.monotonic()
        human.play(tone(HUMAN_HZ, 1_000))
        await hears(dialog, HUMAN_HZ, since=began)
        assert no_way_out(dialog)
        await human.hangup()
        await dialog.wait_ended(deadline_s=DEADLINE_S)
    assert (await site.ended()).outcome is CallOutcome.TRANSFERRED


@pytest.mark.parametrize("how", ["busy", "declined"])
async def test_the_agent_dies_while_a_phone_rings_that_nobody_takes(
    site: OverflowSite, how: str
) -> None:
    """The dialplan alone goes on: a word, the busy message, the restaurant's phone, a message."""
    target_id = await target(site, MANAGER, "warm")
    site.carrier.refuse(486 if how == "busy" else None)
    async with Phone() as phone, asking(site, phone, target_id) as (dialog, _):
        asked_at = time.monotonic()
        if how == "busy":
            await until_heard(dialog, "transfer_person")
            await asyncio.to_thread(site.stop_agent)
        else:
            human = await site.carrier.listen(deadline_s=DEADLINE_S)
            await asyncio.to_thread(site.stop_agent)
            site.carrier.refuse(486)
            await human.hangup()
        await until_beep(dialog)
        beep_at = time.monotonic()
        dialog.play(tone(CALLER_HZ, 20_000))  # a message, so that there is a call to resume
        await start_agent_and_resume(site)
    assert prompts(dialog)[-4:] == ["one_moment", "busy", "transfer", "leave_message"]
    silence = longest_silence_s(dialog.received, since=asked_at, until=beep_at)
    assert silence <= LONGEST_SILENCE_S + PROMPT_CUT_S


async def test_a_caller_given_back_twice_is_still_the_agents(site: OverflowSite) -> None:
    """The way out the dialplan armed after each refusal is put off like any other."""
    target_id = await target(site, MANAGER, "warm")
    site.carrier.refuse(486)
    async with Phone() as phone, asking(site, phone, target_id) as (dialog, stream):
        await back_with_the_agent(dialog, stream)
        before = len(stream.messages)
        await stream.ask(Transfer(reason="asked", target_id=target_id))
        await stream.message(TransferFailed, start=before)
        await stays_true(lambda: no_way_out(dialog), for_s=5.0)  # the dialplan's comes within 3.5 s
        await stream.speak(3_500)
        await until(lambda: 3_504 in codes(dialog))
    assert "busy" not in prompts(dialog)


async def test_who_picks_up_at_the_last_moment_has_the_time_to_accept(site: OverflowSite) -> None:
    """After 10 s of the 12 it rings, and 3 s to find the key: the caller hears it ring on."""
    target_id = await target(site, MANAGER, "warm")
    site.carrier.refuse(None)
    async with Phone() as phone, asking(site, phone, target_id) as (dialog, stream):
        asked_at = time.monotonic()
        human = await site.carrier.listen(deadline_s=DEADLINE_S, rings_s=RING_S - 2.0)
        await until_heard(human, "accept_transfer")
        await stays_true(lambda: not human.ended.is_set(), for_s=ACCEPT_S - 2.0)
        await human.send_dtmf("1")
        await stream.connection.wait_closed()
        connected_at = time.monotonic()
        human.play(tone(HUMAN_HZ, 1_000))
        await hears(dialog, HUMAN_HZ)
        await human.hangup()
    silence = longest_silence_s(dialog.received, since=asked_at, until=connected_at)
    assert silence <= LONGEST_SILENCE_S


async def test_a_phone_nobody_picks_up_rings_for_its_time(site: OverflowSite) -> None:
    target_id = await target(site, MANAGER, "warm")
    site.carrier.refuse(None)
    async with Phone() as phone, asking(site, phone, target_id) as (dialog, stream):
        asked_at = time.monotonic()
        failed = await until(
            lambda: next((m for m in stream.messages if isinstance(m, TransferFailed)), None),
            deadline_s=30.0,
        )
        back_at = time.monotonic()
        await back_with_the_agent(dialog, stream)
    with pytest.raises(CallCancelled):
        await site.carrier.listen(deadline_s=DEADLINE_S, rings_s=DEADLINE_S)
    assert failed.cause == "ALLOTTED_TIMEOUT"
    assert RING_S - 1 <= back_at - asked_at <= RING_S + 3
    silence = longest_silence_s(dialog.received, since=asked_at, until=back_at)
    assert silence <= LONGEST_SILENCE_S


async def test_the_restaurant_asks_for_its_caller(site: OverflowSite) -> None:
    """The call's worker is told, for it knows what is being said; only who is listed is rung, and
    nobody while the caller is with somebody already.
    """
    target_id = await target(site, COUNTER, "blind")
    site.carrier.refuse(None)
    async with Phone() as phone, site.talking(phone) as (dialog, stream):
        call_id = (await stream.message(Started)).call_id

        async def ask(request: PutThrough | EndCall) -> RequestRefusal | None:
            try:
                await ask_bridge(site.redis, BRIDGE_ID, call_id, request)
            except CallRefused as refused:
                return refused.reason
            return None

        stranger = PutThrough(id=uuid4(), target_id=uuid4())
        assert await ask(stranger) is RequestRefusal.NOT_ALLOWED
        assert await ask(EndCall(id=uuid4())) is None
        await stream.message(EndWanted)
        assert await ask(PutThrough(id=uuid4(), target_id=target_id)) is None
        wanted = await stream.message(HandOverWanted)
        await stream.ask(Transfer(reason="restaurant", target_id=wanted.target_id))
        human = await site.carrier.listen(deadline_s=DEADLINE_S, rings_s=1.0)
        assert COUNTER in site.carrier.invites[-1].uri
        await stream.connection.wait_closed()
        again = await ask(EndCall(id=uuid4()))
        assert again is RequestRefusal.NOT_WITH_ASSISTANT
        dialog.play(tone(CALLER_HZ, 1_000))
        await hears(human, CALLER_HZ)
        await human.hangup()
        assert await dialog.wait_ended(deadline_s=DEADLINE_S) is CallEnd.REMOTE_HANGUP
    with pytest.raises(CallRefused, match="gone"):
        await ask_bridge(site.redis, BRIDGE_ID, call_id, EndCall(id=uuid4()))
    with pytest.raises(BridgeSilent) as away:
        await ask_bridge(site.redis, "no-bridge", call_id, EndCall(id=uuid4()))
    assert not away.value.taken
    assert await site.redis.exists(redis_keys.call_request(call_id)) == 0
