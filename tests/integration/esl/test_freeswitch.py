"""Our event socket client does on a real FreeSWITCH what it does on the scripted listener."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import gevent
import pytest

from controlplane.esl import commands, probe
from controlplane.esl.client import EslClient
from controlplane.esl.connection import Connection
from controlplane.esl.errors import EslChannelGone, EslCommandFailed, EslDisconnected, EslTimeout
from controlplane.esl.event import EslEvent
from controlplane.esl.executions import MAX_OUTSTANDING
from controlplane.local.launch.installation import find_freeswitch, module_folder
from tests.waiting import DEADLINE_S, gevent_stays_true, gevent_until

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(find_freeswitch() is None, reason="no FreeSWITCH on this machine"),
]

PASSWORD = "only-for-this-test"
START_TIMEOUT_S = 20.0
LONG_TONE = "tone_stream://%(20000,0,440)"
HALF_SECOND_TONE = "tone_stream://%(500,0,440)"
SHORT_TONE = "tone_stream://%(20,0,440)"

_MODULES = ("event_socket", "commands", "dptools", "loopback", "tone_stream", "sndfile")
_CONFIGURATION = """<document type="freeswitch/xml"><section name="configuration">
<configuration name="modules.conf"><modules>{modules}</modules></configuration>
<configuration name="switch.conf"><settings>
<param name="core-db-name" value="{folder}/core.db"/></settings></configuration>
<configuration name="event_socket.conf"><settings><param name="listen-ip" value="127.0.0.1"/>
<param name="listen-port" value="{port}"/><param name="password" value="{password}"/>
</settings></configuration></section></document>"""


class Switch:
    """One FreeSWITCH process on a free port, which a test may kill and start again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = int(free.getsockname()[1])
        modules = "".join(f'<load module="mod_{name}"/>' for name in _MODULES)
        (folder / "freeswitch.xml").write_text(
            _CONFIGURATION.format(modules=modules, folder=folder, port=self.port, password=PASSWORD)
        )

    def start(self) -> None:
        program = find_freeswitch()
        assert program is not None
        folders = ("conf", "log", "run", "db", "sounds", "recordings", "storage", "cache", "temp")
        places = [word for name in folders for word in (f"-{name}", str(self._folder))]
        self._process = subprocess.Popen(
            [program, "-nf", "-nonat", "-nocal", "-np", "-mod", module_folder(program), *places],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def freeze(self) -> None:
        """Returns once every thread has stopped."""
        self._process.send_signal(signal.SIGSTOP)
        os.waitpid(self._process.pid, os.WUNTRACED)

    def thaw(self) -> None:
        self._process.send_signal(signal.SIGCONT)


@pytest.fixture(scope="module")
def switch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Switch]:
    switch = Switch(tmp_path_factory.mktemp("freeswitch"))
    switch.start()
    yield switch
    switch.kill()


@pytest.fixture
def client(switch: Switch) -> Iterator[EslClient]:
    client = EslClient(
        host="127.0.0.1",
        port=switch.port,
        password=PASSWORD,
        events=["CHANNEL_CREATE", "CHANNEL_ANSWER", "CHANNEL_PARK", "CHANNEL_HANGUP_COMPLETE"],
        name="test",
    )
    client.start()
    client.wait_connected(START_TIMEOUT_S)
    yield client
    client.close()


@pytest.fixture
def channel(client: EslClient) -> Iterator[str]:
    """A parked channel without a caller: mod_loopback's null endpoint."""
    channel_uuid = str(uuid4())
    client.bgapi(f"originate {{origination_uuid={channel_uuid}}}null/test &park()")
    yield channel_uuid
    if client.connected and client.api(f"uuid_exists {channel_uuid}") == "true":
        client.hangup(channel_uuid, "NORMAL_CLEARING")


def test_commands_and_jobs_are_answered(client: EslClient) -> None:
    assert int(client.api("uptime")) >= 0
    assert int(client.bgapi("uptime")) >= 0
    for send in (client.api, client.bgapi):
        with pytest.raises(EslCommandFailed):
            send("no_such_command")


def test_a_channel_that_is_not_there_is_said(client: EslClient) -> None:
    with pytest.raises(EslChannelGone):
        client.execute(str(uuid4()), "playback", SHORT_TONE)
    with pytest.raises(EslChannelGone):
        client.hangup(str(uuid4()), "NORMAL_CLEARING")


def test_a_channels_events_come_in_order_to_its_end(client: EslClient) -> None:
    channel_uuid = str(uuid4())
    seen: list[str] = []

    def note(event: EslEvent) -> None:
        if event.channel_uuid == channel_uuid:
            seen.append(event.name)

    for name in ("CHANNEL_CREATE", "CHANNEL_ANSWER", "CHANNEL_PARK", "CHANNEL_HANGUP_COMPLETE"):
        client.on(name, note)
    client.bgapi(f"originate {{origination_uuid={channel_uuid}}}null/test &park()")
    gevent_until(lambda: "CHANNEL_PARK" in seen)
    client.hangup(channel_uuid, "USER_BUSY")
    gevent_until(lambda: "CHANNEL_HANGUP_COMPLETE" in seen)

    assert seen == ["CHANNEL_CREATE", "CHANNEL_ANSWER", "CHANNEL_PARK", "CHANNEL_HANGUP_COMPLETE"]


def test_more_executions_than_freeswitch_can_queue_complete_in_order(
    client: EslClient, channel: str
) -> None:
    completed: list[str | None] = []

    def note(event: EslEvent) -> None:
        if event.channel_uuid == channel:
            completed.append(event.get("Application-UUID"))

    client.on("CHANNEL_EXECUTE_COMPLETE", note)
    sent = [client.execute(channel, "playback", HALF_SECOND_TONE)]
    sent += [client.execute(channel, "set", f"n={n}", timeout_s=DEADLINE_S) for n in range(299)]
    gevent_until(lambda: len(completed) == len(sent))

    assert completed == sent
    assert client.outstanding(channel) == 0


def test_without_the_limit_freeswitch_closes_the_connection(switch: Switch, channel: str) -> None:
    """What the limit is for; when this fails, FreeSWITCH has changed."""
    connection = Connection(host="127.0.0.1", port=switch.port, password=PASSWORD, name="no limit")
    connection.open()

    def queue(n: int) -> None:
        message = commands.execute(
            channel, "playback", LONG_TONE, event_uuid=str(n), event_lock=True
        )
        connection.request(message, timeout_s=DEADLINE_S)

    for n in range(257):
        queue(n)
    with pytest.raises(EslDisconnected):
        queue(258)


def test_break_all_completes_nothing_and_frees_every_place(client: EslClient, channel: str) -> None:
    completed: list[str | None] = []

    def note(event: EslEvent) -> None:
        if event.channel_uuid == channel:
            completed.append(event.get("Application-UUID"))

    client.on("CHANNEL_EXECUTE_COMPLETE", note)
    sent = [client.execute(channel, "playback", LONG_TONE) for _ in range(MAX_OUTSTANDING)]
    with pytest.raises(EslTimeout):
        client.execute(channel, "playback", LONG_TONE, timeout_s=0.1)
    client.api(f"uuid_break {channel} all")
    assert client.outstanding(channel) == 0

    last = client.execute(channel, "playback", SHORT_TONE)
    gevent_until(lambda: last in completed)
    assert completed == [sent[0], last]


def test_the_admin_probe_reads_its_status(switch: Switch, client: EslClient) -> None:
    lines = probe.status_lines("127.0.0.1", switch.port, PASSWORD)
    assert lines[0].startswith("FreeSWITCH 1.")
    assert "ready" in lines[0]
    assert lines[3] == "Gateways: mod_sofia is not loaded"


def test_a_frozen_switch_is_noticed_and_found_again(switch: Switch, client: EslClient) -> None:
    switch.freeze()
    try:
        with pytest.raises(EslTimeout):
            client.api("uptime", timeout_s=0.2)
        assert not client.connected
    finally:
        switch.thaw()
    client.wait_connected(DEADLINE_S)
    assert int(client.api("uptime")) >= 0


def test_a_killed_switch_fails_what_waits_and_is_found_again(
    switch: Switch, client: EslClient
) -> None:
    failures: list[float] = []

    def wait_for_a_job() -> None:
        with pytest.raises(EslDisconnected):
            client.bgapi("msleep 20000", timeout_s=30.0)
        failures.append(time.monotonic())

    job = gevent.spawn(wait_for_a_job)
    gevent_stays_true(lambda: not job.ready(), for_s=0.1)
    killed_at = time.monotonic()
    switch.kill()
    job.join(DEADLINE_S)
    assert failures
    assert failures[0] - killed_at < 10.0

    switch.start()
    client.wait_connected(START_TIMEOUT_S)
    seen: list[str] = []
    client.on("CHANNEL_PARK", lambda event: seen.append(event.name))
    client.bgapi("originate null/test &park()")
    gevent_until(lambda: seen == ["CHANNEL_PARK"])
    client.bgapi("hupall")
