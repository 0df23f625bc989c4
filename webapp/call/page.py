"""One call as its page shows it: read from Postgres and, while it is live, from Redis."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.reservation import Reservation
from controlplane.models.transfer_target import TransferTarget
from controlplane.restaurants.cart import Cart
from controlplane.restaurants.live_cart import live_cart
from webapp.call.queries import (
    FoundCall,
    PlacedOrder,
    ReportedCase,
    find_call,
    find_reservation,
    orders_of,
    targets_of,
    turns_of,
)
from webapp.call.timeline import Moment, moments
from webapp.calls.queries import Result
from webapp.place import Place


@dataclass(frozen=True, kw_only=True)
class CallShown:
    """Everything the page knows. Times of `moments` are ms from the call's answer."""

    found: FoundCall
    moments: Sequence[Moment]
    orders: Sequence[PlacedOrder]
    reservation: Reservation | None
    targets: Sequence[TransferTarget]
    cart: Cart | None
    now: datetime

    @property
    def live(self) -> bool:
        return self.found.result is Result.LIVE

    @property
    def duration_ms(self) -> int:
        """How long it took, or has taken so far."""
        call = self.found.call
        if call.duration_ms is not None:
            return call.duration_ms
        if self.live and call.started_at is not None:
            return max(0, round((self.now - call.started_at).total_seconds() * 1_000))
        return max((each.to_ms for each in self.moments), default=0)

    @property
    def caller_name(self) -> str | None:
        named = [*(each.order for each in self.orders), self.reservation]
        return next((each.customer_name for each in named if each and each.customer_name), None)

    @property
    def disclosed_ms(self) -> int | None:
        """When the greeting, which says that an AI speaks, had been heard to its end."""
        call = self.found.call
        if call.disclosure_played_at is None or call.started_at is None:
            return None
        played = round((call.disclosure_played_at - call.started_at).total_seconds() * 1_000)
        return max(0, played)

    @property
    def interruptions(self) -> int:
        return sum(each.lost_to_ms is not None for each in self.moments)

    @cached_property
    def cases(self) -> dict[UUID | None, list[ReportedCase]]:
        """What was reported wrong, by turn; under None what is not of one that is shown."""
        shown = {each.turn.id for each in self.moments}
        found: dict[UUID | None, list[ReportedCase]] = {}
        for case in self.found.cases:
            key = case.turn_id if case.turn_id in shown else None
            found.setdefault(key, []).append(case)
        return found

    @property
    def erased_on(self) -> datetime | None:
        """Its words are deleted then."""
        started = self.found.call.started_at
        return started and started + timedelta(days=self.found.keep_transcripts_days)


async def read_call(place: Place, session: AsyncSession, call_id: UUID) -> CallShown | None:
    """Return None when the restaurant had no such call."""
    restaurant_id = place.restaurant_id
    found = await find_call(session, restaurant_id, call_id)
    if found is None:
        return None
    call, live = found.call, found.result is Result.LIVE
    turns = await turns_of(session, restaurant_id, call_id)
    began = call.started_at or (turns[0].at if turns else datetime.now(UTC))
    orders = await orders_of(session, restaurant_id, call_id) if call.order_id else []
    booked = found.reservation_id
    return CallShown(
        found=found,
        moments=moments(began, turns),
        orders=orders,
        reservation=await find_reservation(session, restaurant_id, booked) if booked else None,
        targets=await targets_of(session, restaurant_id) if live else (),
        cart=await live_cart(place.site.redis, call_id) if live else None,
        now=datetime.now(UTC).astimezone(place.zone),
    )
