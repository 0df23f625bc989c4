"""A bridge that has as many calls as it serves says busy to the next one, before the answer, and to
nobody else anything: calls in progress go on, and its carrier finds it as alive as before.

On the simulator, and on the real FreeSWITCH where one is found.
"""

import asyncio

import pytest

from controlplane.bridge.standing_refusal import LAPSES_S
from controlplane.contracts import redis_keys
from controlplane.sip_options import SipAnswer, ask
from freeswitch.telephone.phone import CallRefused, Phone
from tests.integration.bridge_under_test import codes, until_heard
from tests.integration.overflow_site import OverflowSite, site_of_a_module
from tests.waiting import DEADLINE_S, until

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

GATEWAY = "chez-luigi-3f9a1c2b"


site = site_of_a_module(GATEWAY, max_calls=1)


async def refuses(site: OverflowSite) -> bool:
    told = await asyncio.to_thread(site.switch.api, "global_getvar alloresto_calls_refused")
    return told.strip() == "true"


async def takes(site: OverflowSite) -> bool:
    return not await refuses(site)


async def test_the_call_over_the_limit_is_busy_and_the_other_goes_on(site: OverflowSite) -> None:
    """
    1. The one call this bridge takes is talked to.
    2. The next caller gets 486 without a Retry-After, and no worker hears of the call.
    3. OPTIONS are answered, FreeSWITCH's own bound is far off, and the first call is heard.
    4. The first caller hangs up: the next one is taken.
    """
    async with Phone() as phone:
        async with site.talking(phone) as (dialog, stream):
            await until(lambda: refuses(site))
            with pytest.raises(CallRefused) as refused:
                await site.dial(phone)
            assert (refused.value.status, refused.value.retry_after) == (486, None)
            assert await site.redis.llen(redis_keys.QUEUE_INCOMING_CALLS) == 0
            host, port = site.switch.sip_address.split(":")
            asked = await asyncio.to_thread(ask, host, int(port), deadline_s=5.0)
            assert asked is SipAnswer.ANSWERED
            status = await asyncio.to_thread(site.switch.api, "status")
            assert "12 session(s) max" in status
            await stream.speak(1_000, chunks=3)
            await until(lambda: 1_004 in codes(dialog))
            assert not dialog.ended.is_set()
            await dialog.hangup()

        await until(lambda: takes(site))
        async with site.talking(phone):
            await until(lambda: refuses(site))
    await until(lambda: takes(site))  # the last call has been seen to end
    assert site.bridge.log("bridge_full")


async def test_an_agent_that_died_refuses_nobody_for_long(site: OverflowSite) -> None:
    """
    1. The bridge is full, and its agent is killed.
    2. A refusal that nobody repeats lapses: the next caller is answered, greeted, and has the
       dialplan's own way out.
    """
    async with Phone() as phone:
        async with site.talking(phone):
            await until(lambda: refuses(site))
            await asyncio.to_thread(site.stop_agent)
            await until(lambda: takes(site), deadline_s=LAPSES_S + DEADLINE_S)
            dialog = await site.dial(phone)
            await until_heard(dialog, "one_moment")
            await dialog.hangup()
