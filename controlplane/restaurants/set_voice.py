"""Which voice a restaurant's callers hear; the next call has it. Who calls commits."""

from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.contracts.voices import VOICES
from controlplane.models.restaurant import Restaurant
from controlplane.restaurants.audit import audit
from controlplane.restaurants.setup_errors import UnknownVoice


async def set_voice(
    session: AsyncSession, restaurant: Restaurant, voice: str, *, actor: str
) -> None:
    """Speak with this voice; prompts are rendered again with it. Raises `UnknownVoice`."""
    if voice not in VOICES:
        raise UnknownVoice(voice)
    before, restaurant.voice = restaurant.voice, voice
    await audit(
        session,
        restaurant.id,
        actor=actor,
        action="set_voice",
        object="restaurant",
        before={"voice": before},
        after={"voice": voice},
    )
