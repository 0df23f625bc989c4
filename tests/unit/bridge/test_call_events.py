"""A call event that cannot be written holds up no other, and is counted."""

from datetime import UTC, datetime
from typing import cast

import pytest
import redis

from controlplane.bridge import metrics
from controlplane.bridge.calls.call_record import CallEventPublisher
from controlplane.contracts.hangup_causes import CallOutcome
from controlplane.contracts.identifiers import new_id
from controlplane.contracts.messages import CallEnded
from controlplane.loop import spawn
from tests.waiting import gevent_until

pytestmark = pytest.mark.unit


class Stream:
    """Redis as the publisher uses it."""

    def __init__(self) -> None:
        self.published: list[str] = []

    def xadd(self, _stream: str, fields: dict[str, str], *, maxlen: int) -> None:
        self.published.append(fields["event"])


def ended(cause: str) -> CallEnded:
    """A fact, put together without its checks."""
    return CallEnded.model_construct(
        id=new_id(),
        call_id=new_id(),
        restaurant_id=new_id(),
        at=datetime.now(UTC),
        hangup_cause=cause,
        outcome=CallOutcome.INFORMATION,
        duration_ms=1,
    )


def test_the_events_after_one_that_cannot_be_written_are_published() -> None:
    stream = Stream()
    publisher = CallEventPublisher(cast("redis.Redis", stream))
    before = metrics.CALL_EVENTS_DROPPED._value.get()
    for cause in ("NORMAL_CLEARING", "\ud800", "USER_BUSY"):
        publisher.publish(ended(cause))
    running = spawn("publisher", publisher.run)
    gevent_until(lambda: len(stream.published) == 2)
    running.kill()
    assert [("USER_BUSY" in event) for event in stream.published] == [False, True]
    assert metrics.CALL_EVENTS_DROPPED._value.get() == before + 1
