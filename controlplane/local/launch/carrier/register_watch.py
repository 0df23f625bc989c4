"""Counts the REGISTERs that a FreeSWITCH in the carrier's part accepts, by its events."""

import contextlib
import socket
import threading
import time
from typing import BinaryIO, Final

from controlplane.local.launch.carrier.bindings import RegisterSeen

CONNECT_DEADLINE_S: Final = 5.0
MAX_EVENT_BYTES: Final = 1_000_000


class RegisterWatch:
    """One event socket connection, which a thread reads until `close` or until the switch ends."""

    def __init__(self, *, port: int, password: str) -> None:
        """Connect and subscribe. Raises OSError when nobody listens."""
        self.seen: list[RegisterSeen] = []
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=CONNECT_DEADLINE_S)
        self._stream = self._socket.makefile("rb")
        for command in (f"auth {password}", "event plain CUSTOM sofia::register"):
            self._socket.sendall(f"{command}\n\n".encode())
        self._socket.settimeout(None)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop watching. It may be called twice."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(CONNECT_DEADLINE_S)
        self._stream.close()
        self._socket.close()

    def _read(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            while headers := _headers(self._stream):
                body = self._stream.read(
                    min(int(headers.get("Content-Length", "0")), MAX_EVENT_BYTES)
                )
                event = dict(line.partition(": ")[::2] for line in body.decode().splitlines())
                if event.get("Event-Subclass") == "sofia%3A%3Aregister":
                    self.seen.append(
                        RegisterSeen(
                            at=time.monotonic(), number=event.get("from-user", ""), accepted=True
                        )
                    )


def _headers(stream: BinaryIO) -> dict[str, str]:
    """Read one frame's headers; they are empty at the stream's end."""
    headers: dict[str, str] = {}
    while line := stream.readline(65_536).decode(errors="replace").strip("\r\n"):
        name, _, value = line.partition(": ")
        headers[name] = value
    return headers
