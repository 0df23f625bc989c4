"""What the rules about calls do not allow, beside `errors.py`, whose tree these are in.

RestaurantError
├── NotFound
│   ├── UnknownCall    the restaurant had no such call
│   └── UnknownTurn    nothing of the kind was said in this call
└── Refused
    ├── TooManyCases   so much is reported wrong of one call
    ├── CallRefused    its bridge does not do what is asked of it, and says why
    ├── AskedAlready   somebody else has just asked something of it
    └── BridgeSilent   its bridge does not answer; also a ServiceUnavailable
"""

from uuid import UUID

from controlplane.contracts.call_requests import RequestRefusal
from controlplane.errors import ServiceUnavailable
from controlplane.restaurants.errors import NotFound, Refused


class UnknownCall(NotFound):
    """No call of this restaurant has this id."""

    def __init__(self, call_id: UUID) -> None:
        super().__init__(f"no call {call_id}")


class UnknownTurn(NotFound):
    """No turn of this call has this id."""

    def __init__(self, turn_id: UUID) -> None:
        super().__init__(f"no turn {turn_id} in this call")


class TooManyCases(Refused):
    """So much is reported wrong of one call that one more would tell nothing."""

    def __init__(self, most: int) -> None:
        super().__init__(f"{most} things are reported wrong of this call already")
        self.most = most


class CallRefused(Refused):
    """The call's bridge does not do it, for `reason`."""

    def __init__(self, reason: RequestRefusal) -> None:
        super().__init__(f"the call's bridge refuses: {reason}")
        self.reason = reason


class AskedAlready(Refused):
    """Somebody asked something of this call seconds ago, and has no answer yet."""

    def __init__(self) -> None:
        super().__init__("something is being asked of this call already")


class BridgeSilent(Refused, ServiceUnavailable):
    """The call's bridge has not answered. Nothing was done, unless it took the request: `taken`."""

    def __init__(self, *, taken: bool) -> None:
        super().__init__("the call's bridge does not answer")
        self.taken = taken
