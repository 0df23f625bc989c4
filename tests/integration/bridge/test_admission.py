"""Calls a restaurant does not want, and floods of them, are refused before any worker hears.

On the simulator, and on the real FreeSWITCH where one is found.
"""

import secrets
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio

from controlplane.contracts import redis_keys
from freeswitch.telephone.dialog import CallEnd
from freeswitch.telephone.phone import CallRefused, Phone
from tests.integration.overflow_site import OverflowSite, site_of_a_module
from tests.waiting import DEADLINE_S, until

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

GATEWAY = "chez-luigi-3f9a1c2b"
BLOCKED = "+33639980666"


open_site = site_of_a_module(GATEWAY, caller_calls=3, caller_calls_at_once=2)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(open_site: OverflowSite) -> OverflowSite:
    """It refuses one caller."""
    await open_site.change_policies(
        "INSERT INTO blocked_caller (restaurant_id, phone_e164) VALUES (%s, %s)",
        *(open_site.restaurant_id, BLOCKED),
    )
    return open_site


async def refused(site: OverflowSite, phone: Phone, number: str) -> str:
    """How: `before` with the status, or `after` the answer, with the BYE's reason."""
    try:
        dialog = await site.dial(phone, from_number=number)
    except CallRefused as refusal:
        return f"before {refusal.status}"
    assert await dialog.wait_ended(deadline_s=DEADLINE_S) is CallEnd.REMOTE_HANGUP
    return f"after {dialog.cause}"


async def no_call(site: OverflowSite) -> None:
    """Until the agent has seen the last one end: FreeSWITCH tells it some 20 ms later."""

    async def nobody() -> bool:
        return not await site.redis.zcard(redis_keys.CALLS_DEMAND)

    await until(nobody)


async def test_a_blocked_caller_is_rejected_and_no_worker_hears_of_it(site: OverflowSite) -> None:
    async with Phone() as phone:
        how = await refused(site, phone, BLOCKED)
    assert how == "before 603" or "cause=21" in how
    assert await site.redis.llen(redis_keys.QUEUE_INCOMING_CALLS) == 0
    assert site.bridge.log("call_refused")
    text = site.bridge.log_file.read_text()
    assert BLOCKED[3:] not in text


async def test_a_flood_from_one_number_is_busy(site: OverflowSite) -> None:
    number = f"+3363998{secrets.randbelow(10_000):04}"  # a second try is another caller
    async with Phone() as phone:
        for _ in range(3):
            dialog = await site.dial(phone, from_number=number)
            await site.worker.offer()
            await dialog.hangup()
            await no_call(site)
        how = await refused(site, phone, number)
    assert how == "before 486" or "cause=17" in how


async def test_a_third_call_at_once_is_busy(site: OverflowSite) -> None:
    number = "+33639980888"
    async with AsyncExitStack() as undo:
        phone = await undo.enter_async_context(Phone())
        for _ in range(2):
            await site.dial(phone, from_number=number)
            await site.worker.offer()
        how = await refused(site, phone, number)
    assert how == "before 486" or "cause=17" in how


async def test_hidden_callers_are_never_refused(site: OverflowSite) -> None:
    async with Phone() as phone:
        for _ in range(5):
            dialog = await site.dial(phone, from_number=BLOCKED, headers={"Privacy": "id"})
            offer = await site.worker.offer()
            assert offer.caller_number is None
            await dialog.hangup()
