"""Messages between processes: frozen, and refusing unknown fields.

Facts are in the past tense (`Cleared`), requests in the imperative (`Clear`). JSON is camelCase,
the spelling the queue's other readers know. Three ids are never mixed: `call_id` (ours, UUIDv7),
`channel_uuid` (FreeSWITCH's) and `sip_call_id` (the header).
"""

import base64
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails

from controlplane.contracts.clean_text import CleanText
from controlplane.contracts.hangup_causes import CallOutcome, HangupCause

NODE_NAME = r"^[\w.\-]{1,64}$"
"""The name of a bridge or a worker matches this: it goes into Redis keys and channel variables."""

MAX_CONTROL_BYTES = 4_096
"""Neither side accepts a longer control message. Audio has its own messages."""


class MessageError(ValueError):
    """Raised for a message of another process that is not what the contract says."""


class Message(BaseModel):
    """All messages are built on this one."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        populate_by_name=True,
        defer_build=True,  # each process uses a few of them, and starts 45 ms sooner
        hide_input_in_errors=True,
    )

    def to_json(self) -> str:
        """Return compact JSON, from which fields that are `None` are left out."""
        return self.model_dump_json(by_alias=True, exclude_none=True)


# --- Offer and claim (Redis) -------------------------------------------------------------------


class CallOffer(Message):
    """A bridge offers one call; `attempt` rises each time it is offered again."""

    call_id: UUID
    restaurant_id: UUID
    bridge_id: str = Field(pattern=NODE_NAME)
    channel_uuid: UUID
    attempt: int = Field(ge=1)
    caller_number: str | None = Field(default=None, max_length=32)
    """It is in E.164, or None when hidden: `Privacy: id` leaves the real number in FreeSWITCH's
    headers."""
    resumed: bool = False
    """It is true when another worker was already talking to this caller."""


class CallClaim(Message):
    """A worker takes one attempt of a call and says where its WebSocket listens."""

    call_id: UUID
    attempt: int = Field(ge=1)
    worker_id: str = Field(pattern=NODE_NAME)
    url: str = Field(pattern=r"^wss?://[\w.\-]+:\d{1,5}/[\w\-/]+$", max_length=200)
    """The URL ends with the one-call token: `ws://host:port/calls/<token>`."""
    signature: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    """It proves that a worker wrote all of the above (`claim_keys.py`); left out without a key."""


# --- Control channel: worker → bridge (text frames on the call's WebSocket) --------------------


class AudioChunk(Message):
    """Our keys stand beside the audio in a `streamAudio` message; they come back in `::play` with
    `file`.

    `generation` rises with each `Clear`: a chunk of an older generation is never played.
    """

    item: str = Field(max_length=64)
    """A Realtime item id, or a name we give to pre-rendered speech."""
    seq: int = Field(ge=0)
    """It rises by one over the whole call; chunks play in this order."""
    generation: int = Field(ge=0)
    ms: int = Field(ge=1, le=1_000)


class Clear(Message):
    """Stop playing now and forget what is queued. `Cleared` answers it."""

    type: Literal["clear"] = "clear"
    generation: int = Field(ge=1)
    """The next chunk will carry this generation."""


class Mark(Message):
    """Say when every chunk up to `seq` was heard: `Marked`, unless a `Clear` comes first."""

    type: Literal["mark"] = "mark"
    seq: int = Field(ge=0)


class Transfer(Message):
    """Hand the caller to a human. `TransferFailed` or the stream's end answers it."""

    type: Literal["transfer"] = "transfer"
    reason: str = Field(max_length=64)
    target_id: UUID | None = None
    """Names one of `RestaurantConfig.transfer_targets`; None means the restaurant's own phone. The
    number itself never comes from a worker."""


class TransferFailure(StrEnum):
    """The causes of a `TransferFailed` beside FreeSWITCH's own (`NO_ANSWER`, `USER_BUSY`…)."""

    NOT_ALLOWED = "not_allowed"
    """There is no such target, or none that may be dialled."""


class Hangup(Message):
    """End the call once what is queued has been heard."""

    type: Literal["hangup"] = "hangup"
    outcome: CallOutcome


class Hold(Message):
    """Play the pre-rendered "un instant, s'il vous plaît": the worker can't speak for a moment."""

    type: Literal["hold"] = "hold"


class TakeMessage(Message):
    """Let the caller leave a voice message once what is queued has been heard. The stream ends."""

    type: Literal["take_message"] = "take_message"


class Unheard(Message):
    """No frame of the caller's has come for seconds: say so once, for FreeSWITCH may have stopped
    listening.
    """

    type: Literal["unheard"] = "unheard"


class KeepAlive(Message):
    """The worker lives, and serves this call: it says so every `KEEP_ALIVE_SECONDS`."""

    type: Literal["keep_alive"] = "keep_alive"


WorkerMessage = Annotated[
    Clear | Mark | Transfer | TakeMessage | Hangup | Hold | Unheard | KeepAlive,
    Field(discriminator="type"),
]


def parse_worker_message(body: str) -> WorkerMessage:
    """Read a `mod_audio_stream::json` body.

    Raises `MessageError` without quoting the body: it may hold what a caller said.
    """
    if len(body) > MAX_CONTROL_BYTES:
        raise MessageError("control message too long")
    message: WorkerMessage = parse_as(WorkerMessage, body)
    return message


# --- Control channel: bridge → worker (`uuid_audio_stream … send_text`) -------------------------


class Started(Message):
    """The bridge sends this first on a connected stream, and again when the worker may have told it
    something that it did not hear.
    """

    type: Literal["started"] = "started"
    call_id: UUID
    greeting: Literal["playing", "ended", "waited"]
    """With `waited` it is over, and the caller hears the waiting tone: the assistant speaks first.
    """


class GreetingEnded(Message):
    """The caller has heard the greeting, which says that an AI speaks: the assistant may speak."""

    type: Literal["greeting_ended"] = "greeting_ended"


class Cleared(Message):
    """Playback stopped. `item` is the one that was being heard, or None when nothing was."""

    type: Literal["cleared"] = "cleared"
    generation: int
    item: str | None = None
    played_ms: int = Field(default=0, ge=0)
    """The caller heard this much of `item` since its first chunk, counted by its playbacks (ms)."""


class Marked(Message):
    """The caller has heard every chunk up to `seq`."""

    type: Literal["marked"] = "marked"
    seq: int


class Dtmf(Message):
    """The caller pressed a key (RFC 4733 telephone-event)."""

    type: Literal["dtmf"] = "dtmf"
    digit: str = Field(pattern=r"^[0-9*#A-D]$")


class PutOnHold(Message):
    """The caller's telephone does not listen (RFC 3264 §8.4), and may send its own music."""

    type: Literal["put_on_hold"] = "put_on_hold"


class TakenOffHold(Message):
    """The caller hears the assistant again."""

    type: Literal["taken_off_hold"] = "taken_off_hold"


class TransferFailed(Message):
    """Nobody took the transfer: the caller is back with the assistant."""

    type: Literal["transfer_failed"] = "transfer_failed"
    cause: TransferFailure | str


class HandOverWanted(Message):
    """Somebody at the restaurant wants the caller: ask for a `Transfer` to this target now."""

    type: Literal["hand_over_wanted"] = "hand_over_wanted"
    target_id: UUID | None = None
    """As in `Transfer`; the bridge has it in its policy."""


class EndWanted(Message):
    """Somebody at the restaurant wants the call to end: take leave of the caller, and hang up."""

    type: Literal["end_wanted"] = "end_wanted"


BridgeMessage = Annotated[
    Started
    | GreetingEnded
    | Cleared
    | Marked
    | Dtmf
    | PutOnHold
    | TakenOffHold
    | TransferFailed
    | HandOverWanted
    | EndWanted,
    Field(discriminator="type"),
]


def encode_bridge_message(message: Message) -> str:
    """Encode as base64url without padding, because `send_text` splits on spaces and eats quotes."""
    return base64.urlsafe_b64encode(message.to_json().encode()).rstrip(b"=").decode()


def decode_bridge_message(text: str) -> BridgeMessage:
    """Read what `encode_bridge_message` wrote. Raises `MessageError`."""
    if len(text) > MAX_CONTROL_BYTES:
        raise MessageError("control message too long")
    try:
        body = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except ValueError as error:  # binascii.Error and UnicodeError among them
        raise MessageError("control message is not base64url JSON") from error
    message: BridgeMessage = parse_as(BridgeMessage, body)
    return message


# --- Call events (Redis stream → Postgres, by the recorder) ------------------------------------


class CallEvent(Message):
    """The facts that make a call's record are built on this one. `id` (UUIDv7) makes recording
    idempotent. Text from a caller, a model or a carrier is `CleanText`: every table takes it.
    """

    id: UUID
    call_id: UUID
    restaurant_id: UUID
    at: datetime


class CallArrived(CallEvent):
    """The bridge has taken the call in."""

    type: Literal["call_arrived"] = "call_arrived"
    bridge_id: str
    channel_uuid: UUID
    sip_call_id: CleanText | None = None
    caller_number: CleanText | None = None


class AgentConnected(CallEvent):
    """The stream to a worker is connected: from now on the assistant (the "agent" of this name, of
    `time_to_agent_ms` and of a turn's `role`) can talk.
    """

    type: Literal["agent_connected"] = "agent_connected"
    worker_id: str
    time_to_agent_ms: int
    """Measured from CHANNEL_ANSWER to `mod_audio_stream::connect`."""


class DisclosurePlayed(CallEvent):
    """The greeting, which says that an AI speaks (AI Act art. 50), was heard to its end."""

    type: Literal["disclosure_played"] = "disclosure_played"


class TurnEnded(CallEvent):
    """One turn of speech or one tool call has ended; it carries what was really heard."""

    type: Literal["turn_ended"] = "turn_ended"
    position: int
    role: Literal["caller", "agent", "tool"]
    text: CleanText
    """What was heard; of a tool, how it ended."""
    unheard: CleanText | None = None
    """What else would have been said, had the caller not cut it short."""
    heard_ms: int | None = None
    tool_name: CleanText | None = None
    told: CleanText | None = None
    """What the tool told the assistant, in words."""


class OrderPlaced(CallEvent):
    """The order is committed in Postgres."""

    type: Literal["order_placed"] = "order_placed"
    order_id: UUID


class MenuLoaded(CallEvent):
    """The worker tells its caller the restaurant's menu as it was published in this version."""

    type: Literal["menu_loaded"] = "menu_loaded"
    menu_version: int = Field(ge=1)


class UsageReported(CallEvent):
    """The whole call used these Realtime tokens, as `response.done.usage` counted them."""

    type: Literal["usage_reported"] = "usage_reported"
    model: CleanText
    input_audio_tokens: int
    input_text_tokens: int
    cached_tokens: int
    output_audio_tokens: int
    output_text_tokens: int


class CallEnded(CallEvent):
    """The channel is gone."""

    type: Literal["call_ended"] = "call_ended"
    hangup_cause: HangupCause | CleanText
    outcome: CallOutcome
    duration_ms: int


AnyCallEvent = Annotated[
    CallArrived
    | AgentConnected
    | DisclosurePlayed
    | TurnEnded
    | OrderPlaced
    | MenuLoaded
    | UsageReported
    | CallEnded,
    Field(discriminator="type"),
]


def parse_call_event(body: str | bytes) -> AnyCallEvent:
    """Read one entry of the call events stream. Raises `MessageError`."""
    event: AnyCallEvent = parse_as(AnyCallEvent, body)
    return event


@cache
def _adapter(union: Any) -> TypeAdapter[Any]:
    return TypeAdapter(union, config=ConfigDict(hide_input_in_errors=True))


def parse_as(union: Any, body: str | bytes) -> Any:
    """Read JSON as one of a union's messages. Raises `MessageError`, which names fields alone."""
    try:
        return _adapter(union).validate_json(body)
    except ValidationError as error:
        fields = sorted({_place(e) for e in error.errors(include_input=False)})
        raise MessageError(f"invalid {', '.join(fields)}") from None


def _place(problem: ErrorDetails) -> str:
    """Return the field's name, unless the sender made the name up: then it may hold anything."""
    if problem["type"] == "extra_forbidden":
        return "unknown field"
    return ".".join(map(str, problem["loc"])) or "message"
