"""The event socket as the bridge agent uses it: it stays connected and subscribed, and answers in
time.

One greenlet keeps the connection (`_stay_connected`); the connection's reader hands events to the
dispatcher, which runs handlers in a greenlet a channel. It uses gevent's own sockets: nothing is
patched.
"""

from collections.abc import Callable, Sequence
from time import monotonic
from uuid import uuid4

import gevent
import structlog
from gevent.event import AsyncResult, Event
from prometheus_client import Counter, Gauge

from controlplane.esl import commands
from controlplane.esl.connection import Connection
from controlplane.esl.dispatch import Dispatcher, Handler
from controlplane.esl.errors import (
    EslAuthenticationFailed,
    EslDisconnected,
    EslError,
    EslTimeout,
    command_failed,
)
from controlplane.esl.event import EslEvent
from controlplane.esl.executions import Executions
from controlplane.loop import spawn

COMMAND_TIMEOUT_S = 2.0
"""A reply may take this long: on loopback it takes 1 ms, so 2 s means that FreeSWITCH is stuck."""
JOB_TIMEOUT_S = 10.0
"""The result of a `bgapi` may take this long."""
BACKOFF_FIRST_S = 0.05
"""The first new attempt waits this long; the wait doubles up to BACKOFF_MAX_S."""
BACKOFF_MAX_S = 2.0
"""Attempts are no further apart than this: FreeSWITCH restarts in about 3 s, and its calls are lost
meanwhile."""
STABLE_AFTER_S = 5.0
"""When a connection has lived this long, its end is a new fault and not the same one again."""
PROBE_INTERVAL_S = 5.0
"""After this long without a command one is sent, because a frozen switch keeps its socket open."""

_JOB_EVENTS = ("BACKGROUND_JOB",)
_EXECUTION_EVENTS = ("CHANNEL_DESTROY", "CHANNEL_EXECUTE_COMPLETE")

_log = structlog.get_logger()
_connected = Gauge("alloresto_esl_connected", "1 while the event socket is usable", ["client"])
_losses = Counter("alloresto_esl_disconnects", "Connections lost", ["client"])


class EslClient:
    """Keeps one event socket for ever. Every method may be called from any greenlet.

    `on_connected` runs in its own greenlet after each (re)connection, once subscribed: the place to
    compare with what FreeSWITCH holds now. `on_disconnected` runs in its own after each loss.

    `executions` are counted by another client of the same FreeSWITCH, which hears what completes:
    this one is then told of nothing twice. Without it the client counts its own.

    `wake_every_s` (seconds) makes events come sooner: FreeSWITCH looks at its event queue only
    every 20 ms unless something arrives on the socket, so an empty line is sent that often while
    `wake_while` says yes.
    """

    def __init__(
        self,
        *,
        host: str,
        port: int,
        password: str,
        events: Sequence[str],
        name: str,
        on_connected: "Callable[[EslClient], None] | None" = None,
        on_disconnected: Callable[[], None] | None = None,
        executions: Executions | None = None,
        wake_every_s: float | None = None,
        wake_while: Callable[[], bool] = lambda: True,
    ) -> None:
        self._host, self._port, self._password = host, port, password
        commands.auth(password)  # a password that cannot be sent is refused here, not for ever
        counted = () if executions is not None else _EXECUTION_EVENTS
        self.subscription = commands.subscribe([*events, *_JOB_EVENTS, *counted])
        """The command by which FreeSWITCH is asked for them."""
        self._name = name
        self._on_connected = on_connected
        self._on_disconnected = on_disconnected
        self._wake_every_s = wake_every_s
        self._wake_while = wake_while
        self._closing = False
        self._dispatcher = Dispatcher(name=name)
        self.executions = executions if executions is not None else Executions()
        """What FreeSWITCH was given to execute and has not completed, a channel."""
        self._jobs: dict[str, AsyncResult[str]] = {}
        self._connection: Connection | None = None
        self._ready = Event()
        self._last_failure: EslError = EslDisconnected("not started")
        self._keeper: gevent.Greenlet[..., object] | None = None
        self._log = _log.bind(esl=name)

    @property
    def connected(self) -> bool:
        """Tell whether it is subscribed and able to take commands."""
        return self._ready.is_set()

    @property
    def dropped_events(self) -> int:
        """Count the events dropped because their channel's handlers were too late."""
        return self._dispatcher.dropped

    def on(self, event_name_or_subclass: str, handler: Handler) -> None:
        """Call `handler` for each event of that name or CUSTOM subclass (subscribed in `events`).

        One channel's events are handled one after another; other channels do not wait.
        """
        self._dispatcher.on(event_name_or_subclass, handler)

    def start(self) -> None:
        """Start connecting in the background, and go on until `close`."""
        if self._keeper is None:
            self._keeper = spawn("esl_keeper", self._stay_connected)

    def wait_connected(self, timeout_s: float) -> None:
        """Wait until connected. Raises EslTimeout, caused by the last failure, when that is not in
        time.
        """
        if not self._ready.wait(timeout_s):
            raise EslTimeout(f"not connected within {timeout_s:g} s") from self._last_failure

    def close(self) -> None:
        """End the connection, fail what waits, forget queued events. The client cannot be started
        again.
        """
        if self._keeper is not None:
            self._keeper.kill(block=False)
        self._closing = True
        self._dispatcher.discard()
        if self._connection is not None:
            self._connection.close()

    def api(self, command: str, *, timeout_s: float = COMMAND_TIMEOUT_S) -> str:
        """Return the output of an API command that answers at once. A slow one would delay every
        other command of this client: use `bgapi` for it.

        Raises EslCommandFailed on `-ERR` (an empty output is `-ERR no reply`), EslTimeout,
        EslDisconnected.
        """
        message = commands.api(command)
        forgotten, executions = self._forgotten_by(command)
        output = self._request(message, timeout_s=timeout_s).rstrip("\n")
        self._forget(forgotten, executions)
        return output

    def api_together(self, *api_commands: str, timeout_s: float = COMMAND_TIMEOUT_S) -> list[str]:
        """Return the outputs of API commands sent in one write: one round trip for all of them.

        FreeSWITCH runs them one after another. Raises as `api` does, once all are answered.
        """
        messages = [commands.api(command) for command in api_commands]
        outputs = self._require_connection().request_all(messages, timeout_s=timeout_s)
        return [output.rstrip("\n") for output in outputs]

    def bgapi(self, command: str, *, timeout_s: float = JOB_TIMEOUT_S) -> str:
        """Return the output of an API command that FreeSWITCH runs in a thread of its own.

        Raises as `api` does; a job that is late costs no connection and may still end.
        """
        deadline = monotonic() + timeout_s
        job_uuid = str(uuid4())
        message = commands.bgapi(command, job_uuid=job_uuid)
        forgotten, executions = self._forgotten_by(command)
        job: AsyncResult[str] = AsyncResult()
        self._jobs[job_uuid] = job
        try:
            self._request(message, timeout_s=min(timeout_s, COMMAND_TIMEOUT_S))
            job.wait(max(0.0, deadline - monotonic()))
            if not job.ready():
                raise EslTimeout(f"no result of the job within {timeout_s:g} s")
            output = (job.get() or "").rstrip("\n")
        finally:
            self._jobs.pop(job_uuid, None)
        if output.startswith(("-ERR", "-USAGE")):
            raise command_failed(output)
        self._forget(forgotten, executions)
        return output

    def send_event(self, name: str) -> None:
        """Fire an event of that name, for FreeSWITCH's own modules. Raises as `api` does."""
        self._request(commands.send_event(name), timeout_s=COMMAND_TIMEOUT_S)

    def execute(
        self,
        channel_uuid: str,
        application: str,
        argument: str = "",
        *,
        event_uuid: str | None = None,
        event_lock: bool = True,
        timeout_s: float = COMMAND_TIMEOUT_S,
    ) -> str:
        """Queue a dialplan application on a channel; return the `Event-UUID` that its
        CHANNEL_EXECUTE_COMPLETE carries as `Application-UUID`.

        With `event_lock` applications run one after another; without it a later one interrupts and
        nests. Waits while 32 of this channel have not completed. Raises EslChannelGone,
        EslCommandFailed, EslTimeout, EslDisconnected.
        """
        deadline = monotonic() + timeout_s
        event_uuid = event_uuid or str(uuid4())
        message = commands.execute(
            channel_uuid, application, argument, event_uuid=event_uuid, event_lock=event_lock
        )
        self._require_connection()
        self.executions.take(channel_uuid, event_uuid, timeout_s=timeout_s)
        try:
            self._request(message, timeout_s=max(0.001, deadline - monotonic()))
        except BaseException:
            self.executions.free(channel_uuid, event_uuid)
            raise
        return event_uuid

    def hangup(
        self, channel_uuid: str, cause: str, *, timeout_s: float = COMMAND_TIMEOUT_S
    ) -> None:
        """End a channel now, past whatever it has queued.

        Raises EslChannelGone if it has ended, else as `api` does.
        """
        self.api(commands.uuid_kill(channel_uuid, cause), timeout_s=timeout_s)

    def outstanding(self, channel_uuid: str) -> int:
        """Count a channel's executions that were sent and have not completed."""
        return self.executions.outstanding(channel_uuid)

    def _forgotten_by(self, command: str) -> tuple[str, frozenset[str]]:
        channel_uuid = commands.breaks_all_of(command) or ""
        return channel_uuid, self.executions.running(channel_uuid)

    def _forget(self, channel_uuid: str, executions: frozenset[str]) -> None:
        for event_uuid in executions:
            self.executions.free(channel_uuid, event_uuid)

    def _require_connection(self) -> Connection:
        if self._connection is None or not self.connected:
            raise EslDisconnected("not connected") from self._last_failure
        return self._connection

    def _request(self, message: bytes, *, timeout_s: float) -> str:
        return self._require_connection().request(message, timeout_s=timeout_s)

    def _take_event(self, event: EslEvent) -> None:
        """Settle what waits for this event and queue it for the handlers. The connection's reader
        calls this.
        """
        match event.name:
            case "BACKGROUND_JOB":
                job = self._jobs.pop(event.get("Job-UUID") or "", None)
                if job is not None:
                    job.set(event.body or "")
            case "CHANNEL_EXECUTE_COMPLETE":
                self.executions.free(event.channel_uuid or "", event.get("Application-UUID") or "")
            case "CHANNEL_DESTROY":
                self.executions.channel_gone(event.channel_uuid or "")
        self._dispatcher.put(event)

    def _stay_connected(self) -> None:
        """Connect, subscribe and watch, again and again, as long as the client lives."""
        backoff_s = BACKOFF_FIRST_S
        while True:
            began = monotonic()
            self._connection = connection = self._new_connection()
            try:
                self._open(connection)
                self._watch(connection)
            except EslError as error:
                connection.close(error)
            except (Exception, gevent.Timeout) as error:  # noqa: BLE001  # the edge, logged
                self._log.exception("esl_keeper_failed")
                connection.close(EslError(f"keeper failed: {type(error).__name__}"))
            if monotonic() - began > STABLE_AFTER_S:
                backoff_s = BACKOFF_FIRST_S
            gevent.sleep(backoff_s)
            backoff_s = min(backoff_s * 2, BACKOFF_MAX_S)

    def _new_connection(self) -> Connection:
        return Connection(
            host=self._host,
            port=self._port,
            password=self._password,
            name=self._name,
            on_event=self._take_event,
            on_closed=self._lost,
        )

    def _open(self, connection: Connection) -> None:
        connection.open()
        connection.request(self.subscription, timeout_s=COMMAND_TIMEOUT_S)
        # What another client sent meanwhile may have completed unheard.
        self.executions.clear(EslDisconnected("completions were missed"))
        self._ready.set()
        _connected.labels(self._name).set(1)
        self._log.info("esl_connected", host=self._host, port=self._port)
        if self._on_connected is not None:
            spawn("esl_connected", self._on_connected, self)
        if self._wake_every_s is not None:
            spawn("esl_waker", connection.keep_awake, self._wake_every_s, self._wake_while)

    def _watch(self, connection: Connection) -> None:
        """Return when the connection has ended. A command is sent when none is under way."""
        while not connection.closed.wait(PROBE_INTERVAL_S):
            if not connection.pending:
                connection.request(commands.api("uptime"), timeout_s=COMMAND_TIMEOUT_S)

    def _lost(self, failure: EslError) -> None:
        """Fail what waited for the connection, then tell the bridge agent. It runs as the
        connection closes.
        """
        was_ready = self._ready.is_set()
        self._ready.clear()
        self._last_failure = failure
        _connected.labels(self._name).set(0)
        for job in self._jobs.values():
            job.set_exception(EslDisconnected(f"connection ended: {failure}"))
        self._jobs.clear()
        self.executions.clear(EslDisconnected(f"connection ended: {failure}"))
        if self._closing:
            return
        if was_ready:
            _losses.labels(self._name).inc()
            self._log.warning("esl_disconnected", why=str(failure))
            if self._on_disconnected is not None:
                spawn("esl_disconnected", self._on_disconnected)
        elif isinstance(failure, EslAuthenticationFailed):
            self._log.error("esl_authentication_failed", why=str(failure))
        else:
            self._log.debug("esl_connect_failed", why=str(failure))
