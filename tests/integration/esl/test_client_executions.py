"""No channel is given more to play than FreeSWITCH queues, and every place comes free again."""

import threading
from collections.abc import Callable

import gevent
import pytest

from controlplane.esl.client import EslClient
from controlplane.esl.errors import (
    EslChannelGone,
    EslDisconnected,
    EslError,
    EslTimeout,
)
from controlplane.esl.executions import MAX_OUTSTANDING
from tests.integration.esl_server import (
    CHANNEL,
    EslServer,
    Session,
    complete,
    finish_job,
    header,
    output,
    reply,
)
from tests.waiting import DEADLINE_S, gevent_stays_true, gevent_until, outcome

pytestmark = pytest.mark.integration


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


def test_what_another_client_sent_while_nobody_counted_takes_no_place(
    client_for: Callable[..., EslClient], server: EslServer
) -> None:
    """It may have completed unheard."""
    counting = client_for()
    sending = client_for(events=[], executions=counting.executions)
    filled = threading.Event()

    def subscribe_late(_: Session, __: str) -> bytes:
        filled.wait(DEADLINE_S)
        return reply("+OK event listener enabled plain")

    server.answer("event", subscribe_late)
    server.sessions[0].drop()
    gevent_until(lambda: not counting.connected)
    _fill(sending)
    assert sending.outstanding(CHANNEL) == MAX_OUTSTANDING
    filled.set()
    counting.wait_connected(DEADLINE_S)
    assert sending.outstanding(CHANNEL) == 0


@pytest.mark.parametrize("send", [EslClient.api, EslClient.bgapi], ids=["api", "bgapi"])
def test_break_all_frees_the_places_of_what_it_threw_away(
    client: EslClient, server: EslServer, send: Callable[[EslClient, str], str]
) -> None:
    """FreeSWITCH sends no CHANNEL_EXECUTE_COMPLETE for a flushed sendmsg (measured)."""

    def job(session: Session, command: str) -> bytes:
        finish_job(session, header(command, "Job-UUID"), "+OK\n")
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
