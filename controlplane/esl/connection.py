"""One event socket connection, from TCP connect to close; `EslClient` makes the next one.

It keeps the sound parts of greenswitch's `InboundESL` (socket, greeting, authentication) and
replaces the others: framing and decoding (`frames`), a deadline on every reply, replies failed when
the connection ends, whole writes, and a reader that does nothing but hand frames over.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Protocol

import gevent
import structlog
from gevent import socket
from gevent.event import AsyncResult, Event
from gevent.lock import BoundedSemaphore
from greenswitch.esl import InboundESL, NotConnectedError
from prometheus_client import Counter

from controlplane.esl import commands
from controlplane.esl.errors import (
    EslAuthenticationFailed,
    EslCommandFailed,
    EslDisconnected,
    EslError,
    EslProtocolError,
    EslTimeout,
    command_failed,
)
from controlplane.esl.event import EslEvent
from controlplane.esl.frames import Frame, FrameParser
from controlplane.loop import spawn

CONNECT_TIMEOUT_S = 5.0
"""Connect, greeting and authentication may take this long: 20 ms on loopback, for ever with a
frozen switch."""
MAX_IN_FLIGHT = 256
"""This many commands may be sent and not answered; more wait their turn (FreeSWITCH answers one at
a time)."""
IDLE_CHECK_S = 0.02
"""While quick events are not needed, this long passes between two looks: as long as FreeSWITCH's
own."""
_RECEIVE_BYTES = 64 * 1024
_REFUSALS = ("-ERR", "-USAGE")

_log = structlog.get_logger()
_events = Counter("alloresto_esl_events", "Events received", ["client"])
_event_bytes = Counter("alloresto_esl_event_bytes", "Bytes of the events received", ["client"])


class EventSink(Protocol):
    """Takes each event inside the reader, and so must return at once."""

    def __call__(self, event: EslEvent, /) -> None: ...


class Connection(InboundESL):  # type: ignore[misc]  # greenswitch is untyped
    """An authenticated connection, which ends for good at the first loss, garbage or late reply."""

    connected: bool
    _commands_sent: list["AsyncResult[str]"]

    def __init__(
        self,
        *,
        host: str,
        port: int,
        password: str,
        name: str,
        on_event: EventSink | None = None,
        on_closed: Callable[[EslError], None] | None = None,
    ) -> None:
        super().__init__(host, port, password, timeout=CONNECT_TIMEOUT_S)
        self.closed = Event()
        """It is set once the connection has ended and every pending command has failed."""
        self.failure: EslError | None = None
        """Says why the connection ended; None while it lives."""
        self._auth_command = commands.auth(password)
        self._on_event = on_event
        self._on_closed = on_closed
        self._log = _log.bind(esl=name)
        self._events, self._event_bytes = _events.labels(name), _event_bytes.labels(name)
        self._write_lock = BoundedSemaphore(1)
        self._in_flight = BoundedSemaphore(MAX_IN_FLIGHT)

    @property
    def pending(self) -> int:
        """Count the commands sent and not answered yet."""
        return len(self._commands_sent)

    def open(self, *, timeout_s: float = CONNECT_TIMEOUT_S) -> None:
        """Connect and authenticate.

        Raises EslTimeout, EslDisconnected or EslAuthenticationFailed; the connection is then
        closed.
        """
        try:
            with _deadline(timeout_s, f"{self.host}:{self.port} did not let us in"):
                super().connect()
        except EslError as error:
            self.close(error)
            raise
        except (OSError, NotConnectedError) as error:
            failure = self.failure or EslDisconnected(f"{self.host}:{self.port}: {error}")
            self.close(failure)
            raise failure from error

    def request(self, message: bytes, *, timeout_s: float) -> str:
        """Send `message` and return the reply's text. Raises as `request_all` does."""
        return self.request_all([message], timeout_s=timeout_s)[0]

    def request_all(self, messages: Sequence[bytes], *, timeout_s: float) -> list[str]:
        """Send `messages` in one write and return the replies' texts. Replies come in the order of
        the requests.

        Raises EslCommandFailed (for the first refusal, once all are answered), EslDisconnected or
        EslTimeout. A reply that is late closes the connection, so that it can never be taken for
        the reply to a later command.
        """
        replies: list[AsyncResult[str]] = [AsyncResult() for _ in messages]
        with gevent.Timeout.start_new(timeout_s) as timer:
            try:
                with self._in_flight:
                    self._write(b"".join(messages), replies)
                    texts = [reply.get() or "" for reply in replies]
            except gevent.Timeout as fired:
                if fired is not timer:
                    raise
                failure = EslTimeout(f"no reply within {timeout_s:g} s")
                if replies[-1] in self._commands_sent:
                    self.close(failure)
                raise failure from None
        for text in texts:
            if text.startswith(_REFUSALS):
                raise command_failed(text)
        return texts

    def keep_awake(self, every_s: float, needed: Callable[[], bool]) -> None:
        """Send an empty line every `every_s` seconds until the connection ends.

        FreeSWITCH skips it (mod_event_socket.c, `read_packet`) but then looks at its event queue.
        Nothing is sent while `needed` says no.
        """
        while not self.closed.wait(every_s if needed() else IDLE_CHECK_S):
            if needed() and self._write_lock.acquire(blocking=False):
                try:
                    self.sock.sendall(b"\n")
                except OSError:
                    return  # the reader sees the end too, and says why
                finally:
                    self._write_lock.release()

    def close(self, failure: EslError | None = None) -> None:
        """End the connection, fail every pending command, then call `on_closed`, all before it
        returns.

        Calling it again does nothing.
        """
        if self.closed.is_set():
            return
        self.closed.set()
        self.failure = failure or EslDisconnected("closed by us")
        self.connected = False
        self._run = False
        self._auth_request_event.set()
        self._close_socket()
        pending, self._commands_sent = self._commands_sent, []
        for reply in pending:
            reply.set_exception(EslDisconnected(f"connection ended: {self.failure}"))
        if self._receive_events_greenlet not in (None, gevent.getcurrent()):
            self._receive_events_greenlet.kill(block=False)
        if self._on_closed is not None:
            self._on_closed(self.failure)

    # What InboundESL calls or offers, replaced.

    def start_event_handlers(self) -> None:
        """Start reading, and nothing else. `InboundESL.connect` calls it once TCP is up."""
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._receive_events_greenlet = spawn("esl_reader", self.receive_events)

    def authenticate(self) -> None:
        try:
            self.request(self._auth_command, timeout_s=self.timeout)
        except EslCommandFailed as error:
            raise EslAuthenticationFailed("wrong event socket password") from error

    def send(self, data: str) -> str:
        """Send one command line, with a deadline. Raises as `request` does."""
        message = f"{commands.argument(data, name='command')}\n\n".encode()
        return self.request(message, timeout_s=self.timeout)

    def stop(self) -> None:
        self.close()

    def receive_events(self) -> None:
        """Cut frames and hand them over until the connection ends, in a greenlet of its own."""
        failure: EslError
        parser = FrameParser()
        try:
            while data := self.sock.recv(_RECEIVE_BYTES):
                for frame in parser.feed(data):
                    self._take(frame)
                gevent.sleep(0)  # a socket that always has data would never let others run
            parser.feed_eof()
            failure = EslDisconnected("FreeSWITCH closed the connection")
        except EslError as error:
            failure = error
        except OSError as error:
            failure = EslDisconnected(str(error))
        except Exception as error:  # noqa: BLE001  # the greenlet's edge, logged
            self._log.exception("esl_reader_failed")
            failure = EslError(f"reader failed: {error}")
        self.close(failure)

    def _take(self, frame: Frame) -> None:
        match frame.content_type:
            case "text/event-json":
                self._take_event(frame)
            case "api/response":
                self._answer(frame.text)
            case "command/reply":
                self._answer(frame.headers.get("reply-text", ""))
            case "auth/request":
                self._auth_request_event.set()
            case "text/rude-rejection":
                raise EslAuthenticationFailed("our address is not in the listener's ACL")
            case "text/disconnect-notice":
                raise EslDisconnected("FreeSWITCH ended the connection")
            case other:
                self._log.warning("esl_frame_ignored", content_type=other and other[:80])

    def _take_event(self, frame: Frame) -> None:
        if self._on_event is None:
            return
        body = frame.body or b""
        self._events.inc()
        self._event_bytes.inc(len(body))
        try:
            event = EslEvent.parse(body)
        except EslProtocolError as error:
            self._log.warning("esl_event_refused", why=str(error))
            return
        self._on_event(event)

    def _answer(self, text: str) -> None:
        if not self._commands_sent:
            raise EslProtocolError("a reply that nobody asked for")
        self._commands_sent.pop(0).set(text)

    def _write(self, message: bytes, replies: "list[AsyncResult[str]]") -> None:
        """Write all of `message`, and queue `replies` in the same order as the writes."""
        with self._write_lock:
            if not self.connected:
                raise EslDisconnected("not connected")
            self._commands_sent += replies
            try:
                self.sock.sendall(message)
            except OSError as error:
                failure = EslDisconnected(str(error))
                self.close(failure)
                raise failure from error
            except BaseException:  # a deadline or a kill: half a command may be on the wire
                self.close(EslDisconnected("a command was only half written"))
                raise

    def _close_socket(self) -> None:
        with suppress(AttributeError, OSError):
            self.sock.shutdown(socket.SHUT_RDWR)
        for closable in ("sock_file", "sock"):
            with suppress(AttributeError, OSError):
                getattr(self, closable).close()


@contextmanager
def _deadline(timeout_s: float, what: str) -> Iterator[None]:
    timer = gevent.Timeout.start_new(timeout_s)
    try:
        yield
    except gevent.Timeout as fired:
        if fired is not timer:
            raise
        raise EslTimeout(f"{what} within {timeout_s:g} s") from None
    finally:
        timer.close()
