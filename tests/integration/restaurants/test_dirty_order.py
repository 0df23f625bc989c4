"""An order confirmed by a caller is in Postgres, whatever the model's text holds."""

from functools import partial

import psycopg
import pytest

from aiworker.tools.toolbox import run_tool
from controlplane.database import async_engine, async_sessions, libpq_url
from controlplane.local.demo.restaurant import DEMO_RESTAURANT_ID, seed_demo
from controlplane.restaurants.config_cache import read_restaurant_config
from controlplane.restaurants.place_order import place_order
from tests.accounts import SECRETS
from tests.unit.aiworker.one_order import Talk, confirmed

pytestmark = pytest.mark.integration


async def test_an_order_with_dirty_text_is_placed_with_the_text_meant(database_url: str) -> None:
    seed_demo(
        database_url,
        registrar="127.0.0.1:5060",
        username="u",
        password="long-enough",
        secrets=SECRETS,
    )
    engine = async_engine(database_url, application_name="test", pool_size=1)
    sessions = async_sessions(engine)
    config, _ = await read_restaurant_config(sessions, DEMO_RESTAURANT_ID)
    talk = Talk(config)
    talk.context.place_order = partial(place_order, sessions)
    await confirmed(talk)
    arguments = r'{"customer_name": "Andr\u0000e9\ud800", "note": "cr\u0000e8me\u0000 \u0007"}'
    result = await run_tool(talk.context, "place_order", arguments)
    await engine.dispose()
    assert result["status"] == "placed"
    with psycopg.connect(libpq_url(database_url)) as database:
        orders = database.execute('SELECT customer_name, note FROM "order"').fetchall()
    assert orders == [("André", "crème")]
