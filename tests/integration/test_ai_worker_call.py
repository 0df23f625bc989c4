"""A call through a worker: bridge protocol, Realtime simulator, Postgres and Redis over sockets."""

from collections.abc import Sequence

import psycopg
import pytest
from redis.asyncio import Redis

from aiworker.settings import WorkerSettings
from aiworker.simulator.brain import Call, Output, Say, ScriptedBrain
from aiworker.simulator.hearing import Hearing
from aiworker.simulator.link import SimulatorSettings
from aiworker.simulator.server import RealtimeSimulator
from controlplane.contracts.messages import Hangup
from controlplane.database import libpq_url
from controlplane.tenants.demo_restaurant import DEMO_RESTAURANT_ID, seed_demo
from tests.integration.ai_worker_bridge import CALLER_SOUNDS, FakeBridge, recording, working

pytestmark = pytest.mark.integration

QUICK = SimulatorSettings(speed=20, think_ms=20, transcription_ms=20)
Steps = Sequence[Sequence[Output]]


@pytest.fixture(scope="module")
def hearing() -> Hearing:
    return Hearing.from_folders([CALLER_SOUNDS])


@pytest.fixture
def demo_url(database_url: str) -> str:
    seed_demo(database_url, registrar="127.0.0.1:5060", username="u", password="long-enough")
    return database_url


async def test_an_order_is_placed_and_said(
    demo_url: str, redis_url: str, redis: Redis, hearing: Hearing
) -> None:
    steps: Steps = [
        [Call.of("add_item", dish="margherita", quantity=2, options=["fine"])],
        [Call.of("read_back")],
        [Say("Deux Margherita. C'est bien cela ?", 600)],
        [Call.of("place_order", customer_name="Martin")],
        [Say("Votre commande est enregistrée. Au revoir !", 600), Call.of("hang_up")],
    ]
    async with RealtimeSimulator(
        brain=lambda: ScriptedBrain(steps), hearing=hearing, settings=QUICK
    ) as realtime:
        settings = worker_settings(demo_url, redis_url, realtime.url)
        async with working(settings):
            bridge = FakeBridge(redis, DEMO_RESTAURANT_ID)
            async with bridge.call(greeting="playing"):
                await bridge.end_greeting()
                bridge.say(recording("deux_margherita_un_coca"))
                await bridge.until(lambda: len(bridge.heard) >= 600 * 16)
                await bridge.until(lambda: not bridge.playing)
                bridge.say(recording("oui_c_est_bien_ca"))
                hangup = await bridge.request(Hangup)
                await bridge.until(lambda: not bridge.playing)
    assert hangup.outcome == "order"
    with psycopg.connect(libpq_url(demo_url)) as database:
        orders = database.execute(
            'SELECT number, total_cents, customer_name, customer_phone_e164 FROM "order"'
        ).fetchall()
    assert orders == [(1, 1_900, "Martin", "+33639980123")]
    assert bridge.heard_frames() == list(range(60))


def worker_settings(database_url: str, redis_url: str, realtime_url: str) -> WorkerSettings:
    return WorkerSettings(
        DATABASE_URL=database_url,
        REDIS_URL=redis_url,
        OPENAI_API_KEY="sk-test",
        realtime_url=realtime_url,
        worker_id="worker-test",
    )
