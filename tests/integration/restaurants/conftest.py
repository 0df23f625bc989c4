"""The demo restaurant, in a database of the test's own."""

import pytest

from controlplane.local.demo.restaurant import seed_demo
from tests.accounts import SECRETS


@pytest.fixture
def seeded(database_url: str) -> str:
    """`postgresql://…` of a database with the demo restaurant in it."""
    seed_demo(
        database_url,
        registrar="127.0.0.1:5060",
        username="u",
        password="long-enough",
        secrets=SECRETS,
    )
    return database_url


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """No caller waits for orders that many place at once: what is proved is who gets what, also
    on a machine that is busy with something else.
    """
    monkeypatch.setattr("controlplane.restaurants.place_order.ATTEMPT_SECONDS", 60)
    monkeypatch.setattr("controlplane.restaurants.place_order.ATTEMPTS", 10)
