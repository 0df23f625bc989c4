"""Step 2 of a call: the bridge sees it. All calls of this bridge, and which of them an event means.

What an event means to its call is `channel_events.py`'s; what the call is for, its story's.
"""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final
from uuid import UUID

import structlog

from controlplane.bridge import metrics
from controlplane.bridge.calls.admission import Admission
from controlplane.bridge.calls.audio_control import AudioControl
from controlplane.bridge.calls.call_context import CallContext
from controlplane.bridge.calls.call_policy import CallPolicies
from controlplane.bridge.calls.call_record import CallEventPublisher, CallRecord
from controlplane.bridge.calls.call_state import CallState
from controlplane.bridge.calls.catch_up import catch_up, hang_up_missed
from controlplane.bridge.calls.channel import Channel
from controlplane.bridge.calls.channel_events import HANDLERS, Handler
from controlplane.bridge.calls.incoming_call import IncomingCall, NotOurCall
from controlplane.bridge.calls.offers import Offers
from controlplane.bridge.calls.playback import Playback
from controlplane.bridge.calls.restaurant_limits import RestaurantLimits
from controlplane.bridge.calls.story import serve_call, serve_resumed_call, tell_story
from controlplane.bridge.calls.switch_clock import SwitchClock
from controlplane.bridge.calls.voice_files import remove_voice_file
from controlplane.bridge.calls.voice_messages import VoiceMessages
from controlplane.bridge.calls.way_out import renew_way_out, renew_way_outs, take_back
from controlplane.bridge.calls.way_out_margin import WayOutMargin
from controlplane.esl.client import EslClient
from controlplane.esl.errors import EslCommandFailed
from controlplane.esl.event import EslEvent
from controlplane.loop import run_loop, spawn

ARRIVAL: Final = "CHANNEL_ANSWER"
"""Not CHANNEL_CREATE: what the dialplan refuses (a source that is not the carrier's) must leave no
trace, no offer and no record."""

EVENTS: Final = (
    ARRIVAL,
    *(name if "::" not in name else f"CUSTOM {name}" for name in HANDLERS),
)
"""What the control connection subscribes to for calls."""

LISTED_AFTER_S: Final = 5.0
"""By then a channel is in `show channels`, which another thread of FreeSWITCH fills."""

log = structlog.get_logger()


class Switchboard:
    """The calls in progress, by channel."""

    def __init__(
        self,
        *,
        control: EslClient,
        media: EslClient,
        offers: Offers,
        publisher: CallEventPublisher,
        policies: CallPolicies,
        messages: VoiceMessages,
        admission: Admission,
        limits: RestaurantLimits,
        bridge_id: str,
        sounds: Path,
        prompts_of: Callable[[UUID], Path],
    ) -> None:
        self._control = control
        self._media = media
        self._offers = offers
        self._publisher = publisher
        self._policies = policies
        self._messages = messages
        self._admission = admission
        self._limits = limits
        self._bridge_id = bridge_id
        self._sounds = sounds
        self._prompts_of = prompts_of
        self._calls: dict[str, CallContext] = {}
        self._clock = SwitchClock()
        self.margin = WayOutMargin(self._clock)
        self._switch = ""
        """Core-UUID of the FreeSWITCH that had these calls when it was last asked."""

    @property
    def active_calls(self) -> int:
        """How many stories are being told."""
        return len(self._calls)

    @property
    def calls_to_serve(self) -> int:
        """How many need a worker or a human; those of the dialplan's way out need nobody."""
        return sum(call.state is not CallState.WAY_OUT for call in self.calls)

    @property
    def calls(self) -> list[IncomingCall]:
        """The calls whose story is being told, the oldest first."""
        return [context.call for context in self._calls.values()]

    @property
    def call_ids(self) -> list[str]:
        """The ids of the calls that have, or want, a worker."""
        return [str(call.call_id) for call in self.calls if call.ours]

    def find(self, call_id: UUID) -> CallContext | None:
        """The call of that id, if its story is being told here."""
        contexts = self._calls.values()
        return next((each for each in contexts if each.call.call_id == call_id), None)

    def subscribe(self) -> None:
        """Connect the handlers to the control connection's events."""
        self._control.on(ARRIVAL, self._arrives)
        for name, handler in HANDLERS.items():
            self._control.on(name, self._for_its_call(handler))

    def take(self, call: IncomingCall, story: Callable[[CallContext], None] = serve_call) -> None:
        """Tell a call's story in its own greenlet; a channel has one."""
        channel_uuid = str(call.channel_uuid)
        if channel_uuid in self._calls:
            return
        self._calls[channel_uuid] = context = self._context(call)
        metrics.CALLS_ACTIVE.set(len(self._calls))
        spawn("call", self._tell, context, story)

    def resume(self, found: IncomingCall) -> bool:
        """Go on with a call found in FreeSWITCH, `found` being how it stands now.

        False: its story is being told already; what the connection missed is made up for.
        """
        if context := self._calls.get(str(found.channel_uuid)):
            catch_up(context, found)
            return False
        self.take(found, serve_resumed_call)
        renew_way_out(self._calls[str(found.channel_uuid)])
        return True

    def take_back(self, channel_uuid: UUID) -> None:
        """Have a call back that the dialplan took for want of an agent. Raises `EslError`."""
        if context := self._calls.get(str(channel_uuid)):
            take_back(context)

    def run(self) -> None:
        """Keep the dialplan from taking the calls, once a second as long as this agent lives."""
        run_loop(
            "way_outs",
            self._renew_way_outs,
            every_s=self._clock.until_after_second,
            failures=metrics.LOOP_FAILURES,
        )

    def _renew_way_outs(self) -> None:
        renew_way_outs(self._calls.values())

    def forget_missing(self, up: set[UUID], *, switch: str) -> None:
        """End the calls whose channels are gone: they ended while there was no connection.

        Not the youngest: FreeSWITCH lists a channel a moment after it is there. `switch` is its
        Core-UUID, another one after each start.
        """
        same_switch, self._switch = switch == self._switch, switch
        for channel_uuid, context in list(self._calls.items()):
            if UUID(channel_uuid) not in up and context.call.age_s > LISTED_AFTER_S:
                hang_up_missed(context, same_switch=same_switch)

    def _for_its_call(self, handler: Handler) -> Callable[[EslEvent], None]:
        def handle(event: EslEvent) -> None:
            self._clock.note(event)
            if context := self._calls.get(event.channel_uuid or ""):
                handler(context, event)

        return handle

    def recognise(self, event: EslEvent) -> IncomingCall:
        """The call an event of its channel tells of. Raises `NotOurCall`."""
        return IncomingCall.arriving(event, region_of=self._policies.region_of)

    def _arrives(self, event: EslEvent) -> None:
        try:
            call = self.recognise(event)
        except NotOurCall:
            return
        if not self._refused(call):
            self.take(call)

    def _refused(self, call: IncomingCall) -> bool:
        """Blocked, or a flood: the caller is told so, no worker hears of it, and no log of whom."""
        refusal = self._admission.refuse(
            call.restaurant_id,
            call.caller_number,
            policy=self._policies.of(call.restaurant_id),
            at_once=sum(
                (other.restaurant_id, other.caller_number)
                == (call.restaurant_id, call.caller_number)
                for other in self.calls
            ),
        )
        if refusal is None:
            return False
        metrics.CALLS_REFUSED.labels(reason=refusal.value).inc()
        log.info("call_refused", reason=refusal.value, restaurant_id=str(call.restaurant_id))
        with suppress(EslCommandFailed):  # gone already
            self._control.api(f"uuid_kill {call.channel_uuid} {refusal.cause.value}")
        return True

    def _context(self, call: IncomingCall) -> CallContext:
        channel = Channel(
            call.channel_uuid,
            control=self._control,
            media=self._media,
            sounds=self._sounds,
            own_prompts=self._prompts_of(call.restaurant_id),
            margin=self.margin,
        )
        playback = Playback(
            play=channel.play,
            stop=channel.stop_playing,
            remove=partial(remove_voice_file, call.channel_uuid),
        )
        return CallContext(
            call=call,
            channel=channel,
            playback=playback,
            audio=AudioControl(call, playback, tell_worker=channel.tell_worker),
            offers=self._offers,
            record=CallRecord(call, bridge_id=self._bridge_id, publisher=self._publisher),
            messages=self._messages,
            policy=lambda: self._policies.of(call.restaurant_id),
            over_limit=lambda: self._limits.over(call),
            takes_message=lambda: self._limits.takes_message(call),
            bridge_id=self._bridge_id,
        )

    def _tell(self, context: CallContext, story: Callable[[CallContext], None]) -> None:
        call = context.call
        with structlog.contextvars.bound_contextvars(
            call_id=str(call.call_id),
            channel_uuid=str(call.channel_uuid),
            restaurant_id=str(call.restaurant_id),
        ):
            log.info("call_started", gateway=call.gateway_name)
            try:
                tell_story(context, story)
            except Exception:  # the call's edge: its way out still runs in FreeSWITCH
                log.exception("call_story_failed")
            finally:
                self._forget(call)

    def _forget(self, call: IncomingCall) -> None:
        self._calls.pop(str(call.channel_uuid), None)
        metrics.CALLS_ACTIVE.set(len(self._calls))
        spawn("end_demand", self._offers.end_demand, str(call.call_id))
