"""An admin who types in `fs_cli` on a bridge sees its state: with the real program, on our conf."""

import asyncio
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine, insert, update

from controlplane.bridge.calls.call_state import GreetingState, StreamState
from controlplane.bridge.calls.incoming_call import IncomingCall
from controlplane.bridge.fs_cli_tables import FsCliTables
from controlplane.bridge.gateways.gateway_files import write_gateway_file
from controlplane.bridge.gateways.gateway_xml import GatewaySettings
from controlplane.contracts.heartbeats import DrainStep
from controlplane.database import sync_engine
from controlplane.esl.client import EslClient
from controlplane.local.launch.freeswitch import FreeSwitchPorts, FreeSwitchServer, find_freeswitch
from controlplane.models.nodes import SipBridgeNode
from controlplane.models.sip_registration import SipRegistration
from freeswitch.telephone.phone import Phone
from tests.accounts import add_account, add_carrier
from tests.waiting import DEADLINE_S, block_until

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(find_freeswitch() is None, reason="no FreeSWITCH: set FREESWITCH_PREFIX"),
]

LUIGI, MARIO = "chez-luigi-0a1b2c3d", "chez-mario-0a1b2c3e"
CALLER = "+33612345678"
POLL_S = 0.05
FsCli = Callable[[str], str]


@pytest.fixture(scope="module")
def bridge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FreeSwitchServer]:
    """A FreeSWITCH on our configuration, without an agent."""
    program = find_freeswitch()
    assert program is not None
    folder = tmp_path_factory.mktemp("bridge")
    with FreeSwitchServer(
        program, runtime_folder=folder, ports=FreeSwitchPorts.free(), stop_grace=0.5
    ) as server:
        yield server


@pytest.fixture
def fs_cli(bridge: FreeSwitchServer) -> FsCli:
    """Type one command into the real fs_cli."""
    program = find_freeswitch()
    assert program is not None
    client = Path(program).with_name("fs_cli")
    if not client.exists():
        pytest.skip("this FreeSWITCH came without fs_cli")

    def typed(command: str) -> str:
        host = ["-H", "127.0.0.1", "-P", str(bridge.ports.esl), "-p", bridge.esl_password]
        done = subprocess.run(
            [client, *host, "-x", command],
            capture_output=True, text=True, timeout=DEADLINE_S, check=True,
        )  # fmt: skip
        # The program shows what an alias stands for; what counts is what comes after.
        return re.sub(r"\A\s*Expand Alias \[.*?\]->\[.*\]\n", "", done.stdout)

    return typed


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = sync_engine(database_url, application_name="test")
    now = datetime.now(UTC)
    with engine.begin() as connection:
        add_carrier(connection)
        connection.execute(
            insert(SipBridgeNode).values(id="bridge-1", capacity=200, last_seen_at=now)
        )
        placed: dict[str, Any] = {
            "bridge_id": "bridge-1",
            "epoch": 1,
            "state_epoch": 1,
            "placement_reason": "new",
        }
        placed |= {"placed_at": now, "state_at": now}
        add_account(connection, LUIGI, state="REGED", last_sip_code=200, **placed)
        late = {"state_at": now - timedelta(minutes=5)}
        add_account(connection, MARIO, state="FAIL_WAIT", last_sip_code=403, **(placed | late))
        add_account(connection, "elsewhere")
    yield engine
    engine.dispose()


class Agent:
    """The part of an agent that writes for fs_cli, with calls and drain of the test's."""

    def __init__(self, client: EslClient, engine: Engine) -> None:
        self.calls: list[IncomingCall] = []
        self.step: DrainStep | None = None
        self.tables = FsCliTables(
            esl=client,
            engine=engine,
            bridge_id="bridge-1",
            calls=lambda: self.calls,
            drain=lambda: self.step,
        )

    def look(self) -> None:
        self.tables.read()
        self.tables.write()


@pytest.fixture
def esl(bridge: FreeSwitchServer) -> Iterator[EslClient]:
    client = EslClient(
        host="127.0.0.1",
        port=bridge.ports.esl,
        password=bridge.esl_password,
        events=[],
        name="fs-cli-test",
    )
    client.start()
    client.wait_connected(DEADLINE_S)
    yield client
    client.close()


@pytest.fixture
def agent(esl: EslClient, engine: Engine) -> Agent:
    return Agent(esl, engine)


def a_call(gateway: str = LUIGI) -> IncomingCall:
    return IncomingCall(
        call_id=uuid4(),
        restaurant_id=uuid4(),
        channel_uuid=uuid4(),
        gateway_name=gateway,
        caller_number=CALLER,
        greeting=GreetingState.OVER,
    )


def test_before_any_agent_freeswitchs_own_answers_are_there(tmp_path: Path) -> None:
    program = find_freeswitch()
    assert program is not None
    ports = FreeSwitchPorts.free()
    with FreeSwitchServer(program, runtime_folder=tmp_path, ports=ports, stop_grace=0.5) as bare:
        aliases = bare.api("show aliases")
        names = {"ar_help", "ar_calls", "ar_registrations", "ar_problems", "ar_drain"}
        assert names <= set(re.findall(r"^0,(\w+),", aliases, re.MULTILINE))


def test_help_names_every_command(fs_cli: FsCli, agent: Agent) -> None:
    agent.look()
    said = fs_cli("ar_help")
    for name in ("ar_calls", "ar_registrations", "ar_problems", "ar_tenant NAME", "ar_drain"):
        assert name in said


def test_calls_have_tenant_and_worker_and_no_number(fs_cli: FsCli, agent: Agent) -> None:
    call = a_call()
    call.worker_id, call.stream = "worker-7", StreamState.ATTACHED
    hidden = a_call(MARIO)
    hidden.caller_number = None
    agent.calls = [call, hidden]
    agent.look()
    said = fs_cli("ar_calls")
    luigi = next(line for line in said.splitlines() if line.startswith(LUIGI))
    assert luigi.split()[1:3] == ["agent", "worker-7"]
    assert str(call.channel_uuid) in luigi
    assert "…78" in luigi
    assert "hidden" in said
    assert "The agent counts 2; FreeSWITCH counts channels:\n\n0 total." in said
    assert CALLER[-9:] not in said


def test_registrations_have_state_and_code_and_only_this_bridges(
    fs_cli: FsCli, agent: Agent
) -> None:
    agent.look()
    said = fs_cli("ar_registrations")
    lines = {line.split()[0]: line for line in said.splitlines() if "-0a1b2c3" in line}
    assert lines.keys() == {LUIGI, MARIO}
    assert "REGED      200 OK" in lines[LUIGI]
    assert "FAIL_WAIT  403 forbidden" in lines[MARIO]
    assert "2 gateways, 1 registered" in said
    problems = fs_cli("ar_problems")
    assert MARIO in problems
    assert "not registered for 5 min" in problems
    assert LUIGI not in problems


def test_each_listing_says_when_it_was_written(fs_cli: FsCli, agent: Agent) -> None:
    agent.look()
    said = fs_cli("ar_registrations")
    stamp = r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[+-]\d{4})"
    found = re.search(rf"Now {stamp}\nWritten by the agent of bridge-1: {stamp}", said)
    assert found, said
    now, written = (datetime.strptime(one, "%Y-%m-%d %H:%M:%S%z") for one in found.groups())
    assert timedelta(0) <= now - written < timedelta(seconds=10)


def test_drain_tells_the_step_and_what_freeswitch_does(
    fs_cli: FsCli, agent: Agent, bridge: FreeSwitchServer
) -> None:
    agent.look()
    said = fs_cli("ar_drain")
    assert "This bridge is not being drained." in said
    assert said.rstrip().endswith("FreeSWITCH refuses new calls:\nfalse")
    agent.step = DrainStep.CLOSED
    agent.look()
    assert "+OK" in bridge.api("fsctl pause inbound")
    try:
        said = fs_cli("ar_drain")
    finally:
        bridge.api("fsctl resume inbound")
    assert "no registration is left" in said
    assert said.rstrip().endswith("FreeSWITCH refuses new calls:\ntrue")


def test_one_tenant_by_name_with_freeswitchs_own_view(
    fs_cli: FsCli, agent: Agent, bridge: FreeSwitchServer
) -> None:
    add_gateway(bridge, LUIGI)
    agent.calls = [a_call(), a_call(MARIO)]
    agent.look()
    said = fs_cli(f"ar_tenant {LUIGI}")
    assert f"Chez Luigi ({LUIGI})" in said
    assert str(agent.calls[0].channel_uuid) in said
    assert str(agent.calls[1].channel_uuid) not in said
    assert re.search(r"^Name\s+" + LUIGI, said, re.MULTILINE), "FreeSWITCH's own view"
    assert "not found" in fs_cli("ar_tenant nobody")
    assert LUIGI in bridge.api("console_complete c=14;ar_tenant chez"), "the TAB key"


def test_a_tenant_that_left_is_forgotten_even_by_the_next_agent(
    fs_cli: FsCli, agent: Agent, esl: EslClient, engine: Engine
) -> None:
    agent.look()
    assert "Chez Luigi" in fs_cli(f"ar_tenant {MARIO}")
    with engine.begin() as connection:
        connection.execute(
            update(SipRegistration)
            .where(SipRegistration.gateway_name == MARIO)
            .values(bridge_id=None)
        )
    Agent(esl, engine).look()
    assert "Chez Luigi" not in fs_cli(f"ar_tenant {MARIO}")
    assert "Chez Luigi" in fs_cli(f"ar_tenant {LUIGI}")


@pytest.mark.parametrize("name", ["Chez ${core_uuid}", "L'Étoile; 100% = \\n", "a;;shutdown"])
def test_a_restaurants_name_is_only_text(
    fs_cli: FsCli, agent: Agent, engine: Engine, name: str
) -> None:
    agent.look()
    agent.tables._accounts = [replace(one, restaurant=name) for one in agent.tables._accounts]
    agent.tables.write()
    assert f"{name} ({LUIGI})" in fs_cli(f"ar_tenant {LUIGI}")


def test_two_hundred_registrations_are_listed(fs_cli: FsCli, agent: Agent, engine: Engine) -> None:
    with engine.begin() as connection:
        for number in range(198):
            add_account(connection, f"restaurant-{number:03}-0a1b2c3d", bridge_id="bridge-1")
    agent.look()
    assert "200 gateways, 1 registered" in fs_cli("ar_registrations")


async def test_the_log_names_the_gateway_and_no_number(bridge: FreeSwitchServer) -> None:
    # 1 a call comes and ends  2 one line each, with gateway and uuid  3 no number anywhere
    add_gateway(bridge, LUIGI)
    async with Phone() as phone:
        dialog = await phone.call(
            f"sip:gw+{LUIGI}@{bridge.sip_address}",
            from_number=CALLER,
            display_name="Jean Dupont",
        )
        channel = "show channels as json"
        await asyncio.to_thread(
            block_until, lambda: f'"accountcode":"{LUIGI}"' in bridge.api(channel)
        )
        await dialog.hangup()
        ends = await asyncio.to_thread(lines_with, bridge.log_file, "call ends")
    arrives = await asyncio.to_thread(lines_with, bridge.log_file, "call arrives")
    uuid = ends[-1].split("uuid=")[1].split()[0]
    assert f"call ends gateway={LUIGI} uuid={uuid} cause=NORMAL_CLEARING" in ends[-1]
    assert "[NOTICE] mod_dptools.c" in arrives[-1]
    assert f"call arrives gateway={LUIGI} uuid={uuid}" in arrives[-1]
    text = bridge.log_file.read_text(errors="replace")
    assert CALLER[-9:] not in text
    assert "Dupont" not in text


def lines_with(file: Path, text: str) -> list[str]:
    """The log's lines that hold it, once there is one."""
    block_until(lambda: text in file.read_text(errors="replace"))
    return [line for line in file.read_text(errors="replace").splitlines() if text in line]


def add_gateway(bridge: FreeSwitchServer, name: str) -> None:
    """One that does not reach its carrier; calls to it come all the same."""
    settings = GatewaySettings(
        gateway_name=name,
        registrar="127.0.0.1:9",
        username="someone",
        password="a password",
        restaurant_id=uuid4(),
    )
    write_gateway_file(bridge.gateway_folder, settings)
    bridge.api(f"sofia profile external startgw {name}")
