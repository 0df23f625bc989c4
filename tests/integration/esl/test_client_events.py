"""Events are handled in their channel's order, and no handler holds up or ends another."""

import pytest
from gevent.event import Event
from structlog.testing import capture_logs

from controlplane.esl.client import EslClient
from controlplane.esl.dispatch import MAX_QUEUED_PER_CHANNEL
from controlplane.esl.errors import (
    EslChannelGone,
)
from controlplane.esl.event import EslEvent
from tests.integration.esl_server import CHANNEL, EslServer, fire_park, reply
from tests.waiting import DEADLINE_S, gevent_until

pytestmark = pytest.mark.integration


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
