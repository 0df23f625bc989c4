"""The recorder: whatever happens to a call's events on the way, Postgres says the same."""

import random
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from prometheus_client import REGISTRY
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import Engine, insert, select, text
from sqlalchemy.exc import SQLAlchemyError

from controlplane.contracts import redis_keys
from controlplane.contracts.hangup_causes import CallOutcome
from controlplane.contracts.identifiers import new_id
from controlplane.contracts.messages import (
    AgentConnected,
    CallArrived,
    CallEnded,
    CallEvent,
    DisclosurePlayed,
    MenuLoaded,
    OrderPlaced,
    TurnEnded,
    UsageReported,
)
from controlplane.controller import recorder as recorder_module
from controlplane.controller.recorder import GROUP, Recorder
from controlplane.database import sync_engine
from controlplane.models.call import Call, CallTurn
from controlplane.models.event_outbox import EventOutbox
from controlplane.models.restaurant import Restaurant

pytestmark = pytest.mark.integration

AT = datetime(2026, 11, 22, 19, 2, 3, 456_000, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder_module, "BLOCK_MS", 1)


@pytest.fixture
def recorder(client: "Redis", engine: Engine) -> Recorder:
    return Recorder(client, engine, consumer="controller-0")


@pytest.fixture
def restaurant(engine: Engine) -> UUID:
    return add_restaurant(engine)


def add_restaurant(engine: Engine) -> UUID:
    restaurant_id = new_id()
    with engine.begin() as connection:
        connection.execute(
            insert(Restaurant).values(
                id=restaurant_id,
                slug=str(restaurant_id),
                name="Chez Léa",
                spoken_name="Chez Léa",
                address="Lyon",
                phone_e164="+33199001111",
                status="live",
            )
        )
    return restaurant_id


def story(restaurant_id: UUID) -> list[CallEvent]:
    """One call that was resumed on a second worker, ordered, and broke down at the end."""
    call_id = new_id()

    def heading(seconds: float) -> dict[str, Any]:
        return {
            "id": new_id(),
            "call_id": call_id,
            "restaurant_id": restaurant_id,
            "at": AT + timedelta(seconds=seconds),
        }

    def usage(tokens: int) -> UsageReported:
        return UsageReported(
            **heading(60),
            model="gpt-realtime-2.1-mini",
            input_audio_tokens=tokens,
            input_text_tokens=tokens + 1,
            cached_tokens=tokens + 2,
            output_audio_tokens=tokens + 3,
            output_text_tokens=tokens + 4,
        )

    return [
        CallArrived(
            **heading(0),
            bridge_id="bridge-0",
            channel_uuid=new_id(),
            sip_call_id="a84b4c76e66710",
            caller_number="+33639980134",
        ),
        AgentConnected(**heading(0.1), worker_id="worker-1", time_to_agent_ms=87),
        MenuLoaded(**heading(0.1), menu_version=7),
        DisclosurePlayed(**heading(4)),
        TurnEnded(**heading(6), position=0, role="caller", text="Deux margherita et un coca"),
        TurnEnded(
            **heading(9),
            position=1,
            role="agent",
            text="Bien sûr.",
            unheard="Et avec",
            heard_ms=900,
        ),
        TurnEnded(
            **heading(9), position=2, role="tool", text="ok", tool_name="add_item", told="Ajouté."
        ),
        AgentConnected(**heading(30), worker_id="worker-2", time_to_agent_ms=30_000),
        MenuLoaded(**heading(30), menu_version=8),
        usage(100),
        OrderPlaced(**heading(50), order_id=new_id()),
        usage(250),
        CallEnded(
            **heading(61),
            hangup_cause="NORMAL_CLEARING",
            outcome=CallOutcome.ERROR,
            duration_ms=61_000,
        ),
    ]


def send(client: "Redis", events: Sequence[CallEvent]) -> None:
    for event in events:
        client.xadd(redis_keys.CALL_EVENTS, {"event": event.to_json()})


def record_all(recorder: Recorder, client: "Redis") -> None:
    deadline = time.monotonic() + 10
    while True:
        recorder.turn()
        (group,) = client.xinfo_groups(redis_keys.CALL_EVENTS)
        if group["pending"] == 0 and group["lag"] == 0:
            return
        assert time.monotonic() < deadline, group


def rows(engine: Engine) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """`call` and `call_turn` as they are."""
    with engine.connect() as connection:
        calls = connection.execute(select(Call.__table__)).mappings().all()
        turns = connection.execute(
            select(CallTurn.__table__).order_by(CallTurn.position)
        ).mappings()
        return [dict(row) for row in calls], [dict(row) for row in turns]


def parked(client: "Redis") -> list[dict[str, str]]:
    entries: Any = client.xrange(redis_keys.CALL_EVENTS_DEAD)
    return [fields for _, fields in entries]


def test_a_call_is_recorded_whole(
    recorder: Recorder, client: "Redis", engine: Engine, restaurant: UUID
) -> None:
    events = story(restaurant)
    send(client, events)
    record_all(recorder, client)
    (call,), turns = rows(engine)
    order = next(event for event in events if isinstance(event, OrderPlaced))
    assert call["id"] == events[0].call_id
    assert call["started_at"] == AT
    assert (call["worker_id"], call["time_to_agent_ms"]) == ("worker-1", 87)
    assert call["disclosure_played_at"] == AT + timedelta(seconds=4)
    assert call["menu_version"] == 7, "what its caller was told from"
    assert (call["outcome"], call["order_id"]) == ("order", order.order_id)
    assert (call["hangup_cause"], call["duration_ms"]) == ("NORMAL_CLEARING", 61_000)
    assert (call["input_audio_tokens"], call["output_text_tokens"]) == (250, 254)
    assert [(turn["role"], turn["text"], turn["unheard"], turn["told"]) for turn in turns] == [
        ("caller", "Deux margherita et un coca", None, None),
        ("agent", "Bien sûr.", "Et avec", None),
        ("tool", "ok", None, "Ajouté."),
    ]


def test_open_pages_are_told_of_the_call_after_it_is_recorded(
    recorder: Recorder, client: "Redis", engine: Engine, restaurant: UUID
) -> None:
    other = story(add_restaurant(engine))
    events = story(restaurant)
    send(client, [*other, *events])
    record_all(recorder, client)
    with engine.connect() as connection:
        told = connection.execute(select(EventOutbox.restaurant_id, EventOutbox.payload)).all()
    assert {(row.restaurant_id, row.payload["call_id"]) for row in told} == {
        (event.restaurant_id, str(event.call_id)) for event in (other[0], events[0])
    }
    assert len(told) == 2, "once a call and batch, however much was said"


@pytest.mark.parametrize("seed", range(4))
def test_any_order_and_duplicates_give_the_same_record(
    recorder: Recorder, client: "Redis", engine: Engine, restaurant: UUID, seed: int
) -> None:
    events = story(restaurant)
    send(client, events)
    record_all(recorder, client)
    expected = rows(engine)
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM call"))
    shuffled = [*events, *events, *events[::3]]
    random.Random(seed).shuffle(shuffled)
    send(client, shuffled)
    record_all(recorder, client)
    assert rows(engine) == expected


def test_a_crash_before_the_acknowledgement_records_again_and_changes_nothing(
    client: "Redis", engine: Engine, restaurant: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(client, story(restaurant))
    crashed = Recorder(client, engine, consumer="controller-0")
    with monkeypatch.context() as patch:
        patch.setattr(client, "xack", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        crashed.turn()  # own entries first: none
        with pytest.raises(KeyboardInterrupt):
            crashed.turn()
    expected = rows(engine)
    assert len(expected[1]) == 3
    record_all(Recorder(client, engine, consumer="controller-0"), client)
    assert rows(engine) == expected


def test_an_answer_lost_on_its_way_is_read_again_at_once(
    recorder: Recorder,
    client: "Redis",
    engine: Engine,
    restaurant: UUID,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Redis hands entries out, the connection breaks, and the client asks once more by itself:
    they are this recorder's, yet it never saw them.
    """
    events = story(restaurant)
    send(client, events)
    recorder.turn()
    read = recorder._read
    with monkeypatch.context() as patch:
        patch.setattr(recorder, "_read", lambda after: read(after) and [])
        recorder.turn()
    assert client.xpending(redis_keys.CALL_EVENTS, GROUP)["pending"] == len(events)
    assert rows(engine) == ([], [])
    record_all(recorder, client)
    assert len(rows(engine)[1]) == 3


def test_what_a_dead_recorder_left_is_claimed(
    recorder: Recorder,
    client: "Redis",
    engine: Engine,
    restaurant: UUID,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    send(client, story(restaurant))
    client.xgroup_create(redis_keys.CALL_EVENTS, GROUP, id="0")
    client.xreadgroup(GROUP, "dead", {redis_keys.CALL_EVENTS: ">"})
    recorder.claim_abandoned()
    assert rows(engine) == ([], [])  # perhaps only slow
    monkeypatch.setattr(recorder_module, "ABANDONED_AFTER_MS", 0)
    monkeypatch.setattr(recorder_module, "BATCH", 3)
    recorder.claim_abandoned()
    (call,), turns = rows(engine)
    assert (call["outcome"], len(turns)) == ("order", 3)
    assert client.xpending(redis_keys.CALL_EVENTS, GROUP)["pending"] == 0


def test_entries_that_cannot_be_recorded_are_parked_and_hold_up_nobody(
    recorder: Recorder, client: "Redis", engine: Engine, restaurant: UUID
) -> None:
    good = story(restaurant)
    heading = {"id": new_id(), "call_id": new_id(), "at": AT}
    send(client, good[:5])
    for fields in ({"event": "{"}, {"event": '{"type":"other"}'}, {"other": "field"}):
        client.xadd(redis_keys.CALL_EVENTS, fields)  # type: ignore[arg-type]
    nowhere = DisclosurePlayed(**heading, restaurant_id=new_id())
    too_long = CallEnded(
        **heading,
        restaurant_id=restaurant,
        hangup_cause="X",
        outcome=CallOutcome.ERROR,
        duration_ms=2**40,
    )
    stolen = OrderPlaced(
        id=new_id(),
        call_id=good[0].call_id,
        restaurant_id=add_restaurant(engine),
        at=AT,
        order_id=new_id(),
    )
    send(client, [nowhere, too_long, stolen, *good[5:]])
    record_all(recorder, client)
    (call,), turns = rows(engine)
    assert (call["restaurant_id"], call["duration_ms"], len(turns)) == (restaurant, 61_000, 3)
    assert [entry["reason"] for entry in parked(client)][:3] == [
        "invalid message",
        "invalid message",
        "invalid message",
    ]
    assert sorted(entry["reason"] for entry in parked(client)[3:]) == [
        "DataError",
        "IntegrityError",
        "the call belongs to another restaurant",
    ]
    assert {entry["event"] for entry in parked(client)} >= {nowhere.to_json(), stolen.to_json()}


def test_a_null_character_does_not_lose_the_turn(
    recorder: Recorder, client: "Redis", engine: Engine, restaurant: UUID
) -> None:
    heading = {"id": new_id(), "call_id": new_id(), "restaurant_id": restaurant, "at": AT}
    send(client, [TurnEnded(**heading, position=0, role="caller", text="deux\0 pizzas")])
    record_all(recorder, client)
    _, (turn,) = rows(engine)
    assert turn["text"] == "deux pizzas"


def test_postgres_away_parks_nothing_and_loses_nothing(
    recorder: Recorder,
    client: "Redis",
    engine: Engine,
    restaurant: UUID,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recorder.turn()
    send(client, story(restaurant))
    with monkeypatch.context() as patch:
        gone = sync_engine("postgresql://nobody@127.0.0.1:1/nothing", application_name="test")
        patch.setattr(recorder, "_engine", gone)
        for _ in range(3):
            with pytest.raises(SQLAlchemyError):
                recorder.turn()
    assert parked(client) == []
    record_all(recorder, client)
    (call,), turns = rows(engine)
    assert (call["outcome"], len(turns)) == ("order", 3)


def test_a_schema_that_is_not_migrated_parks_nothing(
    recorder: Recorder, client: "Redis", engine: Engine, restaurant: UUID
) -> None:
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE call_turn RENAME TO call_turn_old"))
    send(client, story(restaurant))
    recorder.turn()
    with pytest.raises(SQLAlchemyError):
        recorder.turn()
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE call_turn_old RENAME TO call_turn"))
    record_all(recorder, client)
    assert parked(client) == []
    assert len(rows(engine)[1]) == 3


def test_a_redis_that_forgot_everything_is_read_again_from_the_start(
    recorder: Recorder, client: "Redis", engine: Engine, restaurant: UUID
) -> None:
    recorder.turn()
    client.flushall()
    send(client, story(restaurant))
    with pytest.raises(RedisError, match="NOGROUP"):
        recorder.turn()
    record_all(recorder, client)
    assert len(rows(engine)[1]) == 3


def test_trimming_keeps_what_is_unread_or_unacknowledged(
    recorder: Recorder,
    client: "Redis",
    engine: Engine,
    restaurant: UUID,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(recorder_module, "KEEP_RECORDED_S", -60)
    monkeypatch.setattr(client, "xtrim", exact(client))
    first, second, third = (story(restaurant) for _ in range(3))
    send(client, first)
    record_all(recorder, client)
    send(client, second)
    client.xreadgroup(GROUP, "slow", {redis_keys.CALL_EVENTS: ">"}, count=2)
    send(client, third)
    recorder.trim()
    assert client.xlen(redis_keys.CALL_EVENTS) == len(second) + len(third)
    record_all(Recorder(client, engine, consumer="slow"), client)
    recorder.trim()
    assert client.xlen(redis_keys.CALL_EVENTS) == 1
    assert len(rows(engine)[0]) == 3


def test_consumers_of_another_day_are_forgotten_unless_they_hold_something(
    recorder: Recorder,
    client: "Redis",
    restaurant: UUID,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    send(client, story(restaurant)[:2])
    client.xgroup_create(redis_keys.CALL_EVENTS, GROUP, id="0")
    client.xreadgroup(GROUP, "holds", {redis_keys.CALL_EVENTS: ">"}, count=1)
    client.xgroup_createconsumer(redis_keys.CALL_EVENTS, GROUP, "gone")
    recorder.trim()
    assert consumers(client) == {"holds", "gone"}
    monkeypatch.setattr(recorder_module, "FORGET_CONSUMER_MS", -1)
    recorder.trim()
    assert consumers(client) == {"holds"}
    record_all(Recorder(client, recorder._engine, consumer="holds"), client)


def consumers(client: "Redis") -> set[str]:
    found: Any = client.xinfo_consumers(redis_keys.CALL_EVENTS, GROUP)
    return {consumer["name"] for consumer in found}


def test_the_lag_is_the_age_of_the_oldest_event_not_recorded(
    recorder: Recorder, client: "Redis", restaurant: UUID
) -> None:
    recorder.measure()
    assert (lag_s(), waiting()) == (0, 0)
    seconds, _ = client.time()
    for age, event in zip((60, 30, 10), story(restaurant), strict=False):
        client.xadd(
            redis_keys.CALL_EVENTS, {"event": event.to_json()}, id=f"{(seconds - age) * 1000}-0"
        )
    recorder.measure()
    assert 59 <= lag_s() <= 62
    assert waiting() == 3
    client.xreadgroup(GROUP, "slow", {redis_keys.CALL_EVENTS: ">"}, count=2)
    client.xack(redis_keys.CALL_EVENTS, GROUP, f"{(seconds - 60) * 1000}-0")
    recorder.measure()
    assert 29 <= lag_s() <= 32
    assert waiting() == 2


def lag_s() -> float:
    value = REGISTRY.get_sample_value("alloresto_controller_events_lag_seconds")
    assert value is not None
    return value


def waiting() -> float:
    value = REGISTRY.get_sample_value("alloresto_controller_events_waiting")
    assert value is not None
    return value


def exact(client: "Redis") -> Any:
    """Approximate trimming keeps whole nodes of 100 entries, too many to see."""
    trim = client.xtrim

    def exactly(name: str, *, minid: str, approximate: bool) -> Any:
        assert approximate == (name == redis_keys.CALL_EVENTS)
        return trim(name, minid=minid, approximate=False)

    return exactly


def test_the_dead_letter_stream_is_bounded(
    recorder: Recorder, client: "Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder_module, "DEAD_LETTERS", 100)
    for _ in range(350):
        client.xadd(redis_keys.CALL_EVENTS, {"event": "x"})
    record_all(recorder, client)
    assert 100 <= client.xlen(redis_keys.CALL_EVENTS_DEAD) <= 200
