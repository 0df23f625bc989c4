"""One-shot admin commands: what `alloresto fs status` and health probes ask FreeSWITCH.

It blocks, uses one connection and reads no events. The FreeSWITCH project's own library
(python-ESL, extra `esl-native`) is used when it can be imported, our greenswitch connection
otherwise.
"""

import importlib
import re
import socket
from collections import Counter
from time import monotonic
from typing import Any, Protocol

from controlplane.contracts.gateway_states import GatewayState
from controlplane.esl import commands
from controlplane.esl.connection import Connection
from controlplane.esl.errors import (
    EslAuthenticationFailed,
    EslCommandFailed,
    EslDisconnected,
    EslTimeout,
    command_failed,
)
from controlplane.esl.release import release_warning

ADMIN_TIMEOUT_S = 3.0
"""Connecting and each answer may take this long: a person or a probe waits."""
MAX_GATEWAYS_SHOWN = 20
"""This many gateways get a line each, one restaurant each; the others are only counted."""

_GATEWAY = re.compile(r"^\s*(\S+)\s+gateway\s+\S+\s+(\S.*?)\s*$", re.MULTILINE)
_DURATION = re.compile(r"(\d+) (year|day|hour|minute|second)s?\b")
_UNITS = {"year": "y", "day": "d", "hour": "h", "minute": "min", "second": "s"}


class AdminClient(Protocol):
    """A blocking connection that takes a few commands."""

    def api(self, command: str) -> str:
        """Return the output of `command`. Raises EslError as `EslClient.api` does."""
        ...

    def close(self) -> None: ...


def open_admin_client(
    host: str, port: int, password: str, *, timeout_s: float = ADMIN_TIMEOUT_S
) -> AdminClient:
    """Connect and authenticate, with whichever library is there.

    Raises EslTimeout, EslDisconnected or EslAuthenticationFailed. python-ESL blocks the whole
    thread while it waits, so this is not for a gevent process with calls in progress.
    """
    native = native_library()
    if native is None:
        return GreenswitchAdmin(host, port, password, timeout_s=timeout_s)
    return NativeAdmin(native, host, port, password, timeout_s=timeout_s)


def native_library() -> Any | None:
    """Return python-ESL's module, or None when it is not installed."""
    try:
        return importlib.import_module("ESL")
    except ImportError:
        return None


class GreenswitchAdmin:
    """Uses our own connection, and runs gevent's loop in this thread while it waits."""

    library = "greenswitch"

    def __init__(self, host: str, port: int, password: str, *, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._connection = Connection(host=host, port=port, password=password, name="admin")
        self._connection.open(timeout_s=timeout_s)

    def api(self, command: str) -> str:
        message = commands.api(command)
        return self._connection.request(message, timeout_s=self._timeout_s).rstrip("\n")

    def close(self) -> None:
        self._connection.close()


class NativeAdmin:
    """Uses python-ESL, whose own calls have no deadline: only its timed receive is used."""

    library = "python-ESL"

    def __init__(
        self, library: Any, host: str, port: int, password: str, *, timeout_s: float
    ) -> None:
        self._timeout_s = timeout_s
        commands.auth(password)  # refuses a line break
        _require_greeting(host, port, timeout_s=timeout_s)
        self._connection = library.ESLconnection(host, str(port), password)
        if not self._connection.connected():
            raise EslAuthenticationFailed("wrong event socket password, or refused by its ACL")

    def api(self, command: str) -> str:
        line = commands.api(command).decode().rstrip("\n")
        deadline = monotonic() + self._timeout_s
        self._connection.send(line)
        while (left_s := deadline - monotonic()) > 0:
            event = self._connection.recvEventTimed(max(1, int(left_s * 1000)))
            if event is not None and event.getHeader("Content-Type") == "api/response":
                return _accepted(event.getBody() or "")
            if not self._connection.connected():
                raise EslDisconnected("FreeSWITCH closed the connection")
        self.close()  # a late reply would be taken for the next one's
        raise EslTimeout(f"no reply within {self._timeout_s:g} s")

    def close(self) -> None:
        self._connection.disconnect()


def status_lines(host: str, port: int, password: str) -> list[str]:
    """Return what an admin wants to know of one FreeSWITCH, a line each.

    Raises EslError when it cannot be reached; a module that is not loaded is said in its line.
    """
    client = open_admin_client(host, port, password)
    try:
        status = client.api("status")
        warning = release_warning(status)
        return [
            *_switch_lines(status),
            f"Calls now: {_count(client.api('show calls count'))}",
            *_gateway_lines(client),
            f"Asked over {getattr(client, 'library', 'ESL')}",
            *([warning] if warning else []),
        ]
    finally:
        client.close()


def _switch_lines(status: str) -> list[str]:
    version = re.search(r"Version (\S+)", status)
    ready = "ready" if "is ready" in status else "not ready"
    sessions = re.search(r"^(\d+) session\(s\) - peak (\d+)", status, re.MULTILINE)
    most = re.search(r"^(\d+) session\(s\) max", status, re.MULTILINE)
    lines = [
        f"FreeSWITCH {version[1] if version else '?'}: {ready}, "
        f"up for {_duration(status.partition(chr(10))[0])}"
    ]
    if sessions:
        limit = f", at most {most[1]}" if most else ""
        lines.append(f"Sessions: {sessions[1]}, peak {sessions[2]}{limit}")
    return lines


def _duration(up: str) -> str:
    parts = [f"{n} {_UNITS[unit]}" for n, unit in _DURATION.findall(up) if n != "0"]
    return " ".join(parts[:2]) or "less than a second"


def _count(answer: str) -> str:
    found = re.search(r"(\d+) total", answer)
    return found[1] if found else "?"


def _gateway_lines(client: AdminClient) -> list[str]:
    try:
        gateways: list[tuple[str, str]] = _GATEWAY.findall(client.api("sofia status"))
    except EslCommandFailed:
        return ["Gateways: mod_sofia is not loaded"]
    states = Counter(state.split()[0] for _, state in gateways)
    lines = [f"Gateways: {len(gateways)}, {states[GatewayState.REGED]} registered"]
    others = [(name, state) for name, state in gateways if state != GatewayState.REGED]
    lines += [f"  {name}: {state}" for name, state in others[:MAX_GATEWAYS_SHOWN]]
    if len(others) > MAX_GATEWAYS_SHOWN:
        lines.append(f"  … and {len(others) - MAX_GATEWAYS_SHOWN} others")
    return lines


def _accepted(body: str) -> str:
    """Return the answer as text. python-ESL keeps bytes that are not UTF-8 as surrogates, which
    become U+FFFD.
    """
    text = body.encode(errors="surrogateescape").decode(errors="replace")
    if text.startswith(("-ERR", "-USAGE")):
        raise command_failed(text)
    return text.rstrip("\n")


def _require_greeting(host: str, port: int, *, timeout_s: float) -> None:
    """Raise unless the listener speaks in time: python-ESL would wait for it for ever."""
    try:
        with socket.create_connection((host, port), timeout=timeout_s) as probe:
            if not probe.recv(64):
                raise EslDisconnected(f"{host}:{port} closed the connection")
    except TimeoutError as error:
        raise EslTimeout(f"{host}:{port} did not speak within {timeout_s:g} s") from error
    except OSError as error:
        raise EslDisconnected(f"{host}:{port}: {error}") from error
