"""The switch simulator runs as a process, with its carrier, and ends when it is asked to."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from controlplane.contracts.media import FRAME_MS
from controlplane.local.launch.freeswitch import FreeSwitchPorts
from controlplane.local.launch.simulator import SimulatorServer
from freeswitch.simulator.registrar import Registrar
from freeswitch.telephone.dialog import CallEnd
from freeswitch.telephone.phone import Phone
from freeswitch.telephone.rtp_session import ReceivedFrame
from tests.integration.event_socket_client import EventSocketClient
from tests.integration.switch_under_test import write_gateway
from tests.waiting import until

pytestmark = pytest.mark.integration

ACCOUNT, PASSWORD = "0033100000001", "carrier-secret"
FASTER = 0.1


def simulator(folder: Path, *, accounts: dict[str, str] | None = None) -> SimulatorServer:
    return SimulatorServer(
        runtime_folder=folder,
        ports=FreeSwitchPorts.free(legs=4),
        accounts=accounts,
        time_factor=FASTER,
    )


def client_of(server: SimulatorServer) -> EventSocketClient:
    return EventSocketClient(server.ports.esl, server.esl_password)


async def test_its_own_carrier_has_the_account(tmp_path: Path) -> None:
    server = simulator(tmp_path, accounts={ACCOUNT: PASSWORD})
    server.gateway_folder.mkdir(parents=True)
    with server:
        assert not server.registered(ACCOUNT)
        write_gateway(
            server.gateway_folder,
            ACCOUNT,
            registrar=server.registrar,
            password=PASSWORD,
        )
        async with client_of(server) as client:
            await client.subscribe("HEARTBEAT CUSTOM sofia::gateway_state")
            await client.api(f"sofia profile external startgw {ACCOUNT}")
            await client.event("sofia::gateway_state", State="REGED")
            beat = await client.event("HEARTBEAT")

        assert server.registered(ACCOUNT)
        assert (beat["Session-Count"], beat["Max-Sessions"]) == ("0", "400")
        assert server.problems() == []


async def test_at_its_end_calls_are_hung_up_and_bindings_given_back(tmp_path: Path) -> None:
    registrar = Registrar({ACCOUNT: PASSWORD})
    host, port = await registrar.open()
    server = simulator(tmp_path)
    server.gateway_folder.mkdir(parents=True)
    write_gateway(server.gateway_folder, ACCOUNT, registrar=f"{host}:{port}", password=PASSWORD)
    try:
        async with Phone() as phone:
            server.start()
            await until(lambda: registrar.contact(ACCOUNT) is not None)
            uri = f"sip:gw+{ACCOUNT}@{server.sip_address}"
            dialog = await phone.call(uri, from_number="+33612345678")

            code = await asyncio.to_thread(server.stop)

            assert code == 0
            assert await dialog.wait_ended(deadline_s=2) is CallEnd.REMOTE_HANGUP
            assert registrar.contact(ACCOUNT) is None
            assert server.problems() == []
    finally:
        server.stop()
        registrar.close()


def keeps_pace(received: Sequence[ReceivedFrame]) -> bool:
    """Whether a second and more of frames came 20 ms apart on average, what stalled included."""
    frames = list(received)
    if len(frames) < 51:
        return False
    mean_s = (frames[-1].at - frames[0].at) / (len(frames) - 1)
    return abs(mean_s - FRAME_MS / 1_000) <= 0.002


async def test_many_calls_keep_their_pace(tmp_path: Path) -> None:
    calls = 15
    with simulator(tmp_path) as server:
        write_gateway(server.gateway_folder, ACCOUNT)
        async with client_of(server) as client, Phone() as phone:
            await client.api("sofia profile external rescan")
            uri = f"sip:gw+{ACCOUNT}@{server.sip_address}"
            dialogs = await asyncio.gather(
                *(phone.call(uri, from_number=f"+3361234{n:04}") for n in range(calls))
            )
            await until(lambda: all(keeps_pace(dialog.received) for dialog in dialogs))
            assert await client.api("show channels count") == f"\n{calls} total.\n"
