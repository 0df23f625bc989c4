"""The controller knows its bridges and workers by what they write of themselves, well or badly."""

from datetime import UTC, datetime
from typing import Any

import pytest
from redis import Redis
from sqlalchemy import Engine, select

from controlplane.contracts import redis_keys
from controlplane.contracts.heartbeats import WorkerHeartbeat
from controlplane.controller.node_rows import NodeRow
from controlplane.controller.nodes import SCANS_A_LOOK
from controlplane.models.nodes import AiWorkerNode, SipBridgeNode
from tests.integration.controller_under_test import (
    ControllerUnderTest,
    add_account,
    heartbeat,
    owners,
    request_drain,
)

pytestmark = pytest.mark.integration


def test_nodes_are_remembered_and_nonsense_is_passed_over(
    controller: ControllerUnderTest, client: "Redis", engine: Engine
) -> None:
    controller.beat("a", capacity=7)
    client.set(redis_keys.bridge_heartbeat("huge"), heartbeat("huge", capacity=2_000).to_json())
    client.set(redis_keys.bridge_heartbeat("b"), "{nonsense")
    client.set(redis_keys.bridge_heartbeat("c"), heartbeat("a").to_json())
    worker = WorkerHeartbeat(
        worker_id="w", slots=3, active_calls=1, draining=False, sent_at=datetime.now(UTC)
    )
    client.set(redis_keys.worker_heartbeat("w"), worker.to_json(), ex=5)
    controller.turn()
    controller.beat("a", capacity=8, sip_address="192.0.2.1:5060")
    controller.beat("z")
    controller.step()
    with engine.connect() as connection:
        columns = (SipBridgeNode.id, SipBridgeNode.capacity, SipBridgeNode.sip_address)
        bridges = connection.execute(select(*columns).order_by(SipBridgeNode.id)).all()
        assert bridges == [("a", 8, "192.0.2.1:5060"), ("z", 200, None)]
        workers = connection.execute(select(AiWorkerNode.id, AiWorkerNode.slots)).all()
        assert workers == [("w", 3)]


def test_a_look_is_short_however_many_keys_there_are(
    client: "Redis", controller: ControllerUnderTest
) -> None:
    """A longer one would count as an interruption, and no bridge would ever be lost."""
    client.mset({f"restaurant:{n}:config": "" for n in range(60_000)})
    client.set(redis_keys.bridge_heartbeat("a"), heartbeat("a").to_json())
    row = NodeRow("a", 200, drain_requested=False)
    looks, most = 0, 0
    while controller.nodes.heard_at("a") is None:
        before = scans(client)
        controller.nodes.look()
        looks, most = looks + 1, max(most, scans(client) - before)
        assert looks < 20
    assert most <= SCANS_A_LOOK
    assert controller.nodes.bridges([row])[0].refusal is None


def scans(client: "Redis") -> int:
    about: Any = client.info("commandstats")
    return int(about.get("cmdstat_scan", {"calls": 0})["calls"])


def test_a_heartbeat_of_another_version_is_a_sign_of_life(
    controller: ControllerUnderTest, client: "Redis", engine: Engine
) -> None:
    add_account(engine)
    controller.beat("a")
    controller.turn()
    controller.beat("b")
    controller.beats.pop("a")
    for second in range(10):
        client.set(redis_keys.bridge_heartbeat("a"), f'{{"version": 9, "second": {second}}}')
        controller.step()
    assert owners(engine) == {"a": 1}
    add_account(engine, count=2)
    controller.step()
    assert owners(engine) == {"a": 1, "b": 2}


def test_a_name_two_bridges_use_gets_nothing_more(
    controller: ControllerUnderTest, engine: Engine
) -> None:
    add_account(engine)
    controller.beat("a")
    controller.turn()
    request_drain(engine, "a")
    for instance in ("other", "core", "other"):
        controller.beat("a", instance=instance)
        controller.step()
    controller.beat("b")
    add_account(engine, count=3)
    controller.step()
    assert owners(engine)["b"] >= 3
