"""A stream that cannot be opened, Postgres being away or busy, ends: the browser comes back."""

import contextlib
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from webapp.eventstream import OutboxEvent, Subscription
from webapp.live.stream import LiveStream

pytestmark = pytest.mark.unit


class BusyFeed:
    @contextlib.asynccontextmanager
    async def subscribe(self, _restaurant_id: UUID) -> AsyncIterator[Subscription]:
        raise PoolTimeoutError("every connection is taken")
        yield


async def test_a_stream_that_finds_no_connection_ends() -> None:
    site = SimpleNamespace(feed=BusyFeed(), renderings=None)
    place: Any = SimpleNamespace(site=site, restaurant_id=uuid4())
    assert [event async for event in LiveStream(place, []).events(0)] == []


async def test_a_rendering_that_fails_is_tried_again_in_the_same_stream(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("webapp.live.stream.RENDER_WAITS_S", (0.0, 0.0))
    event = OutboxEvent(7, uuid4(), "order_placed", {})
    failures = [PoolTimeoutError("busy"), OSError("away")]

    async def changes(_self: LiveStream, _events: object) -> list[bytes]:
        if failures:
            raise failures.pop()
        return [b"shown"]

    monkeypatch.setattr(LiveStream, "_changes", changes)
    place: Any = SimpleNamespace(site=SimpleNamespace(feed=None, renderings=None))
    stream = LiveStream(place, [])
    assert await stream._changes_at_last((event,)) == [b"shown"]


async def test_whose_rights_postgres_does_not_tell_goes_on_unless_they_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def busy(_place: object) -> bool:
        raise PoolTimeoutError("busy")

    monkeypatch.setattr("webapp.live.stream.still_let_in", busy)
    monkeypatch.setattr("webapp.live.stream.RIGHTS_EVERY_S", 0.0)
    place: Any = SimpleNamespace(site=SimpleNamespace(feed=None, renderings=None))
    stream = LiveStream(place, [])
    assert not await stream._shut_out(())
    with pytest.raises(PoolTimeoutError):
        await stream._shut_out((OutboxEvent(7, uuid4(), "access_changed", {}),))
