"""Asks a FreeSWITCH's event socket one question, and blocks until it is answered.

The launcher, probes and tests use it. The bridge agent's connection is `controlplane/esl/`.
"""

import socket
from typing import BinaryIO

ANSWER_DEADLINE_SECONDS = 5.0
"""On loopback an answer takes 1 ms; a FreeSWITCH that still loads modules takes longer."""
MAX_ANSWER_BYTES = 4_000_000


class EventSocketRefused(OSError):
    """Raised for an event socket that refused: the password is wrong, or it is no event socket."""


def api(command: str, *, port: int, password: str, host: str = "127.0.0.1") -> str:
    """Run one API command on a connection of its own and return its answer, stripped.

    Raises OSError when nobody listens or answers within 5 s, EventSocketRefused (one of them)
    when the password is refused.
    """
    if any(character in command + password for character in "\r\n\0"):
        raise ValueError("a line break would start a second command")
    deadline = ANSWER_DEADLINE_SECONDS
    with (
        socket.create_connection((host, port), timeout=deadline) as connection,
        connection.makefile("rb") as answers,
    ):
        headers, _ = _read(answers)
        if headers.get("Content-Type") != "auth/request":
            raise EventSocketRefused(f"port {port} did not ask for a password")
        connection.sendall(f"auth {password}\n\n".encode())
        headers, _ = _read(answers)
        if not headers.get("Reply-Text", "").startswith("+OK"):
            raise EventSocketRefused(headers.get("Reply-Text", "connection refused"))
        connection.sendall(f"api {command}\n\n".encode())
        _, body = _read(answers)
        return body.decode(errors="replace").strip()


def _read(answers: BinaryIO) -> tuple[dict[str, str], bytes]:
    headers: dict[str, str] = {}
    while line := answers.readline(65_536).decode(errors="replace").strip("\r\n"):
        name, _, value = line.partition(": ")
        headers[name] = value
    if not headers:
        raise ConnectionResetError("the event socket closed the connection")
    length = min(int(headers.get("Content-Length", "0")), MAX_ANSWER_BYTES)
    return headers, answers.read(length)
