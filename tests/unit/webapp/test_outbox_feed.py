"""The feed of the kitchens' pages outlives a failure that nobody thought of: all pages need it."""

from collections.abc import AsyncIterator
from typing import cast

import pytest
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from webapp import eventstream
from webapp.eventstream import OutboxFeed

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
