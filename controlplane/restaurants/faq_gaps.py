"""Questions nobody could answer are counted until the restaurant answers or dismisses them.

They are callers' words: long numbers are left out, they end with the restaurant's time for
transcripts, and whoever asked one last has it erased with them. Who calls these commits.
"""

import re
import unicodedata
from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.contracts.clean_text import clean_text
from controlplane.contracts.identifiers import new_id
from controlplane.models.faq import MOST_QUESTION, Faq
from controlplane.models.faq_gap import FaqGap, GapStatus
from controlplane.restaurants.audit import audit
from controlplane.restaurants.faq import add_answer
from controlplane.restaurants.faq_errors import UnknownQuestion

MOST_GAPS: Final = 200
"""A longer list is read by nobody: the question that was not asked for longest makes room."""
MOST_OF_A_CALL: Final = 5
"""A caller who asks for the sake of asking does not push out what others want to know."""

_LONG_NUMBER: Final = re.compile(r"\+?\d(?:[\s.()/-]*\d){3,}")
"""It may be somebody's telephone number; a year or a price of four digits is no loss."""
_WORD: Final = re.compile(r"[^\W_]+")


def same_words(question: str) -> str:
    """What makes a question the same one: its words, without case, accents and punctuation."""
    plain = unicodedata.normalize("NFKD", question.casefold())
    bare = "".join(char for char in plain if not unicodedata.combining(char))
    return " ".join(_WORD.findall(bare))[:MOST_QUESTION].strip()


async def record_gap(
    session: AsyncSession,
    restaurant_id: UUID,
    question: str,
    now: datetime,
    *,
    call_id: UUID | None = None,
) -> bool:
    """Count a question that nobody could answer, and say whether it was: what has no words, and a
    call's sixth, are not. Whatever the model writes is taken: longer is cut.
    """
    asked = " ".join(_LONG_NUMBER.sub("…", clean_text(question)).split())[:MOST_QUESTION].strip()
    words = same_words(asked)
    if not words or await _asks_too_much(session, restaurant_id, words, call_id):
        return False
    said = {"question": asked, "call_id": call_id, "last_asked_at": now}
    await session.execute(
        insert(FaqGap)
        .values(
            id=new_id(),
            restaurant_id=restaurant_id,
            words=words,
            times=1,
            status=GapStatus.OPEN,
            **said,
        )
        .on_conflict_do_update(
            index_elements=["restaurant_id", "words"], set_={"times": FaqGap.times + 1, **said}
        )
    )
    await _make_room(session, restaurant_id)
    return True


async def answer_gap(
    session: AsyncSession,
    restaurant_id: UUID,
    gap_id: UUID,
    answer: str,
    *,
    actor: str,
    question: str | None = None,
) -> Faq:
    """Answer it from the next call on, under the words it was asked in unless others are given.

    Raises `UnknownQuestion`, and what `add_answer` raises.
    """
    gap = await _settle(session, restaurant_id, gap_id, GapStatus.ANSWERED, actor=actor)
    faq = await add_answer(session, restaurant_id, question or gap.question, answer, actor=actor)
    gap.faq_id = faq.id
    await session.flush()
    return faq


async def dismiss_gap(
    session: AsyncSession, restaurant_id: UUID, gap_id: UUID, *, actor: str
) -> None:
    """Leave it without an answer. Raises `UnknownQuestion`."""
    await _settle(session, restaurant_id, gap_id, GapStatus.DISMISSED, actor=actor)


async def open_gaps(session: AsyncSession, restaurant_id: UUID) -> Sequence[FaqGap]:
    """What waits for an answer, first what is asked most."""
    gaps = await session.scalars(
        select(FaqGap)
        .where(FaqGap.restaurant_id == restaurant_id, FaqGap.status == GapStatus.OPEN)
        .order_by(FaqGap.times.desc(), FaqGap.last_asked_at.desc())
    )
    return gaps.all()


async def _settle(
    session: AsyncSession, restaurant_id: UUID, gap_id: UUID, to: GapStatus, *, actor: str
) -> FaqGap:
    gap = await session.scalar(
        update(FaqGap)
        .where(
            FaqGap.restaurant_id == restaurant_id,
            FaqGap.id == gap_id,
            FaqGap.status == GapStatus.OPEN,
        )
        .values(status=to)
        .returning(FaqGap)
        .execution_options(populate_existing=True)
    )
    if gap is None:
        raise UnknownQuestion
    await audit(
        session,
        restaurant_id,
        actor=actor,
        action="settle_question",
        object=f"faq_gap:{gap_id}",
        before={"status": GapStatus.OPEN},
        after={"status": to},
    )
    return gap


async def _asks_too_much(
    session: AsyncSession, restaurant_id: UUID, words: str, call_id: UUID | None
) -> bool:
    if call_id is None:
        return False
    others = await session.scalar(
        select(func.count()).where(
            FaqGap.restaurant_id == restaurant_id,
            FaqGap.call_id == call_id,
            FaqGap.words != words,
        )
    )
    return (others or 0) >= MOST_OF_A_CALL


async def _make_room(session: AsyncSession, restaurant_id: UUID) -> None:
    rest = (
        select(FaqGap.id)
        .where(FaqGap.restaurant_id == restaurant_id)
        .order_by(FaqGap.last_asked_at.desc(), FaqGap.id.desc())
        .offset(MOST_GAPS)
    )
    await session.execute(
        delete(FaqGap).where(FaqGap.restaurant_id == restaurant_id, FaqGap.id.in_(rest))
    )
