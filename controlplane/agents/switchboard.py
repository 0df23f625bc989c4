"""All calls of this bridge, and what FreeSWITCH's events mean to each.

Handlers run in their channel's greenlet, in the order of the events. Audio and interruptions are
dealt with here at once; what changes the course of a call is told to its story (`bridge.py`).
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final
from uuid import UUID

import gevent
import structlog

from controlplane.agents import metrics
from controlplane.agents.bridge import CallContext, serve_adopted_call, serve_call
from controlplane.agents.call_record import CallEventPublisher, CallRecord
from controlplane.agents.channel import Channel
from controlplane.agents.happenings import (
    Answered,
    Asked,
    Parked,
    PlaybackDrained,
    RingingEnded,
    StreamConnected,
    StreamLost,
)
from controlplane.agents.incoming_call import IncomingCall, NotOurCall
from controlplane.agents.offers import Offers
from controlplane.agents.playback import Chunk, Playback
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
from controlplane.esl.errors import EslError
from controlplane.esl.event import EslEvent

EVENTS: Final = (
    "CHANNEL_CREATE",
    "CHANNEL_ANSWER",
    "CHANNEL_PARK",
    "CHANNEL_BRIDGE",
    "CHANNEL_EXECUTE_COMPLETE",
    "CHANNEL_HANGUP_COMPLETE",
    "PLAYBACK_START",
    "PLAYBACK_STOP",
    "DTMF",
    "CUSTOM mod_audio_stream::connect",
    "CUSTOM mod_audio_stream::disconnect",
    "CUSTOM mod_audio_stream::error",
    "CUSTOM mod_audio_stream::json",
    "CUSTOM mod_audio_stream::play",
)

STOP_DEADLINE_S: Final = 0.2
"""For the PLAYBACK_STOP that follows a break; a frame is 20 ms."""

WAY_OUT_RENEWAL_S: Final = 2.0
"""Half of `WAY_OUT_S`: one missed renewal loses no call."""

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
        bridge_id: str,
        sounds: Path,
    ) -> None:
        self._control = control
        self._media = media
        self._offers = offers
        self._publisher = publisher
        self._bridge_id = bridge_id
        self._sounds = sounds
        self._calls: dict[str, CallContext] = {}
        self._clearing: dict[str, int] = {}
        self._marks: dict[str, int] = {}

    @property
    def active_calls(self) -> int:
        """Calls whose story is being told."""
        return len(self._calls)

    @property
    def call_ids(self) -> list[str]:
        """Call ids of the calls in progress."""
        return [str(context.call.call_id) for context in self._calls.values()]

    def subscribe(self) -> None:
        """Connect the handlers below to the control connection's events."""
        on = self._control.on
        on("CHANNEL_CREATE", self._arrives)
        for name, handler in {
            "CHANNEL_ANSWER": self._answered,
            "CHANNEL_PARK": self._parked,
            "CHANNEL_BRIDGE": self._bridged,
            "CHANNEL_EXECUTE_COMPLETE": self._executed,
            "CHANNEL_HANGUP_COMPLETE": self._hung_up,
            "PLAYBACK_START": self._playback_started,
            "PLAYBACK_STOP": self._playback_stopped,
            "DTMF": self._dtmf,
            "mod_audio_stream::connect": self._stream_connected,
            "mod_audio_stream::disconnect": self._stream_lost,
            "mod_audio_stream::error": self._stream_lost,
            "mod_audio_stream::json": self._worker_says,
            "mod_audio_stream::play": self._worker_speaks,
        }.items():
            on(name, self._for_its_call(handler))

    def take(self, call: IncomingCall, story: Callable[[CallContext], None] = serve_call) -> None:
        """Tell a call's story in its own greenlet."""
        channel_uuid = str(call.channel_uuid)
        channel = Channel(
            call.channel_uuid, control=self._control, media=self._media, sounds=self._sounds
        )
        context = CallContext(
            call=call,
            channel=channel,
            playback=Playback(play=channel.play, stop=channel.stop_playing),
            offers=self._offers,
            record=CallRecord(call, bridge_id=self._bridge_id, publisher=self._publisher),
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
                    story(context)
                except Exception:  # the call's edge: its way out still runs in FreeSWITCH
                    log.exception("call_story_failed")
                finally:
                    self._forget(channel_uuid)

        gevent.spawn(tell)

    def take_adopted(self, call: IncomingCall) -> None:
        """Go on with a call found in progress."""
        self.take(call, serve_adopted_call)

    def knows(self, channel_uuid: UUID) -> bool:
        """Whether this channel's story is being told."""
        return str(channel_uuid) in self._calls

    def renew_way_outs(self) -> None:
        """For ever: keep the dialplan from taking the calls this agent is alive for."""
        while True:
            gevent.sleep(WAY_OUT_RENEWAL_S)
            for context in list(self._calls.values()):
                self._renew_way_out(context)

    def forget_missing(self, up: set[UUID]) -> None:
        """After a reconnection: calls whose channels are gone have ended unheard."""
        for channel_uuid, context in list(self._calls.items()):
            if UUID(channel_uuid) not in up:
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
        if not self.knows(call.channel_uuid):
            self.take(call)

    def _answered(self, context: CallContext, event: EslEvent) -> None:
        context.call.answered = True
        context.call.happened(Answered())

    def _parked(self, context: CallContext, event: EslEvent) -> None:
        call = context.call
        self._renew_way_out(context)
        if call.parked:
            return
        call.parked = True
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
        context.channel.cancel_way_out()
        context.channel.stop_stream()

    def _executed(self, context: CallContext, event: EslEvent) -> None:
        if event.get("Application") == "bridge" and not context.call.with_human:
            disposition = event.get("variable_originate_disposition") or "UNKNOWN"
            context.call.happened(RingingEnded(disposition=disposition))

    def _hung_up(self, context: CallContext, event: EslEvent) -> None:
        context.call.ended(event.get("Hangup-Cause") or "UNKNOWN")

    def _dtmf(self, context: CallContext, event: EslEvent) -> None:
        digit = event.get("DTMF-Digit") or ""
        if context.call.streaming and digit in "0123456789*#ABCD" and digit:
            context.channel.tell_worker(Dtmf(digit=digit))

    def _stream_connected(self, context: CallContext, event: EslEvent) -> None:
        context.call.happened(StreamConnected())

    def _stream_lost(self, context: CallContext, event: EslEvent) -> None:
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
        context.playback.add(chunk)

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
                self._marks[str(context.call.channel_uuid)] = seq
                self._answer_mark(context)
            case _:
                context.call.happened(Asked(message))

    def _clear(self, context: CallContext, generation: int) -> None:
        channel_uuid = str(context.call.channel_uuid)
        self._marks.pop(channel_uuid, None)
        self._clearing[channel_uuid] = generation
        if context.playback.clear(generation):
            gevent.spawn_later(STOP_DEADLINE_S, self._answer_clear, context, generation)
        else:
            self._answer_clear(context, generation)

    def _answer_clear(self, context: CallContext, generation: int) -> None:
        """Once a generation: on the PLAYBACK_STOP, or at its deadline."""
        channel_uuid = str(context.call.channel_uuid)
        if self._clearing.get(channel_uuid) != generation:
            return
        del self._clearing[channel_uuid]
        if context.call.streaming:
            context.channel.tell_worker(context.playback.cleared(generation))

    def _answer_mark(self, context: CallContext) -> None:
        channel_uuid = str(context.call.channel_uuid)
        seq = self._marks.get(channel_uuid)
        if seq is not None and context.playback.heard_seq >= seq and context.call.streaming:
            del self._marks[channel_uuid]
            context.channel.tell_worker(Marked(seq=seq))

    def _playback_started(self, context: CallContext, event: EslEvent) -> None:
        context.playback.started(event.get("Playback-File-Path") or "")

    def _playback_stopped(self, context: CallContext, event: EslEvent) -> None:
        samples = int(event.get(ChannelVariable.PLAYBACK_OFFSET.header) or 0)
        played_ms = samples * 1_000 // SAMPLE_RATE_HZ
        context.playback.stopped(event.get("Playback-File-Path") or "", played_ms=played_ms)
        generation = self._clearing.get(str(context.call.channel_uuid))
        if generation is not None:
            self._answer_clear(context, generation)
        self._answer_mark(context)
        if context.playback.idle:
            context.call.happened(PlaybackDrained())

    # --- Housekeeping -------------------------------------------------------------------------

    def _renew_way_out(self, context: CallContext) -> None:
        call = context.call
        if not call.parked or call.with_human or call.left:
            return
        try:
            context.channel.renew_way_out()
        except EslError as error:
            log.warning("way_out_not_renewed", error=type(error).__name__)

    def _forget(self, channel_uuid: str) -> None:
        context = self._calls.pop(channel_uuid, None)
        self._clearing.pop(channel_uuid, None)
        self._marks.pop(channel_uuid, None)
        metrics.CALLS_ACTIVE.set(len(self._calls))
        if context is not None:
            gevent.spawn(context.offers.end_demand, str(context.call.call_id))
