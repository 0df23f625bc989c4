"""How long a restaurant keeps what is known of its callers: it may shorten it, never lengthen it.

The limits are the table's own (`controlplane/models/restaurant.py`); the controller deletes by
them (`controlplane/controller/housekeeping.py`).
"""

from dataclasses import asdict, dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.restaurant import Restaurant
from controlplane.restaurants.audit import ADMIN, audit


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Transcripts and voice messages are kept for days, calls and customers' names for months."""

    transcripts_days: int
    calls_months: int
    voice_messages_days: int


async def keep(
    session: AsyncSession,
    restaurant: Restaurant,
    *,
    transcripts_days: int | None,
    calls_months: int | None,
    voice_messages_days: int | None,
) -> Kept:
    """Change what is given, and return how long each is kept; the caller commits."""
    before = _kept(restaurant)
    if transcripts_days is not None:
        restaurant.keep_transcripts_days = transcripts_days
    if calls_months is not None:
        restaurant.keep_calls_months = calls_months
    if voice_messages_days is not None:
        restaurant.keep_voice_messages_days = voice_messages_days
    after = _kept(restaurant)
    if after != before:
        await audit(
            session,
            restaurant.id,
            actor=ADMIN,
            action="change_retention",
            object="restaurant",
            before=asdict(before),
            after=asdict(after),
        )
    return after


def _kept(restaurant: Restaurant) -> Kept:
    return Kept(
        transcripts_days=restaurant.keep_transcripts_days,
        calls_months=restaurant.keep_calls_months,
        voice_messages_days=restaurant.keep_voice_messages_days,
    )
