"""Starts the simulator as a process, with the same handles as the real FreeSWITCH's launcher.

with SimulatorServer(runtime_folder=folder, ports=FreeSwitchPorts.free()) as switch:
    switch.api("sofia profile external startgw pizzeria-0a1b2c3d")
"""

import json
import os
import secrets
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Self

from controlplane.local.launch import event_socket_probe
from controlplane.local.launch.freeswitch import LOOPBACK, SOUNDS_FOLDER, FreeSwitchPorts
from controlplane.local.launch.ports import free_udp_port
from controlplane.local.launch.process import ManagedProcess

READY_DEADLINE_SECONDS: Final = 15.0
"""From exec to a profile that listens 0.6 s was measured; a machine under load needs more."""
STOP_GRACE_SECONDS: Final = 4.0
"""In this time it hangs up and gives the bindings back."""
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "PYTHONPATH", "VIRTUAL_ENV")


class SimulatorServer:
    """One simulator process, which may be used as a context manager. It is started once."""

    sip_profile: str = "external"

    def __init__(
        self,
        *,
        runtime_folder: Path,
        ports: FreeSwitchPorts,
        esl_password: str | None = None,
        carrier_networks: Sequence[str] = ("127.0.0.0/8",),
        gateway_folder: Path | None = None,
        sounds_folder: Path = SOUNDS_FOLDER,
        sip_ip: str = LOOPBACK,
        accounts: Mapping[str, str] | None = None,
        registrar_port: int | None = None,
        time_factor: float = 1.0,
        log_level: str = "INFO",
        name: str = "freeswitch-simulator",
    ) -> None:
        """`accounts` (password by user) opens a carrier's registrar at `registrar`, on a free port
        unless `registrar_port` names one.

        `time_factor` scales what the simulator waits for by itself: with 0.1 it registers in 0.2 s.
        """
        self.ports = ports
        self.esl_password = esl_password or secrets.token_urlsafe(24)
        self.sip_ip = sip_ip
        self.runtime_folder = runtime_folder.resolve()
        self.gateway_folder = (gateway_folder or self.runtime_folder / "gateways").resolve()
        self.sounds_folder = sounds_folder.resolve()
        self.temp_folder = self.runtime_folder / "temp"
        self.voicemail_folder = self.runtime_folder / "messages"
        self._registrar_port = 0
        if accounts is not None:
            self._registrar_port = registrar_port or free_udp_port()
        environment = {
            "ALLORESTO_ESL_PORT": str(ports.esl),
            "ALLORESTO_ESL_PASSWORD": self.esl_password,
            "ALLORESTO_SIP_IP": sip_ip,
            "ALLORESTO_SIP_PORT": str(ports.sip),
            "ALLORESTO_CARRIER_NETWORKS": ",".join(carrier_networks),
            "ALLORESTO_GATEWAY_FOLDER": str(self.gateway_folder),
            "ALLORESTO_SOUNDS_FOLDER": str(self.sounds_folder),
            "ALLORESTO_TEMP_FOLDER": str(self.temp_folder),
            "ALLORESTO_VOICEMAIL_FOLDER": str(self.voicemail_folder),
            "ALLORESTO_SIMULATOR_TIME_FACTOR": str(time_factor),
            "ALLORESTO_SIMULATOR_REGISTRAR_PORT": str(self._registrar_port),
            "ALLORESTO_SIMULATOR_ACCOUNTS": json.dumps(dict(accounts or {})),
            "ALLORESTO_LOG_LEVEL": log_level,
        }
        kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        self.process = ManagedProcess(
            [sys.executable, "-m", "freeswitch.simulator"],
            name=name,
            env={**kept, **environment},
            log_file=self.runtime_folder / "log" / "simulator.log",
            stop_signal=signal.SIGTERM,
            cwd=Path(__file__).resolve().parents[3],
            stop_grace=STOP_GRACE_SECONDS,
        )

    @property
    def sip_address(self) -> str:
        """Return the profile's `host:port`."""
        return f"{self.sip_ip}:{self.ports.sip}"

    @property
    def registrar(self) -> str:
        """Return the `host:port` gateways register at; it is there only with `accounts`."""
        return f"{self.sip_ip}:{self._registrar_port}"

    @property
    def alive(self) -> bool:
        """Tell whether the process runs."""
        return self.process.alive

    def start(self) -> Self:
        """Start, and return once the profile takes calls. Raises ProcessFailed otherwise."""
        for folder in (self.runtime_folder, self.gateway_folder, self.temp_folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.process.start()
        try:
            self.process.wait_for(self.ready, deadline=READY_DEADLINE_SECONDS)
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> int | None:
        """End it: calls are hung up, gateways un-registered. It may be called twice."""
        return self.process.stop()

    def ready(self) -> bool:
        """Tell whether the event socket lets us in and the profile is running."""
        try:
            return "BIND-URL" in self.api(f"sofia status profile {self.sip_profile}")
        except OSError:
            return False

    def api(self, command: str) -> str:
        """Run one API command over a connection of its own. Raises OSError when there is none."""
        return event_socket_probe.api(command, port=self.ports.esl, password=self.esl_password)

    def registered(self, user: str) -> bool:
        """Tell whether the carrier's own registrar has a binding for this account."""
        return not self.api(f"sofia_contact carrier/{user}").startswith("error/")

    def problems(self) -> list[str]:
        """Return log lines of level warning and worse."""
        log = self.runtime_folder / "log" / "simulator.log"
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        levels = ('"level": "warning"', '"level": "error"', '"level": "critical"', "Traceback")
        return [line for line in lines if any(level in line for level in levels)]

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
