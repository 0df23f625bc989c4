"""Starts Kamailio as the operator's registrar for a fleet of bridges; never required.

Unlike `CarrierServer` it takes any number as an account, with a password derived from it, and
holds thousands of bindings, several per account, of which calls take the newest.
"""

import os
import re
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Self

from controlplane.errors import AlloRestoError
from controlplane.local.ports import free_udp_port
from controlplane.local.process import ManagedProcess
from freeswitch.carrier.bindings import Binding, RegisterSeen

CONFIGURATION: Final = Path(__file__).parent / "kamailio.cfg"
READY_DEADLINE_S: Final = 15.0
"""0.3 s measured."""
STOP_GRACE_S: Final = 2.0
QUESTION_DEADLINE_S: Final = 5.0
"""A thousand bindings are printed in 20 ms."""
_LINE: Final = re.compile(r"(accepted|challenged) (\d+\.\d+) (\S+)$")


class KamailioSilent(AlloRestoError):
    """Kamailio did not answer a question."""


def find_kamailio() -> Path | None:
    """On PATH, with its `kamcmd` beside it; None when it is not there."""
    program = shutil.which("kamailio")
    return Path(program) if program and shutil.which("kamcmd") else None


class KamailioServer:
    """A registrar on loopback, over UDP. Started again after `stop` it has forgotten everything."""

    def __init__(self, program: Path, *, runtime_folder: Path) -> None:
        self._program = program
        self._folder = runtime_folder
        self._port = free_udp_port()
        self._pepper = secrets.token_hex(8)
        self._process: ManagedProcess | None = None
        # A Unix socket's path has 107 bytes at most: not below a test's own folder.
        self._socket_folder: tempfile.TemporaryDirectory[str] | None = None
        self._log_file = runtime_folder / "kamailio.log"
        self._wall_minus_monotonic = time.time() - time.monotonic()

    @property
    def sip_address(self) -> str:
        """`host:port`."""
        return f"127.0.0.1:{self._port}"

    def password(self, number: str) -> str:
        """Of an account."""
        return f"{number}-{self._pepper}"

    def start(self) -> Self:
        """Return once it answers. Raises ProcessFailed otherwise."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._socket_folder = tempfile.TemporaryDirectory(prefix="alloresto-kamailio-")
        self._process = ManagedProcess(
            [
                *(self._program, "-DD", "-E", "-m", "64", "-M", "16"),
                *("-f", CONFIGURATION, "-Y", self._socket_folder.name, "-w", self._folder),
                *("-A", f"LISTEN=udp:{self.sip_address}"),
                *("-A", f'RPC="unix:{self._rpc}"'),
                *("-A", f'NONCE_SECRET="{secrets.token_hex(16)}"'),
            ],
            name="kamailio",
            env={**os.environ, "ALLORESTO_CARRIER_PEPPER": self._pepper},
            log_file=self._log_file,
            stop_grace=STOP_GRACE_S,
        ).start()
        try:
            self._process.wait_for(self._answers, deadline=READY_DEADLINE_S)
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """End it; its bindings are gone. Idempotent."""
        if self._process is not None:
            self._process.stop()
            self._process = None
        if self._socket_folder is not None:
            self._socket_folder.cleanup()
            self._socket_folder = None

    def bindings(self) -> dict[str, list[Binding]]:
        """Of all accounts that have one, the newest first. Raises `KamailioSilent`."""
        return _parsed(self._ask("ul.dump"))

    def seen(self) -> list[RegisterSeen]:
        """Every REGISTER that came in, on the monotonic clock."""
        return list(self._read_log())

    def _read_log(self) -> Iterator[RegisterSeen]:
        with self._log_file.open(encoding="utf-8", errors="replace") as log:
            for line in log:
                if found := _LINE.search(line):
                    at = float(found[2]) - self._wall_minus_monotonic
                    yield RegisterSeen(at=at, number=found[3], accepted=found[1] == "accepted")

    @property
    def _rpc(self) -> Path:
        assert self._socket_folder is not None, "start it first"
        return Path(self._socket_folder.name) / "rpc"

    def _answers(self) -> bool:
        try:
            return bool(self._ask("core.version"))
        except KamailioSilent:
            return False

    def _ask(self, command: str) -> str:
        try:
            answer = subprocess.run(
                ["kamcmd", "-s", f"unix:{self._rpc}", command],
                capture_output=True,
                text=True,
                check=True,
                timeout=QUESTION_DEADLINE_S,
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise KamailioSilent(f"kamailio: no answer to {command}") from error
        return answer.stdout


def _parsed(dump: str) -> dict[str, list[Binding]]:
    """`kamcmd ul.dump`: one `AoR:` per account, then `Address:` and `Expires:` per binding."""
    bindings: dict[str, list[Binding]] = {}
    account = contact = ""
    for line in dump.splitlines():
        name, _, value = line.strip().partition(": ")
        if name == "AoR":
            account = value.partition("@")[0]
        elif name == "Address":
            contact = value
        elif name == "Expires" and value.isdigit():  # else `deleted` or `expired`
            bindings.setdefault(account, []).append(Binding(contact, float(value)))
    return bindings
