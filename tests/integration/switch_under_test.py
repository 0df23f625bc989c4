"""The switch a contract test runs on: the simulator, then the real FreeSWITCH where one is found.

Both get the same gateway files, the same short prompts (one tone each) and the same carrier.
"""

import functools
import itertools
import math
import struct
import wave
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from controlplane.local.launch.freeswitch import FreeSwitchPorts, FreeSwitchServer, find_freeswitch
from controlplane.local.launch.simulator import SimulatorServer
from freeswitch.telephone.dialog import Dialog
from freeswitch.telephone.phone import Phone
from freeswitch.telephone.rtp_session import ReceivedFrame
from tests.integration.event_socket_client import EventSocketClient

RESTAURANT_ID = "0193c1a0-0000-7000-8000-000000000001"
GATEWAY = "chez-luigi-3f9a1c2b"
GREETING_HZ, BUSY_HZ, TRANSFER_HZ, GOODBYE_HZ = 500, 700, 900, 1_100
PROMPT_MS = 100
PROMPTS = {
    "greeting_generic": GREETING_HZ,
    "busy": BUSY_HZ,
    "transfer": TRANSFER_HZ,
    "goodbye": GOODBYE_HZ,
}
LOUD = 1_000.0

Server = SimulatorServer | FreeSwitchServer


@dataclass(frozen=True, slots=True)
class SwitchUnderTest:
    """A running switch, and where to reach it."""

    server: Server
    real: bool

    def uri(self, user: str = f"gw+{GATEWAY}") -> str:
        return f"sip:{user}@{self.server.sip_address}"

    def client(self) -> EventSocketClient:
        return EventSocketClient(self.server.ports.esl, self.server.esl_password)


@pytest.fixture(scope="session", params=["simulator", "freeswitch"])
def switch(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SwitchUnderTest]:
    """Start the switch once for all; every test makes its own calls."""
    program = find_freeswitch()
    real = request.param == "freeswitch"
    if real and program is None:
        pytest.skip("no FreeSWITCH: set FREESWITCH_PREFIX")
    folder = tmp_path_factory.mktemp(request.param)
    sounds = folder / "sounds"
    sounds.mkdir()
    for name, hertz in PROMPTS.items():
        write_wave(sounds / f"{name}.wav", tone(hertz, PROMPT_MS))
    gateways = folder / "gateways"
    gateways.mkdir()
    networks = ["127.0.0.1/32"]
    server: Server
    if real:
        assert program is not None
        server = FreeSwitchServer(
            program,
            runtime_folder=folder,
            ports=FreeSwitchPorts.free(legs=20),
            gateway_folder=gateways,
            sounds_folder=sounds,
            carrier_networks=networks,
        )
    else:
        server = SimulatorServer(
            runtime_folder=folder,
            ports=FreeSwitchPorts.free(legs=20),
            gateway_folder=gateways,
            sounds_folder=sounds,
            carrier_networks=networks,
            time_factor=0.3,  # of the gateways' delays only; the real one takes its second
        )
    with server:
        write_gateway(gateways, GATEWAY)
        server.api("sofia profile external rescan")
        yield SwitchUnderTest(server, real)


@pytest.fixture
async def client(switch: SwitchUnderTest) -> AsyncIterator[EventSocketClient]:
    """Open an event socket connection that gets every event."""
    async with switch.client() as client:
        await client.subscribe(
            "CHANNEL_CREATE CHANNEL_ANSWER CHANNEL_PARK CHANNEL_UNPARK CHANNEL_EXECUTE"
            " CHANNEL_EXECUTE_COMPLETE PLAYBACK_START PLAYBACK_STOP CHANNEL_BRIDGE CHANNEL_HANGUP"
            " CHANNEL_HANGUP_COMPLETE CHANNEL_DESTROY DTMF BACKGROUND_JOB HEARTBEAT CUSTOM"
            " sofia::gateway_add sofia::gateway_delete sofia::gateway_state"
            " mod_audio_stream::connect mod_audio_stream::disconnect mod_audio_stream::error"
            " mod_audio_stream::json mod_audio_stream::play"
        )
        yield client


@pytest.fixture
async def phone() -> AsyncIterator[Phone]:
    """Open a caller's telephone."""
    async with Phone() as phone:
        yield phone


@dataclass(frozen=True, slots=True)
class ParkedCall:
    """A call past its greeting, whose way out is cancelled."""

    uuid: str
    dialog: Dialog


async def park(
    switch: SwitchUnderTest, client: EventSocketClient, phone: Phone, *, uri: str | None = None
) -> ParkedCall:
    """Call, wait for the greeting's end, and hold the call."""
    start = len(client.events)
    dialog = await phone.call(
        uri or switch.uri(), from_number="+33612345678", display_name="Jean Dupont"
    )
    parked = await client.event("CHANNEL_PARK", start=start)
    uuid = str(parked["Unique-ID"])
    assert await client.api(f"sched_del {uuid}") == "+OK Deleted: 1\n"
    return ParkedCall(uuid, dialog)


def write_gateway(
    folder: Path, name: str, *, registrar: str | None = None, password: str = "", **inbound: str
) -> None:
    """Write a gateway file as the bridge agent does. It registers only if `registrar` is given."""
    variables = {
        "alloresto_restaurant_id": RESTAURANT_ID,
        "alloresto_config_version": "7",
        "alloresto_epoch": "3",
        "alloresto_carrier_acl": "carriers",
        **inbound,
    }
    params = {
        "username": name,
        "password": password or "unused",
        "realm": "127.0.0.1",
        "proxy": registrar or "127.0.0.1:9",
        "register": "true" if registrar else "false",
        "expire-seconds": "60",
        "retry-seconds": "30",
        "context": "public",
        "extension": "incoming_call",
        "gw-auth-acl": "carriers",
    }
    lines = [
        "<include>",
        f'<gateway name="{name}">',
        *(f'<param name="{key}" value="{value}"/>' for key, value in params.items()),
        "<variables>",
        *(
            f'<variable name="{key}" value="{value}" direction="inbound"/>'
            for key, value in variables.items()
        ),
        "</variables>",
        "</gateway>",
        "</include>",
    ]
    (folder / f"{name}.xml").write_text("\n".join(lines) + "\n")


def tone(hertz: int, duration_ms: int) -> bytes:
    """Make L16 at 8 kHz; multiples of 50 Hz fit a frame of 20 ms exactly."""
    samples = (
        int(8_000 * math.sin(2 * math.pi * hertz * i / 8_000)) for i in range(8 * duration_ms)
    )
    return b"".join(struct.pack("<h", sample) for sample in samples)


def write_wave(file: Path, l16: bytes) -> None:
    with wave.open(str(file), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8_000)
        sound.writeframes(l16)


@functools.lru_cache(maxsize=16_384)  # every look at a call begins with its first frame
def pitch(l16: bytes) -> int:
    """Return the loudest frequency of one frame in Hz, to 50 Hz; 0 for silence."""
    samples = np.frombuffer(l16, dtype="<i2").astype(float)
    if np.abs(samples).max() < LOUD:
        return 0
    return int(np.abs(np.fft.rfft(samples)).argmax()) * 8_000 // len(samples)


def heard(frames: list[ReceivedFrame]) -> list[tuple[int, int]]:
    """Return what was heard, (Hz, ms) one after another; silence is left out."""
    runs = (
        (hertz, len(list(run))) for hertz, run in itertools.groupby(pitch(f.l16) for f in frames)
    )
    return [(hertz, 20 * count) for hertz, count in runs if hertz]
