"""The event socket client over real TCP: replies, events, executions and lost connections."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import gevent
import pytest
from gevent.event import Event
from structlog.testing import capture_logs

from controlplane.esl import client as client_module
from controlplane.esl.client import EslClient
from controlplane.esl.dispatch import MAX_QUEUED_PER_CHANNEL
from controlplane.esl.errors import (
    EslAuthenticationFailed,
    EslChannelGone,
    EslCommandFailed,
    EslDisconnected,
    EslError,
    EslTimeout,
    InvalidEslArgument,
)
from controlplane.esl.event import EslEvent
from controlplane.esl.executions import MAX_OUTSTANDING
from tests.integration.esl_server import EslServer, Session, header, output, reply
from tests.waiting import DEADLINE_S, gevent_stays_true, gevent_until

pytestmark = pytest.mark.integration

CHANNEL = "9873a847-6723-430c-88ff-97eaf6d4d7a4"


@pytest.fixture
def server() -> Iterator[EslServer]:
    with EslServer() as server:
        yield server


@pytest.fixture
def client_for(server: EslServer) -> Iterator[Callable[..., EslClient]]:
    """Starts clients of the server; `connected=False` does not wait for them."""
    clients: list[EslClient] = []

    def start(*, connected: bool = True, **options: Any) -> EslClient:
        settings = {"password": "cluecluon", "events": ["CHANNEL_PARK", "HEARTBEAT"]} | options
        client = EslClient(host="127.0.0.1", port=server.port, name="test", **settings)
        clients.append(client)
        client.start()
        if connected:
            client.wait_connected(DEADLINE_S)
        return client

    yield start
    for client in clients:
        client.close()


@pytest.fixture
def client(client_for: Callable[..., EslClient]) -> EslClient:
    return client_for()


def fire_park(session: Session, channel_uuid: str = CHANNEL, **headers: str) -> None:
    session.fire({"Event-Name": "CHANNEL_PARK", "Unique-ID": channel_uuid} | headers)


def complete(session: Session, event_uuid: str, channel_uuid: str = CHANNEL) -> None:
    session.fire(
        {
            "Event-Name": "CHANNEL_EXECUTE_COMPLETE",
            "Unique-ID": channel_uuid,
            "Application-UUID": event_uuid,
        }
    )


def outcome(greenlet: "gevent.Greenlet[Any, Any]") -> object:
    """What a greenlet returned or raised, once it has ended."""
    greenlet.join(DEADLINE_S)
    assert greenlet.dead
    return greenlet.value if greenlet.successful() else greenlet.exception


# Replies


def test_concurrent_commands_each_get_their_own_reply(client: EslClient, server: EslServer) -> None:
    server.answer("api echo", lambda _, command: output(command.removeprefix("api echo ")))
    greenlets = [gevent.spawn(client.api, f"echo {n}") for n in range(300)]
    gevent.joinall(greenlets, timeout=DEADLINE_S)

    assert [greenlet.value for greenlet in greenlets] == [str(n) for n in range(300)]


def test_a_late_reply_is_never_given_to_a_later_command(
    client: EslClient, server: EslServer
) -> None:
    def late(session: Session, _: str) -> None:
        threading.Timer(0.2, session.push, [output("LATE")]).start()

    server.answer("api late", late)
    server.answer("api echo", output("ECHO"))
    with pytest.raises(EslTimeout):
        client.api("late", timeout_s=0.1)
    client.wait_connected(DEADLINE_S)

    gevent_stays_true(lambda: client.api("echo") == "ECHO", for_s=0.3)
    assert len(server.sessions) == 2


def test_the_commands_behind_a_lost_reply_fail_with_it(
    client: EslClient, server: EslServer
) -> None:
    server.answer("api lost", None)
    server.answer("api echo", None)
    behind = [gevent.spawn(client.api, "echo", timeout_s=DEADLINE_S) for _ in range(3)]
    gevent_until(lambda: server.count("api echo") == 3)
    with pytest.raises(EslTimeout):
        client.api("lost", timeout_s=0.1)

    assert all(isinstance(outcome(one), EslDisconnected) for one in behind)


def test_a_greenlet_killed_while_it_waits_shifts_no_reply(
    client: EslClient, server: EslServer
) -> None:
    killed = threading.Event()

    def late(session: Session, _: str) -> bytes:
        assert killed.wait(DEADLINE_S)
        return output("LATE")

    server.answer("api late", late)
    server.answer("api echo", output("ECHO"))
    waiting = gevent.spawn(client.api, "late")
    gevent_until(lambda: server.count("api late") == 1)
    waiting.kill()
    killed.set()

    assert client.api("echo") == "ECHO"
    assert len(server.sessions) == 1


@pytest.mark.parametrize("refusal", ["-ERR no reply\n", "-USAGE: <uuid>\n"])
def test_a_refusal_is_an_error_that_carries_it(
    client: EslClient, server: EslServer, refusal: str
) -> None:
    server.answer("api bad", output(refusal))
    with pytest.raises(EslCommandFailed) as caught:
        client.api("bad")
    assert caught.value.reply == refusal.strip()
    assert client.connected


def test_without_a_connection_commands_fail_at_once(
    client_for: Callable[..., EslClient], server: EslServer
) -> None:
    server.greets = False
    client = client_for(connected=False)
    for attempt in (
        lambda: client.api("status"),
        lambda: client.bgapi("status"),
        lambda: client.execute(CHANNEL, "playback"),
        lambda: client.hangup(CHANNEL, "NORMAL_CLEARING"),
    ):
        with pytest.raises(EslDisconnected):
            attempt()


def test_nothing_with_a_line_break_leaves(client: EslClient, server: EslServer) -> None:
    bad = "x\n\napi fsctl shutdown"
    for attempt in (
        lambda: client.api(bad),
        lambda: client.bgapi(bad),
        lambda: client.execute(CHANNEL, "playback", bad),
        lambda: client.execute(bad, "playback"),
        lambda: client.execute(CHANNEL, "playback", event_uuid=bad),
        lambda: client.hangup(CHANNEL, bad),
    ):
        with pytest.raises(InvalidEslArgument):
            attempt()
    client.api("status")
    assert server.count("api") == 1


# Jobs


def _finish_job(session: Session, job_uuid: str, body: str) -> None:
    session.fire({"Event-Name": "BACKGROUND_JOB", "Job-UUID": job_uuid}, body=body)


def test_jobs_that_end_in_another_order_keep_their_results(
    client: EslClient, server: EslServer
) -> None:
    first = gevent.spawn(client.bgapi, "originate one")
    second = gevent.spawn(client.bgapi, "originate two")
    gevent_until(lambda: server.count("bgapi") == 2)
    uuids = [header(command, "Job-UUID") for command in server.commands if "bgapi" in command]
    _finish_job(server.session, uuids[1], "+OK two\n")
    _finish_job(server.session, uuids[0], "-ERR one\n")

    assert outcome(second) == "+OK two"
    assert isinstance(failed := outcome(first), EslCommandFailed)
    assert failed.reply == "-ERR one"


def test_a_job_may_end_before_the_reply_to_its_command(
    client: EslClient, server: EslServer
) -> None:
    def at_once(session: Session, command: str) -> bytes:
        _finish_job(session, header(command, "Job-UUID"), "+OK fast\n")
        return reply("+OK Job-UUID")

    server.answer("bgapi", at_once)
    assert client.bgapi("status") == "+OK fast"


def test_a_late_job_costs_no_connection(client: EslClient, server: EslServer) -> None:
    with pytest.raises(EslTimeout):
        client.bgapi("originate", timeout_s=0.1)

    assert client.api("status") == "+OK"
    assert len(server.sessions) == 1


def test_a_job_fails_when_the_connection_ends(client: EslClient, server: EslServer) -> None:
    job = gevent.spawn(client.bgapi, "originate")
    gevent_until(lambda: server.count("bgapi") == 1)
    server.session.drop()

    assert isinstance(outcome(job), EslDisconnected)


# Connections


def test_on_connected_runs_subscribed_and_may_send_commands_each_time(
    client_for: Callable[..., EslClient], server: EslServer
) -> None:
    answers: list[str] = []
    lost: list[None] = []

    def connected(client: EslClient) -> None:
        assert server.session.subscribed[:2] == ["channel_park", "heartbeat"]
        answers.append(client.api("show channels as json"))

    client_for(on_connected=connected, on_disconnected=lambda: lost.append(None))
    gevent_until(lambda: len(answers) == 1)
    server.session.drop()
    gevent_until(lambda: len(answers) == 2)

    assert len(lost) == 1


def test_a_failing_callback_is_logged_and_the_connection_kept(
    client_for: Callable[..., EslClient],
) -> None:
    def connected(_: EslClient) -> None:
        raise LookupError("reconcile")

    with capture_logs() as logs:
        client = client_for(on_connected=connected)
        gevent_until(lambda: any(log["event"] == "esl_callback_failed" for log in logs))

    assert client.api("status") == "+OK"


def test_it_waits_for_a_listener_that_is_not_there_yet(
    client_for: Callable[..., EslClient], server: EslServer
) -> None:
    port = server.port
    server.stop()
    client = client_for(connected=False)
    with pytest.raises(EslTimeout) as caught:
        client.wait_connected(0.2)
    assert isinstance(caught.value.__cause__, EslDisconnected)

    with EslServer(port=port):
        client.wait_connected(DEADLINE_S)
        assert client.api("status") == "+OK"


def test_a_wrong_password_is_said(client_for: Callable[..., EslClient]) -> None:
    client = client_for(connected=False, password="guess")
    with pytest.raises(EslTimeout) as caught:
        client.wait_connected(0.3)
    assert isinstance(caught.value.__cause__, EslAuthenticationFailed)
    assert "guess" not in str(caught.value.__cause__)


def test_a_refused_address_is_said(client_for: Callable[..., EslClient], server: EslServer) -> None:
    server.greets = False
    client = client_for(connected=False)
    gevent_until(lambda: bool(server.sessions))
    server.session.push(
        b"Content-Type: text/rude-rejection\nContent-Length: 24\n\nAccess Denied, go away.\n"
    )
    with pytest.raises(EslTimeout) as caught:
        client.wait_connected(0.3)
    assert isinstance(caught.value.__cause__, EslAuthenticationFailed)


def test_a_frozen_switch_is_noticed_without_any_command(
    client_for: Callable[..., EslClient],
    server: EslServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client_module, "PROBE_INTERVAL_S", 0.05)
    monkeypatch.setattr(client_module, "COMMAND_TIMEOUT_S", 0.1)
    lost = Event()
    client_for(on_disconnected=lost.set)
    server.answer("api uptime", None)

    assert lost.wait(DEADLINE_S)


def test_after_close_nothing_waits_and_nobody_reconnects(
    client_for: Callable[..., EslClient], server: EslServer
) -> None:
    lost: list[None] = []
    client = client_for(on_disconnected=lambda: lost.append(None))
    server.answer("api hang", None)
    hanging = gevent.spawn(client.api, "hang")
    gevent_until(lambda: server.count("api hang") == 1)
    client.close()

    assert isinstance(outcome(hanging), EslDisconnected)
    gevent_stays_true(
        lambda: (len(server.sessions), lost, client.connected) == (1, [], False),
        for_s=3 * client_module.BACKOFF_FIRST_S,
    )


def test_empty_lines_that_wake_freeswitch_disturb_no_command(
    client_for: Callable[..., EslClient], server: EslServer
) -> None:
    client = client_for(wake_every_s=0.001)
    for _ in range(200):
        assert client.api("status") == "+OK"
    assert server.count("api status") == 200


def test_importing_it_patches_nothing() -> None:
    script = (
        "import controlplane.esl.probe, controlplane.esl.client, gevent.monkey, socket, time\n"
        "assert not gevent.monkey.saved\n"
        "assert socket.socket.__module__ == 'socket'\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=10 * DEADLINE_S)


# Events


def test_one_channels_events_are_handled_in_order_and_apart_from_others(
    client: EslClient, server: EslServer
) -> None:
    seen: list[tuple[str, str]] = []
    overtaken = Event()

    def handle(event: EslEvent) -> None:
        if event.channel_uuid == "slow":
            overtaken.wait(DEADLINE_S)
        seen.append((event.channel_uuid or "", event["n"]))
        if len(seen) == 3:
            overtaken.set()

    client.on("CHANNEL_PARK", handle)
    for n in range(20):
        for channel in ("slow", "fast"):
            fire_park(server.session, channel, n=str(n))
    gevent_until(lambda: len(seen) == 40)

    numbers = [str(n) for n in range(20)]
    assert [n for channel, n in seen if channel == "slow"] == numbers
    assert seen[:3] == [("fast", n) for n in numbers[:3]]


def test_a_handler_may_send_commands_and_wait(client: EslClient, server: EslServer) -> None:
    answers: list[str] = []
    client.on("CHANNEL_PARK", lambda event: answers.append(client.api("status")))
    fire_park(server.session)
    gevent_until(lambda: answers == ["+OK"])


def test_a_failing_handler_is_logged_and_the_next_event_handled(
    client: EslClient, server: EslServer
) -> None:
    seen: list[str] = []

    def handle(event: EslEvent) -> None:
        seen.append(event["n"])
        raise LookupError("no such tenant")

    client.on("CHANNEL_PARK", handle)
    with capture_logs() as logs:
        fire_park(server.session, n="1")
        fire_park(server.session, n="2")
        gevent_until(lambda: len(seen) == 2)

    failures = [log for log in logs if log["event"] == "esl_handler_failed"]
    assert [log["channel_uuid"] for log in failures] == [CHANNEL, CHANNEL]
    assert all(log["exc_info"] for log in failures)


def test_a_channel_that_ended_while_its_event_is_handled_is_no_failure(
    client: EslClient, server: EslServer
) -> None:
    server.answer("sendmsg", reply(f"-ERR invalid session id [{CHANNEL}]"))
    refused: list[bool] = []

    def play(event: EslEvent) -> None:
        try:
            client.execute(CHANNEL, "playback", event["n"])
        except EslChannelGone:
            refused.append(True)
            raise

    client.on("CHANNEL_PARK", play)
    with capture_logs() as logs:
        fire_park(server.session, n="1")
        fire_park(server.session, n="2")
        gevent_until(lambda: len(refused) == 2)

    assert {log["log_level"] for log in logs} <= {"debug"}


def test_what_is_no_event_is_logged_and_the_next_one_handled(
    client: EslClient, server: EslServer
) -> None:
    seen: list[str] = []
    client.on("CHANNEL_PARK", lambda event: seen.append(event["n"]))
    with capture_logs() as logs:
        server.session.push(b"Content-Length: 5\nContent-Type: text/event-json\n\n{nope")
        fire_park(server.session, n="1")
        gevent_until(lambda: seen == ["1"])
    assert [log["event"] for log in logs] == ["esl_event_refused"]


def test_a_channel_that_is_never_handled_drops_its_oldest_events_and_counts_them(
    client: EslClient, server: EslServer
) -> None:
    seen: list[str] = []
    release = Event()

    def handle(event: EslEvent) -> None:
        release.wait()
        seen.append(event["n"])

    client.on("CHANNEL_PARK", handle)
    too_many = MAX_QUEUED_PER_CHANNEL + 51  # one is being handled
    with capture_logs() as logs:
        for n in range(too_many):
            fire_park(server.session, n=str(n))
        gevent_until(lambda: client.dropped_events == 50)
    release.set()
    gevent_until(lambda: len(seen) == too_many - 50)

    assert seen[0] == "0"
    assert seen[1:] == [str(n) for n in range(51, too_many)]
    assert {log["event"] for log in logs} == {"esl_events_dropped"}


# Executions


def _fill(client: EslClient) -> list[str]:
    return [client.execute(CHANNEL, "playback", f"/{n}.wav") for n in range(MAX_OUTSTANDING)]


def test_execute_is_sent_as_freeswitch_reads_it(client: EslClient, server: EslServer) -> None:
    event_uuid = client.execute(CHANNEL, "playback", "/run/a.r8", event_uuid="e-1")

    assert event_uuid == "e-1"
    assert server.commands[-1] == (
        f"sendmsg {CHANNEL}\ncall-command: execute\nexecute-app-name: playback\n"
        "Event-UUID: e-1\nexecute-app-arg: /run/a.r8\nevent-lock: true"
    )


def test_a_full_channel_waits_for_a_completion_and_keeps_the_order(
    client: EslClient, server: EslServer
) -> None:
    sent = _fill(client)
    waiting = [gevent.spawn(client.execute, CHANNEL, "playback", f"/w{n}.wav") for n in range(3)]
    gevent_stays_true(lambda: server.count("sendmsg") == MAX_OUTSTANDING, for_s=0.05)

    complete(server.session, "somebody else's")
    complete(server.session, sent[0], channel_uuid="another channel")
    for event_uuid in sent[:3]:
        complete(server.session, event_uuid)
    gevent.joinall(waiting, timeout=DEADLINE_S)

    files = [header(command, "execute-app-arg") for command in server.commands[-3:]]
    assert files == ["/w0.wav", "/w1.wav", "/w2.wav"]
    assert client.outstanding(CHANNEL) == MAX_OUTSTANDING


def test_a_full_channel_delays_no_other_channel(client: EslClient) -> None:
    _fill(client)
    assert client.execute("another-channel", "playback")


def test_waiting_for_a_place_ends_at_its_deadline_and_costs_no_connection(
    client: EslClient, server: EslServer
) -> None:
    sent = _fill(client)
    with pytest.raises(EslTimeout):
        client.execute(CHANNEL, "playback", timeout_s=0.1)
    assert client.connected

    complete(server.session, sent[0])
    assert client.execute(CHANNEL, "playback")


def test_waiting_for_a_place_ends_with_the_channel(client: EslClient, server: EslServer) -> None:
    _fill(client)
    waiting = gevent.spawn(client.execute, CHANNEL, "playback")
    gevent_stays_true(lambda: not waiting.ready(), for_s=0.02)
    server.session.fire({"Event-Name": "CHANNEL_DESTROY", "Unique-ID": CHANNEL})

    assert isinstance(outcome(waiting), EslChannelGone)
    assert client.outstanding(CHANNEL) == 0


def test_waiting_for_a_place_ends_with_the_connection(client: EslClient, server: EslServer) -> None:
    _fill(client)
    waiting = gevent.spawn(client.execute, CHANNEL, "playback")
    gevent_stays_true(lambda: not waiting.ready(), for_s=0.02)
    server.session.drop()

    assert isinstance(outcome(waiting), EslDisconnected)
    client.wait_connected(DEADLINE_S)
    assert client.outstanding(CHANNEL) == 0


@pytest.mark.parametrize("send", [EslClient.api, EslClient.bgapi], ids=["api", "bgapi"])
def test_break_all_frees_the_places_of_what_it_threw_away(
    client: EslClient, server: EslServer, send: Callable[[EslClient, str], str]
) -> None:
    """FreeSWITCH sends no CHANNEL_EXECUTE_COMPLETE for a flushed sendmsg (measured)."""

    def job(session: Session, command: str) -> bytes:
        _finish_job(session, header(command, "Job-UUID"), "+OK\n")
        return reply("+OK")

    server.answer("bgapi", job)
    _fill(client)
    waiting = gevent.spawn(client.execute, CHANNEL, "playback")
    gevent_stays_true(lambda: not waiting.ready(), for_s=0.02)
    send(client, f"uuid_break {CHANNEL} all")

    assert str(outcome(waiting)) in server.commands[-1]
    assert client.outstanding(CHANNEL) == 1


def test_a_callers_own_deadline_stays_its_own(client: EslClient, server: EslServer) -> None:
    sent = _fill(client)
    server.answer("api silence", None)

    def interrupt(wait: Callable[..., str], *arguments: str) -> None:
        with gevent.Timeout(0.05) as own, pytest.raises(gevent.Timeout) as caught:
            wait(*arguments)
        assert caught.value is own

    interrupt(client.execute, CHANNEL, "playback")
    interrupt(client.bgapi, "originate")
    complete(server.session, sent[0])
    assert client.execute(CHANNEL, "playback")
    interrupt(client.api, "silence")
    assert client.connected


def test_a_refused_execution_frees_its_place(client: EslClient, server: EslServer) -> None:
    server.answer("sendmsg", reply(f"-ERR invalid session id [{CHANNEL}]"))
    for _ in range(MAX_OUTSTANDING + 1):
        with pytest.raises(EslChannelGone):
            client.execute(CHANNEL, "playback")
    assert client.outstanding(CHANNEL) == 0


def test_hangup_does_not_queue_behind_what_plays(client: EslClient, server: EslServer) -> None:
    _fill(client)
    client.hangup(CHANNEL, "NORMAL_CLEARING")
    assert server.commands[-1] == f"api uuid_kill {CHANNEL} NORMAL_CLEARING"

    server.answer("api uuid_kill", output("-ERR No such channel!\n"))
    with pytest.raises(EslChannelGone) as caught:
        client.hangup(CHANNEL, "NORMAL_CLEARING")
    assert isinstance(caught.value, EslError)
