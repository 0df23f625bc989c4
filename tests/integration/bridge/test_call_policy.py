"""What a bridge knows of its restaurants' callers, read from Postgres."""

import pytest
from sqlalchemy import text

from controlplane.bridge.calls.call_policy import CallPolicies
from controlplane.contracts.identifiers import new_id
from controlplane.database import sync_engine
from tests.accounts import add_account, add_carrier

pytestmark = pytest.mark.integration

BRIDGE = "bridge-1"


def test_numbers_are_read_by_the_plan_of_the_restaurants_own_phone(database_url: str) -> None:
    engine = sync_engine(database_url, application_name="test")
    with engine.begin() as connection:
        connection.execute(
            text("INSERT INTO sip_bridge_node (id, capacity, last_seen_at) VALUES (:id, 9, now())"),
            {"id": BRIDGE},
        )
        add_carrier(connection)
        luigi, payet, maes = (
            add_account(connection, phone_e164=phone, bridge_id=BRIDGE, epoch=1)
            for phone in ("+33199005678", "+262262123456", "+3225550000")
        )
    policies = CallPolicies(engine=engine, bridge_id=BRIDGE)
    policies.reload()
    regions = [policies.region_of(restaurant) for restaurant in (luigi, payet, maes, new_id())]
    assert regions == ["FR", "RE", "BE", "FR"]
    engine.dispose()
