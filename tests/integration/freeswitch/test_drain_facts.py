"""What a drain relies on in FreeSWITCH, the same on the simulator and on the real one."""

import asyncio
import re
from functools import partial
from pathlib import Path

import pytest

from freeswitch.telephone.dialog import CallEnd
from freeswitch.telephone.phone import CallRefused, Phone
from freeswitch.telephone.sip import Headers, NameAddr, SipRequest, SipResponse, new_branch, new_tag
from freeswitch.telephone.sip_endpoint import SipEndpoint
from tests.integration.bridge_under_test import SWITCHES, open_switch, short_prompts
from tests.integration.event_socket_client import EventSocketClient
from tests.integration.switch_under_test import (
    GATEWAY,
    SwitchUnderTest,
    park,
    write_gateway,
)
from tests.waiting import DEADLINE_S, until

pytestmark = pytest.mark.integration

RETRY_AFTER_S = 300
GONE_S = 12.0
"""From `shutdown elegant` to the process's end: 5.3 s measured, 3 s of them for idle threads."""


async def sessions(client: EventSocketClient) -> int:
    found = re.search(r"^(\d+) session\(s\) - peak", await client.api("status"), re.MULTILINE)
    assert found
    return int(found[1])


async def options(switch: SwitchUnderTest) -> SipResponse:
    """The answer to one OPTIONS of a carrier."""
    endpoint = await SipEndpoint.open(
        "127.0.0.1", port=0, on_request=lambda *_: None, on_late_success=lambda _: None
    )
    host, port = endpoint.address
    target = f"sip:{switch.server.sip_address}"
    own = NameAddr(f"sip:probe@{host}:{port}")
    headers = Headers(
        [
            ("Via", f"SIP/2.0/UDP {host}:{port};rport;branch={new_branch()}"),
            ("Max-Forwards", "70"),
            ("From", str(own.with_tag(new_tag()))),
            ("To", f"<{target}>"),
            ("Call-ID", new_tag()),
            ("CSeq", "1 OPTIONS"),
            ("Contact", str(own)),
        ]
    )
    try:
        sip_ip, sip_port = switch.server.sip_address.split(":")
        request = SipRequest("OPTIONS", target, headers)
        return await endpoint.request(request, (sip_ip, int(sip_port)), deadline_s=DEADLINE_S)
    finally:
        endpoint.close()


async def test_a_paused_switch_refuses_new_calls_only(
    switch: SwitchUnderTest, client: EventSocketClient, phone: Phone
) -> None:
    """
    1. A call is up. Paused: INVITE and OPTIONS get 503 with Retry-After, the call goes on.
    2. Only `pause_check inbound` tells; a second pause changes nothing.
    3. Resumed: calls come in again.
    """
    call = await park(switch, client, phone)
    for _ in range(2):
        assert await client.api("fsctl pause inbound") == "+OK\n"
    try:
        assert await client.api("fsctl pause_check inbound") == "true"
        assert await client.api("fsctl pause_check outbound") == "false"
        assert await client.api("fsctl pause_check") == "false"
        with pytest.raises(CallRefused) as refused:
            await phone.call(switch.uri(), from_number="+33612345678")
        assert (refused.value.status, refused.value.retry_after) == (503, RETRY_AFTER_S)
        answer = await options(switch)
        assert (answer.status, answer.headers.get("Retry-After")) == (503, str(RETRY_AFTER_S))
        assert await client.api(f"uuid_exists {call.uuid}") == "true"
    finally:
        assert await client.api("fsctl resume inbound") == "+OK\n"
    assert await client.api("fsctl pause_check inbound") == "false"
    assert (await options(switch)).status == 200
    another = await phone.call(switch.uri(), from_number="+33612345678")
    await another.hangup()
    await call.dialog.hangup()


async def test_a_start_has_a_name_of_its_own(client: EventSocketClient) -> None:
    await client.subscribe("RELOADXML")
    await client.api("reloadxml")
    event = await client.event("RELOADXML")
    assert event["Core-UUID"] == await client.api("global_getvar core_uuid")


async def test_status_counts_a_session_from_its_first_event_on(
    switch: SwitchUnderTest, client: EventSocketClient, phone: Phone
) -> None:
    """`show channels count` is written by another thread, a moment late."""
    await client.channel_count(0)
    start = len(client.events)
    calling = asyncio.create_task(phone.call(switch.uri(), from_number="+33612345678"))
    created = await client.event("CHANNEL_CREATE", start=start)
    assert await sessions(client) == 1
    dialog = await calling
    await dialog.hangup()
    await client.event("CHANNEL_DESTROY", start=start, Unique_ID=created["Unique-ID"])
    await until(partial(no_session, client))


async def no_session(client: EventSocketClient) -> bool:
    return not await sessions(client)


async def shuts_down(client: EventSocketClient) -> bool:
    return await client.api("fsctl shutdown_check") == "true"


@pytest.mark.parametrize("kind", SWITCHES)
async def test_an_elegant_shutdown_waits_for_the_last_session(
    kind: str, tmp_path: Path, phone: Phone
) -> None:
    """
    1. Paused and asked to shut down with a call up: nothing happens to it.
    2. Called off: the pause is called off with it.
    3. Asked again by a connection that is gone since: with the last call the process ends, with 0.
    """
    sounds = short_prompts(tmp_path / "sounds")
    with open_switch(kind, tmp_path, sounds=sounds) as server:
        switch = SwitchUnderTest(server, kind == "freeswitch")
        write_gateway(server.gateway_folder, GATEWAY)
        async with switch.client() as client, switch.client() as waiting:
            await client.subscribe("CHANNEL_PARK CUSTOM sofia::gateway_add")
            await client.api(f"sofia profile external startgw {GATEWAY}")
            await client.event("sofia::gateway_add")
            call = await park(switch, client, phone)
            await client.api("fsctl pause inbound")
            asked = asyncio.create_task(waiting.api("fsctl shutdown elegant"))
            await until(partial(shuts_down, client))
            assert not asked.done()

            assert await client.api("fsctl shutdown cancel") == "+OK\n"
            assert await asked == "+OK\n"
            assert await client.api("fsctl pause_check inbound") == "false"
            assert await client.api("fsctl shutdown_check") == "false"
            assert not call.dialog.ended.is_set()

            async with switch.client() as leaving:
                await leaving.send("bgapi fsctl shutdown elegant")
            await until(partial(shuts_down, client))
            assert server.alive
            await call.dialog.hangup()
            assert await call.dialog.wait_ended(deadline_s=DEADLINE_S) is CallEnd.LOCAL_HANGUP
            async with asyncio.timeout(GONE_S):
                await client.closed.wait()
        await until(lambda: not server.alive)
        assert server.process.returncode == 0
