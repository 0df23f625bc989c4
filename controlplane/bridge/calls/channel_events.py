"""Step 2 of a call, and each one after: what FreeSWITCH's events mean to their call.

A handler runs in its channel's greenlet, in the order of the events. Audio and interruptions are
dealt with at once (`audio_control.py`); what changes the call's course is a signal to its story.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import gevent.queue
import structlog

from controlplane.bridge import metrics
from controlplane.bridge.calls.call_context import CallContext
from controlplane.bridge.calls.call_signals import (
    Asked,
    Parked,
    RingingEnded,
    StreamConnected,
    StreamLost,
    TakenBack,
    VoiceLost,
)
from controlplane.bridge.calls.call_state import CallState, GreetingState, StreamState
from controlplane.bridge.calls.channel import AGENT_LOST, Application
from controlplane.bridge.calls.way_out import renew_way_out, take_back
from controlplane.contracts.channel_variables import ChannelVariable
from controlplane.contracts.hangup_causes import CallOutcome
from controlplane.contracts.messages import (
    Clear,
    Dtmf,
    GreetingEnded,
    KeepAlive,
    Mark,
    MessageError,
    PutOnHold,
    TakenOffHold,
    Unheard,
    parse_worker_message,
)
from controlplane.esl.event import EslEvent

DIGITS: Final = frozenset("0123456789*#ABCD")
"""The keys of RFC 4733 telephone-events."""

STREAM_AUDIO: Final = '"streamAudio"'
STREAM_AUDIO_WITHIN: Final = 40
"""A message of audio says so in its first characters (`aiworker/media/frames.py`)."""

log = structlog.get_logger()


def parked(context: CallContext, event: EslEvent) -> None:
    """The greeting was heard to its end: the worker may speak, or the caller hears that they wait.

    The story hears of it last: what it plays then comes after the waiting tone, and ends it.
    """
    call = context.call
    if call.parked:  # it is back: the dialplan had it for a moment
        if not context.channel.keep_filling(prompt="one_moment"):
            call.signal(TakenBack())
        return
    call.becomes(GreetingState.OVER)
    try:
        if call.streaming:
            if call.worker.unproven:  # it may be gone: who waited for the agent waits on
                context.channel.fill_with_tone()
            context.channel.tell_worker(GreetingEnded())
            context.playback.open()
        elif call.state is CallState.WITH_US:
            context.channel.fill_silence(prompt=call.waiting_prompt)
    finally:
        renew_way_out(context)
        call.signal(Parked())
        context.record.disclosure_played()


def bridged(context: CallContext, event: EslEvent) -> None:
    """A human took the transfer: from here on nobody else listens."""
    call = context.call
    rung = call.state is CallState.RINGING
    call.becomes(CallState.WITH_HUMAN)
    call.outcome = CallOutcome.TRANSFERRED
    call.becomes(StreamState.DETACHED)
    try:
        with call.way_out:
            context.channel.cancel_way_out()
        if rung:
            context.channel.forget_ringing(call.gateway_name)
    finally:
        context.channel.stop_stream()


def executed(context: CallContext, event: EslEvent) -> None:
    """An application returned: something was heard, nobody took the transfer, or the dialplan
    armed a way out, or took a call whose agent was only late.
    """
    call = context.call
    match event.get("Application"):
        case Application.PLAYBACK:
            context.audio.playback_ended(event)
        case Application.BRIDGE_LEGS if call.state is not CallState.WITH_HUMAN:
            call.ringing_ended()
            disposition = event.get(ChannelVariable.ORIGINATE_DISPOSITION.header)
            call.signal(RingingEnded(disposition=disposition or "UNKNOWN"))
        case Application.SCHED_TRANSFER:
            with call.way_out:
                context.channel.forget_way_out()
            renew_way_out(context)
        case Application.SCHED_CANCEL if call.ours and is_lost(event):
            log.warning("way_out_not_put_off_in_time", channel_uuid=str(call.channel_uuid))
            metrics.WAY_OUTS_TAKEN.inc()
            take_back(context)


def is_lost(event: EslEvent) -> bool:
    """Whether the dialplan took the call for want of an agent."""
    return event.get("Caller-Destination-Number") == AGENT_LOST


def recorded(context: CallContext, event: EslEvent) -> None:
    """The caller has left a message, or hung up over it."""
    call = context.call
    call.outcome = CallOutcome.MESSAGE
    context.messages.finished(call.channel_uuid, hidden=call.caller_number is None)


def hung_up(context: CallContext, event: EslEvent) -> None:
    """The channel is gone; its cause is Q.850's, as FreeSWITCH spells it."""
    context.call.ended(event.get("Hangup-Cause") or "UNKNOWN")


def key_pressed(context: CallContext, event: EslEvent) -> None:
    """The worker hears of the caller's keys, one at a time."""
    digit = event.get("DTMF-Digit") or ""
    if context.call.streaming and digit in DIGITS:
        context.channel.tell_worker(Dtmf(digit=digit))


def codec_changed(context: CallContext, event: EslEvent) -> None:
    """FreeSWITCH may have found out what the caller's packets hold: the story looks whether the
    stream fits. This event has no variables (`switch_channel_event_set_extended_data`).
    """
    context.call.ptime_ms = context.channel.sent_ptime_ms() or context.call.ptime_ms


def put_on_hold(context: CallContext, event: EslEvent) -> None:
    """The caller's telephone holds the call: the worker, which talks to nobody, is told."""
    context.call.on_hold_since = time.monotonic()
    if context.call.streaming:
        context.channel.tell_worker(PutOnHold())


def taken_off_hold(context: CallContext, event: EslEvent) -> None:
    """The caller is back."""
    context.call.on_hold_since = None
    if context.call.streaming:
        context.channel.tell_worker(TakenOffHold())


def stream_connected(context: CallContext, event: EslEvent) -> None:
    """The worker's WebSocket is there: the story, which asked for it, says what it is for."""
    context.call.signal(StreamConnected())


def stream_lost(context: CallContext, event: EslEvent) -> None:
    """The worker is gone, or could not be reached."""
    context.call.becomes(StreamState.DETACHED)
    context.call.signal(StreamLost())


def worker_says(context: CallContext, event: EslEvent) -> None:
    """A control message of the worker: about its audio, or about the course of the call.

    Audio comes this way, not as `::play`, when mod_audio_stream could not write its file
    (audio_streamer_glue.cpp, processMessage).
    """
    if STREAM_AUDIO in (event.body or "")[:STREAM_AUDIO_WITHIN]:
        with suppress(gevent.queue.Full):  # it was told before
            context.call.signal(VoiceLost())
        return
    try:
        message = parse_worker_message(event.body or "")
    except MessageError as error:
        refuse_message(context, reason=str(error))
        return
    prove_worker(context)
    match message:
        case KeepAlive():
            pass
        case Clear(generation=generation):
            context.audio.clear(generation)
        case Mark(seq=seq):
            context.audio.mark(seq)
        case Unheard():
            context.channel.offer_audio_again()
        case _:
            ask(context, Asked(message))


def prove_worker(context: CallContext) -> None:
    """Note that the worker lives; nobody waits for that any more."""
    worker = context.call.worker
    unproven = worker.unproven
    worker.heard()
    if unproven:
        context.channel.end_tone()


def ask(context: CallContext, asked: Asked) -> None:
    """Hand a request to the story; a worker that asks faster than it listens is not heard."""
    try:
        context.call.signal(asked)
    except gevent.queue.Full:
        refuse_message(context, reason="too many")


def refuse_message(context: CallContext, *, reason: str) -> None:
    """Count and log a message that changes nothing; never its text."""
    metrics.MESSAGES_REFUSED.inc()
    log.warning("message_refused", reason=reason, call=str(context.call.call_id))


Handler = Callable[[CallContext, EslEvent], None]

HANDLERS: Final[dict[str, Handler]] = {
    "CODEC": codec_changed,
    "CHANNEL_PARK": parked,
    "CHANNEL_BRIDGE": bridged,
    "CHANNEL_EXECUTE_COMPLETE": executed,
    "CHANNEL_HOLD": put_on_hold,
    "CHANNEL_UNHOLD": taken_off_hold,
    "CHANNEL_HANGUP_COMPLETE": hung_up,
    "RECORD_STOP": recorded,
    "DTMF": key_pressed,
    "mod_audio_stream::connect": stream_connected,
    "mod_audio_stream::disconnect": stream_lost,
    "mod_audio_stream::error": stream_lost,
    "mod_audio_stream::json": worker_says,
    "mod_audio_stream::play": lambda context, event: context.audio.chunk_arrived(event),
}
"""Events of a call in progress, by name or by CUSTOM subclass."""
