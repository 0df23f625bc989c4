"""Whatever a bridge is told, it looks; only a binding given back makes it do more."""

from collections import deque

import pytest
import redis
from redis.client import PubSub

from controlplane.bridge import metrics
from controlplane.bridge.assignment_listener import AssignmentListener
from controlplane.contracts import redis_keys
from controlplane.contracts.assignments import BindingGivenBack, RegistrationsPlaced

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
        look_soon=lambda: looks.append(None),
    )
    before = metrics.ASSIGNMENTS_UNREADABLE._value.get()
    listener._heard(body)
    assert (heard, looks) == (given_back, [None])
    assert metrics.ASSIGNMENTS_UNREADABLE._value.get() - before == unreadable


def test_each_subscription_is_a_reason_to_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """redis-py connects again by itself, and nobody knows what was said meanwhile."""
    subscribed: list[object] = ["subscribe", redis_keys.bridge_assignments("bridge-0"), 1]
    answers = deque([subscribed, None, subscribed])
    monkeypatch.setattr(PubSub, "execute_command", lambda *_: None)
    monkeypatch.setattr(PubSub, "parse_response", lambda *_, **__: answers.popleft())
    looks: list[None] = []
    listener = AssignmentListener(
        redis.Redis(),
        bridge_id="bridge-0",
        given_back=lambda _: None,
        look_soon=lambda: looks.append(None),
    )
    with pytest.raises(IndexError):  # no more answers
        listener._listen()
    assert looks == [None, None]
