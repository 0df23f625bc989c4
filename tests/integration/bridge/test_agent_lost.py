"""A call whose agent is dead or late is kept by the dialplan, and had back by the agent.

On the simulator, and on the real FreeSWITCH where one is found.
"""

import asyncio
import time

import pytest

from controlplane.bridge.calls.worker_watch import PROOF_S
from controlplane.contracts.messages import Started
from freeswitch.telephone.phone import Phone
from tests.integration.bridge_under_test import Stream, codes, prompts, until_heard
from tests.integration.overflow_site import OverflowSite, site_of_a_module
from tests.scenarios.listening import LONGEST_SILENCE_S, longest_silence_s
from tests.waiting import stays_true, until

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

GATEWAY = "chez-luigi-3f9a1c2b"
WAY_OUT_S = 3.0
"""The dialplan has taken a call by then that nobody puts off."""
LOOKED_AT_S = 0.5
"""So often the agent looks at a worker that says nothing."""
LOADED_S = 1.0
"""A machine shared with others needs this much more."""


site = site_of_a_module(GATEWAY)


def resumed(site: OverflowSite) -> bool:
    """Whether the present agent has taken over a call."""
    return "call_resumed" in site.bridge.agent.log_tail()


def ended(site: OverflowSite) -> bool:
    """Whether the newest call has ended: one that first loses its worker is offered once more, and
    the next test's worker would take it.
    """
    newest = site.bridge.log("call_started")[-1]["call_id"]
    return newest in [call["call_id"] for call in site.bridge.log("call_ended")]


def newest_channel(site: OverflowSite) -> str:
    """The channel of the one call there is."""
    return str(site.bridge.log("call_started")[-1]["channel_uuid"])


def told_where_it_stands(stream: Stream) -> int:
    """How often the worker was: what it says before is forgotten."""
    return sum(isinstance(message, Started) for message in stream.messages)


async def test_an_agent_that_is_back_before_the_busy_message_has_its_call_back(
    site: OverflowSite,
) -> None:
    async with Phone() as phone, site.talking(phone) as (dialog, stream):
        await stream.speak(100)
        await until(lambda: 104 in codes(dialog))
        killed_at = time.monotonic()
        await asyncio.to_thread(site.stop_agent)
        await until_heard(dialog, "one_moment", since=killed_at)
        await site.start_agent()
        await until(lambda: resumed(site))
        back_at = time.monotonic()
        await until(lambda: told_where_it_stands(stream) == 2)
        await stream.speak(200, item="item_b", chunks=5)
        await until(lambda: 224 in codes(dialog))
        await stays_true(lambda: prompts(dialog).count("one_moment") == 1, for_s=WAY_OUT_S)
    assert "busy" not in prompts(dialog)
    silence = longest_silence_s(dialog.received, since=killed_at, until=back_at)
    assert silence <= LONGEST_SILENCE_S


async def test_a_living_agent_has_a_call_back_at_once_that_the_dialplan_took(
    site: OverflowSite,
) -> None:
    async with Phone() as phone, site.talking(phone) as (dialog, stream):
        channel = newest_channel(site)
        await asyncio.to_thread(site.switch.api, f"uuid_transfer {channel} agent_lost XML public")
        await until(lambda: site.bridge.log("way_out_not_put_off_in_time"))
        await stream.speak(300)
        await until(lambda: 304 in codes(dialog))
        await stays_true(lambda: "one_moment" not in prompts(dialog), for_s=WAY_OUT_S)
        await stream.speak(400)
        await until(lambda: 404 in codes(dialog))


async def test_a_caller_who_waited_for_a_worker_waits_on(site: OverflowSite) -> None:
    async with Phone() as phone:
        dialog = await site.dial(phone)
        await until_heard(dialog, "busy")
        channel = newest_channel(site)
        taken_at = time.monotonic()
        await asyncio.to_thread(site.switch.api, f"uuid_transfer {channel} agent_lost XML public")
        await until_heard(dialog, "one_moment", since=taken_at)
        async with site.worker.take() as stream:
            await stream.speak(500)
            await until(lambda: 504 in codes(dialog))
            spoken_at = time.monotonic()
            await dialog.hangup()  # before the stream: a call that lost its worker is offered again
            await until(lambda: ended(site))
    silence = longest_silence_s(dialog.received, since=taken_at, until=spoken_at)
    assert silence <= LONGEST_SILENCE_S


async def test_a_call_that_was_taken_over_has_its_way_out_again(site: OverflowSite) -> None:
    """The agent that is back dies again: no caller is left in silence."""
    async with Phone() as phone, site.talking(phone) as (dialog, stream):
        await asyncio.to_thread(site.stop_agent)
        await site.start_agent()
        await until(lambda: resumed(site))
        await until(lambda: told_where_it_stands(stream) == 2)
        await stream.speak(700, item="item_b", chunks=5)
        await until(lambda: 724 in codes(dialog))
        killed_at = time.monotonic()
        await asyncio.to_thread(site.stop_agent)
        await until_heard(dialog, "one_moment", since=killed_at)
        assert time.monotonic() - killed_at < WAY_OUT_S + LOADED_S
        await site.start_agent()
        await until(lambda: resumed(site))


@pytest.mark.real_time("a caller's silence is measured while an agent starts")
async def test_a_stream_that_died_while_the_agent_was_dead_is_offered_again_at_once(
    site: OverflowSite,
) -> None:
    """FreeSWITCH lists a stream whose worker is gone like any other; nobody heard of its end."""
    async with Phone() as phone, site.talking(phone) as (dialog, stream):
        killed_at = time.monotonic()
        await asyncio.to_thread(site.stop_agent)
        await stream.connection.close()
        await site.start_agent()
        await until(lambda: resumed(site))
        back_at = time.monotonic()
        async with site.worker.take() as another:
            taken_at = time.monotonic()
            await another.speak(600)
            await until(lambda: 604 in codes(dialog))
            spoken_at = time.monotonic()
            await dialog.hangup()
            await until(lambda: ended(site))
    assert taken_at - back_at < PROOF_S + LOOKED_AT_S + LOADED_S
    silence = longest_silence_s(dialog.received, since=killed_at, until=spoken_at)
    assert silence <= LONGEST_SILENCE_S
