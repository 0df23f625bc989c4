"""Answers that the assistant gives to what callers ask often; who calls these commits.

They are part of a worker's config, whose cached copy is dropped at the commit (a trigger).
"""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.contracts.identifiers import new_id
from controlplane.contracts.restaurant_config import FaqAnswer
from controlplane.models.faq import MOST_ANSWER, MOST_QUESTION, Faq
from controlplane.restaurants.audit import audit
from controlplane.restaurants.faq_errors import UnknownAnswer
from controlplane.restaurants.readable_words import readable
from controlplane.restaurants.setup_errors import TooManyOf
from controlplane.restaurants.setup_lock import lock_setup

MOST_ANSWERS: Final = 50
"""The assistant reads them all at the beginning of each call."""


async def add_answer(
    session: AsyncSession, restaurant_id: UUID, question: str, answer: str, *, actor: str
) -> Faq:
    """Add an answer after the others. Raises `WordsRefused`, `TooManyOf`."""
    await lock_setup(session, restaurant_id)
    mine = Faq.restaurant_id == restaurant_id
    count, last = (
        await session.execute(select(func.count(), func.max(Faq.position)).where(mine))
    ).one()
    if count >= MOST_ANSWERS:
        raise TooManyOf("answers", MOST_ANSWERS)
    faq = Faq(
        id=new_id(),
        restaurant_id=restaurant_id,
        question=readable(question, "question", most=MOST_QUESTION),
        answer=readable(answer, "answer", most=MOST_ANSWER),
        position=(last or 0) + 1,
        active=True,
    )
    session.add(faq)
    await _audit(session, faq, "add_answer", actor)
    return faq


async def change_answer(
    session: AsyncSession,
    restaurant_id: UUID,
    faq_id: UUID,
    *,
    actor: str,
    question: str | None = None,
    answer: str | None = None,
    position: int | None = None,
    active: bool | None = None,
) -> None:
    """Change what is given. Raises `UnknownAnswer`, `WordsRefused`."""
    faq = await session.scalar(
        select(Faq)
        .where(Faq.restaurant_id == restaurant_id, Faq.id == faq_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if faq is None:
        raise UnknownAnswer
    if question is not None:
        faq.question = readable(question, "question", most=MOST_QUESTION)
    if answer is not None:
        faq.answer = readable(answer, "answer", most=MOST_ANSWER)
    if position is not None:
        faq.position = position
    if active is not None:
        faq.active = active
    await _audit(session, faq, "change_answer", actor)


async def remove_answer(
    session: AsyncSession, restaurant_id: UUID, faq_id: UUID, *, actor: str
) -> None:
    """Take an answer away. Raises `UnknownAnswer`."""
    removed = await session.scalar(
        delete(Faq).where(Faq.restaurant_id == restaurant_id, Faq.id == faq_id).returning(Faq.id)
    )
    if removed is None:
        raise UnknownAnswer
    await audit(session, restaurant_id, actor=actor, action="remove_answer", object=f"faq:{faq_id}")


async def list_answers(session: AsyncSession, restaurant_id: UUID) -> Sequence[Faq]:
    """Every answer, the inactive ones too, in the restaurant's order."""
    rows = await session.scalars(
        select(Faq).where(Faq.restaurant_id == restaurant_id).order_by(Faq.position, Faq.id)
    )
    return rows.all()


async def read_answers(session: AsyncSession, restaurant_id: UUID) -> tuple[FaqAnswer, ...]:
    """What a worker knows of them: the active ones."""
    return tuple(
        FaqAnswer(question=one.question, answer=one.answer)
        for one in await list_answers(session, restaurant_id)
        if one.active
    )


async def _audit(session: AsyncSession, faq: Faq, action: str, actor: str) -> None:
    """The log keeps no words: an answer may name somebody."""
    await audit(
        session,
        faq.restaurant_id,
        actor=actor,
        action=action,
        object=f"faq:{faq.id}",
        after={"position": faq.position, "active": faq.active},
    )
