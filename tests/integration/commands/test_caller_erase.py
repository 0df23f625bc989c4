"""`alloresto caller erase`: what is known of one caller goes, and the report says what stays."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any
from uuid import UUID

import pytest
from redis import Redis
from sqlalchemy import Engine, text

from aiworker.unsettled_orders import UnsettledOrder
from controlplane.cli import main
from controlplane.contracts import redis_keys
from controlplane.contracts.identifiers import new_id
from controlplane.contracts.messages import CallArrived, CallEnded, TurnEnded
from controlplane.controller.recorder import FIELD, Recorder
from controlplane.database import sync_engine
from controlplane.restaurants.order_draft import OrderDraft
from tests.accounts import SECRET_KEYS, add_account, add_carrier

pytestmark = pytest.mark.integration

CALLER, STRANGER = "+33639980123", "+33639980999"
Said = pytest.CaptureFixture[str]


@pytest.fixture
def engine(database_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("REDIS_URL", redis_url)
    monkeypatch.setenv("ALLORESTO_SECRET_KEYS", SECRET_KEYS)
    engine = sync_engine(database_url, application_name="test")
    yield engine
    engine.dispose()


@pytest.fixture
def redis(redis_url: str) -> Iterator["Redis"]:
    client: Redis = Redis.from_url(redis_url, decode_responses=True)
    yield client
    client.close()


@pytest.fixture
def luigi(engine: Engine) -> UUID:
    with engine.begin() as connection:
        add_carrier(connection)
        return add_account(connection, "luigi")


@pytest.fixture
def mario(engine: Engine, luigi: UUID) -> UUID:
    with engine.begin() as connection:
        return add_account(connection, "mario")


class Life:
    """What one call leaves behind, written by the real recorder."""

    def __init__(self, engine: Engine, redis: "Redis") -> None:
        self.engine, self.redis = engine, redis
        self.recorder = Recorder(redis, engine, consumer="test")

    def publish(self, event: Any) -> None:
        self.redis.xadd(redis_keys.CALL_EVENTS, {FIELD: event.to_json()})

    def call(self, restaurant: UUID, number: str | None, *, ended: bool = True) -> UUID:
        about: dict[str, Any] = {"call_id": new_id(), "restaurant_id": restaurant}
        about["at"] = datetime.now(UTC)
        self.publish(
            CallArrived(
                **about,
                id=new_id(),
                bridge_id="bridge-0",
                channel_uuid=new_id(),
                sip_call_id="a sip call id",
                caller_number=number,
            )
        )
        self.publish(
            TurnEnded(**about, id=new_id(), position=1, role="caller", text="deux margheritas")
        )
        if ended:
            self.publish(
                CallEnded(
                    **about,
                    id=new_id(),
                    duration_ms=1,
                    hangup_cause="NORMAL_CLEARING",
                    outcome="information",
                )
            )
        self.redis.set(redis_keys.call_state(about["call_id"]), "a cart")
        call_id: UUID = about["call_id"]
        return call_id

    def record(self) -> None:
        for _ in range(2):  # the first turn looks for what was read before
            self.recorder.turn()

    def order(self, restaurant: UUID, *, status: str, number: str | None, call: UUID) -> None:
        with self.engine.begin() as connection:
            connection.execute(
                text(
                    'INSERT INTO "order" (id, restaurant_id, call_id, service_date, number,'
                    " idempotency_key, status, customer_name, customer_phone_e164, note,"
                    " total_cents, ready_at) VALUES (gen_random_uuid(), :restaurant, :call, now(),"
                    " (SELECT count(*) + 1 FROM \"order\"), gen_random_uuid(), :status, 'Camille',"
                    " :number, 'sonner fort', 950, now())"
                ),
                {"restaurant": restaurant, "status": status, "number": number, "call": call},
            )

    def message(self, restaurant: UUID, number: str | None) -> None:
        with self.engine.begin() as connection:
            connection.execute(
                text(
                    "INSERT INTO voice_message (id, restaurant_id, channel_uuid, caller_number,"
                    " duration_ms, audio, recorded_at) VALUES (gen_random_uuid(), :restaurant,"
                    " gen_random_uuid(), :number, 1, '', now())"
                ),
                {"restaurant": restaurant, "number": number},
            )

    def customer(self, restaurant: UUID, number: str) -> None:
        with self.engine.begin() as connection:
            connection.execute(
                text(
                    "INSERT INTO customer (id, restaurant_id, phone_e164, name)"
                    " VALUES (gen_random_uuid(), :restaurant, :number, 'Camille')"
                ),
                {"restaurant": restaurant, "number": number},
            )

    def note(self, restaurant: UUID, number: str, *, call: UUID, age: timedelta) -> str:
        """Leave an unsettled order's note, as a worker writes it."""
        draft = OrderDraft(
            restaurant_id=restaurant,
            call_id=call,
            idempotency_key=f"{call}:1:abc",
            confirmed_at=datetime.now(UTC) - age,
            lines=(),
            customer_name="Camille",
            customer_phone_e164=number,
        )
        note = UnsettledOrder(draft=draft).to_json()
        self.redis.hset(redis_keys.UNSETTLED_ORDERS, draft.idempotency_key, note)
        return draft.idempotency_key

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(query))]


@pytest.fixture
def life(engine: Engine, redis: "Redis") -> Life:
    return Life(engine, redis)


def report(said: Said) -> dict[str, tuple[int, int]]:
    """Erased and kept by table, as the command prints them; tables told of twice are added up."""
    found: dict[str, tuple[int, int]] = {}
    for part in json.loads(said.readouterr().out)["parts"]:
        erased, kept = found.get(part["table"], (0, 0))
        assert part["why"] or not part["kept"]
        found[part["table"]] = (erased + part["erased"], kept + part["kept"])
    return found


def test_everything_of_the_caller_goes_and_nothing_of_others(
    life: Life, luigi: UUID, mario: UUID, redis: "Redis", capsys: Said
) -> None:
    theirs, other = life.call(luigi, CALLER), life.call(luigi, STRANGER)
    elsewhere = life.call(mario, CALLER)
    life.record()
    life.order(luigi, status="completed", number=CALLER, call=theirs)
    life.order(luigi, status="completed", number=STRANGER, call=other)
    life.order(mario, status="completed", number=None, call=elsewhere)
    for number in (CALLER, STRANGER):
        life.message(luigi, number)
        life.customer(luigi, number)
    dead: Any = {"entry": "0-0", "reason": "?", FIELD: json.dumps({"callId": str(theirs), "x": 1})}
    redis.xadd(redis_keys.CALL_EVENTS_DEAD, dead)

    assert main(["caller", "erase", "06 39 98 01 23", "--json"]) == 0
    printed = capsys.readouterr()
    assert "639980123" not in printed.out + printed.err
    parts = {part["table"]: part for part in json.loads(printed.out)["parts"]}
    assert {name: (part["erased"], part["kept"]) for name, part in parts.items()} == {
        "call_turn": (2, 0),
        "voice_message": (1, 0),
        "order": (2, 2),
        "call": (2, 2),
        "customer": (1, 0),
        "redis": (6 + 1 + 2, 0),  # events of two calls, a dead letter, two memories
    }
    assert "dix ans" not in parts["order"]["why"]
    assert "ten years" in parts["order"]["why"]
    assert life.rows("SELECT DISTINCT call_id FROM call_turn") == [(other,)]
    assert life.rows("SELECT id FROM call WHERE caller_number IS NOT NULL") == [(other,)]
    assert life.rows("SELECT customer_phone_e164, note FROM \"order\" WHERE note <> ''") == [
        (STRANGER, "sonner fort")
    ]
    assert life.rows('SELECT count(*), sum(total_cents) FROM "order"') == [(3, 3 * 950)]
    assert life.rows("SELECT caller_number FROM voice_message") == [(STRANGER,)]
    assert life.rows("SELECT phone_e164 FROM customer") == [(STRANGER,)]
    assert redis.keys("call:*") == [redis_keys.call_state(other)]
    entries: Any = redis.xrange(redis_keys.CALL_EVENTS)
    left = [fields[FIELD] for _, fields in entries]
    assert len(left) == 3
    assert all(str(other) in body for body in left)

    assert main(["caller", "erase", CALLER, "--json"]) == 0
    assert report(capsys) == {}
    assert main(["caller", "erase", CALLER]) == 0
    assert "nothing was found" in capsys.readouterr().out


def test_one_restaurant_alone(life: Life, luigi: UUID, mario: UUID, capsys: Said) -> None:
    kept = life.call(mario, CALLER)
    life.call(luigi, CALLER)
    life.record()
    assert main(["caller", "erase", CALLER, "--restaurant", "luigi", "--json"]) == 0
    assert report(capsys)["call"] == (1, 1)
    assert life.rows("SELECT id FROM call WHERE caller_number IS NOT NULL") == [(kept,)]
    assert main(["caller", "erase", CALLER, "--restaurant", "nowhere"]) == 1


def test_what_is_still_needed_is_kept_and_said(
    life: Life, luigi: UUID, engine: Engine, capsys: Said
) -> None:
    """A call in progress, an order being made, a blocked number, a restaurant's own people."""
    live = life.call(luigi, CALLER, ended=False)
    life.record()
    life.order(luigi, status="accepted", number=CALLER, call=live)
    with engine.begin() as connection:
        connection.execute(
            text("INSERT INTO blocked_caller (restaurant_id, phone_e164) VALUES (:id, :number)"),
            {"id": luigi, "number": CALLER},
        )
    assert main(["caller", "erase", CALLER, "--json"]) == 0
    found = report(capsys)
    assert (found["call"], found["order"], found["blocked_caller"]) == ((0, 1), (0, 1), (0, 1))
    assert life.rows('SELECT customer_name FROM "order"') == [("Camille",)]
    assert main(["caller", "erase", "01 99 00 56 78", "--json"]) == 0
    assert report(capsys) == {"restaurant": (0, 1)}


def test_an_event_that_is_not_recorded_yet_would_come_back_so_nothing_is_erased(
    life: Life, luigi: UUID, capsys: Said
) -> None:
    life.call(luigi, CALLER)
    life.record()
    life.call(luigi, CALLER)
    assert main(["caller", "erase", CALLER]) == 1
    assert "not recorded yet" in capsys.readouterr().err
    assert life.rows("SELECT count(*) FROM call WHERE caller_number IS NOT NULL") == [(1,)]
    life.record()
    assert main(["caller", "erase", CALLER, "--json"]) == 0
    assert report(capsys)["call"] == (2, 2)


def test_an_order_that_is_being_placed_would_come_back_so_nothing_is_erased(
    life: Life, luigi: UUID, redis: "Redis", capsys: Said
) -> None:
    call, other = life.call(luigi, CALLER), life.call(luigi, STRANGER)
    life.record()
    life.note(luigi, STRANGER, call=call, age=timedelta(0))
    assert main(["caller", "erase", CALLER]) == 1
    assert "being placed" in capsys.readouterr().err
    assert life.rows("SELECT count(*) FROM call WHERE caller_number IS NOT NULL") == [(2,)]

    life.note(luigi, STRANGER, call=call, age=timedelta(days=2))  # which no worker will place
    life.note(luigi, CALLER, call=new_id(), age=timedelta(days=2))
    kept = life.note(luigi, STRANGER, call=other, age=timedelta(0))
    assert main(["caller", "erase", CALLER, "--json"]) == 0
    assert redis.hkeys(redis_keys.UNSETTLED_ORDERS) == [kept]
    assert report(capsys)["redis"] == (3 + 2 + 1, 0)


def test_an_order_without_a_number_is_found_again_once_it_is_done(
    life: Life, luigi: UUID, engine: Engine, capsys: Said
) -> None:
    call = life.call(luigi, CALLER)
    life.record()
    life.order(luigi, status="accepted", number=None, call=call)
    assert main(["caller", "erase", CALLER, "--json"]) == 0
    found = report(capsys)
    assert (found["call_turn"], found["call"], found["order"]) == ((1, 0), (0, 1), (0, 1))
    with engine.begin() as connection:
        connection.execute(text("UPDATE \"order\" SET status = 'completed'"))
    assert main(["caller", "erase", CALLER, "--json"]) == 0
    found = report(capsys)
    assert (found["call"], found["order"]) == ((1, 1), (1, 1))
    assert life.rows('SELECT customer_name FROM "order"') == [(None,)]


def test_a_number_that_is_two_numbers_is_to_be_written_in_full(
    life: Life, luigi: UUID, engine: Engine, capsys: Said
) -> None:
    """0470… is a Belgian mobile in Liège and somebody's line in Provence."""
    with engine.begin() as connection:
        add_account(connection, "maes", phone_e164="+3225550000")
    life.call(luigi, "+32470123456")
    life.record()
    assert main(["caller", "erase", "0470 12 34 56"]) == 1
    assert "write +33" in capsys.readouterr().err
    assert main(["caller", "erase", "+32 470 12 34 56", "--json"]) == 0
    assert report(capsys)["call"] == (1, 1)
    assert main(["caller", "erase", "not a number"]) == 1


def test_the_number_may_come_from_standard_input(
    life: Life, luigi: UUID, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    life.call(luigi, CALLER)
    life.record()
    monkeypatch.setattr("sys.stdin", StringIO("06 39 98 01 23\n"))
    assert main(["caller", "erase", "-", "--json"]) == 0
    assert report(capsys)["call"] == (1, 1)


def test_a_restaurant_keeps_less_and_never_more(luigi: UUID, engine: Engine, capsys: Said) -> None:
    assert main(["caller", "keep", "luigi", "--transcripts-days", "7", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "transcripts_days": 7,
        "calls_months": 13,
        "voice_messages_days": 30,
    }
    assert main(["caller", "keep", "luigi", "--transcripts-days", "91"]) == 2
    assert main(["caller", "keep", "luigi"]) == 0
    assert "transcripts_days     7" in capsys.readouterr().out
