"""One bridge of a fleet: a switch and its bridge agent, which can end as a machine that loses
power.
"""

import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from controlplane.local.launch.freeswitch import FreeSwitchPorts, FreeSwitchServer
from controlplane.local.launch.installation import find_freeswitch
from controlplane.local.launch.process import ManagedProcess
from controlplane.local.launch.simulator import SimulatorServer

STOP_GRACE_S: Final = 0.5
"""The carrier ends too: nobody is left to give a binding back to."""
AGENT_STOP_GRACE_S: Final = 3.0
LEGS: Final = 40
"""One bridge of a benchmark has this many legs at once."""


class FleetBridge:
    """Runs once `start` was called; the agent finds services and settings in `environment`."""

    def __init__(
        self, bridge_id: str, *, folder: Path, capacity: int, environment: Mapping[str, str]
    ) -> None:
        self.bridge_id = bridge_id
        self._folder = folder
        self._ports = FreeSwitchPorts.free(legs=LEGS)
        self.switch = self._new_switch()
        self._environment = {
            **environment,
            "ALLORESTO_BRIDGE_ID": bridge_id,
            "ALLORESTO_CAPACITY": str(capacity),
            "ALLORESTO_ESL_PORT": str(self.switch.ports.esl),
            "ALLORESTO_ESL_PASSWORD": self.switch.esl_password,
            "ALLORESTO_GATEWAY_FOLDER": str(self.switch.gateway_folder),
            "ALLORESTO_SOUNDS_FOLDER": str(self.switch.sounds_folder),
            "ALLORESTO_VOICEMAIL_FOLDER": str(self.switch.voicemail_folder),
            # Every call of a benchmark comes from one number.
            "ALLORESTO_CALLER_CALLS": "0",
            "ALLORESTO_CALLER_CALLS_AT_ONCE": "0",
        }
        self.agent = self._new_agent()

    @property
    def sip_address(self) -> str:
        """Return `host:port`, as in the Contact of its registrations."""
        return self.switch.sip_address

    def start(self) -> None:
        """Start both; return once the switch takes calls. Raises ProcessFailed."""
        self.switch.start()
        self.agent.start()

    def start_agent(self) -> None:
        """Start another bridge agent, after the first has ended."""
        self.agent.stop()
        self.agent = self._new_agent().start()

    def start_switch(self) -> None:
        """Start another switch on the same ports, after the first has ended."""
        self.switch.stop()
        self.switch = self._new_switch(esl_password=self.switch.esl_password)
        self.switch.start()

    def kill(self) -> None:
        """Kill (-9) both at one instant."""
        for process in (self.switch.process, self.agent):
            process.send_signal(signal.SIGKILL)

    def stop(self) -> None:
        """End both. It may be called twice."""
        self.agent.send_signal(signal.SIGKILL)  # a drain is for nobody here
        self.agent.stop()
        self.switch.stop()

    def log_tail(self) -> str:
        """Return the end of the bridge agent's log."""
        return self.agent.log_tail()

    def _new_switch(self, esl_password: str | None = None) -> FreeSwitchServer | SimulatorServer:
        program = find_freeswitch()
        folder = self._folder / self.bridge_id
        if program is None:
            return SimulatorServer(
                runtime_folder=folder,
                ports=self._ports,
                esl_password=esl_password,
                name=f"simulator of {self.bridge_id}",
            )
        return FreeSwitchServer(
            program,
            runtime_folder=folder,
            ports=self._ports,
            esl_password=esl_password,
            stop_grace=STOP_GRACE_S,
            name=f"freeswitch of {self.bridge_id}",
        )

    def _new_agent(self) -> ManagedProcess:
        return ManagedProcess(
            [sys.executable, "-m", "controlplane.cli", "run", "bridge-agent"],
            name=self.bridge_id,
            env=self._environment,
            log_file=self._folder / "logs" / f"{self.bridge_id}.log",
            stop_grace=AGENT_STOP_GRACE_S,
        )
