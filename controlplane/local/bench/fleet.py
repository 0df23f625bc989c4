"""Runs many bridges on one machine: services, controllers, bridges, a carrier, and its
restaurants.

The benchmarks of registrations use it, and the scenarios that break something. Every part is a
process of its own which does not outlive this one.
"""

import contextlib
import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Self

from sqlalchemy import text

from controlplane.contracts import redis_keys
from controlplane.contracts.assignments import RegistrationsPlaced
from controlplane.contracts.gateway_states import GatewayState
from controlplane.database import sync_engine
from controlplane.errors import AlloRestoError
from controlplane.local.bench import fleet_accounts
from controlplane.local.bench.fleet_accounts import FleetAccount
from controlplane.local.bench.fleet_bridge import FleetBridge
from controlplane.local.bench.registrar import RegistrarKind, open_registrar
from controlplane.local.launch.carrier.bindings import Binding
from controlplane.local.launch.carrier.server import BindingRule
from controlplane.local.launch.installation import find_freeswitch
from controlplane.local.launch.ports import free_tcp_port
from controlplane.local.launch.process import ManagedProcess
from controlplane.local.launch.services import REDIS_DEADLINE_S, LocalServices
from controlplane.migrations.schema import upgrade
from controlplane.redis_clients import sync_redis
from controlplane.secret_box import SecretBox

READY_DEADLINE_S: Final = 30.0
"""All bridges are heard of within this time: 4 s were measured for five."""
POLL_S: Final = 0.1
EXPIRE_SECONDS: Final = 1_800
"""OVH wants this lifetime: refreshes hardly show beside what is measured."""
CONTROLLER_STOP_GRACE_S: Final = 2.0
WORKER_STOP_GRACE_S: Final = 0.5
"""A worker would wait for its calls; whoever stops a fleet does not."""
COMMAND_DEADLINE_S: Final = 30.0
"""A command that asks and ends may take this long."""
STARTERS: Final = 4
"""This many switches are started side by side: more would only wait for the two cores."""


_MIGRATING: Final = threading.Lock()
"""Alembic keeps what it migrates in a global; two fleets may start side by side."""


class FleetError(AlloRestoError):
    """Raised when something did not happen in time; the message says what."""


class Fleet:
    """Runs the whole fleet; a context manager."""

    def __init__(
        self,
        *,
        bridges: int,
        accounts: int,
        capacity: int = 200,
        registers_per_second: int = 20,
        expire_seconds: int = EXPIRE_SECONDS,
        controllers: int = 1,
        registrar: RegistrarKind | None = None,
        binding_rule: BindingRule = BindingRule.SEVERAL,
    ) -> None:
        """`accounts` is the most restaurants there will be; none is there at the start."""
        self._services = LocalServices(temporary=True, environment={})
        self._bridges, self._controllers = bridges, controllers
        self._capacity = capacity
        self._pace, self._expire_seconds = registers_per_second, expire_seconds
        self._registrar_kind, self.binding_rule = registrar, binding_rule
        self._numbers = fleet_accounts.numbers(accounts)
        self._secret_keys = SecretBox.new_key()
        self._undo = contextlib.ExitStack()
        self.bridges: dict[str, FleetBridge] = {}
        self.controllers: dict[str, ManagedProcess] = {}
        self.accounts: list[FleetAccount] = []
        """Holds the restaurants inserted so far."""

    @property
    def switch(self) -> str:
        """Name the program that plays FreeSWITCH."""
        return "simulator" if find_freeswitch() is None else "freeswitch"

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as undo:
            self._start(undo)
            self._undo = undo.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._undo.close()

    def _start(self, undo: contextlib.ExitStack) -> None:
        self.services = undo.enter_context(self._services)
        folder = self.services.data_folder
        assert folder is not None, "both services are our own"
        self.folder = folder
        with _MIGRATING:
            upgrade(self.services.database_url, secret_keys=self._secret_keys)
        self.engine = sync_engine(self.services.database_url, application_name="fleet")
        undo.callback(self.engine.dispose)
        self.redis = sync_redis(self.services.redis_url, timeout_s=REDIS_DEADLINE_S)
        undo.callback(self.redis.close)
        self.registrar = open_registrar(
            folder / "registrar",
            numbers=self._numbers,
            kind=self._registrar_kind,
            binding_rule=self.binding_rule,
        )
        undo.callback(self.registrar.stop)
        self._undo = undo
        for index in range(self._controllers):
            self.start_controller(f"controller-{index}")
        with ThreadPoolExecutor(STARTERS) as starters:
            started = [starters.submit(self.registrar.start)]
            bridges = [self._new_bridge() for _ in range(self._bridges)]
            started += [starters.submit(bridge.start) for bridge in bridges]
            for one in started:
                one.result()
        fleet_accounts.add_carrier(
            self.engine,
            registrar=self.registrar.address,
            registers_per_second=self._pace,
            expire_seconds=self._expire_seconds,
        )
        self.eventually(self._all_heard, deadline_s=READY_DEADLINE_S, what="heartbeats")

    # Parts

    def add_bridge(self) -> FleetBridge:
        """Start one more bridge; return once its switch takes calls."""
        bridge = self._new_bridge()
        bridge.start()
        return bridge

    def _new_bridge(self) -> FleetBridge:
        bridge_id = f"bridge-{len(self.bridges)}"
        bridge = FleetBridge(
            bridge_id,
            folder=self.folder,
            capacity=self._capacity,
            environment=self.environment_of(bridge_id),
        )
        self.bridges[bridge_id] = bridge
        fleet_accounts.add_bridge(self.engine, bridge_id, capacity=self._capacity)
        self._undo.callback(bridge.stop)
        return bridge

    def start_controller(self, name: str) -> ManagedProcess:
        """Start a controller, or another one of that name after it has ended."""
        process = ManagedProcess(
            [sys.executable, "-m", "controlplane.cli", "run", "controller"],
            name=name,
            env={**self._environment(), "ALLORESTO_REPLICA_ID": name},
            log_file=self.folder / "logs" / f"{name}.log",
            stop_grace=CONTROLLER_STOP_GRACE_S,
        )
        if name in self.controllers:
            self.controllers[name].stop()
        self._undo.callback(process.stop)
        self.controllers[name] = process.start()
        return process

    def kill(self, bridge_id: str) -> float:
        """Kill (-9) a bridge's FreeSWITCH and bridge agent; return the instant (monotonic)."""
        self.bridges[bridge_id].kill()
        return time.monotonic()

    def kill_controller(self, name: str) -> None:
        """Kill (-9) that controller."""
        self.controllers[name].send_signal(signal.SIGKILL)

    def add_restaurants(
        self, count: int, *, bridge_id: str | None = None
    ) -> Sequence[FleetAccount]:
        """Insert that many more, for the controller to place, or already placed on `bridge_id`."""
        numbers = self._numbers[len(self.accounts) : len(self.accounts) + count]
        if len(numbers) < count:
            raise FleetError(f"the carrier has only {len(self._numbers)} accounts")
        added = fleet_accounts.add_restaurants(
            self.engine,
            SecretBox.from_keys(self._secret_keys),
            passwords=((number, self.registrar.password(number)) for number in numbers),
            bridge_id=bridge_id,
        )
        self.accounts += added
        if bridge_id is not None:
            told = RegistrationsPlaced().to_json()
            self.redis.publish(redis_keys.bridge_assignments(bridge_id), told)
        return added

    def start_worker(self, *, slots: int, monologue_s: int) -> None:
        """Start an AI worker whose simulated model speaks that long: calls stay up meanwhile."""
        port = free_tcp_port()
        realtime = ManagedProcess(
            [
                *(sys.executable, "-m", "aiworker.simulator", "--port", str(port)),
                *("--monologue-ms", str(monologue_s * 1_000)),
            ],
            name="realtime-simulator",
            log_file=self.folder / "logs" / "realtime-simulator.log",
            stop_grace=WORKER_STOP_GRACE_S,
        )
        worker = ManagedProcess(
            [sys.executable, "-m", "controlplane.cli", "run", "ai-worker"],
            name="ai-worker",
            env={
                **self._environment(),
                "OPENAI_API_KEY": "simulator",
                "ALLORESTO_WORKER_SLOTS": str(slots),
                "ALLORESTO_REALTIME_URL": f"ws://127.0.0.1:{port}/v1",
            },
            log_file=self.folder / "logs" / "ai-worker.log",
            stop_grace=WORKER_STOP_GRACE_S,
        )
        for process in (realtime, worker):
            self._undo.callback(process.stop)
            process.start()
        heartbeat = redis_keys.worker_heartbeat("*")
        worker.wait_for(
            lambda: next(self.redis.scan_iter(heartbeat), None), deadline=READY_DEADLINE_S
        )

    def command(self, *arguments: str) -> int:
        """Run `alloresto …` against this fleet; return its exit code."""
        process = ManagedProcess(
            [sys.executable, "-m", "controlplane.cli", *arguments],
            name=" ".join(arguments),
            env=self._environment(),
            log_file=self.folder / "logs" / "commands.log",
        )
        with process:
            return process.wait(deadline=COMMAND_DEADLINE_S)

    # What the registrar says

    def bindings(self) -> Mapping[str, Sequence[Binding]]:
        """Return the bindings of every account that has one, the newest first."""
        return self.registrar.bindings()

    def holders(self, number: str) -> list[str]:
        """Return the bridges the registrar has a binding of, the newest first."""
        return [self.bridge_at(binding.address) for binding in self.bindings().get(number, ())]

    def bridge_at(self, sip_address: str) -> str:
        """Return the bridge that listens there; empty when it is none of ours."""
        for bridge in self.bridges.values():
            if bridge.sip_address == sip_address:
                return bridge.bridge_id
        return ""

    def spread(self) -> Counter[str]:
        """Count for each bridge the accounts whose newest binding it has."""
        return Counter(self.bridge_at(found[0].address) for found in self.bindings().values())

    def wait_registered(self, count: int, *, deadline_s: float) -> None:
        """Wait until the registrar has a binding of that many accounts."""
        self.eventually(
            lambda: len(self.bindings()) >= count,
            deadline_s=deadline_s,
            what=f"{count} registrations",
        )

    def wait_reported(self, count: int, *, deadline_s: float) -> None:
        """Wait until Postgres knows of that many, in the epoch they are in."""
        query = text(
            "SELECT count(*) FROM sip_registration"
            " WHERE state = :registered AND state_epoch = epoch"
        ).bindparams(registered=GatewayState.REGED.value)

        def reported() -> bool:
            with self.engine.connect() as connection:
                return (connection.scalar(query) or 0) >= count

        self.eventually(reported, deadline_s=deadline_s, what=f"{count} reported")

    def wait_led(self, *, deadline_s: float) -> None:
        """Wait until a controller leads."""
        query = text("SELECT count(*) FROM controller_lease WHERE expires_at > now()")

        def led() -> bool:
            with self.engine.connect() as connection:
                return bool(connection.scalar(query))

        self.eventually(led, deadline_s=deadline_s, what="a leader")

    def eventually(self, happened: Callable[[], bool], *, deadline_s: float, what: str) -> float:
        """Poll until it is so; return the instant (monotonic). Raises `FleetError`."""
        until = time.monotonic() + deadline_s
        while not happened():
            if time.monotonic() > until:
                raise FleetError(f"not within {deadline_s:g} s: {what}{self._ended()}")
            time.sleep(POLL_S)
        return time.monotonic()

    def _ended(self) -> str:
        """Return the last words of processes that have ended by themselves."""
        processes = [*self.controllers.values(), *(one.agent for one in self.bridges.values())]
        ended = [one for one in processes if not one.alive]
        return "".join(f"\n{one.name} has ended: {one.log_tail().strip()}" for one in ended)

    def _all_heard(self) -> bool:
        keys = [redis_keys.bridge_heartbeat(bridge_id) for bridge_id in self.bridges]
        return self.redis.exists(*keys) == len(keys) if keys else True

    def environment_of(self, _bridge_id: str) -> dict[str, str]:
        """Return what that bridge's agent finds in its environment."""
        return self._environment()

    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "DATABASE_URL": self.services.database_url,
            "REDIS_URL": self.services.redis_url,
            "ALLORESTO_SECRET_KEYS": self._secret_keys,
            "ALLORESTO_SPEECH": "off",  # a thousand greetings are no part of what is measured
        }
