"""Faults on demand: what goes wrong, on which connection, when.

A script is a JSON list, e.g. `[{"kind": "close", "code": 1011, "on": "response.created"},
{"kind": "refuse", "status": 429, "connection": 1}, {"kind": "drop", "on": "response.done",
"nth": 2}]`. Without `connection` a fault meets every connection; without `after_ms` or `on` it is
there from the start.
"""

from enum import StrEnum
from pathlib import Path
from typing import Final, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)


class ScriptError(ValueError):
    """A script cannot be used; the message names the file and the place in it."""

    @classmethod
    def of(cls, path: Path, error: ValidationError) -> Self:
        """Name each place that is wrong in the file, a line each."""
        lines = (
            ": ".join([str(path), *(filter(None, [".".join(map(str, e["loc"])), e["msg"]]))])
            for e in error.errors()
        )
        return cls("\n".join(lines))


class FaultKind(StrEnum):
    """Everything that can be made to go wrong."""

    REFUSE = "refuse"
    """The handshake is answered with HTTP `status`."""
    HANG_ON_CONNECT = "hang_on_connect"
    """The handshake is never answered."""
    NO_SESSION_CREATED = "no_session_created"
    NO_SESSION_UPDATED = "no_session_updated"
    CLOSE = "close"
    """Close with `code`; 1006 drops the TCP connection without a close frame."""
    SESSION_EXPIRED = "session_expired"
    """The `session_expired` error, then close 1001."""
    ERROR = "error"
    """An `error` event with `error_code`."""
    AUDIO_FORMAT = "audio_format"
    """`session.updated` echoes `format` for both directions, and the audio sent is in it."""
    LATE_DELTAS = "late_deltas"
    """After a cancel, `count` more audio deltas arrive, and one after response.done."""
    DONE_WITHOUT_CREATED = "done_without_created"
    MALFORMED_TOOL_JSON = "malformed_tool_json"
    """Function arguments are cut in the middle."""
    FALSE_SPEECH_STARTED = "false_speech_started"
    """speech_started without speech, and speech_stopped `ms` later, with nothing committed."""
    MUTE = "mute"
    """response.create is taken and nothing ever comes."""
    SILENT_AUDIO = "silent_audio"
    """The response's audio is silence."""
    SLOW = "slow"
    """`ms` pass before the first delta."""
    STALL = "stall"
    """`ms` pass after the second delta."""
    RESPONSE_FAILED = "response_failed"
    """status failed with `error_code`."""
    RESPONSE_INCOMPLETE = "response_incomplete"
    """status incomplete, with `reason` (max_output_tokens or content_filter)."""
    USAGE_NULL = "usage_null"
    TRANSCRIPTION_FAILED = "transcription_failed"
    UNKNOWN_EVENT = "unknown_event"
    """An event of a type no client knows yet."""
    DROP = "drop"
    """The server's event of type `on` is never sent; the client's is never read."""
    REJECT = "reject"
    """The client's event of type `on` is answered by an `error` event with `error_code`."""
    DELAY = "delay"
    """The server's event of type `on` is sent `ms` late; those behind it are not."""
    DOUBLE = "double"
    """It is sent twice, the same to the byte."""
    SWAP = "swap"
    """It is sent after the event that follows it."""


class Fault(BaseModel):
    """One fault of a script."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: FaultKind
    connection: int | None = Field(default=None, ge=1)
    """The server's n-th connection; None = all."""
    after_ms: int | None = Field(default=None, ge=0)
    """After the session began, or after the event of `on`."""
    on: str | None = None
    """When an event of this type was received or sent."""
    nth: int = Field(default=1, ge=1)
    """The n-th such event."""
    times: int | None = Field(default=None, ge=1)
    """For faults of a response: only the first `times` responses. For faults on the wire: so many
    events, from the n-th on; None = 1."""
    status: int = 401
    code: int = Field(default=1011, ge=1000, le=4999)
    error_code: str = "server_error"
    format: str = "audio/pcm"
    reason: str = "max_output_tokens"
    ms: int = Field(default=1_000, ge=0)
    count: int = Field(default=3, ge=1)

    @model_validator(mode="after")
    def _names_the_event(self) -> Self:
        if self.on_the_wire and self.on is None:
            raise ValueError(f"{self.kind} needs `on`: the type of the event it meets")
        return self

    @property
    def on_the_wire(self) -> bool:
        """Whether the fault meets one event on its way."""
        return self.kind in _ON_THE_WIRE

    @property
    def happens(self) -> bool:
        """Whether the fault happens at an instant rather than being a state that holds."""
        return self.kind in _AT_AN_INSTANT

    @property
    def immediate(self) -> bool:
        """Whether the fault is a state of the connection rather than something that happens."""
        return self.after_ms is None and self.on is None


_SCRIPT: Final = TypeAdapter(tuple[Fault, ...])


def read_faults(path: Path) -> tuple[Fault, ...]:
    """Read a fault script. Raise ScriptError naming what is wrong in it."""
    try:
        return _SCRIPT.validate_json(path.read_bytes())
    except ValidationError as error:
        raise ScriptError.of(path, error) from error


_AT_AN_INSTANT: Final = {
    FaultKind.CLOSE,
    FaultKind.SESSION_EXPIRED,
    FaultKind.ERROR,
    FaultKind.FALSE_SPEECH_STARTED,
    FaultKind.UNKNOWN_EVENT,
}
_ON_THE_WIRE: Final = {
    FaultKind.DROP,
    FaultKind.REJECT,
    FaultKind.DELAY,
    FaultKind.DOUBLE,
    FaultKind.SWAP,
}


class WireFault:
    """A fault that waits for its events to come by."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self._seen = 0

    def meets(self, event_type: str) -> bool:
        """Count an event that comes by; say whether the fault meets it."""
        if event_type != self.fault.on:
            return False
        self._seen += 1
        return 0 <= self._seen - self.fault.nth < (self.fault.times or 1)


class ConnectionFaults:
    """The faults of one connection: which states hold, and what an event sets off."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        at_once = [fault for fault in faults if fault.immediate]
        self._states = {f.kind: f for f in at_once if not f.happens}
        self.happening = tuple(f for f in at_once if f.happens)
        """What happens as soon as the session began."""
        self.timed = tuple(f for f in faults if f.after_ms is not None and f.on is None)
        self._triggered: list[Fault] = []
        self._wire: list[WireFault] = []
        for fault in faults:
            self.await_event(fault)
        self._seen: dict[str, int] = {}
        self._used: dict[FaultKind, int] = {}

    @classmethod
    def of(cls, script: tuple[Fault, ...], connection: int) -> Self:
        """Return the faults that meet connection number `connection`."""
        return cls(tuple(f for f in script if f.connection in (None, connection)))

    def await_event(self, fault: Fault) -> bool:
        """Let a fault that has an event wait for it; False when it has none."""
        if fault.on_the_wire:
            self._wire.append(WireFault(fault))
        elif fault.on is not None:
            self._triggered.append(fault)
        return fault.on is not None

    def met_by(self, event_type: str) -> Fault | None:
        """Count an event that comes by; return what befalls it: the script's first such."""
        met = [one.fault for one in self._wire if one.meets(event_type)]
        return met[0] if met else None

    def active(self, kind: FaultKind) -> Fault | None:
        """Return the fault if that state holds, without using it up."""
        fault = self._states.get(kind)
        used_up = fault and fault.times is not None and self._used.get(kind, 0) >= fault.times
        return None if used_up else fault

    def use(self, kind: FaultKind) -> Fault | None:
        """Return the fault if that state holds, counting one of its `times`."""
        fault = self.active(kind)
        if fault:
            self._used[kind] = self._used.get(kind, 0) + 1
        return fault

    def become(self, fault: Fault) -> None:
        """Make a fault that was due by time, event or script a state from now on."""
        self._states[fault.kind] = fault
        self._used.pop(fault.kind, None)

    def triggered_by(self, event_type: str) -> tuple[Fault, ...]:
        """Count an event; return the faults it sets off."""
        if not self._triggered:
            return ()
        count = self._seen[event_type] = self._seen.get(event_type, 0) + 1
        return tuple(f for f in self._triggered if f.on == event_type and f.nth == count)
