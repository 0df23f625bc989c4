"""A hidden number is written into no voice message, and any other is: on both switches."""

import asyncio

import pytest

from freeswitch.telephone.phone import Phone
from tests.integration.event_socket_client import EventSocketClient
from tests.integration.switch_under_test import SwitchUnderTest
from tests.waiting import DEADLINE_S

pytestmark = pytest.mark.integration

NUMBER = "+33639980123"
ASSERTED = {"P-Asserted-Identity": f"<sip:{NUMBER}@127.0.0.1>"}


async def written(
    switch: SwitchUnderTest,
    client: EventSocketClient,
    phone: Phone,
    *,
    sender: str,
    headers: dict[str, str],
) -> str | None:
    """The number in the recording's comments, as this caller reaches the last rung."""
    dialog = await phone.call(switch.uri(), from_number=sender, headers=headers)
    uuid = str((await client.event("CHANNEL_PARK"))["Unique-ID"])
    assert await client.api(f"uuid_transfer {uuid} leave_message XML public") == "+OK\n"
    recording = await client.event("CHANNEL_EXECUTE", Unique_ID=uuid, Application="record")
    await dialog.hangup()
    assert "variable_record_comment" in recording
    return recording.get("variable_record_artist")


@pytest.mark.parametrize(
    ("sender", "headers"),
    [
        (NUMBER, {"Privacy": "id"}),
        (NUMBER, {"Privacy": "user"}),
        (NUMBER, {"Privacy": "header"}),
        (NUMBER, {"Privacy": "session"}),
        (NUMBER, {"Privacy": "none;history"}),
        (NUMBER, {"Privacy": "ID;critical"}),
        (NUMBER, {**ASSERTED, "Privacy": "user;header"}),
        ("anonymous", ASSERTED),
        ("Anonymous", {**ASSERTED, "Privacy": "none"}),
        ("restricted", ASSERTED),
    ],
)
async def test_a_hidden_number_is_not_written_into_the_message(
    switch: SwitchUnderTest,
    client: EventSocketClient,
    phone: Phone,
    sender: str,
    headers: dict[str, str],
) -> None:
    async with asyncio.timeout(DEADLINE_S):
        number = await written(switch, client, phone, sender=sender, headers=headers)
    assert number is None


@pytest.mark.parametrize(
    ("sender", "headers"),
    [
        (NUMBER, {}),
        (NUMBER, {"Privacy": "none"}),
        (NUMBER, {"Privacy": "critical"}),
        ("anonymous2", ASSERTED),
    ],
)
async def test_a_number_that_is_not_hidden_is(
    switch: SwitchUnderTest,
    client: EventSocketClient,
    phone: Phone,
    sender: str,
    headers: dict[str, str],
) -> None:
    async with asyncio.timeout(DEADLINE_S):
        number = await written(switch, client, phone, sender=sender, headers=headers)
    assert number == NUMBER
