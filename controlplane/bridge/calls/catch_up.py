"""After a lost event socket: what a call's story missed is made up for, from how the call stands.

FreeSWITCH tells nothing twice. Each event a story may wait for has its trace in the channel, or is
not waited for any more.
"""

from controlplane.bridge.calls.call_context import CallContext
from controlplane.bridge.calls.call_signals import EventsMissed, RingingEnded, StreamLost
from controlplane.bridge.calls.call_state import CallState, StreamState
from controlplane.bridge.calls.channel_events import bridged, parked, put_on_hold, taken_off_hold
from controlplane.bridge.calls.incoming_call import IncomingCall
from controlplane.bridge.calls.way_out import leave_to_dialplan
from controlplane.contracts.hangup_causes import CallOutcome
from controlplane.esl.event import EslEvent

NO_EVENT = EslEvent({})


def catch_up(context: CallContext, found: IncomingCall) -> None:
    """Bring a call to where `found` stands. Raises `EslError`."""
    call = context.call
    context.channel.forget_way_out()
    context.audio.events_missed()
    if found.parked and not call.parked:
        parked(context, NO_EVENT)
    if (found.on_hold_since is None) is not (call.on_hold_since is None):
        changed = taken_off_hold if found.on_hold_since is None else put_on_hold
        changed(context, NO_EVENT)
    match found.state:
        case CallState.WITH_HUMAN if call.state is not CallState.WITH_HUMAN:
            bridged(context, NO_EVENT)
            call.left_us()
        case CallState.WAY_OUT if call.ours:
            leave_to_dialplan(context)
        case CallState.WITH_US if call.state is CallState.RINGING and found.rang is not None:
            call.ringing_ended()
            call.signal(RingingEnded(disposition=found.rang))
    if call.streaming and not found.streaming:
        call.becomes(StreamState.DETACHED)
        call.signal(StreamLost())
    elif call.streaming and call.state is CallState.WITH_US:
        call.signal(EventsMissed())


def hang_up_missed(context: CallContext, *, same_switch: bool) -> None:
    """End a call whose channel is gone. A caller who hung up meanwhile lost nothing, one whose
    FreeSWITCH was started anew did.
    """
    call = context.call
    if context.messages.finished(call.channel_uuid, hidden=call.caller_number is None):
        call.outcome = CallOutcome.MESSAGE
    elif not same_switch:
        context.record.lost()
    call.ended("UNKNOWN" if same_switch else "FREESWITCH_LOST")
