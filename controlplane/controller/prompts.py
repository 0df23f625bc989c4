"""Has each restaurant's prompts rendered, once for each text, voice and engine.

The leader looks which prompts lack a rendering and makes some at a turn; a trigger tells their
bridges (`controlplane/bridge/prompt_files.py`). Two leaders in a row may say a text twice, and
store it once.
"""

import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import Connection, Engine, Text, column, func, select, true, update, values
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError, OperationalError

from controlplane.contracts.identifiers import new_id
from controlplane.contracts.prompts import PromptKind, greeting_sentence, prompt_text
from controlplane.contracts.restaurant_config import RestaurantStatus
from controlplane.controller import metrics
from controlplane.models.prompt_rendering import PromptRendering
from controlplane.models.restaurant import Restaurant
from controlplane.models.restaurant_prompt import RestaurantPrompt
from controlplane.prompts import engines
from controlplane.prompts.render import Request, Sound, render
from controlplane.prompts.speech import SpeechFailed

MOST_A_TURN: Final = 4
"""When an engine's version rises, a thousand greetings are rendered over a quarter of an hour, and
calls do not notice."""
RETRY_FIRST_S: Final = 30.0
RETRY_MOST_S: Final = 3_600.0
"""What one engine cannot say today it can perhaps tomorrow; it is not asked all the time."""

_KINDS: Final = values(column("kind", Text), name="kinds").data([(kind,) for kind in PromptKind])
_PROMPTS: Final = (
    select(
        Restaurant.id,
        Restaurant.spoken_name,
        Restaurant.voice,
        _KINDS.c.kind,
        RestaurantPrompt.sentence,
        PromptRendering.digest,
    )
    .select_from(Restaurant)
    .join(_KINDS, true())
    .outerjoin(
        RestaurantPrompt,
        (RestaurantPrompt.restaurant_id == Restaurant.id)
        & (RestaurantPrompt.kind == _KINDS.c.kind),
    )
    .outerjoin(
        PromptRendering,
        (PromptRendering.restaurant_id == Restaurant.id)
        & (PromptRendering.id == RestaurantPrompt.rendering_id),
    )
    .where(
        Restaurant.status != RestaurantStatus.CLOSED,
        (_KINDS.c.kind == PromptKind.GREETING) | RestaurantPrompt.id.is_not(None),
    )
)
"""Every restaurant greets its callers; the other prompts are packaged where it has no own words."""

_Key = tuple[UUID, str]

_logger = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Wanted:
    """A prompt whose rendering is not the one its restaurant wants."""

    restaurant_id: UUID
    kind: PromptKind
    sentence: str | None
    text: str
    voice: str
    played: bool
    """Callers hear an older rendering meanwhile, and no packaged prompt."""

    @property
    def named(self) -> dict[str, str]:
        """Return what a log line says of it."""
        return {"restaurant_id": str(self.restaurant_id), "kind": self.kind}

    def key(self, engine: engines.Engine) -> _Key:
        """Return whose it is, and a digest that tells this sound from any other of theirs."""
        said = "\0".join((self.kind, self.text, self.voice, engine))
        return self.restaurant_id, hashlib.sha256(said.encode()).hexdigest()


@dataclass(slots=True)
class _Failure:
    wait_s: float
    again_at: float


class Prompts:
    """Renders with one engine. A replica that does not lead takes no turn."""

    def __init__(
        self,
        database: Engine,
        speech: engines.Engine,
        *,
        leads: Callable[[], bool],
        say: Callable[[Request], Sound] = render,
    ) -> None:
        self._database = database
        self._speech = speech
        self._leads = leads
        self._say = say
        self._failures: dict[_Key, _Failure] = {}

    def turn(self) -> None:
        """Render some of what lacks a rendering, first where callers hear a packaged prompt.

        Raises OperationalError when Postgres is away; what fails otherwise is one restaurant's.
        """
        if not self._leads():
            metrics.PROMPTS_WAITING.set(0)  # whoever leads now says how many
            return
        with self._database.begin() as connection:
            wanted = {one.key(self._speech): one for one in _wanted(connection, self._speech)}
        metrics.PROMPTS_WAITING.set(len(wanted))
        self._failures = {key: failure for key, failure in self._failures.items() if key in wanted}
        due = [key for key in wanted if self._is_due(key)]
        due.sort(key=lambda key: wanted[key].played)
        for key in due[:MOST_A_TURN]:
            self._make(key, wanted[key])

    def _is_due(self, key: _Key) -> bool:
        failure = self._failures.get(key)
        return failure is None or time.monotonic() >= failure.again_at

    def _make(self, key: _Key, wanted: Wanted) -> None:
        try:
            if not self._play_known(key[1], wanted):
                self._render(key[1], wanted)
        except OperationalError:  # Postgres is away, or somebody keeps this restaurant's row
            self._failed(key)
            raise
        except (SpeechFailed, IntegrityError) as error:
            reason = str(error) if isinstance(error, SpeechFailed) else type(error).__name__
            _logger.warning("prompt_not_rendered", **wanted.named, reason=reason)
            self._failed(key)
        except Exception:  # one prompt's edge: the other restaurants' are made
            _logger.exception("prompt_not_rendered", **wanted.named)
            self._failed(key)
        else:
            self._failures.pop(key, None)

    def _play_known(self, digest: str, wanted: Wanted) -> bool:
        """Tell whether the text was said before: a restaurant may go back to its old words."""
        known = select(PromptRendering.id).where(
            PromptRendering.restaurant_id == wanted.restaurant_id, PromptRendering.digest == digest
        )
        with self._database.begin() as connection:
            rendering_id = connection.scalar(known)
            if rendering_id is not None:
                _have_played(connection, wanted, rendering_id)
        return rendering_id is not None

    def _render(self, digest: str, wanted: Wanted) -> None:
        request = Request(engine=self._speech, text=wanted.text, voice=wanted.voice)
        sound = self._say(request)
        metrics.PROMPTS_RENDERED.labels(self._speech).inc()
        metrics.SPEECH_CHARACTERS.labels(self._speech).inc(len(wanted.text))
        with self._database.begin() as connection:
            rendering_id = _store(connection, digest, wanted, self._speech, sound)
            _have_played(connection, wanted, rendering_id)
        _logger.info("prompt_rendered", **wanted.named, engine=self._speech)

    def _failed(self, key: _Key) -> None:
        before = self._failures.get(key)
        wait_s = min(before.wait_s * 2, RETRY_MOST_S) if before else RETRY_FIRST_S
        self._failures[key] = _Failure(wait_s, time.monotonic() + wait_s)
        metrics.PROMPTS_FAILED.labels(self._speech).inc()


def _wanted(connection: Connection, speech: engines.Engine) -> Iterator[Wanted]:
    """Yield the prompts of all restaurants, unless closed for ever, that play another rendering
    than they should, or none.
    """
    for row in connection.execute(_PROMPTS):
        kind = PromptKind(row.kind)
        sentence = row.sentence or greeting_sentence(row.spoken_name)
        one = Wanted(
            restaurant_id=row.id,
            kind=kind,
            sentence=row.sentence,
            text=prompt_text(kind, sentence),
            voice=row.voice,
            played=row.digest is not None,
        )
        if one.key(speech)[1] != row.digest:
            yield one


def _store(
    connection: Connection, digest: str, wanted: Wanted, speech: engines.Engine, sound: Sound
) -> UUID:
    """Keep the rendering, unless somebody else was quicker; return the id of the one kept."""
    mine = (PromptRendering.restaurant_id, PromptRendering.digest)
    connection.execute(
        insert(PromptRendering)
        .values(
            id=new_id(),
            restaurant_id=wanted.restaurant_id,
            kind=wanted.kind,
            digest=digest,
            text=wanted.text,
            voice=wanted.voice,
            engine=speech,
            rendered_at=func.now(),
            **sound.model_dump(),
        )
        .on_conflict_do_nothing(index_elements=mine)
    )
    known = select(PromptRendering.id).where(mine[0] == wanted.restaurant_id, mine[1] == digest)
    return connection.execute(known).scalar_one()


def _have_played(connection: Connection, wanted: Wanted, rendering_id: UUID) -> None:
    """Have bridges play it, unless the restaurant changed its words meanwhile: those come next."""
    same_words = RestaurantPrompt.sentence.is_not_distinct_from(wanted.sentence)
    connection.execute(
        update(RestaurantPrompt)
        .where(
            RestaurantPrompt.restaurant_id == wanted.restaurant_id,
            RestaurantPrompt.kind == wanted.kind,
            same_words,
        )
        .values(rendering_id=rendering_id)
    )
    if wanted.sentence is None:
        connection.execute(
            insert(RestaurantPrompt)
            .values(
                id=new_id(),
                restaurant_id=wanted.restaurant_id,
                kind=wanted.kind,
                rendering_id=rendering_id,
            )
            .on_conflict_do_nothing()
        )
