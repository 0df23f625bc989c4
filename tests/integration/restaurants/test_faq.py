"""Callers' questions are counted, bounded and forgotten with them; the answered are told."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from controlplane.cli import main
from controlplane.contracts.identifiers import new_id
from controlplane.controller.housekeeping import prune_callers
from controlplane.database import async_sessions, sync_engine
from controlplane.database_roles import DatabaseRole
from controlplane.models.call import Call
from controlplane.models.faq import Faq
from controlplane.models.faq_gap import FaqGap
from controlplane.models.restaurant import Restaurant
from controlplane.restaurants.certify_erasure import erase_and_certify
from controlplane.restaurants.config_cache import read_restaurant_config
from controlplane.restaurants.export_caller import export_caller
from controlplane.restaurants.faq import MOST_ANSWERS, add_answer, change_answer, remove_answer
from controlplane.restaurants.faq_errors import UnknownAnswer, UnknownQuestion
from controlplane.restaurants.faq_gaps import (
    MOST_GAPS,
    MOST_OF_A_CALL,
    answer_gap,
    dismiss_gap,
    open_gaps,
    record_gap,
    same_words,
)
from controlplane.restaurants.setup_errors import TooManyOf, WordsRefused
from controlplane.tenancy import restaurant_session
from tests.accounts import SECRETS
from tests.integration.kitchen_orders import add_restaurant

pytestmark = pytest.mark.integration

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
TERRACE = "Avez-vous une terrasse ?"
NUMBER = "+33639980134"


@pytest.fixture
async def luigi(database: AsyncEngine) -> UUID:
    async with async_sessions(database).begin() as session:
        return await add_restaurant(session, name="Chez Luigi")


@pytest.fixture
async def session(database: AsyncEngine, luigi: UUID) -> AsyncIterator[AsyncSession]:
    """The worker records, the site answers: neither's role is that of the tests' owner."""
    async with restaurant_session(async_sessions(database), luigi) as session:
        await act_as(session, DatabaseRole.WORKER)
        yield session


async def act_as(session: AsyncSession, role: DatabaseRole) -> None:
    await session.execute(text(f"SET LOCAL ROLE {role}"))


async def told(database: AsyncEngine, restaurant_id: UUID) -> list[tuple[str, str]]:
    config, _ = await read_restaurant_config(async_sessions(database), restaurant_id)
    return [(one.question, one.answer) for one in config.faq]


async def test_another_tenant_sees_nothing(database: AsyncEngine, luigi: UUID) -> None:
    sessions = async_sessions(database)
    async with sessions.begin() as session:
        faq = await add_answer(session, luigi, TERRACE, "Oui, de mai à octobre.", actor="user:1")
        await record_gap(session, luigi, "Prenez-vous les tickets restaurant ?", NOW)
        (gap,) = await open_gaps(session, luigi)
        mario = await add_restaurant(session, name="Chez Mario")
        for attempt in (
            remove_answer(session, mario, faq.id, actor="user:1"),
            change_answer(session, mario, faq.id, actor="user:1", active=False),
            dismiss_gap(session, mario, gap.id, actor="user:1"),
        ):
            with pytest.raises((UnknownAnswer, UnknownQuestion)):
                await attempt
    assert await told(database, mario) == []
    assert await told(database, luigi) == [(TERRACE, "Oui, de mai à octobre.")]
    async with restaurant_session(sessions, mario) as session:
        await act_as(session, DatabaseRole.WEB)
        for model in (Faq, FaqGap):
            assert await session.scalar(select(func.count()).select_from(model)) == 0


async def test_a_question_is_counted_in_any_spelling_and_answered_once(
    database: AsyncEngine, session: AsyncSession, luigi: UUID
) -> None:
    for asked in (TERRACE, "avez vous une TERRASSE", "Et le parking ?"):
        assert await record_gap(session, luigi, asked, NOW)
    await act_as(session, DatabaseRole.WEB)
    terrace, parking = await open_gaps(session, luigi)
    assert (terrace.question, terrace.times) == ("avez vous une TERRASSE", 2)
    await answer_gap(
        session, luigi, terrace.id, "Oui, de mai à octobre.", actor="user:1", question=TERRACE
    )
    await dismiss_gap(session, luigi, parking.id, actor="user:1")
    for settled in (terrace, parking):
        with pytest.raises(UnknownQuestion):
            await answer_gap(session, luigi, settled.id, "Non.", actor="user:1")
    await act_as(session, DatabaseRole.WORKER)
    assert await record_gap(session, luigi, TERRACE, NOW)
    assert await open_gaps(session, luigi) == []
    await session.commit()
    assert await told(database, luigi) == [(TERRACE, "Oui, de mai à octobre.")]


async def test_answers_are_ordered_switched_off_and_bounded(
    database: AsyncEngine, luigi: UUID
) -> None:
    async with async_sessions(database).begin() as session:
        rows = [
            await add_answer(session, luigi, f"Question {n} ?", f"Réponse {n}.", actor="user:1")
            for n in range(MOST_ANSWERS)
        ]
        with pytest.raises(TooManyOf):
            await add_answer(session, luigi, TERRACE, "Oui.", actor="user:1")
        for row in rows[3:]:
            await remove_answer(session, luigi, row.id, actor="user:1")
        await change_answer(session, luigi, rows[1].id, actor="user:1", active=False)
        await change_answer(session, luigi, rows[2].id, actor="user:1", position=0, answer="Non.")
        for question, answer in (("", "Oui."), (TERRACE, "x" * 401), (TERRACE, "a\x00b")):
            with pytest.raises(WordsRefused):
                await add_answer(session, luigi, question, answer, actor="user:1")
    assert await told(database, luigi) == [("Question 2 ?", "Non."), ("Question 0 ?", "Réponse 0.")]


async def test_neither_a_caller_nor_all_of_them_fill_the_list(
    session: AsyncSession, luigi: UUID
) -> None:
    call_id = new_id()
    for n in range(MOST_OF_A_CALL):
        assert await record_gap(session, luigi, f"Question {n} de trop ?", NOW, call_id=call_id)
    assert not await record_gap(session, luigi, "Encore une ?", NOW, call_id=call_id)
    assert await record_gap(session, luigi, "Question 0 de trop ?", NOW, call_id=call_id)
    for nothing in ("", " ?! ", "06 39 98 01 23", "\x00\ud800"):
        assert not await record_gap(session, luigi, nothing, NOW)
    await session.execute(
        text(
            "INSERT INTO faq_gap (id, restaurant_id, words, question, times, status, last_asked_at)"
            " SELECT gen_random_uuid(), :id, 'q' || n, 'q' || n, 9, 'open', :at"
            " FROM generate_series(1, :most) n"
        ),
        {"id": luigi, "at": NOW + timedelta(minutes=1), "most": MOST_GAPS - 1},
    )
    assert await record_gap(session, luigi, TERRACE, NOW + timedelta(minutes=2))
    kept = list(await session.scalars(select(FaqGap.words)))
    assert len(kept) == MOST_GAPS
    assert same_words(TERRACE) in kept


async def test_a_question_is_erased_with_who_asked_it_and_keeps_no_number(
    database: AsyncEngine, luigi: UUID
) -> None:
    async with async_sessions(database).begin() as session:
        restaurant = await session.get_one(Restaurant, luigi)
        call_id = new_id()
        session.add(
            Call(
                id=call_id, restaurant_id=luigi, caller_number=NUMBER, started_at=NOW, ended_at=NOW
            )
        )
        await record_gap(
            session, luigi, "Rappelez-moi au 06 39 98 01 34, possible ?", NOW, call_id=call_id
        )
        await record_gap(session, luigi, TERRACE, NOW)
        assert {gap.question for gap in await open_gaps(session, luigi)} == {
            "Rappelez-moi au …, possible ?",
            TERRACE,
        }
        await act_as(session, DatabaseRole.ADMIN)
        exported = await export_caller(session, restaurant, NUMBER)
        assert [row["question"] for row in exported["faq_gap"]] == ["Rappelez-moi au …, possible ?"]
        done = await erase_and_certify(session, SECRETS, [restaurant], NUMBER)
        assert all(one.clean for one in done.certificates)
        assert [gap.question for gap in await open_gaps(session, luigi)] == [TERRACE]


async def test_admins_answer_and_time_forgets(
    database_url: str,
    database: AsyncEngine,
    luigi: UUID,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Any,
) -> None:
    async with async_sessions(database).begin() as session:
        await record_gap(session, luigi, TERRACE, NOW)
        await record_gap(session, luigi, "Il y a longtemps ?", NOW - timedelta(days=4000))
        (gap, _old) = await open_gaps(session, luigi)
    monkeypatch.setenv("DATABASE_URL", database_url)
    place = str(luigi)

    def run(*words: str) -> int:
        """The commands have an event loop of their own."""
        return main(["faq", *words])

    assert await asyncio.to_thread(run, "answer", place, str(gap.id), "Oui.") == 0
    assert await asyncio.to_thread(run, "answer", place, str(gap.id), "Non.") == 1
    assert await asyncio.to_thread(run, "list", place) == 0
    assert TERRACE in capsys.readouterr().out
    engine = sync_engine(database_url, application_name="test")
    await asyncio.to_thread(prune_callers, engine)
    engine.dispose()
    async with async_sessions(database)() as session:
        assert await open_gaps(session, luigi) == []


@settings(max_examples=25)
@given(st.text(max_size=60))
def test_the_same_question_twice_has_the_same_words(question: str) -> None:
    words = same_words(question)
    assert same_words(words) == words
    assert same_words(f"  {question} !") == words
