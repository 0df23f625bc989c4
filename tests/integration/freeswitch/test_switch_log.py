"""Whatever is sent to the SIP port, no caller's number is in FreeSWITCH's log: an INVITE that is
refused, malformed or never completed is told of without who sent it. On the real FreeSWITCH alone:
the simulator writes no such log.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from controlplane.local.bench.flood_sender import WITHOUT_CONTACT, invite
from controlplane.local.launch.freeswitch import FreeSwitchPorts, FreeSwitchServer, find_freeswitch
from tests.integration.bridge_under_test import short_prompts
from tests.integration.hostile_caller import HostileCaller
from tests.integration.switch_under_test import GATEWAY, write_gateway
from tests.waiting import DEADLINE_S, until

pytestmark = pytest.mark.integration

NUMBER: Final = "+33639980177"
DIGITS: Final = NUMBER[4:]
CARRIER, STRANGER = "127.0.0.1", "127.0.0.66"
SENDER: Final = f'"{NUMBER}" <sip:{NUMBER}@caller.example>'
BODIES: Final = (
    None,
    "",
    "v=0\r\n",
    "garbage",
    "v=0\r\nc=IN IP4 999.1.1.1\r\nm=audio 9 RTP/AVP 8\r\n",
)
ABANDONED_S: Final = 20.0
"""FreeSWITCH gives up a session that never began after 10 s."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FreeSwitchServer]:
    program = find_freeswitch()
    if program is None:
        pytest.skip("no FreeSWITCH: set FREESWITCH_PREFIX")
    folder: Path = tmp_path_factory.mktemp("log")
    with FreeSwitchServer(
        program,
        runtime_folder=folder / "switch",
        ports=FreeSwitchPorts.free(legs=20),
        sounds_folder=short_prompts(folder / "sounds"),
        carrier_networks=[f"{CARRIER}/32"],
    ) as server:
        write_gateway(server.gateway_folder, GATEWAY)
        server.api("sofia profile external rescan")
        yield server


async def test_no_number_is_in_the_log(server: FreeSwitchServer) -> None:
    host, _, port = server.sip_address.rpartition(":")
    target = (host, int(port))
    for source in (CARRIER, STRANGER):
        async with HostileCaller(source, target) as caller:
            uri = f"sip:gw+{GATEWAY}@{server.sip_address}"
            for body in BODIES:
                message = caller.request(uri, sender=SENDER, body=body)
                await caller.exchange(message, deadline_s=DEADLINE_S, patience_s=DEADLINE_S)
            own = f"{source}:{caller.port}"
            incomplete = invite(own, server.sip_address, shape=WITHOUT_CONTACT)
            caller.send(incomplete.replace(b"sip:1000@", f"sip:{NUMBER}@".encode()))
    assert await until(lambda: " 0 session(s) " in f" {sessions(server)}", deadline_s=ABANDONED_S)
    log = server.log_file.read_text(errors="replace")
    assert "Rejected by acl" in log  # warnings are kept
    assert [line for line in log.splitlines() if DIGITS in line] == []


def sessions(server: FreeSwitchServer) -> str:
    lines = server.api("status").splitlines()
    return next(line for line in lines if "session(s) - peak" in line)
