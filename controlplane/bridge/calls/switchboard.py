"""All calls of this bridge, and what FreeSWITCH's events mean to each.

Handlers run in their channel's greenlet, in the order of the events. Audio and interruptions are
dealt with here at once; what changes the course of a call is told to its story (`story.py`).
"""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final
from uuid import UUID

import gevent
import gevent.queue
import structlog

from controlplane.bridge import metrics
from controlplane.bridge.calls.admission import Admission
from controlplane.bridge.calls.call_policy import CallPolicies
from controlplane.bridge.calls.call_record import CallEventPublisher, CallRecord
from controlplane.bridge.calls.call_signals import (
    Asked,
    Parked,
    PlaybackDrained,
    RingingEnded,
    StreamConnected,
    StreamLost,
)
from controlplane.bridge.calls.channel import Channel
from controlplane.bridge.calls.incoming_call import IncomingCall, NotOurCall
from controlplane.bridge.calls.offers import Offers
from controlplane.bridge.calls.playback import Chunk, Playback
from controlplane.bridge.calls.story import (
    CallContext,
    serve_adopted_call,
    serve_call,
    tell_story,
)
from controlplane.bridge.calls.voice_messages import VoiceMessages
from controlplane.contracts.channel_variables import ChannelVariable
from controlplane.contracts.hangup_causes import CallOutcome
from controlplane.contracts.media import SAMPLE_RATE_HZ
from controlplane.contracts.messages import (
    AudioChunk,
    Clear,
    Dtmf,
    GreetingEnded,
    Mark,
    Marked,
    MessageError,
    parse_worker_message,
)
from controlplane.esl.client import EslClient
from controlplane.esl.errors import EslCommandFailed, EslError
from controlplane.esl.event import EslEvent

EVENTS: Final = (
    "CHANNEL_ANSWER",
    "CHANNEL_PARK",
    "CHANNEL_BRIDGE",
    "CHANNEL_EXECUTE_COMPLETE",
    "CHANNEL_HANGUP_COMPLETE",
    "PLAYBACK_START",
    "PLAYBACK_STOP",
    "RECORD_STOP",
    "DTMF",
    "CUSTOM mod_audio_stream::connect",
    "CUSTOM mod_audio_stream::disconnect",
    "CUSTOM mod_audio_stream::error",
    "CUSTOM mod_audio_stream::json",
    "CUSTOM mod_audio_stream::play",
)

STOP_DEADLINE_S: Final = 0.2
"""For the PLAYBACK_STOP that follows a break; a frame is 20 ms."""

WAY_OUT_RENEWAL_S: Final = 1.0
"""Against `WAY_OUT_S`: one missed renewal loses no call."""

MAX_MARKS: Final = 64
"""More than the chunks FreeSWITCH can hold."""

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
        bridge_id: str,
        sounds: Path,
    ) -> None:
        self._control = control
        self._media = media
        self._offers = offers
        self._publisher = publisher
        self._policies = policies
        self._messages = messages
        self._admission = admission
        self._bridge_id = bridge_id
        self._sounds = sounds
        self._calls: dict[str, CallContext] = {}

    @property
    def active_calls(self) -> int:
        """Calls whose story is being told."""
        return len(self._calls)

    @property
    def calls(self) -> list[IncomingCall]:
        """Whose story is being told."""
        return [context.call for context in self._calls.values()]

    @property
    def call_ids(self) -> list[str]:
        """Of the calls that have, or want, a worker."""
        return [str(c.call.call_id) for c in self._calls.values() if c.call.ours]

    def subscribe(self) -> None:
        """Connect the handlers below to the control connection's events."""
        on = self._control.on
        # Not at CHANNEL_CREATE: what the dialplan refuses (a source that is not the carrier's) must
        # leave no trace, no offer and no record.
        on("CHANNEL_ANSWER", self._arrives)
        for name, handler in {
            "CHANNEL_PARK": self._parked,
            "CHANNEL_BRIDGE": self._bridged,
            "CHANNEL_EXECUTE_COMPLETE": self._executed,
            "CHANNEL_HANGUP_COMPLETE": self._hung_up,
            "PLAYBACK_START": self._playback_started,
            "PLAYBACK_STOP": self._playback_stopped,
            "RECORD_STOP": self._recorded,
            "DTMF": self._dtmf,
            "mod_audio_stream::connect": self._stream_connected,
            "mod_audio_stream::disconnect": self._stream_lost,
            "mod_audio_stream::error": self._stream_lost,
            "mod_audio_stream::json": self._worker_says,
            "mod_audio_stream::play": self._worker_speaks,
        }.items():
            on(name, self._for_its_call(handler))

    def take(self, call: IncomingCall, story: Callable[[CallContext], None] = serve_call) -> None:
        """Tell a call's story in its own greenlet; a channel has one."""
        channel_uuid = str(call.channel_uuid)
        if channel_uuid in self._calls:
            return
        channel = Channel(
            call.channel_uuid, control=self._control, media=self._media, sounds=self._sounds
        )
        context = CallContext(
            call=call,
            channel=channel,
            playback=Playback(play=channel.play, stop=channel.stop_playing),
            offers=self._offers,
            record=CallRecord(call, bridge_id=self._bridge_id, publisher=self._publisher),
            policy=lambda: self._policies.of(call.restaurant_id),
            bridge_id=self._bridge_id,
        )
        self._calls[channel_uuid] = context
        metrics.CALLS_ACTIVE.set(len(self._calls))

        def tell() -> None:
            with structlog.contextvars.bound_contextvars(
                call_id=str(call.call_id),
                channel_uuid=channel_uuid,
                restaurant_id=str(call.restaurant_id),
            ):
                log.info("call_started", gateway=call.gateway_name)
                try:
                    tell_story(context, story)
                except Exception:  # the call's edge: its way out still runs in FreeSWITCH
                    log.exception("call_story_failed")
                finally:
                    self._forget(channel_uuid)

        gevent.spawn(tell)

    def adopt(self, found: IncomingCall) -> bool:
        """Go on with a call found in FreeSWITCH, `found` being how it stands now.

        False: its story is being told already; what the connection missed is made up for.
        """
        if context := self._calls.get(str(found.channel_uuid)):
            self._catch_up(context, found)
            return False
        self.take(found, serve_adopted_call)
        self._renew_way_out(self._calls[str(found.channel_uuid)])
        return True

    def renew_way_outs(self) -> None:
        """For ever: keep the dialplan from taking the calls this agent is alive for."""
        while True:
            gevent.sleep(WAY_OUT_RENEWAL_S)
            for context in list(self._calls.values()):
                self._renew_way_out(context)

    def forget_missing(self, up: set[UUID]) -> None:
        """After a reconnection: calls whose channels are gone have ended unheard.

        Not the youngest: FreeSWITCH lists a channel a moment after it is there.
        """
        for channel_uuid, context in list(self._calls.items()):
            if UUID(channel_uuid) not in up and context.call.age_s > LISTED_AFTER_S:
                context.record.lost()
                context.call.ended("FREESWITCH_LOST")

    # --- What FreeSWITCH tells -------------------------------------------------------------

    def _for_its_call(
        self, handler: Callable[[CallContext, EslEvent], None]
    ) -> Callable[[EslEvent], None]:
        def handle(event: EslEvent) -> None:
            if context := self._calls.get(event.channel_uuid or ""):
                handler(context, event)

        return handle

    def _arrives(self, event: EslEvent) -> None:
        try:
            call = IncomingCall.arriving(event)
        except NotOurCall:
            return
        if not self._refused(call):
            self.take(call)

    def _refused(self, call: IncomingCall) -> bool:
        """Blocked, or a flood: the caller is told so, no worker hears of it, and no log of whom."""
        ongoing = [context.call for context in self._calls.values()]
        refusal = self._admission.refuse(
            call.restaurant_id,
            call.caller_number,
            policy=self._policies.of(call.restaurant_id),
            at_once=sum(
                (other.restaurant_id, other.caller_number)
                == (call.restaurant_id, call.caller_number)
                for other in ongoing
            ),
        )
        if refusal is None:
            return False
        metrics.CALLS_REFUSED.labels(reason=refusal.value).inc()
        log.info("call_refused", reason=refusal.value, restaurant_id=str(call.restaurant_id))
        with suppress(EslCommandFailed):  # gone already
            self._control.api(f"uuid_kill {call.channel_uuid} {refusal.cause.value}")
        return True

    def _parked(self, context: CallContext, event: EslEvent) -> None:
        call = context.call
        if call.parked:
            return
        call.parked = True
        self._renew_way_out(context)
        call.happened(Parked())
        context.record.disclosure_played()
        if call.streaming:
            context.channel.tell_worker(GreetingEnded())
            context.playback.open()

    def _bridged(self, context: CallContext, event: EslEvent) -> None:
        """A human took the transfer: from here on nobody else listens."""
        context.call.with_human = True
        context.call.outcome = CallOutcome.TRANSFERRED
        context.call.streaming = False
        try:
            with context.call.way_out:
                context.channel.cancel_way_out()
        finally:
            context.channel.stop_stream()

    def _executed(self, context: CallContext, event: EslEvent) -> None:
        match event.get("Application"):
            case "bridge" if not context.call.with_human:
                disposition = event.get("variable_originate_disposition") or "UNKNOWN"
                context.call.ringing = False
                context.call.happened(RingingEnded(disposition=disposition))
            case "sched_transfer":
                with context.call.way_out:
                    context.channel.forget_way_out()
                self._renew_way_out(context)

    def _recorded(self, context: CallContext, event: EslEvent) -> None:
        """The caller has left a message, or hung up over it."""
        context.call.outcome = CallOutcome.MESSAGE
        hidden = context.call.caller_number is None
        self._messages.finished(context.call.channel_uuid, hidden=hidden)

    def _hung_up(self, context: CallContext, event: EslEvent) -> None:
        context.call.ended(event.get("Hangup-Cause") or "UNKNOWN")

    def _dtmf(self, context: CallContext, event: EslEvent) -> None:
        digit = event.get("DTMF-Digit") or ""
        if context.call.streaming and digit in "0123456789*#ABCD" and digit:
            context.channel.tell_worker(Dtmf(digit=digit))

    def _stream_connected(self, context: CallContext, event: EslEvent) -> None:
        context.call.happened(StreamConnected())

    def _stream_lost(self, context: CallContext, event: EslEvent) -> None:
        context.call.streaming = False
        context.call.happened(StreamLost())

    # --- What the worker says, and what is heard of it ----------------------------------------

    def _worker_speaks(self, context: CallContext, event: EslEvent) -> None:
        try:
            body = event.json_body()
            file = body.pop("file")
            del body["audioDataType"], body["sampleRate"]
            chunk = Chunk(file=str(file), audio=AudioChunk.model_validate(body))
        except (KeyError, ValueError, EslError) as error:
            metrics.CHUNKS_DROPPED.inc()
            log.warning("chunk_refused", error=type(error).__name__, call=str(context.call.call_id))
            return
        if not context.playback.add(chunk):
            metrics.CHUNKS_DROPPED.inc()

    def _worker_says(self, context: CallContext, event: EslEvent) -> None:
        try:
            message = parse_worker_message(event.body or "")
        except MessageError as error:
            metrics.MESSAGES_REFUSED.inc()
            log.warning("message_refused", reason=str(error), call=str(context.call.call_id))
            return
        match message:
            case Clear(generation=generation):
                self._clear(context, generation)
            case Mark(seq=seq):
                context.call.marks = [*context.call.marks, seq][-MAX_MARKS:]
                self._answer_marks(context)
            case _:
                self._ask(context, Asked(message))

    def _ask(self, context: CallContext, asked: Asked) -> None:
        try:
            context.call.happened(asked)
        except gevent.queue.Full:
            metrics.MESSAGES_REFUSED.inc()
            log.warning("message_refused", reason="too many", call=str(context.call.call_id))

    def _clear(self, context: CallContext, generation: int) -> None:
        context.call.marks.clear()
        context.call.clearing = generation
        try:
            stopping = context.playback.clear(generation)
        except EslError:
            context.call.clearing = None
            raise
        if stopping:
            gevent.spawn_later(STOP_DEADLINE_S, self._answer_clear, context, generation)
        else:
            self._answer_clear(context, generation)

    def _answer_clear(self, context: CallContext, generation: int) -> None:
        """Once a generation: on the PLAYBACK_STOP, or at its deadline."""
        if context.call.clearing != generation:
            return
        context.call.clearing = None
        if context.call.streaming:
            context.channel.tell_worker(context.playback.cleared(generation))

    def _answer_marks(self, context: CallContext) -> None:
        heard = context.playback.heard_seq
        reached = [seq for seq in context.call.marks if seq <= heard]
        context.call.marks = [seq for seq in context.call.marks if seq > heard]
        for seq in reached:
            context.channel.tell_worker(Marked(seq=seq))

    def _playback_started(self, context: CallContext, event: EslEvent) -> None:
        context.playback.started(event.get("Playback-File-Path") or "")

    def _playback_stopped(self, context: CallContext, event: EslEvent) -> None:
        samples = int(event.get(ChannelVariable.PLAYBACK_OFFSET.header) or 0)
        played_ms = samples * 1_000 // SAMPLE_RATE_HZ
        context.playback.stopped(event.get("Playback-File-Path") or "", played_ms=played_ms)
        if context.call.clearing is not None:
            self._answer_clear(context, context.call.clearing)
        self._answer_marks(context)
        if context.playback.idle:
            context.call.happened(PlaybackDrained())

    # --- Housekeeping -------------------------------------------------------------------------

    def _catch_up(self, context: CallContext, found: IncomingCall) -> None:
        """Events were missed while the connection was away."""
        call = context.call
        context.channel.forget_way_out()
        if found.parked and not call.parked:
            call.parked = True
            call.happened(Parked())
        if call.streaming and not found.streaming:
            call.streaming = False
            call.happened(StreamLost())

    def _renew_way_out(self, context: CallContext) -> None:
        call = context.call
        try:
            with call.way_out:
                if call.parked and call.ours and not call.ringing:
                    context.channel.renew_way_out()
        except EslError as error:
            log.warning("way_out_not_renewed", error=type(error).__name__)

    def _forget(self, channel_uuid: str) -> None:
        context = self._calls.pop(channel_uuid, None)
        metrics.CALLS_ACTIVE.set(len(self._calls))
        if context is not None:
            gevent.spawn(context.offers.end_demand, str(context.call.call_id))
