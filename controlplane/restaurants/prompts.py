"""A restaurant's own words for what callers hear without an assistant.

The controller has them said (`controlplane/controller/prompts.py`), a trigger tells the bridges.
The caller of these commits.
"""

import re
from dataclasses import dataclass
from typing import Final

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
from controlplane.restaurants.prompt_errors import SentenceRefused

_MARKUP: Final = frozenset("<>[]{}")
"""Speech engines read these as instructions."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One prompt as callers are to hear it."""

    kind: PromptKind
    text: str | None
    """None stands for the packaged prompt."""
    rendered: bool
    """Callers hear it already; the packaged prompt, or the words before, until then."""


async def word_prompt(
    session: AsyncSession, restaurant: Restaurant, *, kind: PromptKind, sentence: str
) -> str:
    """Have a prompt say this from now on, and return all that callers will hear.

    Raises SentenceRefused.
    """
    sentence = sayable(sentence)
    row = {"restaurant_id": restaurant.id, "kind": kind, "sentence": sentence}
    await session.execute(
        insert(RestaurantPrompt)
        .values(id=new_id(), **row)
        .on_conflict_do_update(
            index_elements=["restaurant_id", "kind"], set_={"sentence": sentence}
        )
    )
    return prompt_text(kind, sentence)


async def unword_prompt(session: AsyncSession, restaurant: Restaurant, *, kind: PromptKind) -> None:
    """Take the restaurant's words back: it greets by its name, or says the packaged prompt."""
    own = (RestaurantPrompt.restaurant_id == restaurant.id) & (RestaurantPrompt.kind == kind)
    if kind is PromptKind.GREETING:  # the row stays: the old words are heard until the name is said
        await session.execute(update(RestaurantPrompt).where(own).values(sentence=None))
    else:
        await session.execute(delete(RestaurantPrompt).where(own))


async def heard_prompts(session: AsyncSession, restaurant: Restaurant) -> list[Heard]:
    """Return each kind of prompt as callers are to hear it."""
    rows = await session.execute(
        select(RestaurantPrompt.kind, RestaurantPrompt.sentence, PromptRendering.text)
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
        sentence = row.sentence if row is not None else None
        if sentence is None and kind is PromptKind.GREETING:
            sentence = greeting_sentence(restaurant.spoken_name)
        text = prompt_text(kind, sentence) if sentence is not None else None
        heard.append(Heard(kind, text, rendered=row is not None and row.text == text))
    return heard


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
