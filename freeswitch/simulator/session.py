"""A call's own thread of work: it runs its dialplan, the commands sent to it, and its clock of 20
ms.

It is written after `switch_core_session_run`, `switch_ivr_park` and `switch_ivr_parse_all_events`:
what is queued by `sendmsg` is looked at also while something plays, unless an execution with
`event-lock` is running. That alone makes queued playbacks run in order or nest.

A command takes effect one frame after it came, whenever it came, and RTP leaves on a clock of its
own: so it was measured on the real one (command to event 20.7 ms, to the caller's ear 32 ms).
"""

import asyncio
import math
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

from freeswitch.simulator.audio_stream import AudioStream
from freeswitch.simulator.channel import Channel, ChannelState
from freeswitch.simulator.dialplan import Action, Dialplan, expand
from freeswitch.simulator.events import EventBus, microseconds
from freeswitch.simulator.gateways import GatewayTable
from freeswitch.simulator.hangup import q850_reason
from freeswitch.simulator.network_lists import NetworkLists
from freeswitch.simulator.scheduler import Scheduler
from freeswitch.simulator.settings import SimulatorSettings
from freeswitch.telephone.dialog import CallEnd, Dialog
from freeswitch.telephone.rtp_session import FRAME_S, ReceivedFrame

MAX_PRIVATE_EVENTS: Final = 256
"""A session queues this many (`SWITCH_EVENT_QUEUE_LEN`); one more closes the connection that sent
it."""
MAX_DIGITS: Final = 64
INLINE: Final = "inline"
MAX_LATE_S: Final = 0.2
"""A clock later than this starts anew instead of hurrying after the time lost."""

Application = Callable[["Session", str], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchParts:
    """The parts of its switch that a call uses."""

    settings: SimulatorSettings
    bus: EventBus
    scheduler: Scheduler
    dialplan: Dialplan
    networks: NetworkLists
    gateways: GatewayTable
    applications: Mapping[str, Application]
    globals_set: Mapping[str, str]
    """Holds what `global_setvar` set."""
    api: Callable[[str], Awaitable[str]]
    """Runs one API command and returns its answer."""


@dataclass(frozen=True, slots=True)
class PrivateEvent:
    """A `sendmsg` that waits for the session."""

    headers: Mapping[str, str]

    @property
    def locks(self) -> bool:
        """Tell whether what is queued behind waits for this one's end (`event-lock: true`)."""
        return self.headers.get("event-lock", "").lower() == "true"


@dataclass(slots=True)
class Playing:
    """The file handle that `uuid_fileman` acts on."""

    path: str
    paused: bool = False


class Session:
    """One answered or ringing call."""

    def __init__(self, parts: SwitchParts, channel: Channel, dialog: Dialog) -> None:
        self.parts, self.channel, self.dialog = parts, channel, dialog
        self._private_events: deque[tuple[float, PrivateEvent]] = deque()
        self.playing: Playing | None = None
        self.stream: AudioStream | None = None
        self.broken = False
        """`uuid_break` was asked for; the playback that runs takes notice."""
        self.playbacks = 0
        """Counts the playbacks started so far."""
        self.respond_status: int | None = None
        self.frame_taps: list[Callable[[ReceivedFrame], None]] = []
        self.digits: deque[str] = deque(maxlen=MAX_DIGITS)
        """Holds the keys pressed, for an application that waits for one."""
        self._locked = False
        self._was_broken = False
        self._transfer: tuple[str, str, str] | None = None
        self._answer: Callable[[], None] | None = None
        self._next_tick_at = 0.0
        self._wake = asyncio.Event()
        self._heard_at = time.monotonic()
        self._media_timeout_s = math.inf

    @property
    def ready(self) -> bool:
        """Tell whether an application may go on (`switch_channel_ready`)."""
        return self.channel.hangup_cause is None and self._transfer is None

    async def run(self, *, answer: Callable[[], None]) -> None:
        """Live from the INVITE to CHANNEL_DESTROY. `answer` sends the 200."""
        self._answer = answer
        self._next_tick_at = time.monotonic()
        self.channel.fire("CHANNEL_CREATE")
        self.channel.move_to(ChannelState.ROUTING, call_state="RINGING")
        try:
            while self.channel.hangup_cause is None:
                await self._run_dialplan()
        finally:
            await self._end()

    async def _run_dialplan(self) -> None:
        if self._transfer is not None:
            channel = self.channel
            channel.destination, channel.dialplan, channel.context = self._transfer
            self._transfer = None
            self.channel.move_to(ChannelState.ROUTING, call_state="RINGING")
        actions = self._hunt()
        state = "ACTIVE" if self.channel.answered_at else "RINGING"
        self.channel.move_to(ChannelState.EXECUTE, call_state=state)
        for action in actions:
            if not self.ready:
                return
            await self.execute(action.application, action.data)
        if self.ready:
            self.hangup("NORMAL_CLEARING" if actions else "NO_ROUTE_DESTINATION")

    def _hunt(self) -> list[Action]:
        channel = self.channel
        if channel.dialplan == INLINE:  # `application[:data][,…]` instead of an extension's name
            steps = (step.partition(":") for step in channel.destination.split(","))
            return [Action(application, data) for application, _, data in steps]
        dialplan = self.parts.dialplan
        return dialplan.hunt(channel.context, channel.destination, self.variable)

    def variable(self, name: str) -> str | None:
        """Return what `${name}` stands for in the dialplan: the channel's, else a global set."""
        value = self.channel.variable(name)
        return self.parts.globals_set.get(name) if value is None else value

    async def execute(
        self, application: str, data: str = "", *, event_uuid: str | None = None
    ) -> None:
        """Run one application, with its two events."""
        run = self.parts.applications.get(application)
        if run is None:
            self.hangup("DESTINATION_OUT_OF_ORDER")
            return
        channel = self.channel
        expanded = expand(data, self.variable)
        channel.set("current_application_response", None)
        channel.set("current_application_data", expanded)
        channel.set("current_application", application)
        headers = {"Application": application}
        if expanded:
            headers["Application-Data"] = expanded
        application_uuid = event_uuid or str(uuid4())
        channel.fire("CHANNEL_EXECUTE", {**headers, "Application-UUID": application_uuid})
        await run(self, expanded)
        response = channel.variable("current_application_response") or "_none_"
        channel.fire(
            "CHANNEL_EXECUTE_COMPLETE",
            {**headers, "Application-Response": response, "Application-UUID": application_uuid},
        )

    async def tick(self) -> bool:
        """Wait until the next frame is due and return True; the clock doesn't drift.

        It returns False, before its time, when a command came: look at it, then wait again.
        """
        due_at = self._next_tick_at + FRAME_S
        delay_s = due_at - time.monotonic()
        if delay_s < -MAX_LATE_S:
            due_at = time.monotonic()
        if delay_s > 0:
            try:
                async with asyncio.timeout(delay_s):
                    await self._wake.wait()
            except TimeoutError:
                pass
            else:
                self._wake.clear()
                return False
        else:
            await asyncio.sleep(0)
        self._next_tick_at = due_at
        if time.monotonic() - self._heard_at > self._media_timeout_s:
            self.hangup("MEDIA_TIMEOUT")
        return True

    def give_back_tick(self) -> None:
        """Note that the tick was not used: what comes next may send its frame in it."""
        self._next_tick_at -= FRAME_S

    def _wake_soon(self) -> None:
        asyncio.get_running_loop().call_later(FRAME_S, self._wake.set)

    # What others ask of the session

    def queue(self, event: PrivateEvent) -> bool:
        """Take a `sendmsg`; return False when too many wait."""
        if len(self._private_events) >= MAX_PRIVATE_EVENTS:
            return False
        self._private_events.append((time.monotonic() + FRAME_S, event))
        self._wake_soon()
        return True

    def break_playback(self, *, flush: bool) -> None:
        """Do `uuid_break`; `flush` forgets what is queued too."""
        if flush:
            self._private_events.clear()
        asyncio.get_running_loop().call_later(FRAME_S, self._break, self.playbacks)

    def _break(self, playbacks: int) -> None:
        """Break the playback, unless another has started since, which clears the flag
        (`switch_ivr_play_file`).
        """
        if playbacks == self.playbacks:
            self.broken = True
            self._wake.set()

    def transfer(self, words: list[str]) -> None:
        """Leave the running application and hunt again (`switch_ivr_session_transfer`).

        `words`: destination, then dialplan (`XML` or `inline`) and context when given.
        """
        destination = words[0]
        dialplan = words[1] if len(words) > 1 else "XML"
        context = words[2] if len(words) > 2 else self.channel.context
        self._private_events.clear()
        self.channel.transfer_source = (
            f"{microseconds() // 1_000_000}:{uuid4()}:bl_xfer:{destination}/{context}/{dialplan}"
        )
        self._transfer = (destination, dialplan, context)
        self._wake_soon()

    def hangup(self, cause: str) -> None:
        """Mark the call as over; the session notices within a frame."""
        channel = self.channel
        if channel.hangup_cause is not None:
            return
        channel.hangup_cause = cause
        channel.answer_state = "hangup"
        channel.hung_up_at = microseconds()
        channel.fire("CHANNEL_HANGUP")
        self._wake_soon()

    def answer(self) -> None:
        """Send the 200, once."""
        if self._answer is None or self.channel.answered_at:
            return
        self._answer()
        self.channel.answered_at = microseconds()
        self.channel.answer_state = "answered"
        self.channel.set("endpoint_disposition", "ANSWER")
        self._next_tick_at = self._heard_at = time.monotonic()
        timeout_ms = self.channel.variable("media_timeout") or ""
        if timeout_ms.isdigit():
            self._media_timeout_s = int(timeout_ms) / 1_000
        self.channel.fire("CHANNEL_ANSWER")
        self.channel.call_state = "ACTIVE"
        self.channel.fire_brief("CHANNEL_CALLSTATE")

    def hear(self, frame: ReceivedFrame) -> None:
        """Hand the caller's audio to the stream, and to whoever is bridged."""
        self._heard_at = frame.at
        if self.stream is not None:
            self.stream.feed(frame.l16)
        for tap in self.frame_taps:
            tap(frame)

    def hear_digit(self, digit: str, duration: int) -> None:
        """Take a key of the caller."""
        self.digits.append(digit)
        self.channel.fire_brief(
            "DTMF",
            {"DTMF-Digit": digit, "DTMF-Duration": str(duration), "DTMF-Source": "RTP"},
        )

    async def run_api_on(self, variable: str) -> None:
        """Run the API command in a variable such as `api_on_…`, when its turn has come."""
        command = self.channel.variable(variable)
        if command:
            await self.parts.api(command)

    # Queued commands

    async def parse_private_events(self) -> None:
        """Run what is queued, unless a locked execution is under way."""
        while self._private_events and not self._locked and self.ready:
            due_at, event = self._private_events[0]
            if due_at > time.monotonic():
                return
            self._private_events.popleft()
            self._was_broken = False
            self._locked = event.locks
            try:
                await self._obey(event)
            finally:
                self._locked = False
            if self._was_broken:  # back to the loop that reads frames first
                return

    def note_broken(self) -> None:
        """Note that the playback that just ended was broken off."""
        self._was_broken = True

    async def _obey(self, event: PrivateEvent) -> None:
        match event.headers.get("call-command", ""):
            case "execute":
                loops = event.headers.get("loops", "1")
                for _ in range(max(int(loops) if loops.lstrip("-").isdigit() else 1, 1)):
                    await self.execute(
                        event.headers.get("execute-app-name", ""),
                        event.headers.get("execute-app-arg", ""),
                        event_uuid=event.headers.get("Event-UUID"),
                    )
            case "hangup":
                self.hangup(event.headers.get("hangup-cause", "NORMAL_CLEARING"))

    async def _end(self) -> None:
        channel = self.channel
        if channel.hangup_cause is None:  # the process is stopping
            self.hangup("MANAGER_REQUEST")
        cause = channel.hangup_cause or "NORMAL_CLEARING"
        if self.stream is not None:
            await self.stream.stop()
        channel.set("hangup_cause", cause)
        channel.move_to(ChannelState.HANGUP, call_state="HANGUP")
        if self.dialog.end is CallEnd.REMOTE_HANGUP:
            channel.set("sip_hangup_disposition", "recv_bye")
        elif channel.answered_at:
            channel.set("sip_hangup_disposition", "send_bye")
        channel.set("duration", str((channel.hung_up_at - channel.created_at) // 1_000_000))
        billed = channel.hung_up_at - channel.answered_at if channel.answered_at else 0
        channel.set("billsec", str(billed // 1_000_000))
        channel.set("billmsec", str(billed // 1_000))
        channel.move_to(ChannelState.REPORTING)
        await self.run_api_on("api_reporting_hook")
        channel.fire("CHANNEL_HANGUP_COMPLETE")
        channel.state = ChannelState.DESTROY
        channel.fire("CHANNEL_DESTROY")
        if channel.answered_at:
            await self.dialog.hangup(reason=q850_reason(cause))
        else:
            self.dialog.close_media()
