"""What somebody at a restaurant asks of a call in progress, and what its bridge answers (Redis).

The request waits under `redis_keys.call_request` for seconds; `CallAsked` tells the bridge to look.
"""

from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from controlplane.contracts.messages import Message, parse_as


class PutThrough(Message):
    """Ring this target, one of the restaurant's, and connect the caller; None: its own phone."""

    type: Literal["put_through"] = "put_through"
    id: UUID
    target_id: UUID | None = None


class EndCall(Message):
    """Take leave of the caller and hang up."""

    type: Literal["end_call"] = "end_call"
    id: UUID


CallRequest = Annotated[PutThrough | EndCall, Field(discriminator="type")]


class RequestRefusal(StrEnum):
    """Says why a bridge does not do it."""

    GONE = "gone"
    """The call has ended, or is another bridge's by now."""
    NOT_WITH_ASSISTANT = "not_with_assistant"
    """Its caller hears the greeting, waits, is being put through, or talks to somebody already."""
    NOT_ALLOWED = "not_allowed"
    """The target is none of the restaurant's, or never dialled."""


class RequestAnswer(Message):
    """The bridge has the request; `refused` None: it is being done."""

    refused: RequestRefusal | None = None


def parse_call_request(body: str | bytes) -> PutThrough | EndCall:
    """Read what was asked. Raises `MessageError`."""
    request: PutThrough | EndCall = parse_as(CallRequest, body)
    return request
