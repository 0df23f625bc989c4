"""A restaurant's own words for what callers hear without an assistant.

The controller has them said (`controlplane/controller/prompts.py`), a trigger tells the bridges.
The caller of these commits.
"""

import re
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.contracts.clean_text import clean_text
from controlplane.contracts.identifiers import new_id
from controlplane.contracts.prompts import (
    MOST_CHARACTERS,
    PromptKind,
    greeting_sentence,
    prompt_text,
)
from controlplane.models.prompt_rendering import PromptRendering
from controlplane.models.restaurant import Restaurant
from controlplane.models.restaurant_prompt import RestaurantPrompt
from controlplane.restaurants.audit import audit
from controlplane.restaurants.prompt_errors import SentenceRefused
from controlplane.restaurants.setup_errors import ChangedMeanwhile
from controlplane.restaurants.setup_lock import lock_setup

_MARKUP: Final = frozenset("<>[]{}")
"""Speech engines read these as instructions."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One prompt as callers are to hear it."""

    kind: PromptKind
    sentence: str
    """The restaurant's own words; "" when it has none."""
    text: str | None
    """None stands for the packaged prompt."""
    rendered: bool
    """Callers hear it already; the packaged prompt, or the words before, until then."""
    duration_ms: int | None
    """What they hear now takes so long; None for the packaged prompt."""


async def word_prompt(
    session: AsyncSession,
    restaurant: Restaurant,
    *,
    kind: PromptKind,
    sentence: str,
    actor: str,
    seen: str | None = None,
) -> str:
    """Have a prompt say this from now on, and return all that callers will hear.

    Raises `SentenceRefused`; `ChangedMeanwhile` when its own words are not those that were `seen`,
    "" for none.
    """
    sentence = sayable(sentence)
    await _hold(session, restaurant, kind, seen)
    row = {"restaurant_id": restaurant.id, "kind": kind, "sentence": sentence}
    await session.execute(
        insert(RestaurantPrompt)
        .values(id=new_id(), **row)
        .on_conflict_do_update(
            index_elements=["restaurant_id", "kind"], set_={"sentence": sentence}
        )
    )
    await _audit(session, restaurant, kind, "word_prompt", actor)
    return prompt_text(kind, sentence)


async def unword_prompt(
    session: AsyncSession,
    restaurant: Restaurant,
    *,
    kind: PromptKind,
    actor: str,
    seen: str | None = None,
) -> None:
    """Take the restaurant's words back: it greets by its name, or says the packaged prompt.

    Raises `ChangedMeanwhile`, as `word_prompt` does.
    """
    await _hold(session, restaurant, kind, seen)
    own = (RestaurantPrompt.restaurant_id == restaurant.id) & (RestaurantPrompt.kind == kind)
    if kind is PromptKind.GREETING:  # the row stays: the old words are heard until the name is said
        await session.execute(update(RestaurantPrompt).where(own).values(sentence=None))
    else:
        await session.execute(delete(RestaurantPrompt).where(own))
    await _audit(session, restaurant, kind, "unword_prompt", actor)


async def own_sentence(session: AsyncSession, restaurant_id: UUID, kind: PromptKind) -> str:
    """The restaurant's own words for a prompt; "" when it has none."""
    sentence = await session.scalar(
        select(RestaurantPrompt.sentence).where(
            RestaurantPrompt.restaurant_id == restaurant_id, RestaurantPrompt.kind == kind
        )
    )
    return sentence or ""


async def heard_prompts(session: AsyncSession, restaurant: Restaurant) -> list[Heard]:
    """Return each kind of prompt as callers are to hear it."""
    rows = await session.execute(
        select(
            RestaurantPrompt.kind,
            RestaurantPrompt.sentence,
            PromptRendering.text,
            PromptRendering.duration_ms,
        )
        .outerjoin(
            PromptRendering,
            (PromptRendering.restaurant_id == RestaurantPrompt.restaurant_id)
            & (PromptRendering.id == RestaurantPrompt.rendering_id),
        )
        .where(RestaurantPrompt.restaurant_id == restaurant.id)
    )
    own = {row.kind: row for row in rows}
    heard = []
    for kind in PromptKind:
        row = own.get(kind)
        own_words = sentence = row.sentence if row is not None else None
        if sentence is None and kind is PromptKind.GREETING:
            sentence = greeting_sentence(restaurant.spoken_name)
        text = prompt_text(kind, sentence) if sentence is not None else None
        heard.append(
            Heard(
                kind,
                own_words or "",
                text,
                rendered=row is not None and row.text == text,
                duration_ms=row.duration_ms if row is not None else None,
            )
        )
    return heard


async def prompt_sound(
    session: AsyncSession, restaurant_id: UUID, kind: PromptKind
) -> bytes | None:
    """The WAV that callers hear; None for the packaged prompt."""
    return await session.scalar(
        select(PromptRendering.wav)
        .join(
            RestaurantPrompt,
            (RestaurantPrompt.restaurant_id == PromptRendering.restaurant_id)
            & (RestaurantPrompt.rendering_id == PromptRendering.id),
        )
        .where(RestaurantPrompt.restaurant_id == restaurant_id, RestaurantPrompt.kind == kind)
    )


async def _hold(
    session: AsyncSession, restaurant: Restaurant, kind: PromptKind, seen: str | None
) -> None:
    """Let nobody else change it before the commit. Raises `ChangedMeanwhile`."""
    await lock_setup(session, restaurant.id)
    if seen is not None and seen != await own_sentence(session, restaurant.id, kind):
        raise ChangedMeanwhile


async def _audit(
    session: AsyncSession, restaurant: Restaurant, kind: PromptKind, action: str, actor: str
) -> None:
    """The log keeps no words: a greeting may name somebody."""
    await audit(session, restaurant.id, actor=actor, action=action, object=f"prompt:{kind}")


def sayable(sentence: str) -> str:
    """Return the sentence on one line, ending as a sentence does. Raises SentenceRefused."""
    sentence = re.sub(r"[\t\n ]+", " ", clean_text(sentence)).strip()
    if not any(character.isalpha() for character in sentence):
        raise SentenceRefused("nothing to say: write a sentence")
    if found := _MARKUP.intersection(sentence):
        raise SentenceRefused(f"a voice cannot say {' '.join(sorted(found))}: leave it out")
    if sentence[-1] not in ".!?…":
        sentence += "."
    if len(sentence) > MOST_CHARACTERS:
        raise SentenceRefused(
            f"{len(sentence)} characters: callers wait for its end, {MOST_CHARACTERS} at most"
        )
    return sentence
