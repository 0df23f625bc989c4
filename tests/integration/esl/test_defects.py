"""Each defect of bare greenswitch 0.0.19, shown on it and absent from our client.

Every test runs twice on the same server. On bare greenswitch it must fail (`xfail`, strict, by an
assertion): the day a new greenswitch passes one, the suite says so. `test_both_…` are the control:
what both can do, so that a failure below is the defect's and not the server's.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import gevent
import pytest
from gevent.event import Event
from greenswitch.esl import InboundESL

from controlplane.esl.client import EslClient
from controlplane.esl.errors import EslDisconnected, EslError, EslTimeout
from tests.integration.esl_server import EslServer, Session, header, output, reply
from tests.waiting import DEADLINE_S, block_until, gevent_until

pytestmark = pytest.mark.integration

BARE_DEADLINE_S = 0.4
"""Seconds it may take on bare greenswitch, where most steps below wait for ever."""
COMMAND_TIMEOUT_S = 1.0
"""Seconds our client is given for commands that get no reply."""
CHANNEL = "9873a847-6723-430c-88ff-97eaf6d4d7a4"
OTHER_CHANNEL = "0f1e2d3c-6723-430c-88ff-97eaf6d4d7a4"


@dataclass
class Seen:
    """An event as a handler gets it."""

    get: Callable[[str], str | None]
    body: str | None


class Client(Protocol):
    """What the tests need of either client."""

    patience_s: float

    def connect(self) -> None: ...
    def api(self, command: str) -> str: ...
    def sendmsg(self, channel_uuid: str) -> None: ...
    def on(self, event_name: str, handler: Callable[[Seen], None]) -> None: ...
    def close(self) -> None: ...


class Bare:
    """greenswitch used as its README says."""

    patience_s = BARE_DEADLINE_S
    events = "plain"

    def __init__(self, port: int) -> None:
        self._esl = InboundESL("127.0.0.1", port, "cluecluon")

    def connect(self) -> None:
        self._esl.connect()
        self._esl.send(f"event {self.events} CHANNEL_PARK CUSTOM mod_audio_stream::connect")

    def api(self, command: str) -> str:
        return str(self._esl.send(f"api {command}").data)

    def sendmsg(self, channel_uuid: str) -> None:
        self._esl.send(f"sendmsg {channel_uuid}\ncall-command: execute\nexecute-app-name: playback")

    def on(self, event_name: str, handler: Callable[[Seen], None]) -> None:
        def adapt(event: Any) -> None:
            handler(Seen(event.headers.get, getattr(event, "data", None)))

        self._esl.register_handle(event_name, adapt)

    def close(self) -> None:
        self._esl._run = False
        greenlets = [self._esl._receive_events_greenlet, self._esl._process_events_greenlet]
        gevent.killall([greenlet for greenlet in greenlets if greenlet])
        for closable in ("sock_file", "sock"):
            with suppress(AttributeError):
                getattr(self._esl, closable).close()


class BareJson(Bare):
    events = "json"


class Ours:
    patience_s = DEADLINE_S
    connect_s = DEADLINE_S

    def __init__(self, port: int) -> None:
        self._esl = EslClient(
            host="127.0.0.1",
            port=port,
            password="cluecluon",
            events=["CHANNEL_PARK", "CUSTOM mod_audio_stream::connect"],
            name="test",
        )

    def connect(self) -> None:
        self._esl.start()
        self._esl.wait_connected(self.connect_s)

    def api(self, command: str) -> str:
        return self._esl.api(command, timeout_s=COMMAND_TIMEOUT_S)

    def sendmsg(self, channel_uuid: str) -> None:
        self._esl.execute(channel_uuid, "playback", timeout_s=DEADLINE_S)

    def on(self, event_name: str, handler: Callable[[Seen], None]) -> None:
        self._esl.on(event_name, lambda event: handler(Seen(event.get, event.body)))

    def close(self) -> None:
        self._esl.close()


def defect(why: str, *, bare: type[Bare] = Bare) -> pytest.MarkDecorator:
    """Runs the test on our client, and on bare greenswitch where it must fail because of `why`."""
    fails = pytest.mark.xfail(strict=True, raises=AssertionError, reason=why)
    return pytest.mark.parametrize(
        "client_class", [pytest.param(bare, id="bare", marks=fails), pytest.param(Ours, id="ours")]
    )


both = pytest.mark.parametrize("client_class", [Bare, Ours], ids=["bare", "ours"])


@pytest.fixture
def server() -> Iterator[EslServer]:
    with EslServer() as server:
        yield server


@pytest.fixture
def client(client_class: type[Client], server: EslServer) -> Iterator[Client]:
    client = client_class(server.port)  # type: ignore[call-arg]  # both take the port
    yield client
    client.close()


@contextmanager
def within(client: Client, *, times: int = 1) -> Iterator[None]:
    """What is inside ends in time, or the test fails."""
    limit = gevent.Timeout.start_new(times * client.patience_s)
    try:
        yield
    except gevent.Timeout as fired:
        if fired is not limit:
            raise
        raise AssertionError("still waiting") from None
    finally:
        limit.close()


def eventually(client: Client, true: Callable[[], bool], *, times: int = 1) -> None:
    gevent_until(true, deadline_s=times * client.patience_s)


@both
def test_both_connect_and_get_an_output(client: Client, server: EslServer) -> None:
    server.answer("api status", output("UP 0 years\n"))
    with within(client):
        client.connect()
        assert client.api("status").strip() == "UP 0 years"


@both
def test_both_get_a_plain_event_of_their_format(client: Client, server: EslServer) -> None:
    seen: list[str | None] = []
    client.on("CHANNEL_PARK", lambda event: seen.append(event.get("Unique-ID")))
    with within(client):
        client.connect()
    server.session.fire({"Event-Name": "CHANNEL_PARK", "Unique-ID": CHANNEL})
    eventually(client, lambda: seen == [CHANNEL])


@defect("1: decodes the whole event, then splits it into lines")
def test_a_display_name_cannot_become_another_header(client: Client, server: EslServer) -> None:
    seen: list[str | None] = []
    client.on("CHANNEL_PARK", lambda event: seen.append(event.get("variable_sip_gateway")))
    with within(client):
        client.connect()
    server.session.fire(
        {
            "Event-Name": "CHANNEL_PARK",
            "Unique-ID": CHANNEL,
            "variable_sip_gateway": "tenant-1",
            "variable_sip_from_display": "Bob%0Avariable_sip_gateway%3A%20tenant-2",
        }
    )
    eventually(client, lambda: len(seen) == 1)
    assert seen == ["tenant-1"]


@defect("2: reads the body of an event as more headers and loses it")
def test_the_body_of_an_event_is_kept(client: Client, server: EslServer) -> None:
    seen: list[str | None] = []
    client.on("mod_audio_stream::connect", lambda event: seen.append(event.body))
    with within(client):
        client.connect()
    server.session.fire(
        {"Event-Name": "CUSTOM", "Event-Subclass": "mod_audio_stream::connect"},
        body='{"status": "100%25 connected"}',
    )
    eventually(client, lambda: len(seen) == 1)
    assert seen == ['{"status": "100%25 connected"}']


@defect("2: knows no JSON events: the reader dies of the first", bare=BareJson)
def test_json_events_are_read(client: Client, server: EslServer) -> None:
    seen: list[str | None] = []
    client.on("CHANNEL_PARK", lambda event: seen.append(event.get("Unique-ID")))
    with within(client):
        client.connect()
    server.session.fire({"Event-Name": "CHANNEL_PARK", "Unique-ID": CHANNEL})
    eventually(client, lambda: seen == [CHANNEL])


@defect("3: send() waits for its reply for ever")
def test_a_command_without_reply_ends_at_its_deadline(client: Client, server: EslServer) -> None:
    server.answer("api silence", None)
    with within(client):
        client.connect()
        with pytest.raises(EslTimeout):
            client.api("silence")


@defect("3: connect() waits for the greeting for ever")
def test_a_listener_that_never_greets_is_given_up(
    client: Client, server: EslServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Ours, "connect_s", COMMAND_TIMEOUT_S)
    server.greets = False
    with within(client), pytest.raises(EslTimeout):
        client.connect()


@defect("3: pending commands never learn that the socket closed")
def test_a_pending_command_fails_when_the_connection_ends(
    client: Client, server: EslServer
) -> None:
    server.answer("api hang", lambda session, _: session.drop())
    with within(client):
        client.connect()
        with pytest.raises(EslDisconnected):
            client.api("hang")


@defect("3: never connects again")
def test_it_reconnects_and_subscribes_again(client: Client, server: EslServer) -> None:
    seen: list[str | None] = []
    client.on("CHANNEL_PARK", lambda event: seen.append(event.get("Unique-ID")))
    with within(client):
        client.connect()
    server.session.drop()
    eventually(client, lambda: server.count("event ") == 2)
    server.session.fire({"Event-Name": "CHANNEL_PARK", "Unique-ID": CHANNEL})
    eventually(client, lambda: seen == [CHANNEL])


_CLOSED_MID_BODY = """
import sys, gevent
from tests.integration.esl.test_defects import Bare, Ours

client = {"bare": Bare, "ours": Ours}[sys.argv[1]](int(sys.argv[2]))
client.connect()
print("connected", flush=True)
gevent.spawn(client.api, "half").join()
print("alive", flush=True)
"""


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(
            "bare",
            marks=pytest.mark.xfail(
                strict=True,
                raises=AssertionError,
                reason="3: a half-read body at the end of the stream spins and starves everything",
            ),
        ),
        "ours",
    ],
)
def test_the_end_of_the_stream_inside_a_body_stops_nothing_else(
    kind: str, server: EslServer, tmp_path: Path
) -> None:
    """In a process of its own, which can be killed when it spins."""

    def half_a_body(session: Session, _: str) -> None:
        session.push(b"Content-Type: api/response\nContent-Length: 500\n\nhalf")
        session.drop()

    server.answer("api half", half_a_body)
    said = tmp_path / "said"
    command = [sys.executable, "-W", "ignore", "-c", _CLOSED_MID_BODY, kind, str(server.port)]
    with (
        said.open("wb") as output,
        subprocess.Popen(command, stdout=output, stderr=subprocess.DEVNULL) as process,
    ):
        try:
            block_until(lambda: "connected" in said.read_text() or process.poll() is not None)
            patience_s = Bare.patience_s if kind == "bare" else Ours.patience_s
            block_until(lambda: "alive" in said.read_text(), deadline_s=patience_s)
        finally:
            process.kill()


@defect("4: sock.send instead of sendall: long commands are cut")
def test_a_long_command_arrives_whole(client: Client, server: EslServer) -> None:
    with within(client):
        client.connect()
    long = "x" * 8_000_000  # more than any socket buffer takes at once
    with suppress(EslError, AssertionError), within(client):
        client.api(f"echo {long}")
    eventually(client, lambda: server.count("api echo") == 1)
    assert server.commands[-1] == f"api echo {long}"


@defect("4: strict UTF-8: one caller's name in Latin-1 ends the reader")
def test_bytes_that_are_not_utf_8_end_nothing(client: Client, server: EslServer) -> None:
    server.answer("api show channels", output(b"Andr\xe9,0612345678\n"))
    with within(client):
        client.connect()
        assert client.api("show channels").startswith("Andr\ufffd,")
        assert client.api("status").strip() == "+OK"


@defect("4: a line break in an argument is a second command")
def test_an_argument_cannot_carry_a_second_command(client: Client, server: EslServer) -> None:
    with within(client):
        client.connect()
        with suppress(EslError, ValueError):
            client.api(f"uuid_setvar {CHANNEL} name Bob\n\napi fsctl shutdown")
        client.api("status")
    eventually(client, lambda: server.count("api status") == 1)
    assert server.count("api fsctl") == 0


@defect("4: a frame without Content-Type ends the reader")
def test_a_frame_without_content_type_ends_nothing(client: Client, server: EslServer) -> None:
    with within(client):
        client.connect()
        server.session.push(b"X-Unexpected: 1\n\n")
        assert client.api("status").strip() == "+OK"


@defect("3: a negative Content-Length reads until the stream ends")
@pytest.mark.parametrize("length", ["-1", "99999999999", "abc"])
def test_a_content_length_that_is_none_costs_one_connection(
    client: Client, server: EslServer, length: str
) -> None:
    with within(client):
        client.connect()
    server.session.push(f"Content-Type: api/response\nContent-Length: {length}\n\n".encode())
    eventually(client, lambda: server.count("event ") == 2)
    eventually(client, lambda: _answers(client))


def _answers(client: Client) -> bool:
    try:
        return client.api("status").strip() == "+OK"
    except EslDisconnected:
        return False


@defect("5: one greenlet for every handler")
def test_a_slow_handler_delays_no_other_channel(client: Client, server: EslServer) -> None:
    other_handled = Event()
    overtaken: list[bool] = []

    def handle(event: Seen) -> None:
        if event.get("Unique-ID") == CHANNEL:
            overtaken.append(other_handled.wait(client.patience_s))
        else:
            other_handled.set()

    client.on("CHANNEL_PARK", handle)
    with within(client):
        client.connect()
    for channel_uuid in (CHANNEL, OTHER_CHANNEL):
        server.session.fire({"Event-Name": "CHANNEL_PARK", "Unique-ID": channel_uuid})
    with within(client):
        client.api("status")
    eventually(client, lambda: len(overtaken) == 1, times=4)
    assert overtaken == [True]


QUEUE_FULL_AT = 258
"""The pending sendmsg that FreeSWITCH answers by closing the connection (measured)."""
QUIET_S = 0.2


@defect("the 258th sendmsg pending on a call closes the whole connection")
def test_the_queue_of_a_channel_never_fills(client: Client, server: EslServer) -> None:
    """The server completes what is queued once nothing more has come for 200 ms."""
    queued: list[str] = []
    last_at = time.monotonic()

    def queue(session: Session, command: str) -> bytes | None:
        nonlocal last_at
        queued.append(header(command, "Event-UUID"))
        last_at = time.monotonic()
        if len(queued) >= QUEUE_FULL_AT:
            session.drop()
            return None
        return reply("+OK")

    def complete() -> None:
        while True:
            gevent_until(lambda: queued and time.monotonic() - last_at > QUIET_S)
            for event_uuid in queued[:]:
                queued.remove(event_uuid)
                server.session.fire(
                    {
                        "Event-Name": "CHANNEL_EXECUTE_COMPLETE",
                        "Unique-ID": CHANNEL,
                        "Application-UUID": event_uuid,
                    }
                )

    server.answer("sendmsg", queue)
    completer = gevent.spawn(complete)
    try:
        with within(client):
            client.connect()
        with within(client, times=4):
            for _ in range(2 * QUEUE_FULL_AT):
                client.sendmsg(CHANNEL)
    finally:
        completer.kill()
    assert len(server.sessions) == 1
    assert server.count("sendmsg") == 2 * QUEUE_FULL_AT
