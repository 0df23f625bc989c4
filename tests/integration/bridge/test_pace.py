"""REGISTERs keep their carrier's pace: one row for all bridges, a slower one each without Redis."""

from collections.abc import Iterator
from itertools import pairwise
from uuid import uuid4

import pytest
import redis as sync_redis

from controlplane.bridge.gateways.register_pace import LATE_MS, LOCAL_SHARE, RegisterPace
from controlplane.contracts import redis_keys
from controlplane.local.launch.ports import free_tcp_port
from controlplane.local.launch.services import LocalServices

pytestmark = pytest.mark.integration

RATE = 20
INTERVAL_S = 1 / RATE
BURST = LATE_MS / 1_000 * RATE + 1
"""What may leave at once after a pause."""


@pytest.fixture
def client(services: LocalServices) -> Iterator[sync_redis.Redis]:
    with sync_redis.Redis.from_url(services.redis_url, decode_responses=True) as client:
        yield client


def test_bridges_share_one_row(client: sync_redis.Redis) -> None:
    """Nobody sleeps here, so each place is further away, an interval apart, whoever asks."""
    carrier, delays = uuid4().hex, list[float]()
    bridges = [RegisterPace(client, sleep=delays.append) for _ in range(4)]
    for n in range(40):
        bridges[n % 4].wait(carrier, RATE)
    assert sum(delay == 0 for delay in delays) <= BURST + 1
    waiting = [delay for delay in delays if delay > 0]
    assert waiting == sorted(waiting)
    assert max(delays) == pytest.approx((40 - BURST) * INTERVAL_S, abs=0.3)


def test_carriers_do_not_wait_for_each_other(client: sync_redis.Redis) -> None:
    delays = list[float]()
    pace = RegisterPace(client, sleep=delays.append)
    for _ in range(50):
        pace.wait(uuid4().hex, 1)
    assert set(delays) == {0}


def test_the_row_is_forgotten_once_it_says_nothing(client: sync_redis.Redis) -> None:
    carrier = uuid4().hex
    RegisterPace(client, sleep=lambda _: None).wait(carrier, RATE)
    assert 0 < int(client.pttl(redis_keys.carrier_pace(carrier))) <= 2_000


def test_a_clock_set_back_stops_nobody(client: sync_redis.Redis) -> None:
    carrier, delays = uuid4().hex, list[float]()
    client.set(redis_keys.carrier_pace(carrier), "9e15")
    RegisterPace(client, sleep=delays.append).wait(carrier, RATE)
    assert delays == [0]


def test_without_redis_a_bridge_goes_slower_and_goes_on() -> None:
    delays = list[float]()
    with sync_redis.Redis(port=free_tcp_port()) as nobody:
        pace = RegisterPace(nobody, sleep=delays.append)
        for _ in range(10):
            pace.wait("carrier", RATE)
    steps = [after - before for before, after in pairwise(delays)]
    assert delays[0] == 0
    assert steps == pytest.approx([INTERVAL_S / LOCAL_SHARE] * 9, abs=0.05)
