"""The feed of the kitchens' pages outlives a failure that nobody thought of, and a thousand pages
that come back at once: all pages need it.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast
from uuid import uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from tests.waiting import elapse
from webapp import eventstream
from webapp.eventstream import OPENING_AT_ONCE, OutboxFeed

pytestmark = pytest.mark.unit


class Listened(BaseException):
    """The second attempt was made, and the test is over."""


class CarelessFeed(OutboxFeed):
    """Its first attempt fails."""

    attempts = 0

    async def _listen(self) -> AsyncIterator[None]:
        self.attempts += 1
        if self.attempts == 2:
            raise Listened
        yield
        raise LookupError("nobody thought of this")


async def test_an_unforeseen_failure_is_followed_by_another_attempt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(eventstream, "RETRY_FIRST_S", 0.0)
    feed = CarelessFeed("postgresql://x", cast("async_sessionmaker[AsyncSession]", None))
    with pytest.raises(Listened):
        await feed.run()
    assert feed.attempts == 2


async def test_a_thousand_pages_that_come_back_read_a_few_at_a_time() -> None:
    open_now, most = 0, 0

    class Session:
        async def __aenter__(self) -> "Session":
            nonlocal open_now, most
            open_now += 1
            most = max(most, open_now)
            return self

        async def __aexit__(self, *_: object) -> None:
            nonlocal open_now
            open_now -= 1

        async def scalar(self, _query: object) -> int:
            await elapse(0, because="the others get their turn")
            return 7

    sessions: Any = Session
    feed = OutboxFeed("postgresql://nowhere", sessions)
    newest = await asyncio.gather(*(feed.newest_id(uuid4()) for _ in range(1_000)))
    assert (set(newest), most) == ({7}, OPENING_AT_ONCE)
