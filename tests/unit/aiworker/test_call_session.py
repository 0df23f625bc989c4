"""A worker waits for a Postgres that restarts as long as the greeting lasts, and no longer."""

from collections.abc import Callable
from typing import Any, cast

import pytest
from sqlalchemy.exc import OperationalError

from aiworker import call_session
from aiworker.call_session import CallNotServed, read_config
from aiworker.clients import Clients
from controlplane.contracts.identifiers import new_id
from controlplane.contracts.messages import CallOffer
from controlplane.contracts.restaurant_config import RestaurantConfig
from controlplane.restaurants.errors import UnknownRestaurant
from tests.small_menu import CONFIG

pytestmark = pytest.mark.unit

OFFER = CallOffer(
    call_id=new_id(),
    restaurant_id=CONFIG.id,
    bridge_id="bridge-test",
    channel_uuid=new_id(),
    attempt=1,
)
AWAY = OperationalError("SELECT", {}, Exception("the database system is starting up"))


class Postgres:
    """It answers after so many failures."""

    def __init__(self, failures: int, error: Exception = AWAY) -> None:
        self.failures, self.error, self.asked = failures, error, 0

    async def load(self, *_: Any) -> RestaurantConfig:
        self.asked += 1
        if self.asked <= self.failures:
            raise self.error
        return CONFIG


Asks = Callable[[Postgres], Any]


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Asks:
    def read(postgres: Postgres) -> Any:
        monkeypatch.setattr(call_session, "load_restaurant_config", postgres.load)
        monkeypatch.setattr(call_session, "CONFIG_RETRY_SECONDS", 0.001)
        monkeypatch.setattr(call_session, "CONFIG_SECONDS", 0.2)
        clients = cast("Clients", type("NoClients", (), {"redis": None, "sessions": None}))
        return read_config(OFFER, clients)

    return read


async def test_a_postgres_that_is_back_in_time_serves_the_call(read: Asks) -> None:
    postgres = Postgres(failures=3)
    assert await read(postgres) is CONFIG
    assert postgres.asked == 4


async def test_a_postgres_that_stays_away_gives_the_call_to_another_worker(read: Asks) -> None:
    with pytest.raises(CallNotServed):
        await read(Postgres(failures=1_000_000))


async def test_a_restaurant_that_is_gone_is_not_waited_for(read: Asks) -> None:
    postgres = Postgres(failures=1_000_000, error=UnknownRestaurant(CONFIG.id))
    with pytest.raises(CallNotServed):
        await read(postgres)
    assert postgres.asked == 1
