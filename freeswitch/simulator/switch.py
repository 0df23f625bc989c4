"""The state of the simulated FreeSWITCH: what its API commands, its SIP and its calls share."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from functools import partial

from freeswitch.simulator.dialplan import Dialplan
from freeswitch.simulator.events import EventBus
from freeswitch.simulator.gateways import GatewayTable
from freeswitch.simulator.network_lists import NetworkLists
from freeswitch.simulator.registrar import Registrar
from freeswitch.simulator.scheduler import Scheduler
from freeswitch.simulator.session import Application, Session, SwitchParts
from freeswitch.simulator.settings import CONF_FOLDER, SimulatorSettings


class Switch:
    """Holds one FreeSWITCH's state. `process.py` brings it to life."""

    def __init__(
        self,
        settings: SimulatorSettings,
        *,
        applications: Mapping[str, Application],
        run_command: Callable[["Switch", str], Awaitable[str]],
    ) -> None:
        """A dialplan may name `applications`; `run_command` answers API commands."""
        self.settings = settings
        self.bus = EventBus()
        self.sip_url = ""
        """`sofia status` shows this URL of the profile once its port is bound."""
        self.sessions: dict[str, Session] = {}
        self.sessions_total = 0
        self.max_sessions = settings.max_sessions
        self.globals_set: dict[str, str] = {}
        """Holds what `global_setvar` set, over the settings' own."""
        self.paused_inbound = self.paused_outbound = False
        self.shutdown_requested = False
        self.shutdown: asyncio.Task[None] | None = None
        self.started_at = time.monotonic()
        self.stopping = asyncio.Event()
        self.scheduler = Scheduler()
        self.networks = NetworkLists(
            carrier_networks=settings.carrier_networks, gateway_folder=settings.gateway_folder
        )
        self.gateways = GatewayTable(
            self.bus, settings.gateway_folder, time_factor=settings.simulator_time_factor
        )
        self.registrar = Registrar(settings.simulator_accounts) if settings.registrar_port else None
        self.parts = SwitchParts(
            settings=settings,
            bus=self.bus,
            scheduler=self.scheduler,
            dialplan=Dialplan(
                CONF_FOLDER / "dialplan",
                global_variables=settings.globals,
                set_variables=self.globals_set,
            ),
            networks=self.networks,
            gateways=self.gateways,
            applications=applications,
            globals_set=self.globals_set,
            api=partial(run_command, self),
        )
        self._jobs: set[asyncio.Task[str]] = set()

    def soon(self, command: Coroutine[None, None, str]) -> None:
        """Run a command as a task of its own, as the scheduler does."""
        task = asyncio.get_running_loop().create_task(command)
        self._jobs.add(task)
        task.add_done_callback(self._jobs.discard)
