"""Our configuration does its part on the real FreeSWITCH, with a second one as the carrier.

Prompts are short tones here, each on its own frequency, so what the caller heard is a list of
names. Skipped, and said so, on machines without FreeSWITCH.
"""

import asyncio
import threading
import time
import uuid
import wave
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
from websockets.asyncio.server import ServerConnection, serve

from controlplane.bridge.gateways.gateway_files import remove_gateway_file, write_gateway_file
from controlplane.bridge.gateways.gateway_xml import GatewaySettings
from controlplane.local.launch.carrier.server import CarrierServer
from controlplane.local.launch.freeswitch import FreeSwitchPorts, FreeSwitchServer, find_freeswitch
from controlplane.local.launch.process import ProcessFailed
from freeswitch.telephone.dialog import CallEnd, Dialog
from freeswitch.telephone.phone import CallRefused, Phone
from tests.waiting import block_until, until

pytestmark = pytest.mark.integration

NUMBER = "0033123456789"
OTHER_NUMBER = "0033123456790"
RESTAURANT_PHONE = "0611111111"
NASTY_PASSWORD = """p"a'ss&%20>x%é ;,{}$1\\n"""
CALLER = "0612345678"
EVENT_DEADLINE_S = 10.0
WAY_OUT_DEADLINE_S = EVENT_DEADLINE_S + 10.0  # an agent may come back
"""A registration takes up to 2.2 s, a deletion 2 s, the way out 2 s and its prompts 1 s."""
STOP_GRACE_S = 0.5
"""Nothing is worth waiting for when a test's switch ends."""

POLL_S = 0.03

T = TypeVar("T")

TONES = {
    "own/greeting": 900,
    "greeting_generic": 1100,
    "busy": 1300,
    "own/busy": 2300,
    "transfer": 1500,
    "leave_message": 1700,
    "message_left": 1900,
    "one_moment": 2100,
    "ringback": 440,
    "waiting": 480,
    "beep": 1000,
}
TONE_MS = 200
NO_AGENT = ["one_moment", "waiting", "own/busy"]
MESSAGE = ["leave_message", "beep", "message_left"]
"""The end of the ladder; between beep and thanks, the caller's own silence is recorded."""


@dataclass(frozen=True)
class Switches:
    bridge: FreeSwitchServer
    carrier: CarrierServer
    sounds: Path
    problems_at_start: list[str]


@pytest.fixture(scope="module")
def program() -> Path:
    found = find_freeswitch()
    if found is None:
        pytest.skip("no FreeSWITCH here: set FREESWITCH_PREFIX, or put freeswitch on PATH")
    return found


@pytest.fixture(scope="module")
def switches(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Switches]:
    folder = tmp_path_factory.mktemp("freeswitch")
    sounds = folder / "sounds"
    (sounds / "own").mkdir(parents=True)  # the restaurant has no words for `leave_message`
    for name, frequency in TONES.items():
        write_tone(sounds / f"{name}.wav", frequency)
    carrier = CarrierServer(
        program,
        runtime_folder=folder / "carrier",
        ports=FreeSwitchPorts.free(),
        accounts={NUMBER: NASTY_PASSWORD, OTHER_NUMBER: "autre-secret"},
        stop_grace=STOP_GRACE_S,
    )
    bridge = FreeSwitchServer(
        program,
        runtime_folder=folder / "bridge",
        ports=FreeSwitchPorts.free(),
        # The carrier and the telephone are inside, 127.0.0.2 is not.
        carrier_networks=("127.0.0.1/32", "192.0.2.0/24"),
        sounds_folder=sounds,
        stop_grace=STOP_GRACE_S,
    )
    with ExitStack() as running:
        starts = [threading.Thread(target=server.start) for server in (carrier, bridge)]
        for start in starts:
            start.start()
        for start in starts:
            start.join()
        running.callback(carrier.stop)
        running.callback(bridge.stop)
        assert carrier.alive
        assert bridge.alive
        yield Switches(bridge, carrier, sounds, bridge.problems() + carrier.problems())


@pytest.fixture
def gateway(switches: Switches) -> Iterator[Callable[..., str]]:
    """Adds a gateway, by default one that does not wait for its registration; removes it after."""
    names: list[str] = []

    def add(**changes: object) -> str:
        settings: dict[str, object] = {
            "gateway_name": f"pizzeria-{uuid.uuid4().hex[:8]}",
            "registrar": switches.carrier.sip_address,
            "username": OTHER_NUMBER,
            "password": "autre-secret",
            "restaurant_id": uuid.uuid4(),
            "prompts": switches.sounds / "own",
        }
        built = GatewaySettings(**(settings | changes))  # type: ignore[arg-type]  # a test's builder
        name = built.gateway_name
        write_gateway_file(switches.bridge.gateway_folder, built)
        names.append(name)
        switches.bridge.api(f"sofia profile external startgw {name}")
        assert "Invalid Gateway" not in switches.bridge.api(f"sofia status gateway {name}")
        return name

    yield add
    for name in names:
        remove_gateway_file(switches.bridge.gateway_folder, name)
        switches.bridge.api(f"sofia profile external killgw {name}")


def test_both_configurations_load_without_a_warning(switches: Switches) -> None:
    assert switches.problems_at_start == []


def test_the_log_was_written_and_a_real_problem_would_be_seen(switches: Switches) -> None:
    assert "Started Profile external" in switches.bridge.log_file.read_text(errors="replace")
    assert not switches.carrier.problems()
    switches.carrier.api("log WARNING seen by the test")
    assert [line for line in switches.carrier.problems() if "seen by the test" in line]


def test_the_running_profile_is_what_the_file_says(switches: Switches) -> None:
    status = switches.bridge.api("sofia status profile external")
    lines = dict(line.split("\t", 1) for line in status.splitlines() if "\t" in line)
    values = {name.strip(): value.strip() for name, value in lines.items()}
    assert values["Context"] == "default"
    assert values["CODECS IN"] == "PCMA,PCMU"
    assert values["TEL-EVENT"] == "101"
    assert values["DTMF-MODE"] == "rfc2833"
    assert values["LATE-NEG"] == "true"
    assert values["SIP-IP"] == "127.0.0.1"


def test_reloading_with_an_empty_gateway_folder_warns_of_nothing(switches: Switches) -> None:
    before = switches.bridge.problems()
    assert list(switches.bridge.gateway_folder.glob("*")) == []
    assert "Success" in switches.bridge.api("reloadxml")
    assert "+OK" in switches.bridge.api("sofia profile external rescan")
    assert switches.bridge.problems() == before


def test_text_that_spells_a_function_call_is_only_text(switches: Switches) -> None:
    assert "Permission Denied" in switches.bridge.api("eval ${hostname()}")
    assert switches.carrier.api("eval ${hostname()}"), "the carrier, which allows it, answers"


def test_the_event_socket_listens_on_loopback_only(switches: Switches) -> None:
    listening = Path("/proc/net/tcp").read_text().splitlines()[1:]
    port = f"{switches.bridge.ports.esl:04X}"
    locals_ = [line.split()[1] for line in listening if line.split()[3] == "0A"]
    assert [address for address in locals_ if address.endswith(f":{port}")] == [f"0100007F:{port}"]


def test_a_nasty_password_registers_and_is_not_readable_by_others(
    switches: Switches, gateway: Callable[..., str]
) -> None:
    name = gateway(username=NUMBER, password=NASTY_PASSWORD)
    block_until(lambda: state_of(switches.bridge, name) == "REGED")
    block_until(lambda: switches.carrier.registered(NUMBER))
    assert switches.bridge.runtime_folder.stat().st_mode & 0o077 == 0
    assert NASTY_PASSWORD not in switches.bridge.log_file.read_text(errors="replace")
    version = f"sofia_gateway_data {name} ivar alloresto_config_version"
    assert switches.bridge.api(version) == "1"


def test_a_wrong_password_does_not_register(
    switches: Switches, gateway: Callable[..., str]
) -> None:
    name = gateway(username=NUMBER, password="un autre")
    block_until(lambda: state_of(switches.bridge, name) in {"FAIL_WAIT", "FAILED"})


async def test_a_call_to_the_number_hears_the_restaurants_greeting_at_once(
    switches: Switches, gateway: Callable[..., str]
) -> None:
    # 1 the gateway registers  2 a telephone dials the number at the carrier
    # 3 the bridge answers and the restaurant's greeting is heard  4 the channel is parked
    name = gateway(username=NUMBER, password=NASTY_PASSWORD)
    await eventually(lambda: state_of(switches.bridge, name) == "REGED")
    async with Phone() as phone:
        dialog = await phone.call(
            f"sip:{NUMBER}@{switches.carrier.sip_address}", from_number=CALLER
        )
        await eventually(lambda: heard(dialog) == ["own/greeting"])
        first = next(frame for frame in dialog.received if loud(frame.l16))
        assert dialog.answered_at is not None
        assert first.at - dialog.answered_at <= 0.060
        channel = await eventually(lambda: channel_of(switches.bridge, name))
        await eventually(
            lambda: switches.bridge.api(f"uuid_getvar {channel} alloresto_greeting_ended") == "true"
        )
        assert switches.bridge.api(f"uuid_getvar {channel} sip_to_user") == NUMBER


async def test_first_sound_comes_within_60_ms_of_the_answer(
    switches: Switches, gateway: Callable[..., str]
) -> None:
    name = gateway()
    delays = []
    async with Phone() as phone:
        for _ in range(5):
            dialog = await phone.call(uri(switches, name), from_number=CALLER)
            await eventually(partial(has_sound, dialog))
            first = next(frame for frame in dialog.received if loud(frame.l16))
            delays.append(1000 * (first.at - (dialog.answered_at or 0)))
            await dialog.hangup()
    # The median: a machine busy with other tests may hold one call up.
    assert sorted(delays)[len(delays) // 2] <= 60, delays


async def test_without_an_agent_the_caller_hears_busy_then_may_leave_a_message(
    switches: Switches, gateway: Callable[..., str]
) -> None:
    name = gateway()
    async with Phone() as phone:
        dialog = await phone.call(uri(switches, name), from_number=CALLER)
        assert await dialog.wait_ended(deadline_s=WAY_OUT_DEADLINE_S) is CallEnd.REMOTE_HANGUP
    assert heard(dialog) == ["own/greeting", *NO_AGENT, *MESSAGE]
    assert longest_silence_s(dialog, until="beep") <= 3.0


async def test_a_greeting_whose_file_is_gone_is_replaced(
    switches: Switches, gateway: Callable[..., str]
) -> None:
    async with Phone() as phone:
        for prompts in (switches.sounds / "gone", None):
            name = gateway(prompts=prompts)
            dialog = await phone.call(uri(switches, name), from_number=CALLER)
            await eventually(partial(parked, switches.bridge, name))
            assert heard(dialog) == ["greeting_generic"]
            assert not dialog.ended.is_set()
            await dialog.hangup()


async def test_an_agent_that_cancels_the_way_out_keeps_the_caller(
    switches: Switches, gateway: Callable[..., str]
) -> None:
    name = gateway()
    async with Phone() as phone:
        dialog = await phone.call(uri(switches, name), from_number=CALLER)
        channel = await eventually(lambda: parked(switches.bridge, name))
        assert "+OK" in switches.bridge.api(f"sched_del {channel}")
        until_s = time.monotonic() + 3.0  # the way out would have been taken after 2 s
        await eventually(lambda: time.monotonic() > until_s)
        assert heard(dialog) == ["own/greeting"]
        assert not dialog.ended.is_set()
        # The dead man's switch, as the agent arms it: now it no longer cancels.
        assert "+OK" in switches.bridge.api(f"sched_transfer +1 {channel} agent_lost XML public")
        assert await dialog.wait_ended(deadline_s=WAY_OUT_DEADLINE_S) is CallEnd.REMOTE_HANGUP
    assert heard(dialog) == ["own/greeting", *NO_AGENT, *MESSAGE]


async def test_the_fallback_rings_the_restaurants_phone_and_the_ai_stops_listening(
    switches: Switches, gateway: Callable[..., str]
) -> None:
    # 1 a call with a stream attached  2 the agent transfers it to `fallback`
    # 3 the caller hears who is called, then the ring-back tone; the phone shows our number
    # 4 the stream is closed before anybody answers  5 both hear each other
    name = f"pizzeria-{uuid.uuid4().hex[:8]}"
    closed = asyncio.Event()

    async def worker(connection: ServerConnection) -> None:
        async for _ in connection:
            pass
        closed.set()

    async with Phone() as phone, Phone() as restaurant, serve(worker, "127.0.0.1", 0) as server:
        host, port = restaurant.endpoint.address
        switches.carrier.add_phone(RESTAURANT_PHONE, f"{host}:{port}")
        gateway(gateway_name=name, fallback_dial=f"sofia/gateway/{name}/{RESTAURANT_PHONE}")
        await eventually(lambda: state_of(switches.bridge, name) == "REGED")
        dialog = await phone.call(uri(switches, name), from_number=CALLER)
        channel = await eventually(lambda: parked(switches.bridge, name))
        switches.bridge.api(f"sched_del {channel}")
        url = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}/calls/x"
        for variable in ("STREAM_MESSAGE_DEFLATE", "STREAM_SUPPRESS_LOG"):
            switches.bridge.api(f"uuid_setvar {channel} {variable} true")
        await ask(switches.bridge, f"uuid_audio_stream {channel} start {url} mono 8k")
        await eventually(lambda: len(server.connections) == 1)
        switches.bridge.api(f"uuid_transfer {channel} fallback XML public")
        answered = await restaurant.listen(deadline_s=EVENT_DEADLINE_S, rings_s=1.0)
        assert closed.is_set()
        await eventually(lambda: heard(dialog) == ["own/greeting", "transfer", "ringback"])
        assert answered.invite is not None
        assert f"sip:{OTHER_NUMBER}@" in answered.invite.headers.required("From")
        answered.play(tone(TONES["busy"]))
        await eventually(lambda: heard(dialog)[-1] == "busy")
        await answered.hangup()
        assert await dialog.wait_ended(deadline_s=WAY_OUT_DEADLINE_S) is CallEnd.REMOTE_HANGUP


async def test_a_restaurants_phone_that_is_busy_leaves_a_message(
    switches: Switches, gateway: Callable[..., str]
) -> None:
    async with Phone() as phone, Phone(refuses_with=486) as restaurant:
        host, port = restaurant.endpoint.address
        name = gateway(fallback_dial=f"sofia/external/phone@{host}:{port}")
        dialog = await phone.call(uri(switches, name), from_number=CALLER)
        channel = await eventually(lambda: parked(switches.bridge, name))
        switches.bridge.api(f"uuid_transfer {channel} fallback XML public")
        assert await dialog.wait_ended(deadline_s=WAY_OUT_DEADLINE_S) is CallEnd.REMOTE_HANGUP
    assert [name for name in heard(dialog) if name != "ringback"] == [
        "own/greeting",
        "transfer",
        *MESSAGE,
    ]


@pytest.mark.parametrize("user", ["gw+nope-12345678", "no_agent", "fallback", "incoming_call"])
async def test_a_call_that_matches_no_gateway_gets_503(switches: Switches, user: str) -> None:
    async with Phone() as phone:
        with pytest.raises(CallRefused) as refused:
            await phone.call(f"sip:{user}@{switches.bridge.sip_address}", from_number=CALLER)
    assert refused.value.status == 503


async def test_a_source_outside_the_carriers_networks_gets_403(
    switches: Switches, gateway: Callable[..., str]
) -> None:
    name = gateway()
    async with Phone(host="127.0.0.2") as phone:
        with pytest.raises(CallRefused) as refused:
            await phone.call(uri(switches, name), from_number=CALLER)
    assert refused.value.status == 403


async def test_a_deleted_gateways_call_gets_503(
    switches: Switches, gateway: Callable[..., str]
) -> None:
    name = gateway()
    remove_gateway_file(switches.bridge.gateway_folder, name)
    switches.bridge.api(f"sofia profile external killgw {name}")
    status = f"sofia status gateway {name}"
    await eventually(lambda: "Invalid Gateway" in switches.bridge.api(status))
    async with Phone() as phone:
        with pytest.raises(CallRefused) as refused:
            await phone.call(uri(switches, name), from_number=CALLER)
    assert refused.value.status == 503


async def test_a_hostile_display_name_stays_a_name(
    switches: Switches, gateway: Callable[..., str], tmp_path: Path
) -> None:
    name = gateway()
    trap = tmp_path / "trap"
    shown = f"Bob%0Avariable_sip_gateway%3A%20autre${{system(touch {trap})}}"
    async with Phone() as phone:
        dialog = await phone.call(uri(switches, name), from_number=CALLER, display_name=shown)
        channel = await eventually(lambda: parked(switches.bridge, name))
        assert switches.bridge.api(f"uuid_getvar {channel} sip_gateway") == name
        assert await dialog.wait_ended(deadline_s=WAY_OUT_DEADLINE_S) is CallEnd.REMOTE_HANGUP
    assert heard(dialog) == ["own/greeting", *NO_AGENT, *MESSAGE]
    assert not trap.exists()


async def test_the_operator_can_call_with_a_recording(
    switches: Switches, gateway: Callable[..., str]
) -> None:
    name = gateway(username=NUMBER, password=NASTY_PASSWORD)
    await eventually(lambda: switches.carrier.registered(NUMBER))
    recording = switches.sounds / "busy.wav"
    caller = await asyncio.to_thread(
        switches.carrier.call_with_recording, NUMBER, recording, caller_number=CALLER
    )
    channel = await eventually(lambda: channel_of(switches.bridge, name))
    number = switches.bridge.api(f"uuid_getvar {channel} caller_id_number")
    assert number == CALLER
    assert "+OK" in switches.carrier.api(f"uuid_kill {caller}")


def test_a_port_in_use_is_reported_and_nothing_stays_behind(
    switches: Switches, program: Path, tmp_path: Path
) -> None:
    taken = FreeSwitchPorts(
        sip=FreeSwitchPorts.free().sip, esl=switches.bridge.ports.esl, rtp=range(20_000, 20_100)
    )
    second = FreeSwitchServer(program, runtime_folder=tmp_path, ports=taken, stop_grace=0.1)
    with pytest.raises(ProcessFailed, match="is taken"):
        second.start()
    assert not second.alive


def uri(switches: Switches, name: str) -> str:
    return f"sip:gw+{name}@{switches.bridge.sip_address}"


def state_of(bridge: FreeSwitchServer, name: str) -> str:
    status = bridge.api(f"sofia status gateway {name}")
    return next((line.split()[1] for line in status.splitlines() if line.startswith("State")), "")


def channel_of(bridge: FreeSwitchServer, name: str) -> str:
    """The UUID of the gateway's one call, empty when there is none."""
    rows = bridge.api("show channels as delim |").splitlines()
    uuids = [row.split("|", 1)[0] for row in rows if row.count("|") > 5 and "inbound" in row]
    for channel in uuids:
        if bridge.api(f"uuid_getvar {channel} sip_gateway") == name:
            return channel
    return ""


def parked(bridge: FreeSwitchServer, name: str) -> str:
    channel = channel_of(bridge, name)
    if not channel:
        return ""
    ended = bridge.api(f"uuid_getvar {channel} alloresto_greeting_ended")
    return channel if ended == "true" else ""


async def ask(bridge: FreeSwitchServer, command: str) -> str:
    """Without holding up the WebSocket server it makes FreeSWITCH connect to."""
    return await asyncio.to_thread(bridge.api, command)


async def eventually(found: Callable[[], T]) -> T:
    """`until`, while the telephone goes on speaking and hearing."""
    return await until(partial(asyncio.to_thread, found))


def write_tone(path: Path, frequency: int) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(tone(frequency))


def tone(frequency: int) -> bytes:
    times = np.arange(8 * TONE_MS) / 8000
    return (8000 * np.sin(2 * np.pi * frequency * times)).astype("<i2").tobytes()


def has_sound(dialog: Dialog) -> bool:
    return any(loud(frame.l16) for frame in dialog.received)


def loud(l16: bytes) -> bool:
    samples = np.frombuffer(l16, "<i2").astype(float)
    return bool(samples.size and np.sqrt(np.mean(samples**2)) > 500)


def heard(dialog: Dialog) -> list[str]:
    """The prompts the caller heard, in order, each once however long it lasted."""
    names: list[str] = []
    for frame in dialog.received:
        if loud(frame.l16) and names[-1:] != [name := tone_of(frame.l16)]:
            names.append(name)
    return names


def tone_of(l16: bytes) -> str:
    spectrum = np.abs(np.fft.rfft(np.frombuffer(l16, "<i2"), 800))
    peak = 10 * int(np.argmax(spectrum))
    return min(TONES, key=lambda name: abs(TONES[name] - peak))


def longest_silence_s(dialog: Dialog, *, until: str) -> float:
    """Before the last prompt, which is `until`."""
    spoken = [(frame.at, tone_of(frame.l16)) for frame in dialog.received if loud(frame.l16)]
    end = max(at for at, tone in spoken if tone == until)
    at = [instant for instant, _ in spoken if instant <= end]
    return max((after - before for before, after in pairwise(at)), default=0.0)
