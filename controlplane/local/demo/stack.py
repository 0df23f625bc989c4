"""Starts everything on one machine, for `alloresto demo`, `up` and the benchmarks.

Services, switch, carrier, bridge agent, controller, worker and web app are each a process of its
own, none of which outlives this one. The switch is FreeSWITCH where it is found, else the
simulator; the model is OpenAI's where a key is set, else the Realtime simulator.
"""

import asyncio
import contextlib
import os
import secrets
import signal
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Self
from urllib.parse import urlsplit
from uuid import UUID

import psycopg

from controlplane.commands.stack_address import DATA_FOLDER, StackAddress
from controlplane.contracts import redis_keys
from controlplane.contracts.gateway_states import GatewayState
from controlplane.database import libpq_url
from controlplane.local.demo.online_payment import stand_in_arguments, take_payments
from controlplane.local.demo.people import let_in
from controlplane.local.demo.restaurant import DEMO_RESTAURANT_ID, Hours, seed_demo
from controlplane.local.demo.three_restaurants import KINDS, PIZZERIA, seed_kinds
from controlplane.local.launch.ports import free_tcp_port
from controlplane.local.launch.process import ManagedProcess
from controlplane.local.launch.services import REDIS_DEADLINE_S, LocalServices
from controlplane.local.launch.switch import LocalSwitch, open_switch
from controlplane.migrations.schema import upgrade
from controlplane.models.restaurant import PaymentPolicy
from controlplane.redis_clients import sync_redis
from controlplane.secret_box import SecretBox

DEMO_NUMBER: Final = "0033199001234"
"""The demo restaurant's line at its carrier, a number of the range ARCEP keeps for fiction."""

RESTAURANT_PHONE: Final = "+33199005678"
"""Transfers ring here: another line than the one the assistant answers."""

BRIDGE_ID: Final = "bridge-0"

PAID_ONLINE: Final = {
    DEMO_RESTAURANT_ID: PaymentPolicy.LINK_OPTIONAL,
    PIZZERIA.restaurant_id: PaymentPolicy.LINK_REQUIRED_FOR_DELIVERY,
}

READY_DEADLINE_S: Final = 30.0
"""A process may take this long to start on a machine under load."""

REGISTERED_DEADLINE_S: Final = 20.0
"""Placement, startgw and REGISTER take about 3 s."""


class Stack:
    """Runs the whole stack; a context manager."""

    def __init__(
        self,
        *,
        data_folder: Path | None = None,
        worker_slots: int = 2,
        realtime_arguments: tuple[str, ...] = (),
        simulate_realtime: bool = False,
        max_calls: int = 0,
        notifies: bool = False,
        environment: Mapping[str, str] | None = None,
        agent_settings: Mapping[str, str] | None = None,
        restaurants: bool = False,
    ) -> None:
        """Without `data_folder` a temporary one is used, which is gone at the end. `agent_settings`
        are more of `BridgeSettings`, without their prefix.
        `simulate_realtime` uses the Realtime simulator even where there is an API key. Services
        that `environment` (the process's when it is None) names are used as they are. `max_calls`
        are taken by the bridge at once, 0: as many as it thinks. With `notifies` what customers
        are told is written to a folder of the stack's, `notifications`. With `restaurants` there
        are the three of `three_restaurants` too, and customers pay at what stands in for Stripe.
        """
        self._services = LocalServices(
            data_folder, temporary=data_folder is None, environment=environment
        )
        self._data_folder = data_folder
        self._worker_slots = worker_slots
        self._agent_settings = agent_settings or {}
        self._realtime_arguments = realtime_arguments
        self._max_calls = max_calls
        self._notifies = notifies
        self._restaurants = restaurants
        self._api_key = "" if simulate_realtime else os.environ.get("OPENAI_API_KEY", "")
        self._link_secret = secrets.token_urlsafe(32)
        self._undo = contextlib.ExitStack()
        self._launches: dict[str, tuple[list[str], Mapping[str, str]]] = {}
        self.processes: dict[str, ManagedProcess] = {}
        self.metrics_urls: dict[str, str] = {}

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as undo:
            self._start(undo)
            self._undo = undo.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._undo.close()

    def kill(self, name: str) -> None:
        """End one process as a crash would."""
        self.processes[name].send_signal(signal.SIGKILL)
        self.processes[name].stop()

    def launch_again(self, name: str) -> None:
        """Start a process that has ended, as it was started the first time."""
        arguments, environment = self._launches[name]
        self._launch(self._undo, name, arguments, environment)

    def _start(self, undo: contextlib.ExitStack) -> None:
        services = undo.enter_context(self._services)
        folder = self.folder = services.data_folder or self._data_folder or DATA_FOLDER.absolute()
        (folder / "logs").mkdir(exist_ok=True)
        secret_keys = _secret_keys(folder)
        upgrade(services.database_url, secret_keys=secret_keys)
        password = secrets.token_urlsafe(16)
        claim_key = secrets.token_urlsafe(32)
        self.switch: LocalSwitch = undo.enter_context(
            open_switch(folder, number=DEMO_NUMBER, password=password)
        )
        demo = seed_demo(
            services.database_url,
            registrar=self.switch.registrar,
            username=DEMO_NUMBER,
            password=password,
            secrets=SecretBox.from_keys(secret_keys),
            fallback_phone=RESTAURANT_PHONE,
            hours=Hours.AROUND_THE_CLOCK,
        )
        self.realtime_url, journal = self._realtime(undo)
        self._web_port = free_tcp_port()
        web_url = f"http://127.0.0.1:{self._web_port}"
        stripe = self._stripe(undo, web_url, secret_keys) if self._restaurants else {}
        opened = [demo.restaurant_id, *(kind.restaurant_id for kind in KINDS if self._restaurants)]
        password, tokens = asyncio.run(let_in(services.database_url, opened))
        processes: dict[str, Mapping[str, str]] = {
            "controller": {},
            "bridge-agent": {
                "BRIDGE_ID": BRIDGE_ID,
                "ESL_PORT": str(self.switch.esl_port),
                "ESL_PASSWORD": self.switch.esl_password,
                "GATEWAY_FOLDER": str(self.switch.gateway_folder),
                "SOUNDS_FOLDER": str(self.switch.sounds_folder),
                "VOICEMAIL_FOLDER": str(self.switch.voicemail_folder),
                # Every call of a demo or a benchmark comes from one number.
                "CALLER_CALLS": "0",
                "CALLER_CALLS_AT_ONCE": "0",
                "MAX_CALLS": str(self._max_calls),
                "SECRET_KEYS": secret_keys,
                "CLAIM_KEYS": claim_key,
                **self._agent_settings,
            },
            "ai-worker": {
                "WORKER_SLOTS": str(self._worker_slots),
                "REALTIME_URL": self.realtime_url,
                "CLAIM_KEYS": claim_key,
            },
            "web": {
                "WEB_PORT": str(self._web_port),
                "PUBLIC_URL": web_url,
                "LINK_SECRET": self._link_secret,
                "SECRET_KEYS": secret_keys,
                "PLATFORM_URL": self._services.database_url,
                **stripe,
            },
        }
        if self._notifies:
            processes["notifier"] = {
                "PUBLIC_URL": web_url,
                "LINK_SECRET": self._link_secret,
                "SECRET_KEYS": secret_keys,
                "SMS": "catcher",
                "EMAIL": "catcher",
                "CATCH_FOLDER": str(folder / "notifications"),
            }
        for name, settings in processes.items():
            self._run(undo, name, settings)
        self.address = StackAddress(
            switch=self.switch.kind,
            realtime="simulator" if journal else "openai",
            dial_uri=self.switch.dial_uri(demo.gateway_name),
            direct_uri=self.switch.direct_uri(demo.gateway_name),
            database_url=services.database_url,
            redis_url=services.redis_url,
            secret_keys=secret_keys,
            esl_port=self.switch.esl_port,
            esl_password=self.switch.esl_password,
            public_url=web_url,
            kitchen_url=self.kitchen_url(demo.restaurant_id),
            kitchen_token=tokens[demo.restaurant_id],
            owner_password=password,
            journal=str(journal) if journal else None,
        )
        self.wait_until_ready()

    def kitchen_url(self, restaurant_id: UUID) -> str:
        """Return where this restaurant's orders are shown, to a member or a paired tablet."""
        return f"http://127.0.0.1:{self._web_port}/place/{restaurant_id}/kitchen"

    def _stripe(self, undo: contextlib.ExitStack, web_url: str, secret_keys: str) -> dict[str, str]:
        """Set the three restaurants up; return the web process's settings for their payments."""
        url = self._services.database_url
        asyncio.run(seed_kinds(url))
        asyncio.run(take_payments(url, SecretBox.from_keys(secret_keys), PAID_ONLINE))
        port = free_tcp_port()
        arguments = stand_in_arguments(port, web_url, PAID_ONLINE)
        self._launch(undo, "stripe", arguments, dict(os.environ))
        return {"STRIPE_URL": f"http://127.0.0.1:{port}"}

    def _realtime(self, undo: contextlib.ExitStack) -> tuple[str, Path | None]:
        if self._api_key:
            return os.environ.get("ALLORESTO_REALTIME_URL", "wss://api.openai.com/v1"), None
        port = free_tcp_port()
        journal = self.folder / "logs" / "realtime-journal.jsonl"
        journal.unlink(missing_ok=True)
        self._launch(
            undo,
            "realtime-simulator",
            [
                *("-m", "aiworker.simulator", "--port", str(port), "--journal", str(journal)),
                *self._realtime_arguments,
            ],
            dict(os.environ),
        )
        return f"ws://127.0.0.1:{port}/v1", journal

    def _run(self, undo: contextlib.ExitStack, process: str, settings: Mapping[str, str]) -> None:
        metrics_port = free_tcp_port()
        self.metrics_urls[process] = f"http://127.0.0.1:{metrics_port}/metrics"
        environment = {
            **os.environ,
            "OPENAI_API_KEY": self._api_key or ("simulator" if process == "ai-worker" else ""),
            "DATABASE_URL": self._services.database_url,
            "REDIS_URL": self._services.redis_url,
            "ALLORESTO_METRICS_PORT": str(metrics_port),
            **{f"ALLORESTO_{name}": value for name, value in settings.items()},
        }
        self._launch(undo, process, ["-m", "controlplane.cli", "run", process], environment)

    def _launch(
        self,
        undo: contextlib.ExitStack,
        name: str,
        arguments: list[str],
        environment: Mapping[str, str],
    ) -> None:
        self._launches[name] = (arguments, environment)
        process = ManagedProcess(
            [sys.executable, *arguments],
            name=name,
            env=environment,
            log_file=self.folder / "logs" / f"{name}.log",
            # SIGTERM would have the bridge drained, and nobody is left to move to.
            stop_signal=signal.SIGINT if name == "bridge-agent" else signal.SIGTERM,
            stop_grace=3.0,
        )
        undo.callback(process.stop)
        self.processes[name] = process.start()

    def wait_until_ready(self) -> None:
        """Wait until it is registered at the carrier, a worker waits, its model answers and the
        kitchen page is served.
        """
        redis = sync_redis(self._services.redis_url, timeout_s=REDIS_DEADLINE_S)
        self.processes["ai-worker"].wait_for(
            lambda: next(redis.scan_iter(redis_keys.worker_heartbeat("*")), None),
            deadline=READY_DEADLINE_S,
        )
        self.processes["web"].wait_for(lambda: _accepts(self._web_port), deadline=READY_DEADLINE_S)
        if simulator := self.processes.get("realtime-simulator"):
            port = urlsplit(self.realtime_url).port or 0
            simulator.wait_for(lambda: _accepts(port), deadline=READY_DEADLINE_S)
        self.processes["bridge-agent"].wait_for(self._registered, deadline=REGISTERED_DEADLINE_S)

    def _registered(self) -> bool:
        """Tell whether it is registered, by Postgres and, where there is a real one, by the
        carrier.
        """
        with psycopg.connect(libpq_url(self._services.database_url), connect_timeout=5) as database:
            row = database.execute(
                "SELECT state FROM sip_registration WHERE username = %s", [DEMO_NUMBER]
            ).fetchone()
        return row is not None and row[0] == GatewayState.REGED and self.switch.registered()


def _secret_keys(folder: Path) -> str:
    """Return this data folder's keys, made at its first use: the next run reads its database."""
    file = folder / "secret-keys"
    if not file.exists():
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as handle:
            handle.write(SecretBox.new_key())
    return file.read_text(encoding="ascii")


def _accepts(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False
