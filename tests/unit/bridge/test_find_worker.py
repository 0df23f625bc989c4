"""A caller waits for a Redis that restarts, not for one that has been gone for long."""

from dataclasses import replace

import pytest
import redis

from controlplane.bridge.calls.find_worker import MAX_QUEUE_FAILURES, find_worker
from controlplane.bridge.calls.incoming_call import IncomingCall
from controlplane.bridge.calls.offers import AWAY_S, Offers
from controlplane.contracts.messages import CallOffer
from tests.unit.bridge.one_call import OneCall

pytestmark = pytest.mark.unit


class Gone(Offers):
    """Redis takes no offer."""

    def __init__(self) -> None:
        super().__init__(redis.Redis())
        self.made = 0

    def make(self, offer: CallOffer) -> None:
        self.made += 1
        raise redis.ConnectionError

    def give_up(self, offer: CallOffer) -> None:
        pass


@pytest.fixture
def queue() -> Gone:
    return Gone()


@pytest.fixture
def one(queue: Gone) -> OneCall:
    one = OneCall()
    one.context = replace(one.context, offers=queue)
    return one


def test_a_redis_that_restarts_is_waited_for(
    one: OneCall, queue: Gone, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    wait = IncomingCall.wait

    def wait_no_longer(call: IncomingCall, *kinds: type, timeout_s: float) -> object:
        if kinds:
            return wait(call, *kinds, timeout_s=timeout_s)
        waited.append(timeout_s)
        return None

    monkeypatch.setattr(IncomingCall, "wait", wait_no_longer)
    assert find_worker(one.context) is None
    assert queue.made == MAX_QUEUE_FAILURES
    assert len(waited) == MAX_QUEUE_FAILURES - 1
    assert one.heard_since() == ["stop", "busy", "tone"]


def test_one_that_was_gone_before_is_asked_once(one: OneCall, queue: Gone) -> None:
    queue.heard_at -= AWAY_S + 1.0
    assert find_worker(one.context) is None
    assert queue.made == 1
    assert one.heard_since() == []


def test_a_redis_that_is_heard_again_is_waited_for_again(queue: Gone) -> None:
    queue.heard_at -= AWAY_S + 1.0
    assert queue.away
    queue.heard()
    assert not queue.away
