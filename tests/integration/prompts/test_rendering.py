"""A restaurant's prompts are said once for each text and voice, and whatever fails is its alone."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Barrier
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, Engine, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from controlplane.contracts.identifiers import new_id
from controlplane.contracts.prompts import AI_DISCLOSURE
from controlplane.controller import metrics
from controlplane.controller.housekeeping import KEEP_RENDERINGS, prune_tables
from controlplane.controller.prompts import Prompts
from controlplane.database import async_engine, async_sessions, sync_engine
from controlplane.database_roles import DatabaseRole
from controlplane.models.restaurant import Restaurant
from controlplane.prompts import engines
from controlplane.prompts.render import Request, Sound
from controlplane.prompts.speech import SpeechFailed
from controlplane.tenancy import restaurant_session
from tests.accounts import add_account, add_carrier

pytestmark = pytest.mark.integration

SPEECH = engines.Engine.ESPEAK_NG
ROWS = (
    "SELECT p.kind, r.text, r.voice FROM restaurant_prompt p"
    " JOIN prompt_rendering r ON r.id = p.rendering_id WHERE p.restaurant_id = :id ORDER BY p.kind"
)


@dataclass
class Speaker:
    """Says everything but what holds `fails_at`, and remembers what it was asked."""

    fails_at: str = "nothing"
    asked: list[str] = field(default_factory=list)

    def say(self, request: Request) -> Sound:
        self.asked.append(request.text)
        if self.fails_at in request.text:
            raise SpeechFailed("espeak-ng: no voice")
        wav = f"{request.voice}: {request.text}".encode()
        return Sound(wav=wav, duration_ms=20, level_dbfs=-18, peak_dbfs=-3)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """The tables' owner, who adds restaurants."""
    engine = sync_engine(database_url, application_name="test")
    with engine.begin() as connection:
        add_carrier(connection)
    yield engine
    engine.dispose()


@pytest.fixture
def controller(database_url: str) -> Iterator[Engine]:
    engine = sync_engine(
        database_url, application_name="controller", role=DatabaseRole.CONTROLLER, pool_size=4
    )
    yield engine
    engine.dispose()


def restaurant(engine: Engine, name: str) -> UUID:
    with engine.begin() as connection:
        added = add_account(connection)
        connection.execute(
            update(Restaurant).where(Restaurant.id == added).values(spoken_name=name)
        )
    return added


def run(engine: Engine, statement: str, **values: object) -> list[tuple[Any, ...]]:
    with engine.begin() as connection:
        result = connection.execute(text(statement), values)
        return [tuple(row) for row in result] if result.returns_rows else []


def word(connection: Connection, whose: UUID, kind: str, sentence: str | None) -> None:
    connection.execute(
        text(
            "INSERT INTO restaurant_prompt (id, restaurant_id, kind, sentence)"
            " VALUES (:id, :whose, :kind, :sentence)"
            " ON CONFLICT (restaurant_id, kind) DO UPDATE SET sentence = excluded.sentence"
        ),
        {"id": new_id(), "whose": whose, "kind": kind, "sentence": sentence},
    )


def prompts(controller: Engine, speaker: Speaker) -> Prompts:
    return Prompts(controller, SPEECH, leads=lambda: True, say=speaker.say)


async def test_another_tenant_sees_nothing(
    engine: Engine, controller: Engine, database_url: str
) -> None:
    ours, theirs = restaurant(engine, "Chez Nous"), restaurant(engine, "Chez Eux")
    prompts(controller, Speaker()).turn()
    site: AsyncEngine = async_engine(database_url, application_name="web", role=DatabaseRole.WEB)
    for restaurant_id, name in ((ours, "Chez Nous"), (theirs, "Chez Eux")):
        async with restaurant_session(async_sessions(site), restaurant_id) as session:
            texts = await session.scalars(text("SELECT text FROM prompt_rendering"))
            assert texts.all() == [f"Bonjour, ici {name}. {AI_DISCLOSURE}"]
            kept = await session.scalars(text("SELECT restaurant_id FROM restaurant_prompt"))
            assert kept.all() == [restaurant_id]
    await site.dispose()


def test_each_text_is_said_once_and_old_words_are_remembered(
    engine: Engine, controller: Engine
) -> None:
    bella = restaurant(engine, "Bella Napoli")
    speaker = Speaker()
    rendering = prompts(controller, speaker)
    for _ in range(2):
        rendering.turn()
    first = f"Bonjour, ici Bella Napoli. {AI_DISCLOSURE}"
    assert run(engine, ROWS, id=bella) == [("greeting", first, "marin")]
    assert speaker.asked == [first]

    # Own words for two prompts, then the old ones again.
    with engine.begin() as connection:
        word(connection, bella, "greeting", "La Bella, j’écoute.")
        word(connection, bella, "busy", "Toutes nos lignes sont prises.")
    rendering.turn()
    own = f"La Bella, j’écoute. {AI_DISCLOSURE}"
    busy = ("busy", "Toutes nos lignes sont prises.", "marin")
    assert run(engine, ROWS, id=bella) == [busy, ("greeting", own, "marin")]
    with engine.begin() as connection:
        word(connection, bella, "greeting", None)
    rendering.turn()
    assert run(engine, ROWS, id=bella) == [busy, ("greeting", first, "marin")]
    assert sorted(speaker.asked) == sorted([first, own, busy[1]])

    # Another voice says everything again.
    run(engine, "UPDATE restaurant SET voice = 'cedar'")
    rendering.turn()
    assert [row[2] for row in run(engine, ROWS, id=bella)] == ["cedar", "cedar"]
    assert len(speaker.asked) == 5

    # What is played stays; what is not goes, some day.
    old = KEEP_RENDERINGS + timedelta(days=1)
    run(engine, "UPDATE prompt_rendering SET rendered_at = now() - :old", old=old)
    prune_tables(controller)
    assert run(engine, "SELECT count(*) FROM prompt_rendering") == [(2,)]


def test_one_that_cannot_be_said_stops_nobody_and_is_left_alone_for_a_while(
    engine: Engine, controller: Engine
) -> None:
    bad = restaurant(engine, "Muet")
    others = [restaurant(engine, "Chez Luigi") for _ in range(5)]  # namesakes, each its own
    speaker = Speaker(fails_at="Muet")
    rendering = prompts(controller, speaker)
    for _ in range(3):
        rendering.turn()
    assert all(run(engine, ROWS, id=other) for other in others)
    assert run(engine, ROWS, id=bad) == []
    assert len(speaker.asked) == 6
    speaker.fails_at = "nothing"
    prompts(controller, speaker).turn()  # the next leader tries it at once
    assert run(engine, ROWS, id=bad)


def test_whoever_does_not_lead_says_nothing_and_nothing_waits_for_them(
    engine: Engine, controller: Engine
) -> None:
    restaurant(engine, "Chez Luigi")
    speaker = Speaker(fails_at="Luigi")
    leads = True
    controllers = Prompts(controller, SPEECH, leads=lambda: leads, say=speaker.say)
    controllers.turn()
    assert (len(speaker.asked), metrics.PROMPTS_WAITING._value.get()) == (1, 1)
    leads = False
    Prompts(controller, SPEECH, leads=lambda: leads, say=speaker.say).turn()
    assert (len(speaker.asked), metrics.PROMPTS_WAITING._value.get()) == (1, 0)


def test_two_that_say_the_same_at_once_store_it_once(engine: Engine, controller: Engine) -> None:
    luigi = restaurant(engine, "Chez Luigi")
    failed = metrics.PROMPTS_FAILED.labels(SPEECH)._value.get()
    both_said = Barrier(2)

    class Together(Speaker):
        def say(self, request: Request) -> Sound:
            both_said.wait(timeout=10)
            return super().say(request)

    with ThreadPoolExecutor(2) as threads:
        turns = [threads.submit(prompts(controller, Together()).turn) for _ in range(2)]
        for turn in turns:
            turn.result(timeout=20)
    assert run(engine, "SELECT count(*) FROM prompt_rendering") == [(1,)]
    assert len(run(engine, ROWS, id=luigi)) == 1
    assert metrics.PROMPTS_FAILED.labels(SPEECH)._value.get() == failed


def test_words_changed_while_the_old_ones_are_said_are_what_is_played_in_the_end(
    engine: Engine, controller: Engine
) -> None:
    luigi = restaurant(engine, "Chez Luigi")

    class Interrupted(Speaker):
        def say(self, request: Request) -> Sound:
            if not self.asked:
                with engine.begin() as connection:
                    word(connection, luigi, "greeting", "Luigi, bonsoir.")
            return super().say(request)

    rendering = prompts(controller, Interrupted())
    rendering.turn()
    assert run(engine, ROWS, id=luigi) == []
    rendering.turn()
    assert run(engine, ROWS, id=luigi)[0][1] == f"Luigi, bonsoir. {AI_DISCLOSURE}"


def test_the_database_takes_no_greeting_that_hides_that_an_ai_speaks(
    engine: Engine, controller: Engine
) -> None:
    luigi = restaurant(engine, "Chez Luigi")
    with engine.begin() as connection:
        word(connection, luigi, "busy", "Je suis Luigi en personne.")
    prompts(controller, Speaker()).turn()
    for hidden in (
        "UPDATE prompt_rendering SET text = 'Je suis Luigi en personne.' WHERE kind = 'greeting'",
        "UPDATE prompt_rendering SET kind = 'greeting' WHERE kind = 'busy'",
        "UPDATE restaurant_prompt SET rendering_id ="
        " (SELECT id FROM prompt_rendering WHERE kind = 'busy') WHERE kind = 'greeting'",
        "UPDATE restaurant_prompt SET kind = 'closed' WHERE kind = 'busy'",
        "UPDATE restaurant_prompt SET sentence = NULL WHERE kind = 'busy'",
    ):
        with pytest.raises(IntegrityError):
            run(engine, hidden)
