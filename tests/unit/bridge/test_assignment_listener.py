"""Whatever a bridge is told, it looks; only a binding given back makes it do more. It knows when it
hears nothing.
"""

from collections import deque
from uuid import UUID

import pytest
import redis
from redis.client import PubSub

from controlplane.bridge import metrics
from controlplane.bridge.assignment_listener import AssignmentListener
from controlplane.contracts import redis_keys
from controlplane.contracts.assignments import (
    BindingGivenBack,
    CallAsked,
    Echo,
    RegistrationsPlaced,
)
from controlplane.contracts.identifiers import new_id
from controlplane.errors import ServiceUnavailable

pytestmark = pytest.mark.unit

GIVEN_BACK = BindingGivenBack(gateway_name="pizza-0a1b2c3d")


@pytest.mark.parametrize(
    ("body", "given_back", "unreadable"),
    [
        (RegistrationsPlaced().to_json(), [], 0),
        (GIVEN_BACK.to_json(), [GIVEN_BACK], 0),
        ("placed", [], 1),
        ("", [], 1),
        ('{"type": "of a later version"}', [], 1),
    ],
)
def test_no_wake_up_is_lost(body: str, given_back: list[BindingGivenBack], unreadable: int) -> None:
    heard: list[BindingGivenBack] = []
    looks: list[None] = []
    listener = AssignmentListener(
        redis.Redis(),
        bridge_id="bridge-0",
        given_back=heard.append,
        call_asked=lambda _: None,
        look_soon=lambda: looks.append(None),
    )
    before = metrics.ASSIGNMENTS_UNREADABLE._value.get()
    listener._heard(body)
    assert (heard, looks) == (given_back, [None])
    assert metrics.ASSIGNMENTS_UNREADABLE._value.get() - before == unreadable


class Deaf:
    """A client whose subscription hears what the test lets it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *heard: object) -> None:
        self.published: list[str] = []
        self._heard = deque(heard)
        monkeypatch.setattr(PubSub, "execute_command", lambda *_: None)
        monkeypatch.setattr(PubSub, "parse_response", lambda *_, **__: self._heard.popleft())
        monkeypatch.setattr(redis.Redis, "publish", lambda _, __, body: self.published.append(body))
        self.looks: list[None] = []
        self.asked: list[UUID] = []
        self.listener = AssignmentListener(
            redis.Redis(),
            bridge_id="bridge-0",
            given_back=lambda _: None,
            call_asked=self.asked.append,
            look_soon=lambda: self.looks.append(None),
        )

    def hear(self) -> None:
        while self._heard:
            self.listener._turn()


CHANNEL = redis_keys.bridge_assignments("bridge-0")
SUBSCRIBED = ["subscribe", CHANNEL, 1]
ECHO = ["message", CHANNEL, Echo().to_json()]


def test_each_subscription_is_a_reason_to_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """redis-py connects again by itself, and nobody knows what was said meanwhile."""
    deaf = Deaf(monkeypatch, SUBSCRIBED, None, SUBSCRIBED)
    deaf.hear()
    assert deaf.looks == [None, None]


def test_a_bridge_that_hears_itself_stays_subscribed(monkeypatch: pytest.MonkeyPatch) -> None:
    deaf = Deaf(monkeypatch, SUBSCRIBED, None, ECHO, None, ECHO)
    deaf.hear()
    assert deaf.published == [Echo().to_json()] * 2
    assert deaf.looks == [None]


def test_a_bridge_that_does_not_hear_itself_subscribes_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    deaf = Deaf(monkeypatch, SUBSCRIBED, None, None, SUBSCRIBED)
    with pytest.raises(ServiceUnavailable):
        deaf.hear()
    deaf.hear()
    assert deaf.looks == [None, None]


def test_what_is_asked_of_a_call_is_no_reason_to_look(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = CallAsked(call_id=new_id())
    deaf = Deaf(monkeypatch, SUBSCRIBED, ["message", CHANNEL, asked.to_json()])
    deaf.hear()
    assert (deaf.asked, deaf.looks) == ([asked.call_id], [None])
