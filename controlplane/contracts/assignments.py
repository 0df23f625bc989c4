"""The messages a bridge is told on its channel (`redis_keys.bridge_assignments`).

Every message but its own echo and what is asked of a call, a lost or unreadable one included, means
the same at least: read the registrations in Postgres again. What is to be done stands there; a
bridge looks by itself every 30 s.
"""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from controlplane.contracts.messages import Message, parse_as


class RegistrationsPlaced(Message):
    """The controller has given registrations to this bridge, or taken some from it."""

    type: Literal["placed"] = "placed"


class RegistrationsChanged(Message):
    """Something of this bridge has changed: an account, a carrier, a wish to drain it."""

    type: Literal["changed"] = "changed"


class RegistrationMoved(Message):
    """The other bridge of a move has done its part: registered, or released."""

    type: Literal["moved"] = "moved"


class BindingGivenBack(Message):
    """The carrier has just been sent the un-REGISTER of another bridge's binding; the owner is
    told. A carrier that holds one binding an account may have dropped the owner's with it.
    """

    type: Literal["given_back"] = "given_back"
    gateway_name: str = Field(max_length=128)


class CallAsked(Message):
    """Somebody at a restaurant asks something of a call: `redis_keys.call_request` says what."""

    type: Literal["call_asked"] = "call_asked"
    call_id: UUID


class Echo(Message):
    """The bridge says this to itself after a silence: what is published still reaches it."""

    type: Literal["echo"] = "echo"


Assignment = Annotated[
    RegistrationsPlaced
    | RegistrationsChanged
    | RegistrationMoved
    | BindingGivenBack
    | CallAsked
    | Echo,
    Field(discriminator="type"),
]


def parse_assignment(body: str) -> Assignment:
    """Read one message of a bridge's channel. Raises `MessageError`."""
    message: Assignment = parse_as(Assignment, body)
    return message
