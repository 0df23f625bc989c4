"""What an open page may hear of: a topic says which rows of the outbox concern it, and renders what
is to be seen of them now.

A feature declares its topics in its own `live.py` and adds them to `webapp/topics.py`.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

import structlog
from pydantic import JsonValue
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.event_outbox import OutboxTopic
from controlplane.models.membership import Role
from webapp.eventstream import OutboxEvent
from webapp.place import Place

_logger = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fragment:
    """One element of a page, as it now is. Its root has an id, by which the page finds its place:
    docs/live.md says how.
    """

    html: str
    event_id: int
    """The outbox's id of the last event it shows: the page resumes behind it."""
    facts: Mapping[str, JsonValue] = field(default_factory=dict)
    """What a script of the page is told beside it, such as an order's number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What a topic is to render: events that concern it, the oldest first, never none."""

    events: tuple[OutboxEvent, ...]
    argument: str = ""
    """What the page named behind the topic's name: `call:0190…` is the topic `call` of that call.
    It comes from the browser: it is to be checked as any input."""

    @property
    def last_id(self) -> int:
        return self.events[-1].id

    def subjects(self, key: str) -> dict[UUID, int]:
        """What the events tell of under this key of their payload, with the id of the last event
        of each.
        """
        found: dict[UUID, int] = {}
        for event in self.events:
            if (value := event.payload.get(key)) is not None:
                try:
                    found[UUID(str(value))] = event.id
                except ValueError:
                    _logger.error("outbox_id_unreadable", outbox_id=event.id, topic=event.topic)
        return found


Render = Callable[[Place, AsyncSession, News], Awaitable[list[Fragment]]]
"""It reads within the place's walls and renders. What it makes is shared by all streams of the same
restaurant, role and language, so it shows nothing of `place.user`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """What a page subscribes to by `name`, which is also the name of its server-sent events."""

    name: str
    hears: frozenset[OutboxTopic]
    render: Render
    least: Role = Role.STAFF
    """Who may hear of it."""
    tablets: bool = False
    """A paired tablet may too."""
    every_s: float | None = None
    """It changes with time as well, and is rendered again after so many seconds: its events are
    then the newest that the stream has seen, whatever they tell of."""

    def may_be_heard(self, place: Place) -> bool:
        return self.tablets if place.role is None else place.may(self.least)


def index(topics: Iterable[Topic]) -> dict[str, Topic]:
    """Return the topics by name. Raises `ValueError` when two have one name."""
    by_name: dict[str, Topic] = {}
    for topic in topics:
        if by_name.setdefault(topic.name, topic) is not topic:
            raise ValueError(f"two topics are called {topic.name}")
    return by_name
