"""Moves and failovers are timed to their end, and registrations counted where they are."""

from typing import Any

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import Engine, select, update

from controlplane.controller import placement
from controlplane.controller.registration_counts import RegistrationCounts
from controlplane.models.sip_registration import SipRegistration
from tests.integration.controller_under_test import (
    BRIDGE_TIMEOUT_S,
    ControllerUnderTest,
    add_account,
    register_all,
    release_all,
    request_move,
)

pytestmark = pytest.mark.integration


def seconds_observed(name: str) -> float:
    return REGISTRY.get_sample_value(f"alloresto_controller_{name}_seconds_count") or 0.0


def test_failovers_and_moves_are_timed_to_their_end(
    controller: ControllerUnderTest, engine: Engine, monkeypatch: Any
) -> None:
    monkeypatch.setattr(placement, "WATCH_EVERY_S", 0.0)
    add_account(engine, count=2)
    for name in ("a", "b"):
        controller.beat(name)
    controller.turn()
    register_all(engine)
    failovers, moves = seconds_observed("failover"), seconds_observed("move")
    controller.silence("a")
    controller.step(BRIDGE_TIMEOUT_S + 1)
    assert seconds_observed("failover") == failovers
    register_all(engine)
    controller.step()
    assert seconds_observed("failover") == failovers + 1
    controller.beat("a")
    controller.step()
    request_move(engine, "a")
    controller.rest()
    controller.step()
    assert seconds_observed("move") == moves
    register_all(engine)
    release_all(engine)
    controller.step()
    assert seconds_observed("move") == moves + 2


def test_registrations_are_counted_by_bridge_and_state(
    controller: ControllerUnderTest, engine: Engine
) -> None:
    add_account(engine, count=3)
    controller.beat("a", capacity=2)
    controller.turn()
    with engine.begin() as connection:
        one = select(SipRegistration.id).where(SipRegistration.bridge_id == "a").limit(1)
        connection.execute(
            update(SipRegistration)
            .where(SipRegistration.id == one.scalar_subquery())
            .values(state="REGED", state_epoch=1)
        )
    counts = RegistrationCounts(engine)
    counts.refresh()
    samples = {
        (sample.name, *sample.labels.values()): sample.value
        for family in counts.collect()
        for sample in family.samples
    }
    assert samples == {
        ("sip_registrations_count", "", "DOWN"): 1,
        ("sip_registrations_count", "a", "DOWN"): 1,
        ("sip_registrations_count", "a", "REGED"): 1,
        ("alloresto_controller_registrations_assigned", "a"): 2,
        ("alloresto_controller_registrations_registered", "a"): 1,
    }
    counts.forget()
    assert [sample for family in counts.collect() for sample in family.samples] == []
