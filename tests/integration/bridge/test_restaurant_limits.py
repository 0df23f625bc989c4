"""A restaurant takes as many calls as its limits say, whoever calls, with Redis and without."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import gevent
import gevent.event
import gevent.server
import gevent.socket
import pytest
import redis as sync_redis
from sqlalchemy import text

from controlplane.bridge.calls import restaurant_limits
from controlplane.bridge.calls.admission import Admission
from controlplane.bridge.calls.call_policy import CallPolicies, CallPolicy
from controlplane.bridge.calls.call_state import CallState, StreamState
from controlplane.bridge.calls.incoming_call import IncomingCall
from controlplane.bridge.calls.restaurant_limits import Limit, RestaurantLimits
from controlplane.contracts import redis_keys
from controlplane.contracts.identifiers import new_id
from controlplane.database import sync_engine
from controlplane.local.launch.ports import free_tcp_port
from controlplane.local.launch.services import LocalServices
from controlplane.models.restaurant import DEFAULT_LIMITS, CallLimits
from controlplane.redis_clients import sync_redis as redis_client
from tests.accounts import add_account, add_carrier
from tests.waiting import DEADLINE_S

pytestmark = pytest.mark.integration

OWN_NUMBER = "+33199005678"
NOON = datetime(2026, 11, 27, 11, 0, tzinfo=UTC)
FEW = CallLimits(at_once=2, an_hour=5, ai_minutes_a_day=10)


class Clock:
    """Wall clock and monotonic clock, which move by the test's hand alone."""

    now = NOON

    def __call__(self) -> datetime:
        return self.now

    def monotonic(self) -> float:
        return self.now.timestamp()


class Line:
    """A bridge as far as one restaurant's limits see it: its calls, and Redis behind them."""

    def __init__(
        self, client: sync_redis.Redis, clock: Clock, policy: CallPolicy, restaurant: UUID
    ) -> None:
        self.calls: list[IncomingCall] = []
        self._restaurant = restaurant
        self.limits = RestaurantLimits(
            client, calls=lambda: self.calls, policy_of=lambda _: policy, now=clock
        )

    def ring(self, number: str | None = None) -> Limit | None:
        """A new call; one over a limit leaves for its message."""
        call = IncomingCall(new_id(), self._restaurant, uuid4(), "luigi", caller_number=number)
        self.calls.append(call)
        limit = self.limits.over(call)
        if limit:
            call.becomes(CallState.WAY_OUT)
        return limit

    def hang_up(self, *calls: IncomingCall) -> None:
        for call in calls or tuple(self.calls):
            call.becomes(CallState.ENDED)
            self.calls.remove(call)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("time.monotonic", clock.monotonic)
    return clock


@pytest.fixture
def here(services: LocalServices) -> Iterator[sync_redis.Redis]:
    client = redis_client(services.redis_url, timeout_s=3.0)
    yield client
    client.close()


@pytest.fixture(params=["here", "away"])
def client(request: pytest.FixtureRequest, here: sync_redis.Redis) -> sync_redis.Redis:
    if request.param == "here":
        return here
    return redis_client(f"redis://127.0.0.1:{free_tcp_port()}/0", timeout_s=0.2)


@pytest.fixture
def line(client: sync_redis.Redis, clock: Clock) -> Line:
    return Line(client, clock, CallPolicy(limits=FEW), new_id())


def test_so_many_leave_a_message_at_once_and_the_next_when_one_has(line: Line) -> None:
    for _ in range(FEW.at_once):
        assert line.ring() is None
    for _ in range(restaurant_limits.MESSAGES_AT_ONCE):
        assert line.ring() is Limit.AT_ONCE
        assert line.limits.takes_message(line.calls[-1])
    assert line.ring() is Limit.AT_ONCE
    assert not line.limits.takes_message(line.calls[-1])
    line.hang_up(line.calls[-2])
    assert line.limits.takes_message(line.calls[-1])
    of_another = IncomingCall(new_id(), new_id(), uuid4(), "mario")
    assert line.limits.takes_message(of_another)


def talk(line: Line, clock: Clock, *, minutes: float) -> None:
    """Everybody on the line talks to a worker for so long; whether Redis hears of it or not."""
    for _ in range(round(minutes * 60 / restaurant_limits.COUNT_EVERY_S)):
        clock.now += timedelta(seconds=restaurant_limits.COUNT_EVERY_S)
        try:
            line.limits.count_minutes()
        except sync_redis.RedisError:
            continue


def test_a_busy_pizzeria_never_meets_the_defaults(here: sync_redis.Redis, clock: Clock) -> None:
    """Four hours of a call a minute, of four minutes each: more than it can cook."""
    line = Line(here, clock, CallPolicy(), new_id())
    for _ in range(240 // 4):
        for _ in range(4):
            assert line.ring() is None
            for call in line.calls:
                call.becomes(StreamState.ATTACHED)
            clock.now += timedelta(minutes=1)
        line.hang_up()
    assert DEFAULT_LIMITS == CallLimits(at_once=12, an_hour=120, ai_minutes_a_day=600)


def test_of_399_numbers_at_once_as_many_are_taken_as_the_limit_says(
    client: sync_redis.Redis, clock: Clock
) -> None:
    """No number calls twice: the rule of one caller refuses none of them."""
    line, admission = Line(client, clock, CallPolicy(), new_id()), Admission(calls=6, at_once=3)
    numbers = [f"+336399{n:05}" for n in range(399)]
    assert {
        admission.refuse(line._restaurant, number, policy=CallPolicy(), at_once=0)
        for number in numbers
    } == {None}
    answers = [line.ring(number) for number in numbers]
    assert answers == [None] * 12 + [Limit.AT_ONCE] * 387


@pytest.mark.parametrize("number", [None, OWN_NUMBER])
def test_hidden_callers_and_the_restaurants_own_number_are_counted(
    line: Line, number: str | None
) -> None:
    assert [line.ring(number) for _ in range(4)] == [None, None, Limit.AT_ONCE, Limit.AT_ONCE]


def test_who_leaves_makes_room_and_who_leaves_a_message_takes_none(line: Line) -> None:
    first, second = [line.ring() for _ in range(2)]
    assert (first, second, line.ring()) == (None, None, Limit.AT_ONCE)
    line.hang_up(line.calls[0])
    assert (line.ring(), line.ring()) == (None, Limit.AT_ONCE)


def test_another_restaurants_calls_do_not_count(client: sync_redis.Redis, clock: Clock) -> None:
    one, other = (Line(client, clock, CallPolicy(limits=FEW), new_id()) for _ in range(2))
    other.calls = one.calls
    for _ in range(2):
        assert one.ring() is None
    assert (one.ring(), other.ring()) == (Limit.AT_ONCE, None)


def test_the_hour_rolls_over_call_by_call(line: Line, clock: Clock) -> None:
    for _ in range(FEW.an_hour):
        assert line.ring() is None
        line.hang_up()
        clock.now += timedelta(minutes=10)
    assert line.ring() is Limit.AN_HOUR
    clock.now = NOON + timedelta(minutes=60)
    assert (line.ring(), line.ring()) == (None, Limit.AN_HOUR)


def test_minutes_passed_in_a_conversation_turn_the_next_call_away(line: Line, clock: Clock) -> None:
    assert line.ring() is None
    talking = line.calls[0]
    talking.becomes(StreamState.ATTACHED)
    talk(line, clock, minutes=FEW.ai_minutes_a_day + 5)
    assert talking.ours
    assert line.ring() is Limit.AI_MINUTES


def test_waiting_ringing_and_messages_cost_no_minutes(line: Line, clock: Clock) -> None:
    line.ring()
    talk(line, clock, minutes=FEW.ai_minutes_a_day + 1)
    assert line.ring() is None


@pytest.mark.parametrize(
    ("zone", "before", "after"),
    [
        ("Europe/Paris", "22:58:00", "23:00:00"),
        ("Indian/Reunion", "19:58:00", "20:00:00"),
        ("America/Martinique", "03:58:00", "04:00:00"),
    ],
)
def test_a_day_ends_at_midnight_where_the_restaurant_is(
    client: sync_redis.Redis, clock: Clock, zone: str, before: str, after: str
) -> None:
    clock.now = datetime.fromisoformat(f"2026-11-27T{before}+00:00") - timedelta(minutes=11)
    line = Line(client, clock, CallPolicy(limits=FEW, zone=ZoneInfo(zone)), new_id())
    line.ring()
    line.calls[0].becomes(StreamState.ATTACHED)
    talk(line, clock, minutes=11)
    line.hang_up()
    assert line.ring() is Limit.AI_MINUTES
    clock.now = datetime.fromisoformat(f"2026-11-27T{after}+00:00")
    assert line.ring() is None


def test_a_restart_and_another_bridge_begin_nothing_anew(
    here: sync_redis.Redis, clock: Clock
) -> None:
    """The restarted agent, or the bridge the restaurant was moved to, knows only Redis."""
    restaurant, policy = new_id(), CallPolicy(limits=FEW)
    before = Line(here, clock, policy, restaurant)
    for _ in range(FEW.an_hour):
        assert before.ring() is None
        before.hang_up()
    assert Line(here, clock, policy, restaurant).ring() is Limit.AN_HOUR
    clock.now += timedelta(hours=1)
    before.ring()
    before.calls[0].becomes(StreamState.ATTACHED)
    talk(before, clock, minutes=FEW.ai_minutes_a_day)
    assert Line(here, clock, policy, restaurant).ring() is Limit.AI_MINUTES


def test_what_redis_was_not_told_it_is_told_later(
    here: sync_redis.Redis, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    restaurant = new_id()
    line = Line(here, clock, CallPolicy(limits=FEW), restaurant)
    line.ring()
    line.calls[0].becomes(StreamState.ATTACHED)
    with monkeypatch.context() as away:
        away.setattr(sync_redis.client.Pipeline, "execute", _refuse)
        talk(line, clock, minutes=3)
    talk(line, clock, minutes=1)
    key = redis_keys.restaurant_ai_ms(restaurant, NOON.date())
    assert here.get(key) == "240000"


def _refuse(_: object) -> None:
    raise sync_redis.ConnectionError


def test_what_is_kept_in_redis_is_bounded_and_ends(here: sync_redis.Redis, clock: Clock) -> None:
    restaurant = new_id()
    line = Line(here, clock, CallPolicy(limits=FEW), restaurant)
    for _ in range(50):
        line.ring()
        line.hang_up()
    calls = redis_keys.restaurant_calls(restaurant)
    assert here.zcard(calls) == FEW.an_hour
    assert 0 < int(here.ttl(calls)) <= 3_600
    line = Line(here, clock, CallPolicy(), restaurant)
    line.ring()
    line.calls[0].becomes(StreamState.ATTACHED)
    talk(line, clock, minutes=1)
    assert 0 < int(here.ttl(redis_keys.restaurant_ai_ms(restaurant, NOON.date()))) <= 2 * 86_400


def test_a_call_asked_about_twice_is_one_call(here: sync_redis.Redis, clock: Clock) -> None:
    """redis-py asks again when its connection ended before the answer."""
    policy = CallPolicy(limits=CallLimits(at_once=2, an_hour=1, ai_minutes_a_day=10))
    line = Line(here, clock, policy, new_id())
    assert line.ring() is None
    assert line.limits._over_in_redis(line.calls[0], policy, NOON) is None


def test_a_redis_that_hangs_holds_up_no_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("redis.connection.socket", gevent.socket)
    monkeypatch.setattr(restaurant_limits, "COUNTS_DEADLINE_S", 0.05)
    over = gevent.event.Event()
    silent = gevent.server.StreamServer(("127.0.0.1", 0), lambda *_: over.wait(DEADLINE_S))
    silent.start()
    client = redis_client(f"redis://127.0.0.1:{silent.server_port}/0", timeout_s=30.0)
    line = Line(client, Clock(), CallPolicy(limits=FEW), new_id())
    with gevent.Timeout(10.0):
        assert [line.ring() for _ in range(3)] == [None, None, Limit.AT_ONCE]
    over.set()
    silent.stop()


def test_a_bridge_reads_limits_and_zone_and_survives_a_zone_nobody_knows(
    database_url: str,
) -> None:
    engine = sync_engine(database_url, application_name="test")
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO sip_bridge_node (id, capacity, last_seen_at)"
                " VALUES ('bridge-1', 9, now())"
            )
        )
        add_carrier(connection)
        usual, payet, odd = (
            add_account(connection, bridge_id="bridge-1", epoch=1) for _ in range(3)
        )
        change = text(
            "UPDATE restaurant SET most_calls_at_once = 3, most_calls_an_hour = 30,"
            " most_ai_minutes_a_day = 300, timezone = :zone WHERE id = :id"
        )
        connection.execute(change, {"id": payet, "zone": "Indian/Reunion"})
        connection.execute(change, {"id": odd, "zone": "Mars/Olympus"})
    policies = CallPolicies(engine=engine, bridge_id="bridge-1")
    policies.reload()
    engine.dispose()
    assert policies.of(usual).limits == DEFAULT_LIMITS
    assert policies.of(payet).limits == CallLimits(3, 30, 300)
    zones = [policies.of(restaurant).zone.key for restaurant in (usual, payet, odd)]
    assert zones == ["Europe/Paris", "Indian/Reunion", "Europe/Paris"]
