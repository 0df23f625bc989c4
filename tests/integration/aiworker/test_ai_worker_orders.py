"""A call's order is placed though the caller hangs up, or its worker dies, in that very moment."""

from dataclasses import replace

import psycopg
import pytest
from redis.asyncio import Redis

from aiworker.simulator.brain import Call, Say
from aiworker.simulator.hearing import Hearing
from aiworker.simulator.journal import ClientEvent
from aiworker.unsettled_orders import UnsettledOrder, UnsettledOrders
from controlplane.contracts import redis_keys
from controlplane.contracts.messages import OrderPlaced
from controlplane.database import libpq_url
from controlplane.local.demo.restaurant import seed_demo
from controlplane.local.launch.ports import free_tcp_port
from tests.accounts import SECRETS
from tests.integration.ai_worker_bridge import CALLER_SOUNDS, Stage
from tests.integration.order_drafts import draft, wait_before, waits
from tests.integration.realtime_steps import Step
from tests.waiting import until

pytestmark = pytest.mark.integration

ORDER: tuple[Step, ...] = (
    [Call.of("add_item", dish="margherita", quantity=2, options=["fine"])],
    [Call.of("read_back")],
    [Say("Deux Margherita. C'est bien cela ?", 600)],
    [Call.of("place_order", customer_name="Martin")],
)


@pytest.fixture(scope="module")
def hearing() -> Hearing:
    return Hearing.from_folders([CALLER_SOUNDS])


@pytest.fixture
def stage(database_url: str, redis_url: str, redis: Redis, hearing: Hearing) -> Stage:
    seed_demo(
        database_url,
        registrar="127.0.0.1:5060",
        username="u",
        password="long-enough",
        secrets=SECRETS,
    )
    return Stage(database_url, redis_url, redis, hearing)


async def test_a_caller_who_hangs_up_while_the_order_is_placed_is_served(stage: Stage) -> None:
    """1 the caller confirms, 2 the order waits for another, 3 the caller hangs up and the worker is
    drained, 4 the order may go on: it is placed, and the record has it.
    """
    bridge = stage.bridge()
    with psycopg.connect(libpq_url(stage.database_url)) as before:
        wait_before(before)
        async with stage.play(*ORDER):
            async with bridge.call():
                bridge.say("d_accord")
                await bridge.hears_all(600)
                bridge.say("oui_c_est_bien_ca")
                await until(lambda: waits(before))
            before.rollback()
    assert stage.orders() == [(1, 1_900, "Martin", "+33639980123")]
    assert [e for e in await stage.events() if isinstance(e, OrderPlaced)]


async def test_another_worker_ends_what_the_first_was_placing(stage: Stage, redis: Redis) -> None:
    """1 a worker dies while it places an order, 2 another one has the call: it places the order
    before it says a word, and says so.
    """
    bridge = stage.bridge()
    begun = draft().model_copy(update={"call_id": bridge.call_id})
    await UnsettledOrders(redis).write(UnsettledOrder(draft=begun))
    async with stage.play([Say("C'est enregistré.", 200)], worker_id="worker-other") as realtime:
        async with bridge.call(resumed=True):
            await bridge.hears_all(200)
    told = [str(e.event) for e in realtime.journal.of(ClientEvent) if e.type.endswith("create")]
    assert any("La commande numéro 1 est déjà enregistrée" in event for event in told)
    assert [(number, cents) for number, cents, *_ in stage.orders()] == [(1, 2_450)]


async def test_another_worker_goes_on_without_postgres(stage: Stage, redis: Redis) -> None:
    """1 a worker dies with a dish in the cart, 2 Postgres is away, 3 another one has the call: menu
    and cart are in Redis, so the caller is not passed on.
    """
    await redis.set(redis_keys.CONFIG_GENERATION, 1)  # a controller lives: menus may be cached
    bridge = stage.bridge()
    steps: tuple[Step, ...] = ([Call.of("add_item", dish="calzone")], [Say("C'est noté.", 200)])
    async with stage.play(*steps):
        async with bridge.call():
            bridge.say("d_accord")
            await bridge.hears_all(200)
    nowhere = f"postgresql://nobody@127.0.0.1:{free_tcp_port()}/none"
    away = replace(stage, database_url=nowhere)
    async with away.play([Say("Reprenons.", 300)], worker_id="worker-other") as realtime:
        async with bridge.call(resumed=True):
            await bridge.hears_all(500)
    told = [str(e.event) for e in realtime.journal.of(ClientEvent) if e.type.endswith("create")]
    assert any("ligne 1 : une Calzone" in event for event in told)
