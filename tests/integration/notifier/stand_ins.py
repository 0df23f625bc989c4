"""An SMS operator's API and a mail server on loopback, which answer as they are told."""

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha1
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.waiting import DEADLINE_S

SECRET, CONSUMER = "application-secret", "consumer-key"


class OvhStandIn(ThreadingHTTPServer):
    """Checks each signature by the documented formula before it answers."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _OvhHandler)
        self.status = 200
        self.answer: Any = {"ids": [815], "invalidReceivers": [], "validReceivers": ["x"]}
        self.jobs: list[dict[str, Any]] = []
        self.badly_signed = 0
        self.speaks = threading.Event()
        self.speaks.set()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/1.0"


class _OvhHandler(BaseHTTPRequestHandler):
    server: OvhStandIn

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        url = f"http://{self.headers['Host']}{self.path}"
        at = self.headers["X-Ovh-Timestamp"]
        signed = f"{SECRET}+{CONSUMER}+POST+{url}+{body}+{at}"
        if self.headers["X-Ovh-Signature"] != "$1$" + sha1(signed.encode()).hexdigest():
            self.server.badly_signed += 1
        self.server.jobs.append(json.loads(body))
        self.server.speaks.wait(DEADLINE_S)
        answer = json.dumps(self.server.answer).encode()
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        with suppress(ConnectionError):  # who asked may have given up
            self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """A test's output is not for requests."""


class MailStandIn(socketserver.ThreadingTCPServer):
    """Speaks enough SMTP to take a mail, or to answer a command as `answers` tells it."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _MailHandler)
        self.answers: dict[str, int] = {}
        """Codes by command; "HELLO" is the first line."""
        self.mails: list[str] = []

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class _MailHandler(socketserver.StreamRequestHandler):
    server: MailStandIn

    def handle(self) -> None:
        self._answer("HELLO", 220)
        while line := self.rfile.readline().decode().strip():
            match line.partition(" ")[0].upper().partition(":")[0]:
                case "DATA":
                    self._answer("DATA", 354)
                    if "DATA" not in self.server.answers:
                        self._read_mail()
                case "QUIT":
                    self._answer("QUIT", 221)
                    return
                case command:
                    self._answer(command, 250)

    def _answer(self, command: str, code: int) -> None:
        self._say(f"{self.server.answers.get(command, code)} as told")

    def _read_mail(self) -> None:
        lines = []
        while (line := self.rfile.readline().decode()) != ".\r\n":
            lines.append(line)
        self.server.mails.append("".join(lines))
        self._say("250 taken")

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


@contextmanager
def serving(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=DEADLINE_S)
