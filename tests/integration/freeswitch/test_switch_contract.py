"""What the agent relies on in a call, the same on the simulator and on the real FreeSWITCH."""

import asyncio
import itertools
import json

import pytest

from freeswitch.telephone.dialog import CallEnd
from freeswitch.telephone.phone import CallRefused, Phone
from tests.integration.event_socket_client import EventSocketClient
from tests.integration.switch_under_test import (
    BUSY_HZ,
    GATEWAY,
    GREETING_HZ,
    PROMPT_MS,
    RESTAURANT_ID,
    TRANSFER_HZ,
    SwitchUnderTest,
    heard,
    park,
    tone,
    write_gateway,
    write_wave,
)
from tests.waiting import DEADLINE_S, until

pytestmark = pytest.mark.integration

BEEP_HZ = 1_000


async def test_every_gateway_is_listed_as_up_or_down(client: EventSocketClient) -> None:
    up = (await client.api("sofia profile external gwlist up")).split()
    down = (await client.api("sofia profile external gwlist down")).split()
    assert [up.count(GATEWAY), down.count(GATEWAY)] in ([0, 1], [1, 0])


async def test_uptime_is_a_number_of_the_unit_asked_for(client: EventSocketClient) -> None:
    """The event socket's keep-alive: an error here costs the agent its connection."""
    seconds, milliseconds = int(await client.api("uptime")), int(await client.api("uptime ms"))
    assert seconds * 1_000 <= milliseconds <= (seconds + 5) * 1_000
    assert (await client.api("uptime fortnights")).startswith("-USAGE")


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        (
            "sofia profile external startgw nobody",
            "Reload XML [Success]\n+OK start gateway nobody complete\n",
        ),
        ("sofia profile external rescan", "Reload XML [Success]\n+OK scan complete\n"),
        ("sofia profile external killgw nobody", "-ERR no such gateway.\n"),
        ("sofia profile nowhere startgw nobody", "Invalid Profile [nowhere]"),
        ("sofia status gateway nobody", "Invalid Gateway!\n"),
        ("sofia_gateway_data nobody ivar x", "-ERR no reply\n"),
        (f"sofia_gateway_data {GATEWAY} ivar alloresto_config_version", "7"),
        (f"sofia_gateway_data {GATEWAY} ivar unset", "-ERR no reply\n"),
        ("uuid_exists nobody", "false"),
        ("uuid_dump nobody json", "-ERR No such channel!\n"),
        ("uuid_getvar nobody x", "-ERR No such channel!\n"),
        ("uuid_setvar nobody x y", "-ERR No such channel!\n"),
        ("uuid_break nobody all", "-ERR No such channel!\n"),
        ("uuid_kill nobody", "-ERR No such channel!\n"),
        ("uuid_transfer nobody a XML b", "-ERR No such channel!\n"),
        ("uuid_fileman nobody pause", "-ERR No such channel!\n"),
        ("uuid_buglist nobody", "-ERR no reply\n"),
        ("uuid_audio_stream nobody stop", "-ERR Operation Failed\n"),
        ("sched_transfer +2 nobody a XML b", "-ERR No such channel!\n"),
        (
            "sched_api +2 nobody",
            "-ERR Invalid syntax. USAGE: [+@]<time> <group_name> <command_string>[&]\n",
        ),
        ("sched_hangup +2 nobody", "-ERR No such channel!\n"),
        ("sched_del nobody", "+OK Deleted: 0\n"),
        ("file_exists /nowhere", "false"),
        ("global_getvar nothing", "-ERR no reply\n"),
        ("reloadxml", "+OK [Success]\n"),
        ("nothing x", "-ERR nothing Command not found!\n"),
    ],
)
async def test_api_answers(client: EventSocketClient, command: str, answer: str) -> None:
    assert await client.api(command) == answer


@pytest.mark.parametrize(
    ("command", "reply"),
    [
        ("sendmsg nobody", "-ERR invalid session id [nobody]"),
        ("nothing", "-ERR command not found"),
        ("api", "-ERR command not found"),
        ("event json", "-ERR no keywords supplied"),
        ("event json NOTHING", "-ERR no keywords supplied"),
        ("event json DTMF CUSTOM a::b", "+OK event listener enabled json"),
        ("nixevent DTMF", "+OK events nixed"),
        ("filter Unique-ID x", "+OK filter added. [Unique-ID]=[x]"),
        ("filter delete Unique-ID x", "+OK filter deleted. [Unique-ID][x]"),
        ("noevents", "+OK no longer listening for events"),
    ],
)
async def test_command_replies(client: EventSocketClient, command: str, reply: str) -> None:
    assert (await client.send(command))[0]["Reply-Text"] == reply


async def test_background_job(client: EventSocketClient) -> None:
    headers, _ = await client.send("bgapi file_exists /nowhere", {"Job-UUID": "our-job"})

    assert headers["Reply-Text"] == "+OK Job-UUID: our-job"
    job = await client.event("BACKGROUND_JOB", Job_UUID="our-job")
    assert (job["_body"], job["Job-Command"]) == ("false", "file_exists")
    assert job["Job-Command-Arg"] == "/nowhere"


async def test_wrong_password(switch: SwitchUnderTest) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", switch.server.ports.esl)
    await reader.readuntil(b"\n\n")
    writer.write(b"auth wrong-password\n\n")

    assert b"Reply-Text: -ERR invalid" in await reader.readuntil(b"\n\n")
    async with asyncio.timeout(DEADLINE_S):
        await reader.read()  # closed
    writer.close()


async def test_a_call_is_answered_greeted_and_parked(
    switch: SwitchUnderTest, client: EventSocketClient, phone: Phone
) -> None:
    call = await park(switch, client, phone)

    created = await client.event("CHANNEL_CREATE", Unique_ID=call.uuid)
    answered = await client.event("CHANNEL_ANSWER", Unique_ID=call.uuid)
    parked = await client.event("CHANNEL_PARK", Unique_ID=call.uuid)
    assert int(created["Event-Sequence"]) < int(answered["Event-Sequence"])
    assert int(answered["Event-Sequence"]) < int(parked["Event-Sequence"])
    for event in (created, answered, parked):
        assert event["variable_sip_gateway"] == GATEWAY
        assert event["variable_alloresto_restaurant_id"] == RESTAURANT_ID
        assert event["variable_alloresto_epoch"] == "3"
        assert event["variable_sip_call_id"] == call.dialog.call_id
        assert event["Caller-Caller-ID-Number"] == "+33612345678"
        assert event["Caller-Caller-ID-Name"] == "Jean Dupont"
        assert event["Caller-Destination-Number"] == "incoming_call"
        assert event["Caller-Context"] == "public"
        assert event["Caller-Privacy-Hide-Number"] == "false"
        assert event["Call-Direction"] == "inbound"
    assert (created["Answer-State"], created["Channel-State"]) == ("ringing", "CS_INIT")
    assert answered["Answer-State"] == "answered"
    assert parked["variable_alloresto_greeting_ended"] == "true"
    assert parked["variable_current_application"] == "park"
    assert heard(call.dialog.received) == [(GREETING_HZ, PROMPT_MS)]
    first_rtp_at, answered_at = call.dialog.first_rtp_at, call.dialog.answered_at
    assert first_rtp_at is not None
    assert answered_at is not None
    assert first_rtp_at - answered_at < 0.06


async def test_the_channel_can_be_found_again(
    switch: SwitchUnderTest, client: EventSocketClient, phone: Phone
) -> None:
    call = await park(switch, client, phone)

    assert await client.api(f"uuid_exists {call.uuid}") == "true"
    row = await client.channel_row(call.uuid)
    assert (row["cid_num"], row["direction"]) == ("+33612345678", "inbound")
    assert (row["dest"], row["context"]) == ("incoming_call", "public")
    dump = json.loads(await client.api(f"uuid_dump {call.uuid} json"))
    assert dump["variable_sip_gateway"] == GATEWAY
    assert dump["Event-Name"] == "CHANNEL_DATA"


async def test_no_channels(client: EventSocketClient) -> None:
    await client.channel_count(0)
    assert await client.api("show channels as json") == '{"row_count": 0}\n'


async def test_variables(switch: SwitchUnderTest, client: EventSocketClient, phone: Phone) -> None:
    uuid = (await park(switch, client, phone)).uuid

    assert await client.api(f"uuid_setvar_multi {uuid} a=1;b=two words") == "+OK\n"
    assert await client.api(f"uuid_getvar {uuid} b") == "two words"
    assert await client.api(f"uuid_setvar {uuid} a") == "+OK\n"
    assert await client.api(f"uuid_getvar {uuid} a") == "_undef_"
    assert await client.execute(uuid, "set", "c=3", event_uuid="set-c") == "+OK"
    done = await client.event("CHANNEL_EXECUTE_COMPLETE", Application_UUID="set-c")
    assert (done["Application"], done["Application-Response"]) == ("set", "_none_")
    assert done["variable_c"] == "3"


async def test_hostile_caller_names(
    switch: SwitchUnderTest, client: EventSocketClient, phone: Phone
) -> None:
    await phone.call(
        switch.uri(),
        from_number="+33612345678",
        display_name="Bob%0Avariable_sip_gateway%3A other",
        headers={"Privacy": "id"},
    )

    created = await client.event("CHANNEL_CREATE")
    assert created["Caller-Caller-ID-Name"] == "Bob\nvariable_sip_gateway: other"
    assert created["variable_sip_gateway"] == GATEWAY
    assert created["Caller-Privacy-Hide-Number"] == "true"
    assert created["Caller-Caller-ID-Number"] == "+33612345678"


async def test_nobody_takes_the_call_the_dialplan_has_its_own_way_out(
    switch: SwitchUnderTest, client: EventSocketClient, phone: Phone
) -> None:
    dialog = await phone.call(switch.uri(), from_number="+33612345678")

    end = await dialog.wait_ended(deadline_s=DEADLINE_S)  # 4 s of silence end the message

    assert end is CallEnd.REMOTE_HANGUP
    assert dialog.cause == 'Q.850;cause=16;text="NORMAL_CLEARING"'
    # The waiting tone is as high as the greeting, to this ear.
    tones = [hertz for hertz, _ in itertools.groupby(hertz for hertz, _ in heard(dialog.received))]
    assert tones == [GREETING_HZ, BUSY_HZ, BEEP_HZ]


async def test_the_way_out_rings_the_restaurants_phone(
    switch: SwitchUnderTest, client: EventSocketClient, phone: Phone
) -> None:
    async with Phone() as restaurant:
        host, port = restaurant.endpoint.address
        name = f"phone-{port}"
        write_gateway(
            switch.server.gateway_folder,
            name,
            alloresto_fallback_dial=f"sofia/external/cuisine@{host}:{port}",
        )
        await client.api(f"sofia profile external startgw {name}")
        call = await park(switch, client, phone, uri=switch.uri(f"gw+{name}"))

        assert await client.api(f"uuid_transfer {call.uuid} no_agent XML public") == "+OK\n"
        answered = await restaurant.listen(deadline_s=DEADLINE_S)
        bridged = await client.event("CHANNEL_BRIDGE", Unique_ID=call.uuid)
        answered.play(tone(1_500, 300))
        call.dialog.play(tone(1_700, 300))
        await until(lambda: any(hertz == 1_500 for hertz, _ in heard(call.dialog.received)))
        await until(lambda: any(hertz == 1_700 for hertz, _ in heard(answered.received)))
        await answered.hangup()

        assert bridged["Other-Leg-Unique-ID"] != call.uuid
        assert await call.dialog.wait_ended(deadline_s=DEADLINE_S) is CallEnd.REMOTE_HANGUP
        tones = [hertz for hertz, _ in heard(call.dialog.received)]
        assert tones[:3] == [GREETING_HZ, BUSY_HZ, TRANSFER_HZ]


async def test_a_busy_phone_gives_the_channel_back(
    switch: SwitchUnderTest, client: EventSocketClient, phone: Phone
) -> None:
    call = await park(switch, client, phone)
    await client.api(f"uuid_setvar_multi {call.uuid} continue_on_fail=true;call_timeout=5")
    async with Phone(refuses_with=486) as restaurant:
        host, port = restaurant.endpoint.address

        await client.execute(
            call.uuid, "bridge", f"sofia/external/x@{host}:{port}", event_uuid="ring", lock="true"
        )
        done = await client.event("CHANNEL_EXECUTE_COMPLETE", Application_UUID="ring")

    assert done["variable_originate_disposition"] == "USER_BUSY"
    assert done["variable_DIALSTATUS"] == "BUSY"
    assert await client.api(f"uuid_exists {call.uuid}") == "true"


@pytest.mark.parametrize("exists", [True, False])
async def test_the_restaurants_own_prompts(
    switch: SwitchUnderTest, client: EventSocketClient, phone: Phone, *, exists: bool
) -> None:
    folder = switch.server.gateway_folder
    own = folder.parent / f"own-{exists}"
    own.mkdir()
    if exists:
        write_wave(own / "greeting.wav", tone(1_300, 100))
        write_wave(own / "busy.wav", tone(1_150, 100))
    name = f"own-prompts-{exists}".lower()
    write_gateway(folder, name, alloresto_prompts=str(own))
    await client.api(f"sofia profile external startgw {name}")

    call = await park(switch, client, phone, uri=switch.uri(f"gw+{name}"))

    played = [(1_300, 100)] if exists else [(GREETING_HZ, PROMPT_MS)]
    assert heard(call.dialog.received) == played

    await client.api(f"uuid_transfer {call.uuid} over_limit XML public")
    await until(lambda: any(hertz == BEEP_HZ for hertz, _ in heard(call.dialog.received)))
    dump = json.loads(await client.api(f"uuid_dump {call.uuid} json"))
    assert dump["Caller-Destination-Number"] == "leave_message"
    busy = (1_150, 100) if exists else (BUSY_HZ, PROMPT_MS)
    assert busy in heard(call.dialog.received)


async def test_keys_of_the_caller(
    switch: SwitchUnderTest, client: EventSocketClient, phone: Phone
) -> None:
    call = await park(switch, client, phone)

    for digit in "1#":
        await call.dialog.send_dtmf(digit)

    for digit in "1#":
        pressed = await client.event("DTMF", Unique_ID=call.uuid, DTMF_Digit=digit)
        assert (pressed["DTMF-Source"], pressed["DTMF-Duration"]) == ("RTP", "800")


async def test_the_caller_hangs_up(
    switch: SwitchUnderTest, client: EventSocketClient, phone: Phone
) -> None:
    call = await park(switch, client, phone)

    await call.dialog.hangup()

    destroyed = await client.event("CHANNEL_DESTROY", Unique_ID=call.uuid)
    names = [e["Event-Name"] for e in client.events if e.get("Unique-ID") == call.uuid]
    assert names[names.index("CHANNEL_HANGUP") :] == [
        "CHANNEL_HANGUP",
        "CHANNEL_UNPARK",
        "CHANNEL_EXECUTE_COMPLETE",
        "CHANNEL_HANGUP_COMPLETE",
        "CHANNEL_DESTROY",
    ]
    assert destroyed["Hangup-Cause"] == destroyed["variable_hangup_cause"] == "NORMAL_CLEARING"
    assert destroyed["variable_sip_hangup_disposition"] == "recv_bye"
    assert destroyed["Answer-State"] == "hangup"
    assert await client.api(f"uuid_exists {call.uuid}") == "false"


@pytest.mark.parametrize("by", ["uuid_kill", "sendmsg"])
async def test_we_hang_up(
    switch: SwitchUnderTest, client: EventSocketClient, phone: Phone, by: str
) -> None:
    call = await park(switch, client, phone)

    if by == "uuid_kill":
        assert await client.api(f"uuid_kill {call.uuid} CALL_REJECTED") == "+OK\n"
    else:
        hangup = {"call-command": "hangup", "hangup-cause": "CALL_REJECTED"}
        headers, _ = await client.send(f"sendmsg {call.uuid}", hangup)
        assert headers["Reply-Text"] == "+OK"

    assert await call.dialog.wait_ended(deadline_s=DEADLINE_S) is CallEnd.REMOTE_HANGUP
    assert call.dialog.cause == 'Q.850;cause=21;text="CALL_REJECTED"'
    complete = await client.event("CHANNEL_HANGUP_COMPLETE", Unique_ID=call.uuid)
    assert complete["variable_hangup_cause"] == "CALL_REJECTED"
    assert complete["variable_sip_hangup_disposition"] == "send_bye"


async def test_an_unknown_application_ends_the_call(
    switch: SwitchUnderTest, client: EventSocketClient, phone: Phone
) -> None:
    call = await park(switch, client, phone)

    await client.execute(call.uuid, "no_such_application")

    ended = await client.event("CHANNEL_HANGUP_COMPLETE", Unique_ID=call.uuid)
    assert ended["Hangup-Cause"] == "DESTINATION_OUT_OF_ORDER"


@pytest.mark.parametrize("user", ["gw+nobody", "0140000001", f"xgw+{GATEWAY}"])
async def test_unknown_gateway(switch: SwitchUnderTest, phone: Phone, user: str) -> None:
    with pytest.raises(CallRefused) as refusal:
        await phone.call(switch.uri(user), from_number="+33612345678")

    assert refusal.value.status == 503


async def test_gateway_named_by_uri_parameter(
    switch: SwitchUnderTest, client: EventSocketClient, phone: Phone
) -> None:
    uri = f"{switch.uri('0140000001')};gw={GATEWAY}"

    await phone.call(uri, from_number="+33612345678")

    assert (await client.event("CHANNEL_CREATE"))["variable_sip_gateway"] == GATEWAY


async def test_spoofed_source(switch: SwitchUnderTest) -> None:
    async with Phone(host="127.0.0.2") as stranger:
        with pytest.raises(CallRefused) as refusal:
            await stranger.call(switch.uri(), from_number="+33612345678")

    assert refusal.value.status == 403


async def test_no_refusal_of_the_dialplan_keeps_a_carrier_away(switch: SwitchUnderTest) -> None:
    async with Phone() as carrier:
        with pytest.raises(CallRefused) as refusal:
            await carrier.call(switch.uri("gw+nobody"), from_number="+33612345678")

    assert (refusal.value.status, refusal.value.retry_after) == (503, None)


async def test_paused(switch: SwitchUnderTest, client: EventSocketClient, phone: Phone) -> None:
    assert await client.api("fsctl pause inbound") == "+OK\n"
    try:
        with pytest.raises(CallRefused) as refusal:
            await phone.call(switch.uri(), from_number="+33612345678")
    finally:
        assert await client.api("fsctl resume inbound") == "+OK\n"

    assert (refusal.value.status, refusal.value.retry_after) == (503, 300)
