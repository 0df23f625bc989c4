"""A restaurant that forwards its phone to us is not rung in a circle.

On the simulator, and on the real FreeSWITCH where one is found.
"""

import asyncio

import pytest

from controlplane.contracts.messages import Transfer, TransferFailed
from freeswitch.telephone.phone import CallRefused, Phone
from tests.integration.bridge_under_test import Stream, until_heard
from tests.integration.overflow_site import OverflowSite, site_of_a_module
from tests.waiting import DEADLINE_S, until

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

PHONE = "+33199005678"
"""The restaurant's own, as the site makes it."""
GATEWAY = "chez-luigi-3f9a1c2b"


site = site_of_a_module(GATEWAY)


async def all_are_over(site: OverflowSite) -> None:
    """The next test begins with no phone ringing."""
    await until(lambda: len(site.bridge.log("call_started")) == len(site.bridge.log("call_ended")))


async def presented(site: OverflowSite, *, rung: int) -> str:
    """The number that the restaurant's phone is shown, once it has rung more than `rung` times: the
    From of the leg that rings it.
    """
    await until(lambda: len(site.carrier.invites) > rung)
    sender = site.carrier.invites[-1].headers.get("From") or ""
    return sender.partition("sip:")[2].partition("@")[0]


async def test_our_own_call_coming_back_is_busy_and_its_caller_leaves_a_message(
    site: OverflowSite,
) -> None:
    """
    1. No worker: the restaurant's phone is rung. It forwards the call to its line, here.
    2. That call is refused as busy: no agent, no greeting. The carrier passes it on.
    3. The caller is asked for a message; no phone was rung twice.
    """
    site.carrier.refuse(None)
    async with Phone() as caller, Phone() as forwarder:
        rung = len(site.carrier.invites)
        dialog = await site.dial(caller)
        await site.fail_every_worker()
        shown = await presented(site, rung=rung)
        calls = len(site.bridge.log("call_started"))
        for spelling in (shown, PHONE, PHONE.replace("+33", "0"), PHONE.replace("+", "00")):
            with pytest.raises(CallRefused) as refused:
                await site.dial(forwarder, from_number=spelling)
            assert refused.value.status == 486
        site.carrier.turn_away(486)
        await until_heard(dialog, "leave_message")
        assert len(site.carrier.invites) == rung + 1
        assert len(site.bridge.log("call_started")) == calls
        await dialog.hangup()


async def test_the_restaurant_may_call_its_own_line(site: OverflowSite) -> None:
    """With nobody rung, its own number is a caller like any other."""
    async with Phone() as phone:
        dialog = await site.dial(phone, from_number=PHONE)
        assert (await site.worker.offer()).caller_number == PHONE
        await dialog.hangup()


async def test_while_a_human_talks_the_restaurants_number_is_a_caller_like_any_other(
    site: OverflowSite,
) -> None:
    """A restaurant's forwarding may show its own number for all of its callers."""
    site.carrier.refuse(None)
    async with Phone() as phone, site.talking(phone) as (_, stream):
        await stream.ask(Transfer(reason="asked", target_id=None))
        await site.carrier.listen(deadline_s=DEADLINE_S)
        async with asyncio.timeout(DEADLINE_S):
            await stream.connection.wait_closed()
        async with Phone() as other:
            second = await site.dial(other, from_number=PHONE)
            assert (await site.worker.offer()).caller_number == PHONE
            await second.hangup()


async def test_a_restaurant_with_two_lines_is_rung_by_both_callers(site: OverflowSite) -> None:
    """Once somebody has picked up, the phone does not ring any more: the next caller rings it."""
    site.carrier.refuse(None)
    async with Phone() as one, Phone() as another:
        first = await site.dial(one)
        await site.fail_every_worker()
        picked_up = await site.carrier.listen(deadline_s=DEADLINE_S)
        rung = len(site.carrier.invites)
        second = await site.dial(another, from_number="+33639980777")
        await site.fail_every_worker()
        await until(lambda: len(site.carrier.invites) == rung + 1)
        for dialog in (second, first):
            await dialog.hangup()
        await picked_up.wait_ended(deadline_s=DEADLINE_S)
        await all_are_over(site)


async def test_a_loop_behind_a_hidden_number_ends_at_the_second_call(site: OverflowSite) -> None:
    """While one call rings the restaurant's phone, another goes straight to the message."""
    site.carrier.refuse(None)
    async with Phone() as caller, Phone() as forwarder:
        rung = len(site.carrier.invites)
        first = await site.dial(caller)
        await site.fail_every_worker()
        await presented(site, rung=rung)
        second = await site.dial(forwarder, headers={"Privacy": "id"})
        await site.fail_every_worker()
        await until_heard(second, "leave_message")
        assert len(site.carrier.invites) == rung + 1
        for dialog in (second, first):
            await dialog.hangup()


async def refused_as_our_own(site: OverflowSite) -> bool:
    """Whether a call of the restaurant's own number is taken for ours, coming back."""
    async with Phone() as phone:
        try:
            dialog = await site.dial(phone, from_number=PHONE)
        except CallRefused as refusal:
            return refusal.status == 486
        await site.worker.offer()
        await dialog.hangup()
        return False


async def has_phone_rung(site: OverflowSite, stream: Stream) -> None:
    """Its worker asks for the restaurant's phone, which rings then."""
    rung = len(site.carrier.invites)
    await stream.ask(Transfer(reason="asked", target_id=None))
    await presented(site, rung=rung)


async def test_a_second_caller_who_hangs_up_leaves_the_firsts_call_recognised(
    site: OverflowSite,
) -> None:
    """
    1. The phone rings for one caller of a worker's, then for a second.
    2. The second hangs up: the first one's call that comes back is refused as before.
    3. The first hangs up too: the restaurant's own number is a caller like any other.
    """
    site.carrier.refuse(None)
    async with Phone() as one, Phone() as another:
        async with site.talking(one) as (_, stream):
            await has_phone_rung(site, stream)
            async with site.talking(another) as (_, second_stream):
                await has_phone_rung(site, second_stream)
            assert await refused_as_our_own(site)
        await all_are_over(site)
        assert not await refused_as_our_own(site)


async def test_who_had_a_phone_rung_before_makes_nobody_forget_the_next(
    site: OverflowSite,
) -> None:
    """A caller whose ringing was over leaves while the phone rings for another."""
    site.carrier.refuse(None)
    async with Phone() as one, Phone() as another:
        async with site.talking(another) as (_, second_stream):
            async with site.talking(one) as (_, stream):
                await has_phone_rung(site, stream)
                site.carrier.turn_away(486)
                await stream.message(TransferFailed)
                await has_phone_rung(site, second_stream)
            assert await refused_as_our_own(site)
