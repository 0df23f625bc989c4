"""A registrar whose name DNS stops answering: the real FreeSWITCH goes on serving everybody else.

DNS is a test server that answers once and falls silent, seen by that FreeSWITCH alone: a mount
namespace of its own with its own resolv.conf. That takes root; elsewhere the test is skipped.
"""

import asyncio
import os
import shutil
import socket
import struct
import subprocess
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from controlplane.bridge.gateways.gateway_xml import GatewaySettings, gateway_xml
from controlplane.local.launch.freeswitch import FreeSwitchPorts, FreeSwitchServer, find_freeswitch
from controlplane.sip_options import SipAnswer, ask
from freeswitch.simulator.registrar import Registrar
from tests.integration.bridge_under_test import ACCOUNT_PASSWORD
from tests.waiting import block_elapse

pytestmark = pytest.mark.integration

DNS = ("127.0.0.77", 53)
NAME = "registrar.dead-dns.example"
LOOK_S = 8.0
"""The freeze began 1 s after the REGISTER and lasted 128 s."""


class OneAnswerDns:
    """Answers A questions with 127.0.0.1 as long as `answers` says so."""

    def __init__(self, answers: Callable[[], bool]) -> None:
        self._answers = answers
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(DNS)
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waking:
            waking.sendto(b"", DNS)
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            query, sender = self._socket.recvfrom(512)
            if not query:
                return
            if self._answers():
                self._socket.sendto(self._answer(query), sender)

    def _answer(self, query: bytes) -> bytes:
        end = query.index(b"\0", 12) + 5
        wants_address = query[end - 4 : end - 2] == b"\0\1"
        header = query[:2] + struct.pack("!5H", 0x8180, 1, int(wants_address), 0, 0)
        record = b"\xc0\x0c\0\1\0\1" + struct.pack("!IH", 1, 4) + bytes((127, 0, 0, 1))
        return header + query[12:end] + (record if wants_address else b"")


class SecludedFreeSwitch(FreeSwitchServer):
    """In a mount namespace where /etc/resolv.conf is ours."""

    resolv_conf: Path

    def _argv(self, program: Path, modules: Path) -> list[str | Path]:
        script = f'mount --bind "{self.resolv_conf}" /etc/resolv.conf && exec "$@"'
        return ["unshare", "-m", "sh", "-c", script, "sh", *super()._argv(program, modules)]


def secluded(folder: Path) -> SecludedFreeSwitch:
    program = find_freeswitch()
    if program is None:
        pytest.skip("no FreeSWITCH: set FREESWITCH_PREFIX")
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("a resolv.conf of its own takes root and unshare")
    if subprocess.run(["unshare", "-m", "true"], check=False).returncode != 0:
        pytest.skip("no mount namespaces here")
    SecludedFreeSwitch.resolv_conf = folder / "resolv.conf"
    SecludedFreeSwitch.resolv_conf.write_text(f"nameserver {DNS[0]}\n")
    return SecludedFreeSwitch(
        program,
        runtime_folder=folder / "freeswitch",
        ports=FreeSwitchPorts.free(legs=4),
        stop_grace=2.0,
    )


@pytest.fixture(scope="module")
def switch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecludedFreeSwitch]:
    with secluded(tmp_path_factory.mktemp("dns")) as switch:
        yield switch


@pytest.fixture
async def registrar() -> AsyncIterator[Registrar]:
    registrar = Registrar({})
    await registrar.open()
    yield registrar
    registrar.close()


@pytest.fixture
def dns(switch: SecludedFreeSwitch, registrar: Registrar) -> Iterator[OneAnswerDns]:
    dns = OneAnswerDns(answers=lambda: registrar.registers_seen == 0)
    yield dns
    dns.close()


def add(switch: SecludedFreeSwitch, name: str, registrar: str, *, protected: bool) -> None:
    """Added to the switch itself: the agent would not, without an answer from DNS."""
    settings = GatewaySettings(
        gateway_name=name,
        registrar=registrar,
        username=name,
        password=ACCOUNT_PASSWORD,
        restaurant_id=uuid4(),
    )
    lines = gateway_xml(settings).splitlines(keepends=True)
    text = "".join(line for line in lines if protected or "gw-auth-acl" not in line)
    (switch.gateway_folder / f"{name}.xml").write_text(text)
    switch.api(f"sofia profile external startgw {name}")


def longest_silence_s(switch: SecludedFreeSwitch) -> float:
    """How long OPTIONS to the profile went unanswered, while `LOOK_S` passed."""
    host, _, port = switch.sip_address.partition(":")
    began = answered_at = time.monotonic()
    longest = 0.0
    while time.monotonic() - began < LOOK_S:
        if ask(host, int(port), deadline_s=0.5) is SipAnswer.ANSWERED:
            answered_at = time.monotonic()
        longest = max(longest, time.monotonic() - answered_at)
        block_elapse(0.05, because="the profile is asked twenty times a second")
    return longest


@pytest.mark.parametrize("protected", [True, False], ids=["gw-auth-acl", "without"])
async def test_a_name_dns_stops_answering_freezes_nobody(
    switch: SecludedFreeSwitch, registrar: Registrar, dns: OneAnswerDns, *, protected: bool
) -> None:
    """The name is answered for the REGISTER, and no more once it is challenged. Without the network
    list in its file the whole profile would be silent: the second run shows that this test sees it.
    """
    name = f"dead-{uuid4().hex[:8]}"
    registrar.set_password(name, ACCOUNT_PASSWORD)
    add(switch, name, f"{NAME}:{registrar.port}", protected=protected)
    silence = await asyncio.to_thread(longest_silence_s, switch)
    assert registrar.registers_seen
    if protected:
        assert silence < 1.0
        assert registrar.contact(name)
    else:
        assert silence > 3.0
