"""Step 3 of a call: its story, as the bridge lives it. Read `serve_call` from top to bottom.

One greenlet a call. What FreeSWITCH and the worker do arrives as signals (`channel_events.py`); the
audio itself does not pass here (`audio_control.py`).
"""

import time
from collections.abc import Callable
from typing import Final, Literal

import gevent
import structlog

from controlplane.bridge import metrics
from controlplane.bridge.calls.call_context import CallContext
from controlplane.bridge.calls.call_signals import (
    Asked,
    CallEndedError,
    CallLeftError,
    EventsMissed,
    Parked,
    PlaybackDrained,
    RingingEnded,
    StreamConnected,
    StreamLost,
    TakenBack,
    VoiceLost,
)
from controlplane.bridge.calls.call_state import CallState, StreamState
from controlplane.bridge.calls.find_worker import find_worker
from controlplane.bridge.calls.incoming_call import IncomingCall
from controlplane.bridge.calls.restaurant_limits import Limit
from controlplane.bridge.calls.transfer import RINGING_DEADLINE_S, failed, transfer
from controlplane.bridge.calls.way_out import wait_for_end
from controlplane.contracts.channel_variables import ChannelVariable
from controlplane.contracts.hangup_causes import CallOutcome, HangupCause
from controlplane.contracts.messages import (
    CallClaim,
    Hangup,
    Hold,
    PutOnHold,
    Started,
    TakeMessage,
    TakenOffHold,
    Transfer,
)
from controlplane.esl.errors import EslChannelGone, EslError

CONNECT_DEADLINE_S: Final = 1.5
"""mod_audio_stream gives up after 1 s; half a second more for its event."""

GREETING_DEADLINE_S: Final = 30.0
"""The longest greeting; a channel that is not parked by then is not ours to play on."""

WATCH_S: Final = 0.5
"""So often a worker that says nothing is looked at."""

LONGEST_CALL_S: Final = 20 * 60.0
"""Five minutes over a worker's own limit: only a worker that forgot its call gets there."""

GOODBYE_DEADLINE_S: Final = 15.0
"""What is queued is heard before a hang-up the worker asked for, if it is not longer."""

HANGUP_DEADLINE_S: Final = 5.0

HOLD_PROMPT_S: Final = 3.0
"""The recorded "un instant" is a little shorter."""

GOODBYE_PROMPT_S: Final = 5.0
"""The recorded goodbye is a little shorter."""

FOUND_AGAIN_DEADLINE_S: Final = 10.0
"""FreeSWITCH answers again within this time, or its way out has long taken the caller."""
FOUND_AGAIN_POLL_S: Final = 0.2
MAX_INTERRUPTIONS: Final = 5

MAX_WORKERS: Final = 4
"""A call that has lost so many workers is left to the way out."""

log = structlog.get_logger()


def tell_story(context: CallContext, story: Callable[[CallContext], None]) -> None:
    """The edge of a call: however its story ends, the end is recorded once, with its cause.

    A command that got no answer is not the end of a call: once FreeSWITCH answers again, the story
    goes on from where the call stands.
    """
    cause = "UNKNOWN"
    for _ in range(MAX_INTERRUPTIONS):
        try:
            story(context)
        except CallEndedError as ended:
            cause = ended.cause
        except CallLeftError:
            story = wait_for_end
            continue
        except EslChannelGone:
            cause = hangup_cause(context.call)
        except EslError as error:
            log.warning("call_interrupted", error=type(error).__name__)
            if found_again(context):
                story = serve_resumed_call
                continue
            context.record.lost()
            cause = "FREESWITCH_LOST"
        break
    context.record.ended(cause)


def serve_call(context: CallContext) -> None:
    """Tell one call, from its arrival to its end."""
    receive(context)
    talk_to_workers(context)
    take_way_out(context)


def receive(context: CallContext) -> None:
    """Announce a call that is new. Ends with its caller's message when its restaurant has as many
    calls as it may.
    """
    call = context.call
    if call.announced:
        return
    announce(context)
    if call.state is CallState.WITH_US and (limit := context.over_limit()):
        turn_away(context, limit)


def announce(context: CallContext) -> None:
    """Give the call an id, here and in FreeSWITCH."""
    context.record.arrived()
    about = {ChannelVariable.CALL_ID: str(context.call.call_id)}
    if not context.policy().takes_messages:
        about[ChannelVariable.MESSAGES_REFUSED] = "true"
    context.channel.set(about)
    context.call.announced = True


def turn_away(context: CallContext, limit: Limit) -> None:
    """Leave a caller over a limit to the dialplan, for a message: it needs no agent from here on.
    In a flood it says goodbye instead.

    The greeting, which promises an assistant, is cut at its first syllable.
    """
    call = context.call
    metrics.CALLS_OVER_LIMIT.labels(limit=limit.value).inc()
    log.warning("call_over_limit", limit=limit.value)
    call.outcome = CallOutcome.UNSERVED
    if not context.takes_message():
        context.channel.set({ChannelVariable.MESSAGES_REFUSED: "true"})
    with call.way_out:
        call.becomes(CallState.WAY_OUT)
        context.channel.leave_over_limit()
    wait_for_end(context)


def serve_resumed_call(context: CallContext) -> None:
    """Go on with a call found in progress, where it stands."""
    call = context.call
    receive(context)
    if call.state is CallState.RINGING:
        ending = call.wait(RingingEnded, timeout_s=RINGING_DEADLINE_S)
        call.ringing_ended()
        failed(context, ending.disposition if isinstance(ending, RingingEnded) else "UNKNOWN")
    if not call.ours:
        wait_for_end(context)
    if call.parked:
        context.channel.stop_playing()  # a tone without end, if an earlier agent had begun one
    if call.streaming:
        call.worker.begins(known=True)
        begin_conversation(context)
        if call.parked and call.worker.unproven:
            context.channel.fill_with_tone()
        converse(context)
    elif call.parked:
        context.channel.fill_silence(prompt="one_moment")
    talk_to_workers(context)
    take_way_out(context)


def found_again(context: CallContext) -> bool:
    """Ask whether FreeSWITCH still has the call, until it answers or the deadline has passed."""
    deadline = time.monotonic() + FOUND_AGAIN_DEADLINE_S
    while time.monotonic() < deadline:
        try:
            if not context.channel.exists():
                return False
            attached = context.channel.has_stream()
        except EslError:
            gevent.sleep(FOUND_AGAIN_POLL_S)
        else:
            context.call.becomes(StreamState.ATTACHED if attached else StreamState.DETACHED)
            return True
    return False


def hangup_cause(call: IncomingCall) -> str:
    """Wait for the cause of a channel that is gone: its CHANNEL_HANGUP_COMPLETE is on its way."""
    try:
        call.wait(timeout_s=HANGUP_DEADLINE_S)
    except CallEndedError as ended:
        return ended.cause
    return "UNKNOWN"


def talk_to_workers(context: CallContext) -> None:
    """Find a worker and let it talk, and again when it is lost. Returns when there is none."""
    for _ in range(MAX_WORKERS):
        claim = find_worker(context)
        if claim is None:
            return
        if connect_stream(context, claim):
            converse(context)
            metrics.WORKERS_LOST.inc()


def connect_stream(context: CallContext, claim: CallClaim) -> bool:
    """Stream the caller to the worker that claimed the call. False: it cannot be reached."""
    call, channel = context.call, context.channel
    call.streamed_ptime_ms = call.ptime_ms
    channel.start_stream(claim.url, ptime_ms=call.ptime_ms)
    answer = call.wait(StreamConnected, StreamLost, timeout_s=CONNECT_DEADLINE_S)
    if not isinstance(answer, StreamConnected):
        log.warning("stream_not_connected", worker_id=claim.worker_id)
        channel.stop_stream()
        return False
    call.worker_id = claim.worker_id
    call.becomes(StreamState.ATTACHED)
    call.worker.begins()
    begin_conversation(context)
    context.record.agent_connected(claim.worker_id)
    channel.set({ChannelVariable.WORKER_ID: claim.worker_id})
    return True


def begin_conversation(context: CallContext) -> None:
    """Tell the worker where the call stands; from now on what it sends is played.

    A caller who hears the waiting tone hears it until then: the worker may still be starting.
    """
    call = context.call
    context.audio.restart()
    greeting: Literal["playing", "ended", "waited"] = "ended" if call.parked else "playing"
    if context.channel.silence_filled:
        greeting = "waited"
    context.channel.tell_worker(Started(call_id=call.call_id, greeting=greeting))
    if call.on_hold_since is not None:
        context.channel.tell_worker(PutOnHold())
    elif call.worker.unproven:  # the agent before may have died without telling it
        context.channel.tell_worker(TakenOffHold())
    if call.parked:
        context.playback.open()


def converse(context: CallContext) -> None:
    """Let the worker and the caller talk. Returns only when the worker is lost."""
    call = context.call
    call.outcome = CallOutcome.INFORMATION
    while call.streaming:
        match call.wait(StreamLost, VoiceLost, EventsMissed, TakenBack, Asked, timeout_s=WATCH_S):
            case Asked(request=Hold()):
                hold(context)
            case Asked(request=Transfer() as request):
                transfer(context, request)
            case Asked(request=TakeMessage()):
                take_message(context)
            case Asked(request=Hangup(outcome=outcome)):
                say_goodbye(context, outcome)
            case StreamLost():
                break
            case VoiceLost():
                lose_voice(context)
            case EventsMissed():
                begin_again(context)
            case TakenBack():
                speak_first(context)
            case _ if call.age_s >= LONGEST_CALL_S:
                end_long_call(context)
            case _ if call.forgotten:
                log.info("held_too_long")
                hang_up(context)
            case _ if call.stream_unfit:
                log.info("stream_unfit", ptime_ms=call.ptime_ms)
                break
            case _ if call.worker.lost(awaited=context.channel.silence_filled):
                log.warning("worker_says_nothing", worker_id=call.worker_id)
                break
            case _ if call.worker.silent:
                have_caller_wait(context)
    lose_worker(context)


def begin_again(context: CallContext) -> None:
    """Have the worker say again what nobody heard, and ask again for what nobody was told of. What
    FreeSWITCH still plays is part of that; the waiting tone goes on.
    """
    if context.call.parked and not context.channel.silence_filled:
        context.channel.stop_playing()
    begin_conversation(context)


def speak_first(context: CallContext) -> None:
    """Have the worker tell a caller who has heard that they wait that this is over."""
    context.channel.tell_worker(Started(call_id=context.call.call_id, greeting="waited"))


def lose_voice(context: CallContext) -> None:
    """Leave a caller who cannot hear the assistant, for its disk is full, to the dialplan: the
    prompts are there already.
    """
    log.error("voice_not_written", worker_id=context.call.worker_id)
    metrics.VOICES_LOST.inc()
    take_way_out(context)


def have_caller_wait(context: CallContext) -> None:
    """Say "un instant, s'il vous plaît" for a worker that is starting, or hangs, unless the caller
    hears something already; it has the next word.
    """
    call = context.call
    if call.parked and context.playback.idle and not context.channel.silence_filled:
        context.channel.fill_silence(prompt="one_moment")
        call.worker.await_words()
        speak_first(context)


def end_long_call(context: CallContext) -> None:
    """Say goodbye for a worker that forgot its call. Ends with `CallEndedError`."""
    log.warning("call_too_long", limit_s=LONGEST_CALL_S)
    context.channel.play_prompt("goodbye")
    context.call.wait(timeout_s=GOODBYE_PROMPT_S)
    say_goodbye(context, context.call.outcome)


def hold(context: CallContext) -> None:
    """Say "un instant, s'il vous plaît", once at a time however often it is asked.

    A worker that has not spoken yet says so before its first words: the tone goes on after it.
    """
    call = context.call
    if call.age_s - call.held_at_s < HOLD_PROMPT_S:
        return
    call.held_at_s = call.age_s
    call.worker.await_words()
    if not context.channel.keep_filling(prompt="one_moment"):
        context.channel.play_prompt("one_moment")


def lose_worker(context: CallContext) -> None:
    """Say "un instant, s'il vous plaît" while another worker is found."""
    log.warning("worker_lost", worker_id=context.call.worker_id)
    context.call.becomes(StreamState.DETACHED)
    context.playback.close()
    if context.call.parked:
        context.channel.fill_silence(prompt="one_moment")
    context.channel.stop_stream()


def take_message(context: CallContext) -> None:
    """Leave the caller, who asked for it, to the dialplan's last rung: a message, no worker."""
    call = context.call
    let_last_words_be_heard(context)
    with call.way_out:
        call.becomes(CallState.WAY_OUT)
        context.channel.leave_message()
    context.channel.stop_stream()
    wait_for_end(context)


def let_last_words_be_heard(context: CallContext) -> None:
    """Wait until what the worker said before it asked was heard."""
    if not context.playback.idle:
        context.call.wait(PlaybackDrained, timeout_s=GOODBYE_DEADLINE_S)


def say_goodbye(context: CallContext, outcome: CallOutcome) -> None:
    """Hang up once the last words were heard: ours, when the worker can't speak any more. Ends
    with `CallEndedError`.
    """
    call = context.call
    call.outcome = outcome
    let_last_words_be_heard(context)
    if outcome is CallOutcome.ERROR:
        context.channel.play_prompt("goodbye")
        call.wait(timeout_s=GOODBYE_PROMPT_S)
    hang_up(context)


def hang_up(context: CallContext) -> None:
    """End the call now. Ends with `CallEndedError`."""
    context.channel.hang_up(HangupCause.NORMAL_CLEARING)
    context.call.wait(timeout_s=HANGUP_DEADLINE_S)
    raise CallEndedError(HangupCause.NORMAL_CLEARING)


def take_way_out(context: CallContext) -> None:
    """Leave the caller to the dialplan: it says so, rings the restaurant, takes a message."""
    call = context.call
    call.outcome = CallOutcome.UNSERVED
    if not call.parked:
        call.wait(Parked, timeout_s=GREETING_DEADLINE_S)
    with call.way_out:
        call.becomes(CallState.WAY_OUT)
        context.channel.take_way_out()
    if call.streaming:
        context.channel.stop_stream()
    wait_for_end(context)
