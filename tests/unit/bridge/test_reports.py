"""A report that could not be written waits for the next turn."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from sqlalchemy import create_engine

from controlplane.bridge.gateways.gateway_report import Report
from controlplane.bridge.gateways.reports import Outcome, Reports
from controlplane.contracts.gateway_states import GatewayState

pytestmark = pytest.mark.unit

NAME = "pizza-0a1b2c3d"


class Unthought(Exception):
    pass


def test_what_could_not_be_written_is_written_at_the_next_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever kept it from being written, nobody had to think of."""
    told: list[Sequence[Outcome]] = []
    reports = Reports(
        engine=create_engine("postgresql+psycopg://"), bridge_id="bridge-0", on_written=told.append
    )
    refusal = Report(
        gateway_name=NAME,
        epoch=1,
        state=GatewayState.FAIL_WAIT,
        at=datetime(2026, 1, 1, tzinfo=UTC),
        refused=True,
    )
    reports.put(refusal)

    def fail(_: Sequence[Report]) -> list[Outcome]:
        raise Unthought

    monkeypatch.setattr(reports, "_commit", fail)
    with pytest.raises(Unthought):
        reports._turn()
    assert reports.unwritten_refusals(NAME) == 1

    monkeypatch.setattr(reports, "_commit", lambda batch: [])
    reports._turn()
    assert not reports.unwritten(NAME)
    assert told == [[]]
