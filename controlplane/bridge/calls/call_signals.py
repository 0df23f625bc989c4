"""The signals a call's story waits for, and the failure that ends every wait."""

from dataclasses import dataclass

from controlplane.contracts.messages import CallClaim, Hangup, Hold, TakeMessage, Transfer


@dataclass(frozen=True, slots=True)
class Parked:
    """The greeting is over and the channel is ours to play on: CHANNEL_PARK."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """The wait for a worker is over. `claim` None: nobody claimed this attempt in time."""

    attempt: int
    claim: CallClaim | None


@dataclass(frozen=True, slots=True)
class QueueLost:
    """Redis does not answer: no worker can be asked."""


@dataclass(frozen=True, slots=True)
class StreamConnected:
    """The worker is reached: `mod_audio_stream::connect`."""


@dataclass(frozen=True, slots=True)
class StreamLost:
    """The worker is gone, or was not reached: `mod_audio_stream::disconnect` or `::error`."""


@dataclass(frozen=True, slots=True)
class VoiceLost:
    """The assistant's voice could not be written to a file, so the caller does not hear it."""


@dataclass(frozen=True, slots=True)
class EventsMissed:
    """The event socket was away: what the worker said meanwhile reached nobody."""


@dataclass(frozen=True, slots=True)
class TakenBack:
    """The dialplan had the caller for a moment, who was told to wait."""


@dataclass(frozen=True, slots=True)
class PlaybackDrained:
    """The caller has heard everything that was queued."""


@dataclass(frozen=True, slots=True)
class RingingEnded:
    """The application that rings (`bridge`) returned: nobody took the transfer."""

    disposition: str


@dataclass(frozen=True, slots=True)
class Asked:
    """The worker asks for something that changes the course of the call."""

    request: Transfer | TakeMessage | Hangup | Hold


CallSignal = (
    Parked
    | Claimed
    | QueueLost
    | StreamConnected
    | StreamLost
    | VoiceLost
    | EventsMissed
    | TakenBack
    | PlaybackDrained
    | RingingEnded
    | Asked
)


class CallLeftError(Exception):
    """Somebody else has the caller: a human, or the dialplan. The story waits for the end alone."""


class CallEndedError(Exception):
    """The channel is gone; whatever the story waited for will not come."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause
