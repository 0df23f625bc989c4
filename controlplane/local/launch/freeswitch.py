"""Starts the real FreeSWITCH on our configuration, in a folder of its own, on given ports.

    with FreeSwitchServer(program, runtime_folder=folder, ports=FreeSwitchPorts.free()) as switch:
        switch.api("sofia profile external startgw pizzeria-0a1b2c3d")

It is plain and blocking: `make demo`, `make up` and the tests use it.
"""

import hashlib
import os
import re
import resource
import secrets
import shutil
import signal
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from controlplane.errors import ConfigurationError
from controlplane.local.launch import event_socket_probe
from controlplane.local.launch.installation import CONF_FOLDER, module_folder
from controlplane.local.launch.installation import UnusableFreeSwitch as UnusableFreeSwitch
from controlplane.local.launch.installation import find_freeswitch as find_freeswitch
from controlplane.local.launch.ports import free_rtp_range, free_sip_port, free_tcp_port
from controlplane.local.launch.process import ManagedProcess, ProcessFailed

SOUNDS_FOLDER = Path(__file__).resolve().parents[3] / "freeswitch" / "sounds" / "fr"
LOOPBACK = "127.0.0.1"
READY_DEADLINE_SECONDS = 60.0
"""From exec to a profile that listens 1 s was measured; a machine under load needs more, as does
the first start, which makes keys (`_kept_keys`)."""
STOP_GRACE_SECONDS = 3.0
"""From SIGTERM to SIGKILL. Calls are hung up, gateways un-registered and modules ended within 2 s;
then FreeSWITCH's core waits 3 s more for idle threads, which nobody needs."""
SHARED_MEMORY = Path("/dev/shm")
SHARED_MEMORY_BYTES = 256 * 2**20
"""This much room is wanted there: the assistant's speech is kept at 16 kB/s until its call ends."""
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH")
"""The switch gets these variables of our environment and no others: it needs neither the database
nor the API key."""
_PROBLEM = re.compile(r"\[(WARNING|ERR|CRIT|ALERT)\]")
_HARMLESS = re.compile(r"\[WARNING\] sofia\.c:\d+ MSG Thread (\d+ Started|Ended)")
"""mod_sofia always writes this at level WARNING (sofia.c, sofia_msg_thread_run)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FreeSwitchPorts:
    """Says where one FreeSWITCH listens. `rtp` holds two ports per leg."""

    sip: int
    esl: int
    rtp: range

    @classmethod
    def free(cls, *, legs: int = 60) -> Self:
        """Choose ports that nobody uses on this machine, for `legs` legs at once."""
        return cls(sip=free_sip_port(), esl=free_tcp_port(), rtp=free_rtp_range(pairs=legs))


_KEYS = ("dtls-srtp.pem", "wss.pem")
_kept_keys: dict[str, bytes] = {}
"""FreeSWITCH wants a 4096-bit RSA key for DTLS and one for WSS, which nobody here speaks, and makes
those that are not there (switch_core_cert.c): seconds of a core. The first start's serve the next.
"""


class FreeSwitchServer:
    """One FreeSWITCH process, which may be used as a context manager. It is started once."""

    conf_folder: Path = CONF_FOLDER
    sip_profile: str = "external"

    def __init__(
        self,
        program: Path,
        *,
        runtime_folder: Path,
        ports: FreeSwitchPorts,
        esl_password: str | None = None,
        carrier_networks: Sequence[str] = ("127.0.0.0/8",),
        gateway_folder: Path | None = None,
        sounds_folder: Path = SOUNDS_FOLDER,
        sip_ip: str = LOOPBACK,
        external_ip: str | None = None,
        log_level: str = "notice",
        stop_grace: float = STOP_GRACE_SECONDS,
        name: str = "freeswitch",
        extra_settings: Mapping[str, str] | None = None,
    ) -> None:
        """`runtime_folder` gets log and pid file. Passwords are kept in memory where the machine
        has room for that, in `runtime_folder` elsewhere, closed to others: the gateways (unless
        `gateway_folder` is given) and FreeSWITCH's whole expanded configuration. What an earlier
        run left in `gateway_folder` is removed at the start. `esl_password` is drawn unless given.

        Raises UnusableFreeSwitch when the installation lacks a module.
        """
        self.ports = ports
        self.esl_password = esl_password or secrets.token_urlsafe(24)
        self.sip_ip = sip_ip
        self.runtime_folder = runtime_folder.resolve()
        self._memory = _memory_folder(self.runtime_folder)
        self.gateway_folder = (gateway_folder or self._memory / "gateways").resolve()
        self.sounds_folder = sounds_folder.resolve()
        self.voicemail_folder = self.runtime_folder / "messages"
        self.temp_folder = self._memory / "temp"
        self.log_file = self.runtime_folder / "log" / "freeswitch.log"
        self._settings = {
            "ALLORESTO_ESL_PORT": str(ports.esl),
            "ALLORESTO_ESL_PASSWORD": self.esl_password,
            "ALLORESTO_SIP_IP": sip_ip,
            "ALLORESTO_SIP_PORT": str(ports.sip),
            "ALLORESTO_EXTERNAL_IP": external_ip or sip_ip,
            "ALLORESTO_RTP_START_PORT": str(ports.rtp.start),
            # FreeSWITCH hands out even ports, and warns about an odd end.
            "ALLORESTO_RTP_END_PORT": str(ports.rtp[-1] // 2 * 2),
            "ALLORESTO_CARRIER_NETWORKS": ",".join(carrier_networks),
            "ALLORESTO_GATEWAY_FOLDER": str(self.gateway_folder),
            "ALLORESTO_SOUNDS_FOLDER": str(self.sounds_folder),
            "ALLORESTO_VOICEMAIL_FOLDER": str(self.voicemail_folder),
            "ALLORESTO_FREESWITCH_LOG_FILE": str(self.log_file),
            "ALLORESTO_FREESWITCH_LOG_LEVEL": log_level,
            **(extra_settings or {}),
        }
        for variable, value in self._settings.items():
            _refuse_xml(variable, value)
        self.process = ManagedProcess(
            self._argv(program, module_folder(program)),
            name=name,
            env=self.environment(),
            log_file=self.runtime_folder / "log" / "output.log",
            stop_signal=signal.SIGTERM,
            stop_grace=stop_grace,
        )

    @property
    def sip_address(self) -> str:
        """Return the profile's `host:port`."""
        return f"{self.sip_ip}:{self.ports.sip}"

    @property
    def alive(self) -> bool:
        return self.process.alive

    def start(self) -> Self:
        """Start, and return once the profile takes calls. Raises ProcessFailed otherwise."""
        self._refuse_taken_port()
        self._make_folders()
        self.process.start()
        # No password on a disk by way of a core file.
        resource.prlimit(self.process.pid, resource.RLIMIT_CORE, (0, 0))
        try:
            self.process.wait_for(self.ready, deadline=READY_DEADLINE_SECONDS)
        except BaseException:
            self.stop()
            raise
        self._keep_keys()
        return self

    def stop(self) -> int | None:
        """End it: calls are hung up, gateways un-registered. It may be called twice."""
        code = self.process.stop()
        if self._memory != self.runtime_folder:
            shutil.rmtree(self._memory, ignore_errors=True)
        return code

    def ready(self) -> bool:
        """Tell whether the event socket lets us in and the profile is running."""
        try:
            answer = self.api(f"sofia status profile {self.sip_profile}")
        except OSError:
            return False
        return "BIND-URL" in answer

    def api(self, command: str) -> str:
        """Run one API command over a connection of its own. Raises OSError when there is none."""
        return event_socket_probe.api(command, port=self.ports.esl, password=self.esl_password)

    def problems(self) -> list[str]:
        """Return log lines of level WARNING and worse, but for those FreeSWITCH always writes."""
        if not self.log_file.exists():
            return []
        lines = self.log_file.read_text(errors="replace").splitlines()
        return [line for line in lines if _PROBLEM.search(line) and not _HARMLESS.search(line)]

    def environment(self) -> Mapping[str, str]:
        """Return what the process sees: the settings `conf/vars.xml` reads, and little else."""
        kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        return {**kept, **self._settings}

    def _argv(self, program: Path, modules: Path) -> list[str | Path]:
        here, memory = self.runtime_folder, self._memory
        # -np: by itself it makes every thread real-time (switch.c, set_auto_priority), media and
        # all, and these starve the processes its calls need.
        return [
            program, "-nf", "-nc", "-nonat", "-np",
            "-conf", self.conf_folder, "-mod", modules, "-sounds", self.sounds_folder,
            "-run", here / "run", "-certs", here / "certs",
            "-storage", here / "storage", "-cache", here / "cache",
            "-recordings", here / "storage", "-scripts", here / "storage",
            # Its expanded configuration goes to `-log` (switch_xml.c, switch_xml_parse_file).
            "-log", memory / "expanded", "-db", memory / "db", "-temp", self.temp_folder,
        ]  # fmt: skip

    def _make_folders(self) -> None:
        for folder in (self.runtime_folder, self._memory):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)
        for name in ("log", "run", "certs", "storage", "cache"):
            (self.runtime_folder / name).mkdir(exist_ok=True)
        for name, key in _kept_keys.items():
            (self.runtime_folder / "certs" / name).write_bytes(key)
        for name in ("expanded", "db", "temp"):
            # State of an earlier run: passwords, registrations and channels that are gone.
            shutil.rmtree(self._memory / name, ignore_errors=True)
            (self._memory / name).mkdir()
        for folder in (self.gateway_folder, self.voicemail_folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

        _remove_left_overs(self.gateway_folder)

    def _keep_keys(self) -> None:
        for name in _KEYS:
            file = self.runtime_folder / "certs" / name
            if file.exists():
                _kept_keys[name] = file.read_bytes()

    def _refuse_taken_port(self) -> None:
        """Refuse to start: FreeSWITCH would start all the same, and try for ever to get its event
        socket.
        """
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK, self.ports.esl))
                probe.listen()
            except OSError as error:
                raise ProcessFailed(
                    f"{self.process.name}: event socket port {self.ports.esl} is taken"
                ) from error

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


def _memory_folder(runtime_folder: Path) -> Path:
    """Return a folder in memory for the channel table and the assistant's speech, else
    `runtime_folder`.

    Its name follows from the runtime folder, so a run that was killed leaves nothing the next one
    does not take over.
    """
    key = hashlib.sha256(os.fsencode(runtime_folder)).hexdigest()[:16]
    folder = SHARED_MEMORY / f"alloresto-{os.getuid()}-{key}"
    try:
        room = os.statvfs(SHARED_MEMORY)
        if folder.is_symlink() or (folder.exists() and folder.stat().st_uid != os.getuid()):
            return runtime_folder
    except OSError:
        return runtime_folder
    roomy = room.f_bavail * room.f_frsize >= SHARED_MEMORY_BYTES
    return folder if roomy and os.access(SHARED_MEMORY, os.W_OK) else runtime_folder


def _remove_left_overs(gateway_folder: Path) -> None:
    """Remove the gateways of an earlier run: FreeSWITCH would REGISTER them all at once, unpaced,
    before the bridge agent has said which are still to be here.
    """
    for pattern in ("*.xml", ".*.xml.*"):
        for left_over in gateway_folder.glob(pattern):
            left_over.unlink(missing_ok=True)
    shutil.rmtree(gateway_folder / "acl", ignore_errors=True)


def _refuse_xml(variable: str, value: str) -> None:
    """Refuse what would break the XML: the preprocessor puts settings into the configuration as
    they are.
    """
    if re.search(r"""[\x00-\x1f\x7f<>&"'$]""", value):
        raise ConfigurationError(
            f"{variable} : caractère interdit (guillemet, &, <, >, $ ou caractère de contrôle)"
        )
