"""What the agent subscribes to tells it all that it reads, on the simulator and on the real
FreeSWITCH: each handler's inputs are in the event it gets.
"""

import base64
import json
from collections.abc import AsyncIterator

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from controlplane.bridge.calls import bridge_load, switchboard
from controlplane.bridge.calls.channel import stream_settings
from controlplane.bridge.gateways import gateways
from controlplane.contracts.media import FRAME_MS
from controlplane.esl.client import EslClient
from freeswitch.simulator.registrar import Registrar
from freeswitch.telephone.phone import Phone
from tests.event_inputs import (
    ARRIVAL,
    DUMP,
    GATEWAY,
    GATEWAY_STATE,
    HEARTBEAT,
    HUNG_UP,
    KEY,
    OF_EVERY_CALL_EVENT,
    PLAYED,
    RUNG,
    TAKEN,
)
from tests.integration.event_socket_client import Event, EventSocketClient
from tests.integration.switch_under_test import SwitchUnderTest, park, tone, write_gateway
from tests.waiting import DEADLINE_S, until

pytestmark = pytest.mark.integration

NOT_YET = {"variable_originate_disposition", "variable_signal_bond"}
"""Of a call that nobody was rung for."""


@pytest.fixture
async def agent(switch: SwitchUnderTest) -> AsyncIterator[EventSocketClient]:
    """A connection that is told what the bridge agent's control connection is."""
    control = EslClient(
        host="127.0.0.1",
        port=switch.server.ports.esl,
        password=switch.server.esl_password,
        events=[*switchboard.EVENTS, *gateways.EVENTS, *bridge_load.EVENTS],
        name="never started",
    )
    async with switch.client() as client:
        headers, _ = await client.send(control.subscription.decode().strip())
        assert headers["Reply-Text"].startswith("+OK")
        yield client


@pytest.fixture
async def worker() -> AsyncIterator[tuple[str, list[ServerConnection]]]:
    sockets: list[ServerConnection] = []

    async def listen(socket: ServerConnection) -> None:
        sockets.append(socket)
        try:
            async for _ in socket:
                pass
        except ConnectionClosed:
            pass

    async with serve(listen, "127.0.0.1", 0, close_timeout=1) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        yield f"ws://127.0.0.1:{port}/calls/token", sockets


def lacks(event: Event, inputs: set[str]) -> set[str]:
    return {name for name in inputs | OF_EVERY_CALL_EVENT if name not in event}


async def test_a_call_is_told_with_all_that_is_read_of_it(
    switch: SwitchUnderTest,
    agent: EventSocketClient,
    phone: Phone,
    worker: tuple[str, list[ServerConnection]],
) -> None:
    """
    1. It arrives, is parked, and is streamed to a worker, whose words and voice come.
    2. The voice is played, a key is pressed, somebody is rung, and does not want to.
    3. The dialplan takes it for want of an agent; the stream ends, then the call.
    """
    call = await park(switch, agent, phone)
    answered = await agent.event("CHANNEL_ANSWER", Unique_ID=call.uuid)
    assert lacks(answered, ARRIVAL) == set()
    assert lacks(await agent.event("CHANNEL_PARK", Unique_ID=call.uuid), set()) == set()
    dump = json.loads(await agent.api(f"uuid_dump {call.uuid} json"))
    assert {*DUMP, *ARRIVAL} - NOT_YET - dump.keys() == set()

    url, sockets = worker
    settings = ";".join(f"{name}={value}" for name, value in stream_settings(FRAME_MS).items())
    await agent.api(f"uuid_setvar_multi {call.uuid} {settings}")
    await agent.api(f"uuid_audio_stream {call.uuid} start {url} mono 8k")
    await until(lambda: sockets)
    assert lacks(await agent.event("mod_audio_stream::connect"), set()) == set()
    chunk = {
        "audioDataType": "raw",
        "sampleRate": 8_000,
        "audioData": base64.b64encode(tone(900, 100)).decode(),
    }
    await sockets[0].send(json.dumps({"type": "streamAudio", "data": chunk}))
    await sockets[0].send('{"type":"keep_alive"}')
    said = await agent.event("mod_audio_stream::json")
    assert lacks(said, {"_body"}) == set()
    play = await agent.event("mod_audio_stream::play")
    assert lacks(play, {"_body"}) == set()

    file = json.loads(play["_body"])["file"]
    await agent.execute(call.uuid, "playback", file, event_uuid="chunk", lock="true")
    played = await agent.event("CHANNEL_EXECUTE_COMPLETE", Application_UUID="chunk")
    assert lacks(played, PLAYED) == set()
    assert int(played["variable_playback_last_offset_pos"]) == 800
    assert "FILE PLAYED" == played["Application-Response"]

    await call.dialog.send_dtmf("5")
    assert lacks(await agent.event("DTMF"), KEY) == set()

    async with Phone(refuses_with=486) as restaurant:
        host, port = restaurant.endpoint.address
        await agent.api(f"uuid_setvar {call.uuid} continue_on_fail true")
        dial = f"sofia/external/x@{host}:{port}"
        await agent.execute(call.uuid, "bridge", dial, event_uuid="ring", lock="true")
        rung = await agent.event("CHANNEL_EXECUTE_COMPLETE", Application_UUID="ring")
    assert lacks(rung, RUNG) == set()

    await agent.api(f"uuid_transfer {call.uuid} agent_lost XML public")
    taken = await agent.event(
        "CHANNEL_EXECUTE_COMPLETE",
        Application="sched_cancel",
        Caller_Destination_Number="agent_lost",
    )
    assert lacks(taken, TAKEN) == set()
    await sockets[0].close()
    assert lacks(await agent.event("mod_audio_stream::disconnect"), set()) == set()
    await call.dialog.hangup()
    ended = await agent.event("CHANNEL_HANGUP_COMPLETE", Unique_ID=call.uuid)
    assert lacks(ended, HUNG_UP) == set()


async def test_a_humans_answer_and_a_message_are_told(
    switch: SwitchUnderTest, agent: EventSocketClient, phone: Phone
) -> None:
    async with Phone() as restaurant:
        host, port = restaurant.endpoint.address
        call = await park(switch, agent, phone)
        dial = f"sofia/external/x@{host}:{port}"
        await agent.execute(call.uuid, "bridge", dial, event_uuid="ring", lock="true")
        answered = await restaurant.listen(deadline_s=DEADLINE_S)
        assert lacks(await agent.event("CHANNEL_BRIDGE", Unique_ID=call.uuid), set()) == set()
        dump = json.loads(await agent.api(f"uuid_dump {call.uuid} json"))
        assert DUMP - dump.keys() == set()
        await answered.hangup()
        await call.dialog.hangup()

    call = await park(switch, agent, phone)
    file = switch.server.voicemail_folder / f"{call.uuid}.wav"
    await agent.execute(call.uuid, "record", f"{file} 1", event_uuid="record", lock="true")
    assert lacks(await agent.event("RECORD_STOP", Unique_ID=call.uuid), set()) == set()


async def test_how_idle_the_machine_is_is_told(agent: EventSocketClient) -> None:
    beat = await agent.event("HEARTBEAT")
    assert HEARTBEAT - beat.keys() == set()


async def test_a_gateways_life_is_told(switch: SwitchUnderTest, agent: EventSocketClient) -> None:
    registrar = Registrar({"short-life": "s3cret-phrase"})
    host, port = await registrar.open()
    address = f"{host}:{port}"
    folder = switch.server.gateway_folder
    write_gateway(folder, "short-life", registrar=address, password="s3cret-phrase")
    await agent.api("sofia profile external startgw short-life")
    added = await agent.event("sofia::gateway_add", Gateway="short-life")
    assert GATEWAY - added.keys() == set()
    answered = await agent.event("sofia::gateway_state", Gateway="short-life", State="REGISTER")
    assert GATEWAY_STATE - answered.keys() == set()
    await agent.event("sofia::gateway_state", Gateway="short-life", State="REGED")
    (folder / "short-life.xml").unlink()
    await agent.api("sofia profile external killgw short-life")
    gone = await agent.event("sofia::gateway_delete", Gateway="short-life")
    assert GATEWAY - gone.keys() == set()
    registrar.close()
