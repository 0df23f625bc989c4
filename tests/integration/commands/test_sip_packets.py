"""`alloresto sip trace NAME --packets` shows one gateway's messages, then ends the trace."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO
from uuid import uuid4

import pytest

from controlplane.bridge.gateways.gateway_files import write_gateway_file
from controlplane.bridge.gateways.gateway_xml import GatewaySettings
from controlplane.cli import main
from controlplane.esl.sip_trace import TraceConnection
from controlplane.local.launch.carrier.server import CarrierServer
from controlplane.local.launch.freeswitch import FreeSwitchPorts, FreeSwitchServer, find_freeswitch
from tests.waiting import DEADLINE_S, block_until

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(find_freeswitch() is None, reason="no FreeSWITCH: set FREESWITCH_PREFIX"),
]

LUIGI, MARIO = "chez-luigi-0a1b2c3d", "chez-mario-0a1b2c3e"
ACCOUNTS = {"0033199001234": "secret-one", "0033199001235": "secret-two"}


@pytest.fixture(scope="module")
def bridge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FreeSwitchServer]:
    """A bridge with two gateways, registered at a carrier."""
    program = find_freeswitch()
    assert program is not None
    folder = tmp_path_factory.mktemp("trace")
    carrier = CarrierServer(
        program,
        runtime_folder=folder / "carrier",
        ports=FreeSwitchPorts.free(),
        accounts=ACCOUNTS,
        stop_grace=0.5,
    )
    server = FreeSwitchServer(
        program, runtime_folder=folder / "bridge", ports=FreeSwitchPorts.free(), stop_grace=0.5
    )
    with carrier, server:
        for name, (user, password) in zip((LUIGI, MARIO), ACCOUNTS.items(), strict=True):
            settings = GatewaySettings(
                gateway_name=name,
                registrar=carrier.sip_address,
                username=user,
                password=password,
                restaurant_id=uuid4(),
            )
            write_gateway_file(server.gateway_folder, settings)
            server.api(f"sofia profile external startgw {name}")
        block_until(lambda: server.api("sofia status").count("REGED") == 2)
        yield server


@contextmanager
def traced(bridge: FreeSwitchServer, name: str, *words: str) -> "Iterator[subprocess.Popen[str]]":
    """The command as a process, tracing; none was before."""
    block_until(lambda: not ordered_off(bridge))
    kept = {key: value for key, value in os.environ.items() if key != "DATABASE_URL"}
    command = [sys.executable, "-m", "controlplane.cli", "sip", "trace", name, "--packets"]
    with subprocess.Popen(
        [*command, "--port", str(bridge.ports.esl), *words],
        env=kept | {"ALLORESTO_ESL_PASSWORD": bridge.esl_password},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            block_until(lambda: ordered_off(bridge))
            yield process
        finally:
            process.kill()


def ordered_off(bridge: FreeSwitchServer) -> bool:
    """Whether FreeSWITCH is told to end a trace by itself."""
    return "alloresto_sip_trace" in bridge.api("show tasks")


def register_all(bridge: FreeSwitchServer) -> None:
    for name in (MARIO, LUIGI):
        bridge.api(f"sofia profile external register {name}")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_one_gateways_messages_then_off_however_it_ends(
    bridge: FreeSwitchServer, number: signal.Signals
) -> None:
    # 1 the trace is on  2 both gateways register, one is shown  3 a signal  4 it is off
    with traced(bridge, LUIGI) as process:
        register_all(bridge)
        assert process.stdout is not None
        read_until(process.stdout, "SIP/2.0 200")
        process.send_signal(number)
        rest, errors = process.communicate(timeout=DEADLINE_S)
    assert (process.returncode, errors) == (130, "")
    assert MARIO not in rest
    block_until(lambda: not ordered_off(bridge))
    assert not anything_traced(bridge)
    assert "REGISTER sip:" not in bridge.log_file.read_text(errors="replace")


def test_numbers_and_digest_are_shown_only_when_asked_for(bridge: FreeSwitchServer) -> None:
    shown = {}
    for words in ((), ("--unmasked",)):
        with traced(bridge, LUIGI, "--seconds", "4", *words) as process:
            register_all(bridge)
            shown[words], _ = process.communicate(timeout=DEADLINE_S)
        assert process.returncode == 0
    assert "REGISTER sip:" in shown[()]
    assert "0033199001234" not in shown[()]
    assert "Authorization: (hidden)" in shown[()]
    assert "0033199001234" in shown[("--unmasked",)]
    assert 'response="' in shown[("--unmasked",)]


def test_killed_without_a_word_it_is_ended_by_freeswitch(bridge: FreeSwitchServer) -> None:
    with traced(bridge, LUIGI) as process:
        process.kill()
        process.communicate(timeout=DEADLINE_S)
    assert ordered_off(bridge), "within 30 s"
    bridge.api("sofia profile external siptrace off")
    bridge.api("sched_del alloresto_sip_trace")


def test_a_gateway_that_is_not_here_is_said(
    bridge: FreeSwitchServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ALLORESTO_ESL_PASSWORD", bridge.esl_password)
    words = ["sip", "trace", "nobody-0a1b2c3d", "--packets", "--port", str(bridge.ports.esl)]
    assert main(words) == 1
    assert "nobody-0a1b2c3d is not on this bridge" in capsys.readouterr().err
    monkeypatch.setenv("ALLORESTO_ESL_PASSWORD", "wrong-password")
    assert main(words) == 1
    assert "wrong event socket password" in capsys.readouterr().err


def anything_traced(bridge: FreeSwitchServer) -> bool:
    """Whether FreeSWITCH still traces: asked while gateways register."""
    opening = TraceConnection.open(
        host="127.0.0.1", port=bridge.ports.esl, password=bridge.esl_password
    )
    with opening as connection:
        connection.listen()
        register_all(bridge)
        return bool(list(connection.traced(timeout_s=1.5)))


def read_until(stream: IO[str], text: str) -> None:
    for line in stream:
        assert MARIO not in line
        if text in line:
            return
    pytest.fail(f"no {text} came")
