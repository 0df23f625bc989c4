"""What the rules about calls do not allow, beside `errors.py`, whose tree these are in.

RestaurantError
├── NotFound
│   ├── UnknownCall    the restaurant had no such call
│   └── UnknownTurn    nothing of the kind was said in this call
└── Refused
    └── TooManyCases   so much is reported wrong of one call
"""

from uuid import UUID

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
