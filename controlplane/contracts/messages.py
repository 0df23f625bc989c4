"""Messages between processes: frozen, and refusing unknown fields.

Facts are in the past tense (`Cleared`), requests in the imperative (`Clear`). JSON is camelCase,
the spelling the queue's other readers know. Three ids are never mixed: `call_id` (ours, UUIDv7),
`channel_uuid` (FreeSWITCH's) and `sip_call_id` (the header).
"""

import base64
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, Literal, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails

from controlplane.contracts.hangup_causes import CallOutcome, HangupCause

_T = TypeVar("_T")

NODE_NAME = r"^[\w.\-]{1,64}$"
"""Of a bridge or a worker: it goes into Redis keys and channel variables."""

MAX_CONTROL_BYTES = 4_096
"""Longest control message either side accepts; audio is apart."""


class MessageError(ValueError):
    """A message from another process that is not what the contract says."""


class Message(BaseModel):
    """Base of all messages."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        populate_by_name=True,
        defer_build=True,  # each process uses a few of them, and starts 45 ms sooner
    )

    def to_json(self) -> str:
        """Compact JSON, `None` left out."""
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
    """E.164, or None when hidden: `Privacy: id` leaves the real number in FreeSWITCH's headers."""
    resumed: bool = False
    """True when another worker was already talking to this caller."""


class CallClaim(Message):
    """A worker takes one attempt of a call and says where its WebSocket listens."""

    call_id: UUID
    attempt: int = Field(ge=1)
    worker_id: str = Field(pattern=NODE_NAME)
    url: str = Field(pattern=r"^wss?://[\w.\-]+:\d{1,5}/[\w\-/]+$", max_length=200)
    """Ends with the one-call token: `ws://host:port/calls/<token>`."""


class DrainStep(StrEnum):
    """How far a bridge's drain has come; in this order."""

    MOVING = "moving"
    """Its registrations are being registered elsewhere, then given back here."""
    CLOSED = "closed"
    """None is left; new calls are refused, the present ones go on."""
    STOPPING = "stopping"
    """No call is left; FreeSWITCH shuts down."""


class BridgeHeartbeat(Message):
    """Sent every second with a TTL of 5 s."""

    bridge_id: str = Field(pattern=NODE_NAME)
    capacity: int
    active_calls: int
    """Sessions whose story the agent tells."""
    drain: DrainStep | None = None
    sent_at: datetime
    instance: str = Field(default="", max_length=64)
    """FreeSWITCH's Core-UUID; a new one is a new start."""
    sip_address: str = Field(default="", max_length=128)
    """`host:port` of its profile, as carriers see it."""
    registered: int = 0
    """Gateways that are REGED now."""
    sip_answers: bool = True
    """False: its own OPTIONS go unanswered; FreeSWITCH's HEARTBEAT goes on while SIP is frozen."""

    @property
    def draining(self) -> bool:
        """True: it takes no more registrations."""
        return self.drain is not None


class WorkerHeartbeat(Message):
    """Sent every second with a TTL of 5 s."""

    worker_id: str
    slots: int
    active_calls: int
    draining: bool
    sent_at: datetime


# --- Control channel: worker → bridge (text frames on the call's WebSocket) --------------------


class AudioChunk(Message):
    """Our keys beside the audio in a `streamAudio` message; they come back in `::play` with `file`.

    `generation` rises with each `Clear`: a chunk of an older generation is never played.
    """

    item: str = Field(max_length=64)
    """Realtime item id, or a name of ours for pre-rendered speech."""
    seq: int = Field(ge=0)
    """Rises by one over the whole call; chunks play in this order."""
    generation: int = Field(ge=0)
    ms: int = Field(ge=1, le=1_000)


class Clear(Message):
    """Stop playing now and forget what is queued. Answered by `Cleared`."""

    type: Literal["clear"] = "clear"
    generation: int = Field(ge=1)
    """The generation the next chunk will carry."""


class Mark(Message):
    """Say when every chunk up to `seq` was heard: `Marked`, unless a `Clear` comes first."""

    type: Literal["mark"] = "mark"
    seq: int = Field(ge=0)


class Transfer(Message):
    """Hand the caller to a human. Answered by `TransferFailed`, or by the stream's end."""

    type: Literal["transfer"] = "transfer"
    reason: str = Field(max_length=64)
    target_id: UUID | None = None
    """One of `RestaurantConfig.transfer_targets`; None: the restaurant's own phone. The number
    itself never comes from a worker."""


class TransferFailure(StrEnum):
    """Causes of a `TransferFailed` beside FreeSWITCH's (`NO_ANSWER`, `USER_BUSY`…)."""

    NOT_ALLOWED = "not_allowed"
    """No such target, or none that may be dialled."""


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


WorkerMessage = Annotated[
    Clear | Mark | Transfer | TakeMessage | Hangup | Hold, Field(discriminator="type")
]


def parse_worker_message(body: str) -> WorkerMessage:
    """Read a `mod_audio_stream::json` body.

    Raises `MessageError` without quoting the body: it may hold what a caller said.
    """
    if len(body) > MAX_CONTROL_BYTES:
        raise MessageError("control message too long")
    message: WorkerMessage = _parse(_adapter(WorkerMessage), body)
    return message


# --- Control channel: bridge → worker (`uuid_audio_stream … send_text`) -------------------------


class Started(Message):
    """First message on a connected stream."""

    type: Literal["started"] = "started"
    call_id: UUID
    greeting: Literal["playing", "ended"]


class GreetingEnded(Message):
    """The caller has heard the greeting (AI disclosure included); the agent may speak."""

    type: Literal["greeting_ended"] = "greeting_ended"


class Cleared(Message):
    """Playback stopped. `item` is the one that was being heard, None when nothing was."""

    type: Literal["cleared"] = "cleared"
    generation: int
    item: str | None = None
    played_ms: int = Field(default=0, ge=0)
    """Heard of `item` since its first chunk, in ms, counted from PLAYBACK events."""


class Marked(Message):
    """Everything up to `seq` was heard."""

    type: Literal["marked"] = "marked"
    seq: int


class Dtmf(Message):
    """The caller pressed a key (RFC 4733 telephone-event)."""

    type: Literal["dtmf"] = "dtmf"
    digit: str = Field(pattern=r"^[0-9*#A-D]$")


class TransferFailed(Message):
    """Nobody took the transfer: the caller is back with the agent."""

    type: Literal["transfer_failed"] = "transfer_failed"
    cause: TransferFailure | str


BridgeMessage = Annotated[
    Started | GreetingEnded | Cleared | Marked | Dtmf | TransferFailed, Field(discriminator="type")
]


def encode_bridge_message(message: Message) -> str:
    """Base64url without padding: `send_text` splits on spaces and eats quotes."""
    return base64.urlsafe_b64encode(message.to_json().encode()).rstrip(b"=").decode()


def decode_bridge_message(text: str) -> BridgeMessage:
    """Read what `encode_bridge_message` made. Raises `MessageError`."""
    if len(text) > MAX_CONTROL_BYTES:
        raise MessageError("control message too long")
    try:
        body = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except ValueError as error:  # binascii.Error and UnicodeError among them
        raise MessageError("control message is not base64url JSON") from error
    message: BridgeMessage = _parse(_adapter(BridgeMessage), body)
    return message


# --- Call events (Redis stream → Postgres, by the recorder) ------------------------------------


class CallEvent(Message):
    """Base of the facts that make a call's record. `id` (UUIDv7) makes recording idempotent."""

    id: UUID
    call_id: UUID
    restaurant_id: UUID
    at: datetime


class CallArrived(CallEvent):
    """The bridge saw the call."""

    type: Literal["call_arrived"] = "call_arrived"
    bridge_id: str
    channel_uuid: UUID
    sip_call_id: str | None = None
    caller_number: str | None = None


class AgentConnected(CallEvent):
    """The stream to a worker is connected."""

    type: Literal["agent_connected"] = "agent_connected"
    worker_id: str
    time_to_agent_ms: int
    """From CHANNEL_ANSWER to `mod_audio_stream::connect`."""


class DisclosurePlayed(CallEvent):
    """The greeting, which says that an AI speaks (AI Act art. 50), was heard to its end."""

    type: Literal["disclosure_played"] = "disclosure_played"


class TurnEnded(CallEvent):
    """One turn of speech, or one tool call, with what was really heard."""

    type: Literal["turn_ended"] = "turn_ended"
    position: int
    role: Literal["caller", "agent", "tool"]
    text: str
    heard_ms: int | None = None
    tool_name: str | None = None


class OrderPlaced(CallEvent):
    """The order is committed in Postgres."""

    type: Literal["order_placed"] = "order_placed"
    order_id: UUID


class UsageReported(CallEvent):
    """Realtime tokens of the whole call, as `response.done.usage` counted them."""

    type: Literal["usage_reported"] = "usage_reported"
    model: str
    input_audio_tokens: int
    input_text_tokens: int
    cached_tokens: int
    output_audio_tokens: int
    output_text_tokens: int


class CallEnded(CallEvent):
    """The channel is gone."""

    type: Literal["call_ended"] = "call_ended"
    hangup_cause: HangupCause | str
    outcome: CallOutcome
    duration_ms: int


AnyCallEvent = Annotated[
    CallArrived
    | AgentConnected
    | DisclosurePlayed
    | TurnEnded
    | OrderPlaced
    | UsageReported
    | CallEnded,
    Field(discriminator="type"),
]


def parse_call_event(body: str | bytes) -> AnyCallEvent:
    """Read one entry of the call events stream. Raises `MessageError`."""
    event: AnyCallEvent = _parse(_adapter(AnyCallEvent), body)
    return event


@cache
def _adapter(union: Any) -> TypeAdapter[Any]:
    return TypeAdapter(union)


def _parse(adapter: TypeAdapter[_T], body: str | bytes) -> _T:
    try:
        return adapter.validate_json(body)
    except ValidationError as error:
        fields = sorted({_place(e) for e in error.errors(include_input=False)})
        raise MessageError(f"invalid {', '.join(fields)}") from None


def _place(problem: ErrorDetails) -> str:
    """The field, unless its name is the sender's own invention: that may be anything."""
    if problem["type"] == "extra_forbidden":
        return "unknown field"
    return ".".join(map(str, problem["loc"])) or "message"
