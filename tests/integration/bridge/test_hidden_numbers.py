"""A hidden number is kept by nobody, and any other is: by the agent's rule and by the dialplan's
voice message, on both switches, for every spelling of the table.
"""

import asyncio

import pytest

from controlplane.bridge.calls.incoming_call import caller_number
from controlplane.contracts.channel_variables import ChannelVariable
from controlplane.contracts.phone_numbers import FRANCE
from controlplane.esl.event import EslEvent
from freeswitch.telephone.phone import Phone
from tests.hidden_numbers import NUMBER, SENDERS, Sender
from tests.integration.event_socket_client import EventSocketClient
from tests.integration.switch_under_test import SwitchUnderTest
from tests.waiting import DEADLINE_S

pytestmark = pytest.mark.integration


async def kept(
    switch: SwitchUnderTest, client: EventSocketClient, phone: Phone, sender: Sender
) -> dict[str, str | None]:
    """The number as the agent reads it, and as the dialplan writes it into a message."""
    dialog = await phone.call(
        switch.uri(),
        from_number=sender.user,
        display_name=sender.display_name,
        headers=sender.headers,
    )
    answer = await client.wait(
        lambda event: (
            event.get("Event-Name") == "CHANNEL_ANSWER"
            and event.get(ChannelVariable.SIP_CALL_ID.header) == dialog.call_id
        )
    )
    uuid = str(answer["Unique-ID"])
    await client.event("CHANNEL_PARK", Unique_ID=uuid)
    assert await client.api(f"uuid_transfer {uuid} leave_message XML public") == "+OK\n"
    recording = await client.event("CHANNEL_EXECUTE", Unique_ID=uuid, Application="record")
    await dialog.hangup()
    assert "variable_record_comment" in recording
    return {
        "agent": caller_number(EslEvent(answer), FRANCE),
        "dialplan": recording.get("variable_record_artist"),
    }


@pytest.mark.parametrize("sender", SENDERS.values(), ids=SENDERS.keys())
async def test_a_hidden_number_is_kept_by_nobody(
    switch: SwitchUnderTest, client: EventSocketClient, phone: Phone, sender: Sender
) -> None:
    async with asyncio.timeout(DEADLINE_S):
        numbers = await kept(switch, client, phone, sender)
    if sender.unseen and set(numbers.values()) == {NUMBER}:
        pytest.xfail("FreeSWITCH shows the first header alone: docs/sip-scenarios.md")
    if "Remote-Party-ID" in sender.headers and not switch.real:
        pytest.skip("the simulator reads no Remote-Party-ID")
    assert set(numbers.values()) == {None if sender.hidden else NUMBER}
