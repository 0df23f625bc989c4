"""Our event socket client: every command has its own reply, whatever comes late or never."""

import subprocess
import sys
import threading
from collections.abc import Callable

import gevent
import pytest
from gevent.event import Event
from structlog.testing import capture_logs

from controlplane.esl import client as client_module
from controlplane.esl.client import EslClient
from controlplane.esl.errors import (
    EslAuthenticationFailed,
    EslCommandFailed,
    EslDisconnected,
    EslTimeout,
    InvalidEslArgument,
)
from tests.integration.esl_server import (
    CHANNEL,
    EslServer,
    Session,
    finish_job,
    header,
    output,
    reply,
)
from tests.waiting import DEADLINE_S, gevent_stays_true, gevent_until, outcome

pytestmark = pytest.mark.integration


# Replies


def test_concurrent_commands_each_get_their_own_reply(client: EslClient, server: EslServer) -> None:
    server.answer("api echo", lambda _, command: output(command.removeprefix("api echo ")))
    greenlets = [gevent.spawn(client.api, f"echo {n}") for n in range(300)]
    gevent.joinall(greenlets, timeout=DEADLINE_S)

    assert [greenlet.value for greenlet in greenlets] == [str(n) for n in range(300)]


def test_commands_sent_together_each_get_their_own_reply(
    client: EslClient, server: EslServer
) -> None:
    server.answer("api echo", lambda _, command: output(command.removeprefix("api echo ")))
    server.answer("api bad", output("-ERR no such channel\n"))

    assert client.api_together("echo 1", "echo 2", "echo 3") == ["1", "2", "3"]
    with pytest.raises(EslCommandFailed):
        client.api_together("bad", "echo 4")
    assert client.api("echo 5") == "5", "what was behind the refusal was answered too"


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


def test_jobs_that_end_in_another_order_keep_their_results(
    client: EslClient, server: EslServer
) -> None:
    first = gevent.spawn(client.bgapi, "originate one")
    second = gevent.spawn(client.bgapi, "originate two")
    gevent_until(lambda: server.count("bgapi") == 2)
    uuids = [header(command, "Job-UUID") for command in server.commands if "bgapi" in command]
    finish_job(server.session, uuids[1], "+OK two\n")
    finish_job(server.session, uuids[0], "-ERR one\n")

    assert outcome(second) == "+OK two"
    assert isinstance(failed := outcome(first), EslCommandFailed)
    assert failed.reply == "-ERR one"


def test_a_job_may_end_before_the_reply_to_its_command(
    client: EslClient, server: EslServer
) -> None:
    def at_once(session: Session, command: str) -> bytes:
        finish_job(session, header(command, "Job-UUID"), "+OK fast\n")
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
        gevent_until(lambda: any(log["event"] == "greenlet_failed" for log in logs))

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
