"""The parts of one call, handed to everything that deals with it."""

from collections.abc import Callable
from dataclasses import dataclass

from controlplane.bridge.calls.audio_control import AudioControl
from controlplane.bridge.calls.call_policy import CallPolicy
from controlplane.bridge.calls.call_record import CallRecord
from controlplane.bridge.calls.channel import Channel
from controlplane.bridge.calls.incoming_call import IncomingCall
from controlplane.bridge.calls.offers import Offers
from controlplane.bridge.calls.playback import Playback
from controlplane.bridge.calls.restaurant_limits import Limit
from controlplane.bridge.calls.voice_messages import VoiceMessages


@dataclass(frozen=True, slots=True)
class CallContext:
    """One call: its state, its channel, its audio, and the bridge's parts it needs."""

    call: IncomingCall
    channel: Channel
    playback: Playback
    audio: AudioControl
    """Commands `playback` for the worker."""
    offers: Offers
    record: CallRecord
    messages: VoiceMessages
    policy: Callable[[], CallPolicy]
    """Returns the restaurant's policy as it is now: it may change while they talk."""
    over_limit: Callable[[], Limit | None]
    """Says which of the restaurant's limits this call is over; None once it is taken."""
    takes_message: Callable[[], bool]
    """Says whether there is room for a message of this call, once it is over a limit."""
    bridge_id: str
