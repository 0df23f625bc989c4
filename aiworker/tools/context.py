"""What the tools of one call work with."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from controlplane.contracts.hangup_causes import CallOutcome
from controlplane.contracts.restaurant_config import RestaurantConfig
from controlplane.restaurants.cart import Cart
from controlplane.restaurants.order_draft import OrderDraft, PlacedOrder
from controlplane.restaurants.place_order import utc_now


class LastReadBack(Protocol):
    """Whether the caller heard the last read-back, and answered it."""

    def begin(self, revision: int) -> None:
        """The speech that follows reads this revision of the cart back."""
        ...

    def was_heard(self, revision: int) -> bool:
        """Enough of the read-back of this revision was heard."""
        ...

    def was_answered(self) -> bool:
        """The caller spoke after it began."""
        ...


@dataclass(slots=True)
class Ending:
    """How the call is to end once the assistant has said its last words."""

    transfer_reason: str | None = None
    transfer_target: UUID | None = None
    """None: the restaurant's own phone."""
    message: bool = False
    """The caller leaves a voice message."""
    outcome: CallOutcome | None = None

    @property
    def decided(self) -> bool:
        return self.message or self.transfer_reason is not None or self.outcome is not None

    def forget(self) -> None:
        """The call goes on."""
        self.transfer_reason = self.transfer_target = self.outcome = None
        self.message = False


@dataclass(slots=True)
class ToolContext:
    """One call, as its tools see it."""

    call_id: UUID
    config: RestaurantConfig
    cart: Cart
    read_back: LastReadBack
    place_order: Callable[[OrderDraft], Awaitable[PlacedOrder]]
    """It hands the order in at the worker's desk, which tells the call's record."""
    reload: Callable[[], Awaitable[RestaurantConfig]]
    """It reads the restaurant from Postgres, past any cache. Raises what SQLAlchemy raises."""
    note_question: Callable[[str], Awaitable[None]]
    """It counts a question that nobody has answered yet; it raises nothing."""
    caller_number: str | None = None
    ending: Ending = field(default_factory=Ending)
    placed: list[PlacedOrder] = field(default_factory=list)
    unsettled: set[str] = field(default_factory=set)
    """Keys of the orders of which nobody knows whether they are placed."""
    changed: Callable[[], None] = lambda: None
    """The cart changed: save it for another worker."""
    now: Callable[[], datetime] = utc_now
