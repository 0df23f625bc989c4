"""Call events that leave their stream unread are counted, each once; dead letters expire."""

import time
from uuid import UUID

import pytest
from prometheus_client import REGISTRY
from redis import Redis
from sqlalchemy import Engine

from controlplane.contracts import redis_keys
from controlplane.controller import recorder as recorder_module
from controlplane.controller.recorder import GROUP, KEEP_DEAD_S, Recorder
from tests.integration.controller.test_recorder import (
    add_restaurant,
    exact,
    record_all,
    rows,
    send,
    story,
)

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder_module, "BLOCK_MS", 1)


@pytest.fixture
def recorder(client: "Redis", engine: Engine) -> Recorder:
    return Recorder(client, engine, consumer="controller-0")


@pytest.fixture
def restaurant(engine: Engine) -> UUID:
    return add_restaurant(engine)


def test_dead_letters_of_last_week_are_gone(recorder: Recorder, client: "Redis") -> None:
    for age_s in (KEEP_DEAD_S + 60, KEEP_DEAD_S - 60):
        entry = f"{int((time.time() - age_s) * 1_000)}-0"
        client.xadd(redis_keys.CALL_EVENTS_DEAD, {"entry": "1-0", "event": "x"}, id=entry)
    recorder.trim()
    recorder.measure()
    assert client.xlen(redis_keys.CALL_EVENTS_DEAD) == 1
    assert REGISTRY.get_sample_value("alloresto_controller_dead_letters") == 1


def test_what_is_trimmed_unread_is_counted_once(
    recorder: Recorder, client: "Redis", engine: Engine, restaurant: UUID
) -> None:
    """1 Some are read. 2 No recorder runs, and the stream's bound takes the oldest unread. 3 Two
    recorders come, and go on with what is there.
    """
    before, during = story(restaurant), story(restaurant)
    send(client, before)
    record_all(recorder, client)
    lost = events_lost("unread")
    send(client, during)
    client.xtrim(redis_keys.CALL_EVENTS, maxlen=len(during) - 5, approximate=False)

    for replica in (recorder, Recorder(client, engine, consumer="controller-1")):
        record_all(replica, client)
        record_all(replica, client)

    assert events_lost("unread") - lost == 5
    assert len(rows(engine)[1]) == 3 + 2


def test_a_stream_trimmed_to_nothing_is_counted_too(
    recorder: Recorder, client: "Redis", restaurant: UUID
) -> None:
    recorder.turn()
    lost = events_lost("unread")
    send(client, events := story(restaurant))
    client.xtrim(redis_keys.CALL_EVENTS, maxlen=0, approximate=False)
    record_all(recorder, client)
    assert events_lost("unread") - lost == len(events)


def test_what_is_trimmed_as_it_is_read_counts_nothing(
    recorder: Recorder, client: "Redis", restaurant: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder_module, "KEEP_RECORDED_S", -60)
    monkeypatch.setattr(client, "xtrim", exact(client))
    lost = events_lost("unread")
    for _ in range(3):
        send(client, story(restaurant))
        record_all(recorder, client)
        recorder.trim()
    assert events_lost("unread") == lost


def test_what_is_trimmed_in_a_recorders_hands_is_counted(
    recorder: Recorder, client: "Redis", restaurant: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One recorder died with entries; the other finds them gone. Its own it finds gone as well."""
    monkeypatch.setattr(recorder_module, "ABANDONED_AFTER_MS", 0)
    lost = events_lost("in_hand")
    send(client, story(restaurant))
    recorder._ensure_group()
    client.xreadgroup(GROUP, "dead", {redis_keys.CALL_EVENTS: ">"}, count=2)
    client.xreadgroup(GROUP, "controller-0", {redis_keys.CALL_EVENTS: ">"}, count=3)
    client.xtrim(redis_keys.CALL_EVENTS, maxlen=6, approximate=False)
    recorder.turn()
    assert events_lost("in_hand") - lost == 3
    recorder.claim_abandoned()
    assert events_lost("in_hand") - lost == 5
    record_all(recorder, client)
    assert events_lost("in_hand") - lost == 5


def events_lost(when: str) -> float:
    name = "alloresto_controller_events_lost_total"
    return REGISTRY.get_sample_value(name, {"when": when}) or 0.0
