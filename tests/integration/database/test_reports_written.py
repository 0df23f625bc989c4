"""What reports of one state after another make of a registration's row."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, insert, select

from controlplane.bridge.gateways.gateway_report import Report
from controlplane.bridge.gateways.reports import Reports
from controlplane.contracts.gateway_states import GatewayState
from controlplane.database import sync_engine
from controlplane.models.nodes import SipBridgeNode
from controlplane.models.sip_registration import SipRegistration
from tests.accounts import add_account, add_carrier

pytestmark = pytest.mark.integration

NAME, BRIDGE = "reported", "bridge-0"
START = datetime(2026, 11, 1, tzinfo=UTC)
FAIL_WAIT, REGED = GatewayState.FAIL_WAIT, GatewayState.REGED


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = sync_engine(database_url, application_name="test", pool_size=1)
    with engine.begin() as connection:
        add_carrier(connection, max_auth_failures=3)
        connection.execute(
            insert(SipBridgeNode).values(id=BRIDGE, capacity=200, last_seen_at=START)
        )
        add_account(connection, NAME, bridge_id=BRIDGE, epoch=1)
    yield engine
    engine.dispose()


@pytest.mark.parametrize(
    ("told", "began"),
    [
        # A carrier in trouble is asked every 30 s: that is one failure, which somebody must see.
        ([(FAIL_WAIT, 503), (FAIL_WAIT, 503), (FAIL_WAIT, 908)], [0, 0, 0]),
        # The next try of a refused account is counted from its last refusal.
        ([(FAIL_WAIT, 403), (FAIL_WAIT, 403), (FAIL_WAIT, 403)], [0, 30, 60]),
        ([(FAIL_WAIT, 403), (FAIL_WAIT, 503)], [0, 0]),
        # A renewal of ours is no new registration.
        ([(FAIL_WAIT, 503), (REGED, 200), (REGED, 200)], [0, 30, 30]),
    ],
)
def test_since_when_it_is_so(
    engine: Engine, told: list[tuple[GatewayState, int]], began: list[int]
) -> None:
    reports = Reports(engine=engine, bridge_id=BRIDGE, on_written=lambda _: None)
    found = []
    for turn, (state, code) in enumerate(told):
        reports.put(
            Report(
                gateway_name=NAME,
                epoch=1,
                state=state,
                at=START + timedelta(seconds=30 * turn),
                sip_code=code,
                refused=code == 403,
            )
        )
        reports._turn()
        with engine.begin() as connection:
            query = select(SipRegistration.state_at, SipRegistration.last_sip_code)
            since, last = connection.execute(query).one()
        assert last == code
        assert since is not None
        found.append((since - START).total_seconds())
    assert found == began
