"""Callers' messages, left when nobody could answer, as the kitchen page shows and plays them.

Every query is scoped by the restaurant.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, Select, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import load_only

from controlplane.models.voice_message import MOST_MESSAGES, VoiceMessage
from controlplane.restaurants.errors import UnknownMessage
from webapp import show
from webapp.kitchen.queries import Kitchen

PAGE_LIMIT: Final = MOST_MESSAGES
"""A full box is shown whole."""
SHOWN_FOR: Final = timedelta(days=7)
"""A message is shown this long; one nobody has listened to stays until somebody has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message as the page shows it: in the visitor's language and the restaurant's time."""

    message_id: UUID
    caller: str
    """It is empty when the caller's number is hidden."""
    last_digits: str
    """What a tablet is shown of it."""
    caller_uri: str
    recorded_at: str
    recorded_at_utc: str
    length: str
    heard: bool
    order: str
    """Messages are sorted by it, the newest first."""


async def messages_to_show(session: AsyncSession, kitchen: Kitchen) -> list[Message]:
    """Return the newest first; where there are too many, those not heard yet are kept."""
    unheard = VoiceMessage.heard_at.is_(None)
    recent = VoiceMessage.recorded_at > datetime.now(UTC) - SHOWN_FOR
    newest = VoiceMessage.recorded_at.desc()
    query = _query(kitchen, or_(unheard, recent)).order_by(unheard.desc(), newest).limit(PAGE_LIMIT)
    found = sorted(await session.scalars(query), key=lambda row: row.recorded_at, reverse=True)
    return [_message(row, kitchen) for row in found]


async def messages_by_id(
    session: AsyncSession, kitchen: Kitchen, message_ids: Collection[UUID]
) -> dict[UUID, Message]:
    """Return those that are this restaurant's, by id."""
    if not message_ids:
        return {}
    found = await session.scalars(_query(kitchen, VoiceMessage.id.in_(message_ids)))
    return {row.id: _message(row, kitchen) for row in found}


async def audio_of(session: AsyncSession, kitchen: Kitchen, message_id: UUID) -> bytes:
    """Return the WAV. Raises `UnknownMessage`."""
    audio: bytes | None = await session.scalar(
        select(VoiceMessage.audio).where(
            VoiceMessage.restaurant_id == kitchen.restaurant_id, VoiceMessage.id == message_id
        )
    )
    if audio is None:
        raise UnknownMessage(message_id)
    return audio


def _query(kitchen: Kitchen, which: ColumnElement[bool]) -> Select[VoiceMessage]:
    """Select messages without their recordings."""
    shown = load_only(
        VoiceMessage.caller_number,
        VoiceMessage.recorded_at,
        VoiceMessage.duration_ms,
        VoiceMessage.heard_at,
    )
    mine = VoiceMessage.restaurant_id == kitchen.restaurant_id
    return select(VoiceMessage).options(shown).where(mine, which)


def _message(row: VoiceMessage, kitchen: Kitchen) -> Message:
    local = row.recorded_at.astimezone(kitchen.zone)
    return Message(
        message_id=row.id,
        caller=show.telephone(row.caller_number) if row.caller_number else "",
        last_digits=show.last_digits(row.caller_number),
        caller_uri=f"tel:{row.caller_number}" if row.caller_number else "",
        recorded_at=show.moment(local, today=kitchen.today()),
        recorded_at_utc=row.recorded_at.astimezone(UTC).isoformat(timespec="seconds"),
        length=show.seconds(row.duration_ms),
        heard=row.heard_at is not None,
        order=f"{2**40 - int(row.recorded_at.timestamp()):014d}",
    )
