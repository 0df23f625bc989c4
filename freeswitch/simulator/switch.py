"""The whole simulated FreeSWITCH: what its parts share, and its life from start to stop."""

import asyncio
import contextlib
import time
from collections.abc import Mapping
from typing import Final

from freeswitch.simulator.api_commands import COMMANDS, VERSION
from freeswitch.simulator.applications import APPLICATIONS
from freeswitch.simulator.dialplan import Dialplan
from freeswitch.simulator.event_socket import EventSocket
from freeswitch.simulator.events import EventBus
from freeswitch.simulator.gateways import GatewayTable
from freeswitch.simulator.network_lists import NetworkLists
from freeswitch.simulator.registrar import Registrar
from freeswitch.simulator.scheduler import Scheduler
from freeswitch.simulator.session import Application, Session
from freeswitch.simulator.settings import CONF_FOLDER, SimulatorSettings
from freeswitch.simulator.user_agent import UserAgent

HEARTBEAT_S: Final = 5.0
"""`event-heartbeat-interval` of `conf/autoload_configs/switch.conf.xml`."""


class Switch:
    """Shared state; `run` serves until `stopping` is set."""

    def __init__(self, settings: SimulatorSettings) -> None:
        self.settings = settings
        self.bus = EventBus()
        self.sessions: dict[str, Session] = {}
        self.sessions_total = 0
        self.globals_set: dict[str, str] = {}
        """By `global_setvar`, over those of the settings."""
        self.paused_inbound = self.paused_outbound = False
        self.shutdown_requested = False
        self.shutdown: asyncio.Task[None] | None = None
        self.started_at = time.monotonic()
        self._jobs: set[asyncio.Task[str]] = set()
        self.stopping = asyncio.Event()
        self.scheduler = Scheduler()
        self.applications: Mapping[str, Application] = APPLICATIONS
        self.dialplan = Dialplan(CONF_FOLDER / "dialplan", global_variables=settings.globals)
        self.networks = NetworkLists(
            carrier_networks=settings.carrier_networks, gateway_folder=settings.gateway_folder
        )
        self.user_agent = UserAgent(self)
        self.gateways = GatewayTable(
            self.bus,
            settings.gateway_folder,
            register=self.user_agent.register,
            time_factor=settings.simulator_time_factor,
        )
        self.registrar = Registrar(settings.simulator_accounts) if settings.registrar_port else None

    async def api(self, command: str) -> str:
        """Run one API command; empty when it answers nothing."""
        name, _, argument = command.strip().partition(" ")
        run = COMMANDS.get(name)
        if run is None:
            return f"-ERR {name} Command not found!\n"
        answer = await run(self, argument.strip())
        headers = {"API-Command": name}
        if argument:
            headers["API-Command-Argument"] = argument
        self.bus.fire("API", headers)
        return answer

    def api_soon(self, command: str) -> None:
        """As a task of its own: what the scheduler runs."""
        task = asyncio.get_running_loop().create_task(self.api(command))
        self._jobs.add(task)
        task.add_done_callback(self._jobs.discard)

    async def run(self) -> None:
        """Serve until stopped: SIP first, the event socket last, because it says "ready"."""
        self.settings.gateway_folder.mkdir(parents=True, exist_ok=True)
        self.settings.temp_folder.mkdir(parents=True, exist_ok=True)
        self.settings.voicemail_folder.mkdir(parents=True, exist_ok=True)
        if self.registrar is not None:
            await self.registrar.open(self.settings.sip_ip, port=self.settings.registrar_port)
        self.networks.load()
        await self.user_agent.open()
        self.gateways.add()
        event_socket = EventSocket(self)
        await event_socket.open()
        tasks = [
            asyncio.create_task(self.gateways.run()),
            asyncio.create_task(self.scheduler.run()),
            asyncio.create_task(self._heartbeat()),
        ]
        try:
            await self.stopping.wait()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.gateways.unregister_all()
            await self.user_agent.close()
            await event_socket.close()
            if self.registrar is not None:
                self.registrar.close()
            for file in self.settings.temp_folder.glob("*.tmp.*"):
                with contextlib.suppress(OSError):
                    file.unlink()

    async def _heartbeat(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_S * self.settings.simulator_time_factor)
            self.bus.fire(
                "HEARTBEAT",
                {
                    "Event-Info": "System Ready",
                    "FreeSWITCH-Version": VERSION,
                    "Uptime-msec": str(int((time.monotonic() - self.started_at) * 1_000)),
                    "Session-Count": str(len(self.sessions)),
                    "Max-Sessions": str(self.settings.max_sessions),
                    "Session-Per-Sec": "60",
                    "Session-Since-Startup": str(self.sessions_total),
                    "Idle-CPU": "99.000000",
                },
            )
