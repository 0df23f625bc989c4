"""A bridge that died is lost within a second and a half, and no other is: not while Redis restarts,
an agent stalls, a machine is starved, or a firewall answers in FreeSWITCH's name.

Virtual time, a quarter of a second a look, as the controller's loop has it.
"""

import itertools
import random
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st

from controlplane.contracts import redis_keys
from controlplane.contracts.heartbeats import BridgeHeartbeat
from controlplane.controller.node_rows import NodeRow
from controlplane.controller.nodes import Nodes
from controlplane.models.sip_registration import MoveRefusal
from controlplane.sip_options import SipAnswer

pytestmark = pytest.mark.unit

LOOK_S: Final = 0.25
TIMEOUT_S: Final = 5.0
BEAT_S: Final = 0.5
FAST_S: Final = 1.5
"""A dead process is to be seen within this time; the rest of 2 s is the carrier's."""
HOUR_S: Final = 3_600.0


@dataclass
class BridgeProcess:
    """One bridge as it is; `None` for `answer` is a FreeSWITCH as its agent has it."""

    name: str
    agent: bool = True
    switch: bool = True
    postgres: bool = True
    port: SipAnswer | None = None
    """What the controller hears at its port, when that is not FreeSWITCH's own word."""
    stalled_until: float = 0.0
    beat_at: float = 0.0
    """When it beats next."""
    beaten_at: float = 0.0
    dead_since: float | None = None

    @property
    def address(self) -> str:
        return f"192.0.2.{self.name}:5060"

    def heartbeat(self, sent: int) -> str:
        return BridgeHeartbeat(
            bridge_id=self.name,
            capacity=200,
            active_calls=sent,
            instance=f"core of {self.name}",
            sip_address=self.address,
            sip_bound=self.address,
            switch_ended=not self.switch,
            postgres_answers=self.postgres,
            sent_at=datetime.now(UTC),
        ).to_json()


class World:
    """Bridges, a Redis that restarts, and a leader that looks, on a clock of its own."""

    def __init__(self, *, bridges: int) -> None:
        self.now = 100.0
        self.sent = itertools.count()
        self.run = 0
        self.away = False
        self.keys: dict[str, tuple[str, float]] = {}
        self.bridges = [BridgeProcess(str(n)) for n in range(1, bridges + 1)]
        client: Any = self
        self.nodes = Nodes(
            client, bridge_timeout_s=TIMEOUT_S, clock=lambda: self.now, ask_all=self.ask_all
        )
        self.lost: set[str] = set()
        self.not_ready: set[str] = set()

    def step(self, seconds: float = LOOK_S) -> None:
        """Let the bridges beat, and the leader look once."""
        self.now += seconds
        for one in self.bridges:
            if one.agent and self.now >= max(one.beat_at, one.stalled_until) and not self.away:
                key = redis_keys.bridge_heartbeat(one.name)
                self.keys[key] = (one.heartbeat(next(self.sent)), self.now + 5.0)
                one.beat_at, one.beaten_at = self.now + BEAT_S, self.now
        try:
            self.nodes.look()
        except redis.RedisError:
            return
        rows = [NodeRow(one.name, 200, drain_requested=False) for one in self.bridges]
        found = self.nodes.bridges(rows)
        self.lost = {one.id for one in found if one.refusal is MoveRefusal.LOST}
        self.not_ready = {one.id for one in found if one.refusal is MoveRefusal.NOT_READY}

    def steps(self, seconds: float) -> None:
        until = self.now + seconds
        while self.now < until:
            self.step()

    def seen_dead_after(self, name: str) -> float:
        began = self.now
        while name not in self.lost:
            self.step()
        return self.now - began

    def restart_redis(self) -> None:
        self.keys, self.away, self.run = {}, False, self.run + 1

    def ask_all(self, addresses: Collection[str]) -> dict[str, SipAnswer]:
        own = {True: SipAnswer.ANSWERED, False: SipAnswer.CLOSED}
        ports = {one.address: one.port or own[one.switch] for one in self.bridges}
        return {address: ports[address] for address in addresses}

    # What `Nodes` asks of Redis.

    def scan(self, *_: object, **__: object) -> tuple[int, list[str]]:
        self._answer()
        return 0, [key for key, (_, until) in self.keys.items() if until > self.now]

    def pipeline(self, **_: object) -> "World":
        return self

    def __enter__(self) -> "World":
        self.replies: list[object] = []
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def info(self, _: str) -> None:
        self.replies.append({"run_id": str(self.run)})

    def mget(self, keys: list[str]) -> None:
        present = {key: body for key, (body, until) in self.keys.items() if until > self.now}
        self.replies.append([present.get(key) for key in keys])

    def execute(self) -> list[object]:
        self._answer()
        return self.replies

    def _answer(self) -> None:
        if self.away:
            raise redis.ConnectionError


@pytest.fixture
def world() -> World:
    world = World(bridges=4)
    world.steps(15.0)
    return world


@pytest.mark.parametrize("after_s", [x * LOOK_S for x in range(48)])
def test_who_dies_with_freeswitch_and_agent_is_lost_at_once_whenever_that_is(
    world: World, after_s: float
) -> None:
    """In a moment too in which it is asked whether it can be reached."""
    world.steps(after_s)
    dead = world.bridges[0]
    dead.agent = dead.switch = False
    assert world.seen_dead_after("1") <= FAST_S
    assert world.lost == {"1"}
    world.steps(20.0)
    dead.agent = dead.switch = True
    world.steps(1.0)
    assert not world.lost


def test_an_agent_says_itself_that_its_freeswitch_has_ended(world: World) -> None:
    """Nobody has to reach the port for it."""
    dead = world.bridges[0]
    dead.port = SipAnswer.SILENT
    dead.switch = False
    assert world.seen_dead_after("1") <= FAST_S
    world.steps(60.0)
    assert world.lost == {"1"}


@pytest.mark.parametrize("port", [SipAnswer.ANSWERED, SipAnswer.SILENT])
def test_an_agent_that_dies_alone_or_a_machine_that_hangs_has_the_whole_timeout(
    world: World, port: SipAnswer
) -> None:
    """The next agent finds all registrations where they were."""
    world.bridges[0].agent, world.bridges[0].port = False, port
    world.steps(TIMEOUT_S - 1.0)
    assert not world.lost
    assert world.seen_dead_after("1") <= FAST_S


def test_a_port_refused_by_a_firewall_proves_nothing() -> None:
    world = World(bridges=2)
    world.bridges[0].port = SipAnswer.CLOSED
    world.steps(15.0)
    world.bridges[0].agent = False
    world.steps(TIMEOUT_S - 1.0)
    assert not world.lost


def test_a_firewall_that_comes_later_is_noticed_while_the_bridge_lives(world: World) -> None:
    world.bridges[0].port = SipAnswer.CLOSED
    world.steps(15.0)
    world.bridges[0].agent = False
    world.steps(TIMEOUT_S - 1.0)
    assert not world.lost


def test_all_ports_seem_closed_and_all_heartbeats_go_on(world: World) -> None:
    for one in world.bridges:
        one.port = SipAnswer.CLOSED
    world.steps(HOUR_S / 60)
    assert not world.lost


def test_a_bridge_cut_from_postgres_keeps_what_it_has_and_is_given_nothing(world: World) -> None:
    world.bridges[0].postgres = False
    world.steps(60.0)
    assert (world.lost, world.not_ready) == (set(), {"1"})
    world.bridges[0].postgres = True
    world.steps(1.0)
    assert not world.not_ready


def test_who_died_while_redis_was_away_is_lost_soon_after(world: World) -> None:
    world.away = True
    dead = world.bridges[0]
    dead.agent = dead.switch = False
    world.steps(8.0)
    assert not world.lost
    world.restart_redis()
    assert world.seen_dead_after("1") <= FAST_S
    assert world.lost == {"1"}


@pytest.mark.parametrize("seed", range(3))
def test_an_hour_of_trouble_loses_nobody_who_lives(seed: int) -> None:
    """Redis restarts every few minutes, agents stall for up to 3 s (as under SIGSTOP) and come back
    up to 2 s later than Redis, the controller's looks are late; one bridge after the other dies.
    """
    chance = random.Random(seed)
    world = World(bridges=5)
    end = world.now + HOUR_S
    back_at, dies_at, dead, slow = 0.0, world.now + 600.0, 0, 0.0
    while world.now < end:
        if world.away and world.now >= back_at:
            world.restart_redis()
            for one in world.bridges:
                one.stalled_until = world.now + chance.uniform(0.0, 2.0)
        elif not world.away and chance.random() < LOOK_S / 240.0:
            world.away, back_at = True, world.now + chance.choice([0.3, 1.0, 3.0, 8.0])
        for one in world.bridges:
            if one.stalled_until < world.now - 1.0 and chance.random() < LOOK_S / 20.0:
                one.stalled_until = world.now + chance.uniform(0.5, 3.0)
        if world.now >= dies_at and dead < 3 and not world.away:
            world.bridges[dead].agent = world.bridges[dead].switch = False
            world.bridges[dead].dead_since = world.now
            dead, dies_at = dead + 1, world.now + 600.0
        slow = chance.uniform(0.2, 1.5) if chance.random() < 0.02 else LOOK_S
        world.step(slow)
        assert world.lost <= {one.name for one in world.bridges if one.dead_since is not None}
    assert len(world.lost) == 3


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["redis", "stall", "agent", "port", "late"]),
            st.integers(0, 2),
            st.floats(0.1, 3.0),
        ),
        max_size=60,
    )
)
def test_whose_freeswitch_lives_has_the_whole_timeout_whatever_happens(
    events: list[tuple[str, int, float]],
) -> None:
    world = World(bridges=3)
    world.steps(2.0)
    for event, which, seconds in events:
        one = world.bridges[which]
        match event:
            case "redis" if world.away:
                world.restart_redis()
            case "redis":
                world.away = True
            case "stall":
                one.stalled_until = world.now + seconds
            case "agent":
                one.agent = not one.agent
            case "port":
                one.port = SipAnswer.SILENT if one.port is None else None
            case "late":
                world.step(seconds)
        until = world.now + seconds
        while world.now < until:
            world.step()
            for bridge in world.bridges:
                assert bridge.name not in world.lost or world.now - bridge.beaten_at > TIMEOUT_S
