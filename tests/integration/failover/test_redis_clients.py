"""After a failover behind one address no Redis client stays with the demoted primary.

Two real Valkeys; the old one lives on as a replica, and existing connections stay with it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from time import monotonic
from typing import Any, Final

import gevent
import pytest
from redis import Redis
from redis import asyncio as async_redis
from redis.exceptions import RedisError

from controlplane.local.launch.valkey_pair import ValkeyPair
from controlplane.redis_clients import asyncio_redis, sync_redis
from controlplane.redis_primary import PROVEN_S, NotPrimary, PrimaryParser
from tests.waiting import block_until, until

pytestmark = pytest.mark.integration

BACK_S: Final = 2.0
"""The bound on every kind of command: `PROVEN_S`, and a loaded machine."""
BLOCK_S: Final = 30
SCRIPT: Final = "return redis.call('INCR', KEYS[1])"


@pytest.fixture
def client(valkey_pair: ValkeyPair) -> Iterator["Redis"]:
    client = sync_redis(valkey_pair.url, timeout_s=5)
    yield client
    client.close()


@pytest.fixture
async def async_client(valkey_pair: ValkeyPair) -> AsyncIterator[async_redis.Redis]:
    client = asyncio_redis(valkey_pair.url, connect_timeout_s=5, timeout_s=5)
    yield client
    await client.aclose()


def pipeline(client: "Redis") -> object:
    with client.pipeline(transaction=True) as pipe:
        pipe.incr("one")
        pipe.incr("two")
        return pipe.execute()


WRITES: Final[dict[str, Callable[["Redis"], object]]] = {
    "a command": lambda client: client.incr("one"),
    "a transaction": pipeline,
    "a script": lambda client: client.eval(SCRIPT, 1, "one"),
    "a script by its hash": lambda client: client.register_script(SCRIPT)(keys=["one"]),
    "a blocking pop": lambda client: client.blpop(["nothing"], timeout=0.01) or True,
    "a stream": lambda client: client.xadd("stream", {"a": "b"}),
}


def succeeds(command: Callable[["Redis"], object], client: "Redis") -> bool:
    try:
        return bool(command(client))
    except RedisError:
        return False


@pytest.mark.parametrize("command", WRITES.values(), ids=WRITES.keys())
def test_a_write_that_is_refused_is_done_by_the_next_attempt(
    command: Callable[["Redis"], object], valkey_pair: ValkeyPair, client: "Redis"
) -> None:
    assert command(client)
    valkey_pair.fail_over()

    with pytest.raises(NotPrimary):
        command(client)

    assert command(client)
    assert valkey_pair.left_behind == 0


def test_answers_have_the_shape_our_code_reads(client: "Redis") -> None:
    """redis-py nests a stream's entries once more when RESP3 is asked for by name."""
    client.xadd("stream", {"a": "b"}, id="1-1")
    assert client.xread({"stream": "0"}) == [["stream", [("1-1", {"a": "b"})]]]


def test_a_client_that_retries_once_notices_nothing(valkey_pair: ValkeyPair) -> None:
    """As the bridge's: a caller waits behind an offer."""
    with sync_redis(valkey_pair.url, timeout_s=5, retries=1) as client:
        client.incr("one")
        valkey_pair.fail_over()

        assert client.incr("one") == 2
        assert pipeline(client) == [3, 1]


async def test_a_write_of_asyncio_is_done_by_the_next_attempt(
    valkey_pair: ValkeyPair, async_client: async_redis.Redis
) -> None:
    script = async_client.register_script(SCRIPT)
    await script(keys=["one"])
    valkey_pair.fail_over()

    with pytest.raises(NotPrimary):
        await script(keys=["one"])

    assert await script(keys=["one"]) == 2
    assert valkey_pair.left_behind == 0


def test_what_was_blocked_there_is_freed_and_blocks_here(
    valkey_pair: ValkeyPair, client: "Redis"
) -> None:
    """A bridge that waits for a claim, a worker that waits for an offer."""
    waiting = gevent.get_hub().threadpool.spawn(client.blpop, ["claim"], timeout=BLOCK_S)
    block_until(lambda: blocked(valkey_pair) == 1)
    valkey_pair.fail_over()
    with pytest.raises(NotPrimary):
        waiting.get(timeout=5)

    with sync_redis(valkey_pair.url, timeout_s=5) as worker:
        worker.lpush("claim", "mine")
    assert client.blpop(["claim"], timeout=5) == ("claim", "mine")


def blocked(valkey_pair: ValkeyPair) -> int:
    with valkey_pair.primary.admin() as admin:
        return int(admin.info("clients")["blocked_clients"])


async def test_what_asyncio_blocked_there_is_freed_and_blocks_here(
    valkey_pair: ValkeyPair, async_client: async_redis.Redis
) -> None:
    async def move() -> object:
        return await async_client.blmove("offers", "mine", 5, "RIGHT", "LEFT")

    waiting = asyncio.create_task(move())
    await until(lambda: blocked(valkey_pair) == 1)
    valkey_pair.fail_over()
    with pytest.raises(NotPrimary):
        await waiting

    waiting = asyncio.create_task(move())
    await async_client.lpush("offers", "call")
    assert await waiting == "call"


def test_reads_and_publishes_leave_an_old_primary_that_grows_old(
    valkey_pair: ValkeyPair, client: "Redis"
) -> None:
    """It refuses neither: heartbeats read there stand still, and every bridge would be lost."""
    client.set("heartbeat", "before")
    with sync_redis(valkey_pair.url, timeout_s=5) as idle:  # several connections, all long idle
        hold = [idle.connection_pool.get_connection() for _ in range(3)]
        for connection in hold:
            idle.connection_pool.release(connection)
        valkey_pair.fail_over(linked=False)
        began = monotonic()
        with (
            valkey_pair.primary.admin() as admin,
            admin.pubsub() as heard,
        ):
            admin.set("heartbeat", "after")
            heard.subscribe("bridge")
            block_until(lambda: client.get("heartbeat") == "after")
            block_until(lambda: client.publish("bridge", "look") == 1)
            assert monotonic() - began < BACK_S
        block_until(lambda: idle.get("heartbeat") == "after")
        assert monotonic() - began < BACK_S + PROVEN_S


async def test_reads_of_asyncio_leave_an_old_primary_that_grows_old(
    valkey_pair: ValkeyPair, async_client: async_redis.Redis
) -> None:
    await async_client.set("cart", "before")
    valkey_pair.fail_over(linked=False)
    with valkey_pair.primary.admin() as admin:
        admin.set("cart", "after")

    async def read() -> bool:
        return bool(await async_client.get("cart") == "after")

    began = monotonic()
    await until(read)
    assert monotonic() - began < BACK_S


def subscribe(client: "Redis") -> None:
    client.pubsub().subscribe("x")  # type: ignore[no-untyped-call]


def test_a_replica_is_not_connected_to(valkey_pair: ValkeyPair, client: "Redis") -> None:
    """The address may lead to it for a while: nothing is read there or heard."""
    valkey_pair.proxy.route(valkey_pair.replica.port)
    for use in (client.ping, lambda: client.get("x"), partial(subscribe, client)):
        with pytest.raises(NotPrimary):
            use()

    valkey_pair.proxy.route(valkey_pair.primary.port)
    assert client.ping()


async def test_asyncio_does_not_connect_to_a_replica(
    valkey_pair: ValkeyPair, async_client: async_redis.Redis
) -> None:
    valkey_pair.proxy.route(valkey_pair.replica.port)
    with pytest.raises(NotPrimary):
        await async_client.get("x")

    valkey_pair.proxy.route(valkey_pair.primary.port)
    assert await async_client.ping()


def test_a_primary_that_lost_its_replicas_is_left(valkey_pair: ValkeyPair, client: "Redis") -> None:
    """`min-replicas-to-write`: it is cut off, and another may have been promoted."""
    client.incr("one")
    with valkey_pair.primary.admin() as admin:
        admin.config_set("min-replicas-to-write", 2)
    with pytest.raises(NotPrimary):
        client.incr("one")
    valkey_pair.fail_over()
    assert client.incr("one") == 2


def test_the_errors_of_older_servers_are_known() -> None:
    for answer in (
        "READONLY You can't write against a read only replica.",
        "ERR Error running script (call to f_1): @user_script:2: @user_script: 2: -READONLY You"
        " can't write against a read only replica. ",
        "UNBLOCKED force unblock from blocking operation, instance state changed (master ->"
        " replica?)",
        "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
    ):
        assert isinstance(PrimaryParser.parse_error(answer), NotPrimary)
    others: list[Any] = ["ERR unknown command", "NOSCRIPT No matching script.", "WRONGTYPE x"]
    assert not any(isinstance(PrimaryParser.parse_error(one), NotPrimary) for one in others)
