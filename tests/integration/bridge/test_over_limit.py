"""Callers over a restaurant's limits hear the busy message and leave theirs; none is hung up on.

On the simulator, and on the real FreeSWITCH where one is found.
"""

import asyncio

import pytest

from controlplane.contracts import redis_keys
from controlplane.contracts.hangup_causes import CallOutcome
from freeswitch.telephone.dialog import CallEnd, Dialog
from freeswitch.telephone.phone import Phone
from tests.integration.bridge_under_test import codes, prompts, until_heard
from tests.integration.overflow_site import OverflowSite, site_of_a_module, until_beep
from tests.integration.switch_under_test import tone
from tests.waiting import DEADLINE_S, until

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

GATEWAY = "chez-luigi-3f9a1c2b"
OWN_NUMBER = "+33199005678"
"""The restaurant's, as the site makes it."""
VOICE_HZ = 300


site = site_of_a_module(GATEWAY)


async def limit(site: OverflowSite, *, at_once: int = 12, an_hour: int = 120) -> None:
    await site.change_policies(
        "UPDATE restaurant SET most_calls_at_once = %s, most_calls_an_hour = %s", at_once, an_hour
    )


async def leave_message(dialog: Dialog) -> None:
    await until_beep(dialog)
    await dialog.play(tone(VOICE_HZ, 1_500))
    await dialog.send_dtmf("#")
    assert await dialog.wait_ended(deadline_s=DEADLINE_S) is CallEnd.REMOTE_HANGUP
    assert prompts(dialog) == ["busy", "leave_message", "message_left"]


async def test_the_second_of_one_at_once_leaves_a_message_and_the_first_talks_on(
    site: OverflowSite,
) -> None:
    """
    1. One caller talks: that is all this restaurant takes. Another calls, from the restaurant's
       own number, as every caller of a forwarding may.
    2. Busy message, then their own. No worker hears of them, the restaurant's phone is not rung.
    3. Once the first one has left, the next caller is offered to a worker.
    """
    await limit(site, at_once=1)
    rung = len(site.carrier.invites)
    async with Phone() as first, Phone() as second:
        async with site.talking(first) as (talking, stream):
            await leave_message(await site.dial(second, from_number=OWN_NUMBER))
            assert (await site.ended()).outcome is CallOutcome.MESSAGE
            assert await site.redis.llen(redis_keys.QUEUE_INCOMING_CALLS) == 0
            await site.row("SELECT 1 FROM voice_message WHERE caller_number = %s", OWN_NUMBER)
            await stream.speak(100)
            await until(lambda: 104 in codes(talking))
        assert len(site.carrier.invites) == rung
        dialog = await site.dial(second)
        await site.worker.offer()
        await dialog.hangup()


async def test_an_hours_calls_are_known_to_an_agent_that_starts(site: OverflowSite) -> None:
    """
    1. The restaurant has taken all the calls of an hour; its agent is killed and starts again.
    2. A hidden caller hears the busy message; the agent dies again. The message is taken all the
       same, and delivered at the next start.
    """
    taken = int(await site.redis.zcard(redis_keys.restaurant_calls(site.restaurant_id)))
    assert taken == 2
    await limit(site, an_hour=taken)
    await asyncio.to_thread(site.stop_agent)
    await site.start_agent()
    await until(lambda: "call_policies_changed" in site.bridge.agent.log_tail())
    async with Phone() as phone:
        dialog = await site.dial(phone, headers={"Privacy": "id"})
        await until_heard(dialog, "busy")
        await asyncio.to_thread(site.stop_agent)
        await leave_message(dialog)
    await site.start_agent()
    await site.row("SELECT 1 FROM voice_message WHERE caller_number IS NULL")
    turned_away = site.bridge.log("call_over_limit")
    assert [line["limit"] for line in turned_away] == ["at_once", "an_hour"]
    assert {line["restaurant_id"] for line in turned_away} == {str(site.restaurant_id)}
    assert OWN_NUMBER[3:] not in site.bridge.log_file.read_text()
