"""An event socket listener on loopback, in threads of its own: real TCP, scripted answers.

It serialises events as FreeSWITCH does in the format that the client subscribed to, so that one
test can be run on any client. A test may also push raw bytes, drop the connection or stop.
"""

import json
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Self
from urllib.parse import quote

CHANNEL = "9873a847-6723-430c-88ff-97eaf6d4d7a4"

Answer = bytes | None | Callable[["Session", str], bytes | None]

_ANYTHING_ENCODED_STAYS = "%/!*'();:@&=+$,?#[]~-._"
"""FreeSWITCH's `switch_url_encode` leaves an existing `%XX` as it is."""


class Session:
    """One client's connection."""

    def __init__(self, sock: socket.socket, server: "EslServer") -> None:
        self._sock, self._server = sock, server
        self._writing = threading.Lock()
        self.format = ""
        self.subscribed: list[str] = []

    def push(self, data: bytes) -> None:
        with self._writing, suppress(OSError):
            self._sock.sendall(data)

    def fire(self, headers: dict[str, str], body: str | None = None) -> None:
        """Send an event in the subscribed format (switch_event.c)."""
        if self.format == "json":
            payload = json.dumps(headers | ({} if body is None else {"_body": body})).encode()
        else:
            lines = [
                f"{name}: {quote(value, safe=_ANYTHING_ENCODED_STAYS)}"
                for name, value in headers.items()
            ]
            tail = "\n\n" if body is None else f"\nContent-Length: {len(body)}\n\n{body}"
            payload = ("\n".join(lines) + tail).encode()
        self.push(
            f"Content-Length: {len(payload)}\nContent-Type: text/event-{self.format}\n\n".encode()
            + payload
        )

    def drop(self) -> None:
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    def run(self) -> None:
        buffer = bytearray()
        if self._server.greets:
            self.push(b"Content-Type: auth/request\n\n")
        with suppress(OSError):
            while data := self._sock.recv(65536):
                unread = max(0, len(buffer) - 1)
                buffer += data
                while (end := buffer.find(b"\n\n", unread)) >= 0:
                    command = buffer[:end].strip(b"\n").decode()
                    del buffer[: end + 2]
                    unread = 0
                    if command:
                        self._take(command)
        self._sock.close()

    def _take(self, command: str) -> None:
        self._server.commands.append(command)
        answer = self._server.answer_to(command)
        reply = answer(self, command) if callable(answer) else answer
        if reply is not None:
            self.push(reply)


class EslServer:
    """Answers `auth`, `event`, `sendmsg`, `bgapi` and `api` with success unless told otherwise."""

    def __init__(self, *, password: str = "cluecluon", greets: bool = True, port: int = 0) -> None:
        self.password, self.greets = password, greets
        self.commands: list[str] = []
        self.sessions: list[Session] = []
        self._answers: dict[str, Answer] = {}
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]

    @property
    def session(self) -> Session:
        return self.sessions[-1]

    def answer(self, prefix: str, answer: Answer) -> None:
        """Give commands that begin with `prefix` this answer; None is silence."""
        self._answers[prefix] = answer

    def answer_to(self, command: str) -> Answer:
        for prefix, answer in self._answers.items():
            if command.startswith(prefix):
                return answer
        match command.partition(" ")[0]:
            case "auth":
                right = command == f"auth {self.password}"
                return reply("+OK accepted" if right else "-ERR invalid")
            case "event":
                return _subscribe
            case "api":
                return output("+OK\n")
            case "bgapi":
                return reply(f"+OK Job-UUID: {header(command, 'Job-UUID')}")
            case "sendmsg":
                return reply("+OK")
        return reply("-ERR command not found")

    def count(self, prefix: str) -> int:
        return sum(command.startswith(prefix) for command in self.commands)

    def stop(self) -> None:
        """Stop listening and drop every connection; return when its threads have ended."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for session in self.sessions:
            session.drop()
        for thread in self._threads:
            thread.join(timeout=5)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                session = Session(sock, self)
                self.sessions.append(session)
                thread = threading.Thread(target=session.run, daemon=True)
                self._threads.append(thread)
                thread.start()

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def reply(text: str) -> bytes:
    return f"Content-Type: command/reply\nReply-Text: {text}\n\n".encode()


def output(text: str | bytes) -> bytes:
    body = text.encode() if isinstance(text, str) else text
    return b"Content-Type: api/response\nContent-Length: %d\n\n" % len(body) + body


def header(command: str, name: str) -> str:
    for line in command.splitlines():
        found, _, value = line.partition(": ")
        if found == name:
            return value
    return ""


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


def finish_job(session: Session, job_uuid: str, body: str) -> None:
    session.fire({"Event-Name": "BACKGROUND_JOB", "Job-UUID": job_uuid}, body=body)


def _subscribe(session: Session, command: str) -> bytes:
    _, session.format, *session.subscribed = command.lower().split()
    return reply(f"+OK event listener enabled {session.format}")
