"""Carriers' calls as they are, by SIPp, on the real FreeSWITCH with our configuration and agent:
answered as the RFCs say, heard by the worker, and hearing it.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Final

import pytest

from controlplane.contracts.hangup_causes import CallOutcome
from controlplane.contracts.messages import Dtmf, Hangup, Unheard
from controlplane.local.launch.services import LocalServices
from freeswitch.telephone.phone import Phone
from tests.integration.answered_bridge import GATEWAY, said_that_the_greeting_is_over
from tests.integration.bridge_under_test import Bridge, Stream, Worker, open_bridge
from tests.integration.rtp_caller import Packets, RtpCaller, numbers
from tests.integration.sip_table import ANSWERED, CARRIER, OTHERS, REFUSED, Scenario
from tests.integration.sipp_scenario import sipp
from tests.waiting import block_until, elapse, until

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(shutil.which("sipp") is None, reason="no sipp on this machine"),
]

SETTLES_S: Final = 0.4
"""After the last request FreeSWITCH may renegotiate, or find the packets' true length."""
LISTENED_S: Final = 0.8
FRAME_S: Final = 0.02
CALL_S: Final = 15.0
"""A call of the table takes four seconds."""
FIRST, CHUNKS = 1_000, 8
SPOKEN: Final = set(range(FIRST, FIRST + CHUNKS * 5))


@pytest.fixture(scope="module")
def bridge(
    services: LocalServices, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Bridge]:
    folder = tmp_path_factory.mktemp("sip")
    with open_bridge("freeswitch", services, migrated_template, folder) as bridge:
        nowhere = "127.0.0.1:9"
        bridge.place(GATEWAY, registrar=nowhere, source_networks=[f"{CARRIER}/32"])
        bridge.place(
            OTHERS, registrar=nowhere, carrier_id="others", source_networks=["127.0.0.9/32"]
        )
        block_until(lambda: bridge.gateways() == {GATEWAY, OTHERS})
        yield bridge


@pytest.fixture
async def rtp(bridge: Bridge, calls_end: None) -> AsyncIterator[RtpCaller]:
    caller = await RtpCaller.open(CARRIER)
    yield caller
    caller.close()
    bridge.switch.api("hupall NORMAL_CLEARING")  # what a scenario that failed left


@pytest.mark.parametrize("scenario", ANSWERED.values(), ids=ANSWERED.keys())
async def test_answered(
    bridge: Bridge, worker: Worker, rtp: RtpCaller, scenario: Scenario, tmp_path: Path
) -> None:
    """
    1. The call is answered and all its requests, as expected: SIPp sees to that.
    2. The greeting is over; the worker hears the caller.
    3. The caller hears the worker.
    4. The worker hangs up: BYE, which SIPp answers.
    """
    async with calling(bridge, scenario, rtp, tmp_path) as caller:
        speaking = asyncio.create_task(speak_once_answered(rtp, scenario.packets))
        if scenario.begun_again:
            unfit = len(bridge.log("stream_unfit"))
            async with asyncio.timeout(CALL_S), worker.take():
                await until(lambda: len(bridge.log("stream_unfit")) > unfit)
        async with asyncio.timeout(CALL_S), worker.take() as stream:
            await speaking
            await until(lambda: said_that_the_greeting_is_over(stream))
            await until((tmp_path / str(len(scenario.call.then))).exists)
            if scenario.call.offered_again:
                await stream.ask(Unheard())
            await until((tmp_path / str(scenario.call.steps)).exists)
            await elapse(SETTLES_S, because="FreeSWITCH finds out what is sent")
            assert await understood(stream) >= scenario.understood
            await stream.speak(FIRST, chunks=CHUNKS)
            await until(lambda: SPOKEN <= set(numbers(bytes(rtp.heard_l16))))
            if scenario.digit:
                assert (await stream.message(Dtmf)).digit == scenario.digit
            await stream.ask(Hangup(outcome=CallOutcome.INFORMATION))
            assert await caller.wait() == 0, errors(tmp_path)


def calling(
    bridge: Bridge, scenario: Scenario, rtp: RtpCaller, folder: Path
) -> AbstractAsyncContextManager[asyncio.subprocess.Process]:
    host, _, port = bridge.switch.sip_address.rpartition(":")
    return sipp(
        scenario.call,
        uri=f"sip:gw+{scenario.gateway}@{bridge.switch.sip_address}",
        target=(host, int(port)),
        host=scenario.source,
        rtp_port=rtp.port,
        folder=folder,
    )


async def speak_once_answered(rtp: RtpCaller, packets: Packets) -> None:
    await until(lambda: rtp.answered)
    rtp.speak(packets)


async def understood(stream: Stream) -> float:
    """The share of the frames of some time that reach the worker, each counted once."""
    since = len(stream.l16)
    await elapse(LISTENED_S, because="the caller speaks")
    heard = numbers(bytes(stream.l16[since:]))
    return len(set(heard)) / (LISTENED_S / FRAME_S)


def errors(folder: Path) -> str:
    return "\n".join(file.read_text() for file in folder.glob("*_errors.log"))


@pytest.mark.parametrize("scenario", REFUSED.values(), ids=REFUSED.keys())
async def test_refused(bridge: Bridge, rtp: RtpCaller, scenario: Scenario, tmp_path: Path) -> None:
    async with calling(bridge, scenario, rtp, tmp_path) as caller, asyncio.timeout(CALL_S):
        assert await caller.wait() == 0, errors(tmp_path)


@pytest.mark.parametrize("after_s", [0.0, 0.02, 0.06])
@pytest.mark.usefixtures("rtp")
async def test_an_early_cancel_leaves_nothing(bridge: Bridge, after_s: float) -> None:
    """The dialplan answers within milliseconds: a CANCEL comes before, or is a BYE after."""
    async with Phone(host=CARRIER) as phone:
        dialled = asyncio.create_task(phone.call(bridge.uri(GATEWAY), from_number="+33639980123"))
        await elapse(after_s, because="the caller thinks better of it")
        dialled.cancel()
        await asyncio.wait([dialled])
        await until(lambda: bridge.switch.api("show channels count").startswith("0 total"))
