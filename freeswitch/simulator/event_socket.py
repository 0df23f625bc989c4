"""mod_event_socket, which the bridge agent connects to: commands in, replies and events out."""

import asyncio
import contextlib
import secrets
from collections.abc import Mapping
from typing import Final
from uuid import uuid4

import structlog

from freeswitch.simulator.api_commands import run_command
from freeswitch.simulator.events import CUSTOM, Event
from freeswitch.simulator.session import PrivateEvent
from freeswitch.simulator.switch import Switch

MAX_COMMAND_BYTES: Final = 10 * 2**20
"""FreeSWITCH takes no longer command with its headers."""
MAX_UNSENT_BYTES: Final = 64 * 2**20
"""A listener that reads nothing loses events beyond this; more than `MAX_LOST` end it."""
MAX_LOST: Final = 500
AUTH_DEADLINE_S: Final = 10.0
GOODBYE_DEADLINE_S: Final = 1.0
_GOODBYE: Final = b"Disconnected, goodbye.\nSee you at ClueCon! http://www.cluecon.com/\n"

EVENT_NAMES: Final = frozenset(
    """ALL CUSTOM CHANNEL_CREATE CHANNEL_DESTROY CHANNEL_STATE CHANNEL_CALLSTATE CHANNEL_ANSWER
    CHANNEL_HANGUP CHANNEL_HANGUP_COMPLETE CHANNEL_EXECUTE CHANNEL_EXECUTE_COMPLETE CHANNEL_HOLD
    CHANNEL_UNHOLD CHANNEL_BRIDGE CHANNEL_UNBRIDGE CHANNEL_PROGRESS CHANNEL_PROGRESS_MEDIA
    CHANNEL_OUTGOING CHANNEL_PARK CHANNEL_UNPARK CHANNEL_APPLICATION CHANNEL_ORIGINATE CHANNEL_UUID
    API LOG INBOUND_CHAN OUTBOUND_CHAN STARTUP SHUTDOWN SESSION_HEARTBEAT HEARTBEAT DTMF MESSAGE
    NOTIFY CODEC BACKGROUND_JOB DETECTED_SPEECH PRIVATE_COMMAND TRAP RE_SCHEDULE RELOADXML
    ADD_SCHEDULE DEL_SCHEDULE EXE_SCHEDULE PLAYBACK_START PLAYBACK_STOP RECORD_START RECORD_STOP
    MEDIA_BUG_START MEDIA_BUG_STOP MODULE_LOAD MODULE_UNLOAD CALL_UPDATE CALL_DETAIL""".split()
)

_log = structlog.get_logger()


class EventSocket:
    """Listens on the port and keeps its connections."""

    def __init__(self, switch: Switch) -> None:
        self._switch = switch
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Listen on loopback."""
        port = self._switch.settings.esl_port
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", port, limit=MAX_COMMAND_BYTES
        )

    async def close(self) -> None:
        """End every connection."""
        if self._server is not None:
            self._server.close()
        for task in list(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            await Connection(self._switch, reader, writer).run()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        except asyncio.CancelledError:
            pass  # the process is stopping; asyncio's server would log it as a failure
        except Exception:  # noqa: BLE001  # the edge of one connection: logged, the others go on
            _log.exception("event_socket_connection_failed")
        finally:
            self._connections.discard(task)
            writer.close()


class Connection:
    """Takes one client's commands, one after another; events are held back while an `api` runs."""

    def __init__(
        self, switch: Switch, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._switch, self._reader, self._writer = switch, reader, writer
        self._names: set[str] = set()
        self._subclasses: set[str] = set()
        self._filters: list[tuple[str, str]] = []
        self._held: list[Event] | None = None
        self._lost = 0
        self._listening = False
        self._jobs: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Serve until the client leaves or is thrown out."""
        self._write(b"Content-Type: auth/request\n\n")
        if not await self._authenticate():
            return
        stop_listening = self._switch.bus.listen(self._deliver)
        try:
            while (command := await self._read()) is not None:
                if not await self._obey(*command):
                    await self._say_goodbye()
                    return
                await self._writer.drain()
        finally:
            stop_listening()
            for job in self._jobs:
                job.cancel()

    async def _say_goodbye(self) -> None:
        """Say goodbye, then read on until the client closes: closing first would lose what was
        said.
        """
        self._write(
            b"Content-Type: text/disconnect-notice\nContent-Length: %d\n\n" % len(_GOODBYE)
            + _GOODBYE
        )
        await self._writer.drain()
        self._writer.write_eof()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GOODBYE_DEADLINE_S):
                while await self._reader.read(65_536):
                    pass

    async def _authenticate(self) -> bool:
        async with asyncio.timeout(AUTH_DEADLINE_S):
            command = await self._read()
        if command is None:
            return False
        word, _, password = command[0].partition(" ")
        expected = self._switch.settings.esl_password
        if word == "auth" and secrets.compare_digest(password.encode(), expected.encode()):
            self._reply("+OK accepted")
            return True
        self._reply("-ERR invalid")
        return False

    async def _read(self) -> tuple[str, dict[str, str]] | None:
        """Return the next command line with its headers; None at the end."""
        lines: list[str] = []
        while True:
            raw = await self._reader.readline()
            if not raw:
                return None
            line = raw.decode("utf-8", "surrogateescape").rstrip("\r\n")
            if line:
                lines.append(line)
            elif lines:
                break
        headers: dict[str, str] = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.strip()] = value.strip()
        length = headers.get("Content-Length", headers.get("content-length", ""))
        if length.isdigit():
            body = await self._reader.readexactly(min(int(length), MAX_COMMAND_BYTES))
            headers["execute-app-arg"] = body.decode("utf-8", "surrogateescape")
        return lines[0], headers

    async def _obey(self, line: str, headers: Mapping[str, str]) -> bool:
        """Run one command; return False when it ends the connection."""
        word, _, rest = line.strip().partition(" ")
        match word.lower():
            case "exit" | "quit" | "...":
                self._reply("+OK bye")
                return False
            case "api" if rest:
                await self._api(rest)
            case "bgapi" if rest:
                self._bgapi(rest, headers.get("Job-UUID") or headers.get("job-uuid"))
            case "sendmsg":
                return self._sendmsg(rest, headers)
            case "event":
                self._reply(self._subscribe(rest.split()))
            case "nixevent":
                self._reply(self._unsubscribe(rest.split()))
            case "noevents":
                self._reply(self._no_events())
            case "filter" if rest:
                self._reply(self._filter(rest.split(" ", 2)))
            case "log":
                self._reply(f"+OK log level {rest} [7]")
            case "nolog":
                self._reply("+OK no longer logging")
            case "linger" | "nolinger" | "myevents" | "divert_events":
                self._reply("-ERR not controlling a session")
            case _:
                self._reply("-ERR command not found")
        return True

    async def _api(self, command: str) -> None:
        self._held = []
        try:
            answer = await run_command(self._switch, command)
        finally:
            held, self._held = self._held, None
        body = (answer or "-ERR no reply\n").encode("utf-8", "surrogateescape")
        self._write(b"Content-Type: api/response\nContent-Length: %d\n\n" % len(body) + body)
        for event in held:
            self._send(event)

    def _bgapi(self, command: str, job_uuid: str | None) -> None:
        job_uuid = job_uuid or str(uuid4())
        self._write(
            f"Content-Type: command/reply\nReply-Text: +OK Job-UUID: {job_uuid}\n"
            f"Job-UUID: {job_uuid}\n\n".encode("utf-8", "surrogateescape")
        )
        job = asyncio.create_task(self._run_job(command, job_uuid))
        self._jobs.add(job)
        job.add_done_callback(self._jobs.discard)

    async def _run_job(self, command: str, job_uuid: str) -> None:
        answer = await run_command(self._switch, command) or "-ERR no reply\n"
        name, _, argument = command.partition(" ")
        headers = {"Job-UUID": job_uuid, "Job-Command": name}
        if argument:
            headers["Job-Command-Arg"] = argument
        self._switch.bus.fire("BACKGROUND_JOB", headers, body=answer)

    def _sendmsg(self, uuid: str, headers: Mapping[str, str]) -> bool:
        session = self._switch.sessions.get(uuid.strip())
        if session is None:
            self._reply(f"-ERR invalid session id [{uuid}]")
            return True
        if not session.queue(PrivateEvent(dict(headers))):
            return False
        self._reply("+OK")
        return True

    # Subscriptions

    def _subscribe(self, words: list[str]) -> str:
        layout = "plain"
        if words and words[0] in ("plain", "json", "xml"):
            layout = words.pop(0)
        if layout == "xml" or (layout == "plain" and words and words != [CUSTOM]):
            return "-ERR the simulator sends JSON events only"
        names, subclasses = _event_names(words)
        if not names and not subclasses:
            return "-ERR no keywords supplied"
        self._names |= names
        self._subclasses |= subclasses
        self._listening = True
        return f"+OK event listener enabled {layout}"

    def _unsubscribe(self, words: list[str]) -> str:
        names, subclasses = _event_names(words)
        if not names and not subclasses:
            return "-ERR no keywords supplied"
        self._names -= names
        self._subclasses -= subclasses
        return "+OK events nixed"

    def _no_events(self) -> str:
        if not self._listening:
            return "-ERR not listening for events"
        self._names, self._subclasses, self._listening = set(), set(), False
        return "+OK no longer listening for events"

    def _filter(self, words: list[str]) -> str:
        if words[0] == "delete":
            name, value = words[1], words[2] if len(words) > 2 else ""
            self._filters = [
                kept for kept in self._filters if kept[0] != name or value not in ("", kept[1])
            ]
            return f"+OK filter deleted. [{name}][{value}]"
        if len(words) < 2:
            return "-ERR invalid syntax"
        name, value = words[0], " ".join(words[1:])
        self._filters.append((name, value))
        return f"+OK filter added. [{name}]=[{value}]"

    def _deliver(self, event: Event) -> None:
        if not self._wants(event):
            return
        if self._held is not None:
            self._held.append(event)
        else:
            self._send(event)

    def _wants(self, event: Event) -> bool:
        if event.name == CUSTOM:
            chosen = event.subclass in self._subclasses or "ALL" in self._names
        else:
            chosen = event.name in self._names or "ALL" in self._names
        if not chosen or not self._filters:
            return chosen
        return any(event.headers.get(name) == value for name, value in self._filters)

    def _send(self, event: Event) -> None:
        if self._writer.transport.get_write_buffer_size() > MAX_UNSENT_BYTES:
            self._lost += 1
            if self._lost > MAX_LOST:
                self._writer.transport.abort()
            return
        body = event.to_json()
        self._write(b"Content-Length: %d\nContent-Type: text/event-json\n\n" % len(body) + body)

    def _reply(self, text: str) -> None:
        message = f"Content-Type: command/reply\nReply-Text: {text}\n\n"
        self._write(message.encode("utf-8", "surrogateescape"))

    def _write(self, data: bytes) -> None:
        if not self._writer.is_closing():
            self._writer.write(data)


def _event_names(words: list[str]) -> tuple[set[str], set[str]]:
    """Return names, and the CUSTOM subclasses: every word after `CUSTOM`."""
    upper = [word.upper() for word in words]
    position = upper.index(CUSTOM) if CUSTOM in upper else len(words)
    names = {word for word in upper[: position + 1] if word in EVENT_NAMES}
    return names, set(words[position + 1 :])
