"""One incoming call on this bridge: who calls whom, where it stands, and what its story waits for.

Handlers of FreeSWITCH's events put signals in; the call's story (`story.py`) takes them out.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

import gevent
import gevent.queue
from gevent.lock import BoundedSemaphore

from controlplane.bridge.calls.call_signals import CallEndedError, CallLeftError, CallSignal
from controlplane.bridge.calls.call_state import CallState, GreetingState, StreamState, step
from controlplane.bridge.calls.hidden_numbers import is_hidden
from controlplane.bridge.calls.worker_watch import WorkerWatch
from controlplane.contracts.channel_variables import ChannelVariable
from controlplane.contracts.hangup_causes import CallOutcome
from controlplane.contracts.identifiers import new_id
from controlplane.contracts.media import FRAME_MS, read_ptime_ms, stream_buffer_ms
from controlplane.contracts.phone_numbers import normalise
from controlplane.esl.event import EslEvent

MAX_SIGNALS: Final = 64
"""A story that has not listened to this many signals is given up by its call's handlers."""

STOPPED_S: Final = 1.0
"""A process whose timer is so late was stopped, with its machine perhaps."""
HEARD_LATE_S: Final = 0.5
"""What happened meanwhile has been heard by then."""

LONGEST_HOLD_S: Final = 5 * 60.0
"""A telephone that holds us for longer has forgotten us."""

HELD: Final = "HELD"
"""A channel whose peer put us on hold has this call state (switch_channel.c)."""


class NotOurCall(ValueError):
    """A channel that reached no restaurant of ours: the dialplan refuses it, we leave it alone."""


@dataclass(slots=True)
class IncomingCall:
    """One call: its identity and its state. `created_at` is `time.monotonic()` seconds.

    Its state is what `call_state.py` says; it changes by `becomes` alone.
    """

    call_id: UUID
    restaurant_id: UUID
    channel_uuid: UUID
    gateway_name: str
    caller_number: str | None = None
    sip_call_id: str | None = None
    fallback_dial: str = ""
    created_at: float = field(default_factory=time.monotonic)
    state: CallState = CallState.WITH_US
    greeting: GreetingState = GreetingState.PLAYING
    stream: StreamState = StreamState.DETACHED
    rang: str | None = None
    """How the last ringing ended, of a call found in FreeSWITCH; None while somebody is rung."""
    waiting_prompt: str = "one_moment"
    """Said when the greeting is over and no worker is there yet."""
    held_at_s: float = -math.inf
    """Age at which "un instant" was last said."""
    on_hold_since: float | None = None
    """The caller's telephone put us on hold then (`time.monotonic()`), and holds us still."""
    ptime_ms: int = FRAME_MS
    """The caller's packets hold so much audio."""
    streamed_ptime_ms: int = FRAME_MS
    """They held so much when the stream began."""
    way_out: BoundedSemaphore = field(default_factory=BoundedSemaphore)
    """Held while the way out is put off, cancelled or taken: never two of them at once."""
    announced: bool = False
    """Its arrival is recorded and its id set on the channel, by this agent or the one before."""
    worker_id: str | None = None
    worker: WorkerWatch = field(default_factory=WorkerWatch)
    """Whether the worker that has the stream lives."""
    attempt: int = 0
    outcome: CallOutcome = CallOutcome.ABANDONED
    signals: "gevent.queue.Queue[CallSignal | CallLeftError | CallEndedError]" = field(
        default_factory=lambda: gevent.queue.Queue(MAX_SIGNALS)
    )

    @property
    def ours(self) -> bool:
        """Whether we keep it from the dialplan's way out, and workers are wanted for it."""
        return self.state in (CallState.WITH_US, CallState.RINGING)

    @property
    def parked(self) -> bool:
        """Whether the greeting is over: what is queued on the channel is heard."""
        return self.greeting is GreetingState.OVER

    @property
    def streaming(self) -> bool:
        """Whether a worker has the call's audio."""
        return self.stream is StreamState.ATTACHED

    @property
    def standing(self) -> str:
        """Where it stands, in a word or two: what an admin reads in `ar_calls`."""
        if self.state is not CallState.WITH_US:
            return self.state.value
        if self.streaming:
            return "agent"
        return "waiting" if self.parked else "greeting"

    @property
    def age_s(self) -> float:
        """Seconds since it arrived."""
        return time.monotonic() - self.created_at

    @classmethod
    def arriving(cls, event: EslEvent, *, region_of: Callable[[UUID], str]) -> "IncomingCall":
        """Read a call from its CHANNEL_ANSWER. Raises `NotOurCall`.

        The tenant is what the gateway's inbound variables say: nothing the caller sends sets them.
        `region_of` knows by whose plan numbers are written at a restaurant.
        """
        restaurant = event.get(ChannelVariable.RESTAURANT_ID.header)
        gateway = event.get(ChannelVariable.SIP_GATEWAY.header)
        channel = event.channel_uuid
        if event.get("Call-Direction") != "inbound" or not (restaurant and gateway and channel):
            raise NotOurCall
        try:
            restaurant_id = UUID(restaurant)
            return cls(
                call_id=UUID(event.get(ChannelVariable.CALL_ID.header) or str(new_id())),
                restaurant_id=restaurant_id,
                channel_uuid=UUID(channel),
                gateway_name=gateway,
                caller_number=caller_number(event, region_of(restaurant_id)),
                sip_call_id=event.get(ChannelVariable.SIP_CALL_ID.header),
                fallback_dial=event.get(ChannelVariable.FALLBACK_DIAL.header) or "",
                worker_id=event.get(ChannelVariable.WORKER_ID.header),
                announced=ChannelVariable.CALL_ID.header in event,
                ptime_ms=ptime_ms(event),
                streamed_ptime_ms=ptime_ms(event),
                on_hold_since=time.monotonic() if event.get("Channel-Call-State") == HELD else None,
            )
        except ValueError as error:
            raise NotOurCall from error

    @property
    def stream_unfit(self) -> bool:
        """Whether the stream's buffer is one for other packets than those that come."""
        if stream_buffer_ms(self.streamed_ptime_ms) == FRAME_MS:
            return False
        return self.streamed_ptime_ms % self.ptime_ms != 0

    @property
    def forgotten(self) -> bool:
        """Whether the caller's telephone has held us for so long that nobody comes back."""
        since = self.on_hold_since
        return since is not None and time.monotonic() - since > LONGEST_HOLD_S

    def becomes(self, new: CallState | GreetingState | StreamState) -> None:
        """Take one step of `call_state.NEXT`; an illegal one is not taken."""
        match new:
            case CallState():
                self.state = step(self.state, new)
            case GreetingState():
                self.greeting = step(self.greeting, new)
            case StreamState():
                self.stream = step(self.stream, new)

    def ringing_ended(self) -> None:
        """Nobody took the transfer, or nobody told us in time: the channel is ours again."""
        if self.state is CallState.RINGING:
            self.becomes(CallState.WITH_US)

    def signal(self, signal: CallSignal) -> None:
        """Tell the story. Raises `gevent.queue.Full` when the story has stopped listening."""
        self.signals.put_nowait(signal)

    def left_us(self) -> None:
        """Somebody else has the caller, unforeseen: the story's wait ends with `CallLeftError`."""
        self._interrupt(CallLeftError())

    def ended(self, cause: str) -> None:
        """The channel is gone: every wait ends with `CallEndedError`."""
        self.becomes(CallState.ENDED)
        self._interrupt(CallEndedError(cause))

    def _interrupt(self, error: CallLeftError | CallEndedError) -> None:
        while True:
            try:
                self.signals.put_nowait(error)
            except gevent.queue.Full:
                self.signals.get_nowait()
            else:
                return

    def wait(self, *kinds: type[CallSignal], timeout_s: float) -> CallSignal | None:
        """Return the next signal of these kinds; others are dropped. None at the deadline: in a
        process that was stopped, not before what happened meanwhile was heard.

        Raises `CallEndedError` when the caller or the network hung up, `CallLeftError` when the
        caller is somebody else's.
        """
        deadline = time.monotonic() + timeout_s
        while (left := deadline - time.monotonic()) > 0:
            try:
                signal = self.signals.get(timeout=left)
            except gevent.queue.Empty:
                if time.monotonic() - deadline > STOPPED_S:
                    deadline = time.monotonic() + HEARD_LATE_S
                continue
            if isinstance(signal, CallLeftError | CallEndedError):
                raise signal
            if isinstance(signal, kinds):
                return signal
        return None


def ptime_ms(event: EslEvent) -> int:
    """How much audio a packet of the caller's holds: what was found out, or else agreed on."""
    sent = read_ptime_ms(event.get(ChannelVariable.BROKEN_PTIME.header) or "")
    agreed = read_ptime_ms(event.get(ChannelVariable.PTIME.header) or "")
    return sent or agreed or FRAME_MS


def caller_number(event: EslEvent, region: str) -> str | None:
    """The caller in E.164, None when hidden or not a number.

    A number its caller hides still reaches FreeSWITCH, in P-Asserted-Identity: it is dropped here,
    before anything else sees it.
    """
    if is_hidden(event):
        return None
    return normalise(event.get("Caller-Caller-ID-Number"), region)
