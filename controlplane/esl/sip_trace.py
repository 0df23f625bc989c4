"""Traces the SIP messages of one gateway live, from the FreeSWITCH beside us, for `alloresto sip
trace`.

mod_sofia traces a whole profile, into the log at level `console`. An event socket that asks for
that level alone gets them; the log file does not take it (freeswitch/conf, logfile.conf.xml). The
trace is always turned off again: by us, else by FreeSWITCH itself, which we tell to do so in
advance (`sched_api`) and put off while we live.
"""

import re
import socket
from collections import OrderedDict
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from time import monotonic
from typing import Final, Self

from controlplane.esl import commands
from controlplane.esl.errors import EslAuthenticationFailed, EslDisconnected, EslTimeout
from controlplane.esl.frames import Frame, FrameParser

ANSWER_DEADLINE_S: Final = 3.0
"""On loopback an answer takes 1 ms."""
OFF_AFTER_S: Final = 30
"""FreeSWITCH ends a trace this long after its command was killed."""
RENEW_S: Final = 10.0
"""A living trace puts `OFF_AFTER_S` off this often."""
MAX_DIALOGS: Final = 1_000
"""The Call-IDs of this many dialogs are remembered: more than a restaurant has in a day."""
READ_BYTES: Final = 65_536
_GROUP: Final = "alloresto_sip_trace"

_CALL_ID: Final = re.compile(r"^(?:Call-ID|i)[ \t]*:[ \t]*(\S+)", re.MULTILINE | re.IGNORECASE)
_SECRET: Final = re.compile(
    r"^((?:Proxy-)?Auth(?:orization|enticate)|WWW-Authenticate|Proxy-Authenticate)[ \t]*:.*$",
    re.MULTILINE | re.IGNORECASE,
)
_DISPLAY_NAME: Final = re.compile(
    r'^([A-Za-z-]+[ \t]*:[ \t]*)(?:"(?:[^"\\\n]|\\.)*"|[^<"\s][^<"\n]*)[ \t]*<', re.MULTILINE
)
_NUMBER: Final = re.compile(r"(?<![\w.-])(?:gw\+)?\+?[0-9]{6,}(?![\w.-])")
_KEPT: Final = re.compile(r"^(?:Call-ID|i|CSeq|Via|v|RAck|Session-ID)[ \t]*:", re.IGNORECASE)


class GatewayMessages:
    """Tells which traced messages are a gateway's: it is named in them, or in their dialog."""

    def __init__(self, gateway: str) -> None:
        name = re.escape(gateway)
        self._named = re.compile(rf"(?:gw\+{name}(?=[@;])|[;&]gw={name}(?![\w.-]))")
        self._dialogs: OrderedDict[str, None] = OrderedDict()

    def belongs(self, text: str) -> bool:
        """Tell whether the message is the gateway's, and remember its dialog if so."""
        found = _CALL_ID.search(text)
        call_id = found[1] if found else ""
        if self._named.search(text):
            if call_id:
                self._dialogs[call_id] = None
                while len(self._dialogs) > MAX_DIALOGS:
                    self._dialogs.popitem(last=False)
            return True
        return call_id in self._dialogs


def masked(text: str) -> str:
    """Return the message without credentials, names or numbers; of a number the first three and the
    last two characters stay.
    """
    text = _SECRET.sub(r"\1: (hidden)", text)
    lines = []
    for line in text.split("\n"):
        if not _KEPT.match(line):
            line = _DISPLAY_NAME.sub(r'\1"…" <', line)
            line = _NUMBER.sub(lambda found: f"{found[0][:3]}…{found[0][-2:]}", line)
        lines.append(line)
    return "\n".join(lines)


class TraceConnection:
    """A blocking event socket of its own, for commands and for the log's level `console`."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._parser = FrameParser()
        self._frames: list[Frame] = []

    @classmethod
    @contextmanager
    def open(cls, *, host: str, port: int, password: str) -> Iterator[Self]:
        """Connect and authenticate. Raises `EslDisconnected`, `EslTimeout`,
        `EslAuthenticationFailed`.
        """
        try:
            connection = socket.create_connection((host, port), timeout=ANSWER_DEADLINE_S)
        except OSError as error:
            raise EslDisconnected(f"{host}:{port}: {error}") from error
        with connection:
            opened = cls(connection)
            opened._answer("auth/request")
            connection.sendall(commands.auth(password))
            if "+OK" not in opened._answer("command/reply").headers.get("reply-text", ""):
                raise EslAuthenticationFailed("wrong event socket password")
            yield opened

    def api(self, command: str) -> str:
        """Return the output, whatever it says. Raises `EslTimeout`, `EslDisconnected`."""
        self._send(commands.api(command))
        return self._answer("api/response").text

    def listen(self) -> None:
        """Ask for the log, at the level of traced messages alone."""
        self._send(b"log console\n\n")
        self._answer("command/reply")

    def traced(self, *, timeout_s: float) -> Iterator[str]:
        """Yield the messages that have come; wait for the first one no longer than `timeout_s`."""
        deadline = monotonic() + timeout_s
        while not self._frames and (left_s := deadline - monotonic()) > 0:
            with suppress(EslTimeout):
                self._receive(left_s)
        frames, self._frames = self._frames, []
        for frame in frames:
            if frame.headers.get("log-func") == "logger":
                yield frame.text

    def _send(self, message: bytes) -> None:
        try:
            self._socket.sendall(message)
        except OSError as error:
            raise EslDisconnected(str(error)) from error

    def _answer(self, content_type: str) -> Frame:
        """Return the next frame of that type; log lines that come meanwhile are kept."""
        deadline = monotonic() + ANSWER_DEADLINE_S
        while True:
            for frame in self._frames:
                if frame.content_type == content_type:
                    self._frames.remove(frame)
                    return frame
            if (left_s := deadline - monotonic()) <= 0:
                raise EslTimeout(f"no answer within {ANSWER_DEADLINE_S:g} s")
            self._receive(left_s)

    def _receive(self, timeout_s: float) -> None:
        self._socket.settimeout(max(0.001, timeout_s))
        try:
            data = self._socket.recv(READ_BYTES)
        except TimeoutError as error:
            raise EslTimeout("nothing came") from error
        except OSError as error:
            raise EslDisconnected(str(error)) from error
        if not data:
            raise EslDisconnected("FreeSWITCH closed the connection")
        self._frames.extend(self._parser.feed(data))


def messages(
    connection: TraceConnection, gateway: str, *, profile: str, for_s: float
) -> Generator[str, None, None]:
    """Yield the gateway's messages as they pass, for `for_s` seconds, unmasked.

    Closing the generator turns the trace off, and so does FreeSWITCH when we are killed.
    """
    wanted, end, renewed = GatewayMessages(gateway), monotonic() + for_s, 0.0
    connection.listen()
    try:
        while (now := monotonic()) < end:
            if now - renewed >= RENEW_S:
                _keep_on(connection, profile)
                renewed = now
            for text in connection.traced(timeout_s=min(RENEW_S, end - now)):
                if wanted.belongs(text):
                    yield text
    finally:
        connection.api(f"sofia profile {profile} siptrace off")
        connection.api(f"sched_del {_GROUP}")


def _keep_on(connection: TraceConnection, profile: str) -> None:
    """Turn the trace on. Its end is ordered before its beginning, so that it always has one."""
    connection.api(f"sched_del {_GROUP}")
    connection.api(f"sched_api +{OFF_AFTER_S} {_GROUP} sofia profile {profile} siptrace off")
    connection.api("sofia tracelevel console")
    connection.api(f"sofia profile {profile} siptrace on")
