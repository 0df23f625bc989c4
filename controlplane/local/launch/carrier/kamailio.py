"""Starts Kamailio as the carrier's registrar for a fleet of bridges. Nothing needs it to be there.

Unlike `CarrierServer` it takes any number as an account, with a password derived from it, and holds
thousands of bindings, several per account, of which calls take the newest.
"""

import json
import os
import re
import secrets
import shutil
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Self

from controlplane.errors import AlloRestoError
from controlplane.local.launch.carrier.bindings import Binding, RegisterSeen
from controlplane.local.launch.ports import free_tcp_port, free_udp_port
from controlplane.local.launch.process import ManagedProcess

CONFIGURATION: Final = Path(__file__).parent / "kamailio.cfg"
READY_DEADLINE_S: Final = 15.0
"""Kamailio was seen to answer after 0.3 s."""
STOP_GRACE_S: Final = 2.0
QUESTION_DEADLINE_S: Final = 5.0
"""A thousand bindings take 60 ms."""
_LINE: Final = re.compile(r"(accepted|challenged) (\d+\.\d+) (\S+)$")


class KamailioSilent(AlloRestoError):
    """Raised when Kamailio did not answer a question."""


def find_kamailio() -> Path | None:
    """Return the program found on PATH, or None."""
    program = shutil.which("kamailio")
    return Path(program) if program else None


class KamailioServer:
    """A registrar on loopback, over UDP. When it is started again after `stop`, it has forgotten
    everything.
    """

    def __init__(self, program: Path, *, runtime_folder: Path) -> None:
        self._program = program
        self._folder = runtime_folder
        self._port = free_udp_port()
        self._rpc = f"127.0.0.1:{free_tcp_port()}"
        self._pepper = secrets.token_hex(8)
        self._process: ManagedProcess | None = None
        self._log_file = runtime_folder / "kamailio.log"
        self._wall_minus_monotonic = time.time() - time.monotonic()

    @property
    def sip_address(self) -> str:
        """Return the `host:port` where it takes REGISTERs."""
        return f"127.0.0.1:{self._port}"

    def password(self, number: str) -> str:
        """Return the password of the account `number`."""
        return f"{number}-{self._pepper}"

    def start(self) -> Self:
        """Start it, and return once it answers. Raises ProcessFailed otherwise."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._process = ManagedProcess(
            [
                *(self._program, "-DD", "-E", "-m", "64", "-M", "16"),
                *("-f", CONFIGURATION, "-Y", self._folder, "-w", self._folder),
                *("-A", f"SIP=udp:{self.sip_address}", "-A", f"RPC=tcp:{self._rpc}"),
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
        """End it; its bindings are gone. It may be called twice."""
        if self._process is not None:
            self._process.stop()
            self._process = None

    def bindings(self) -> dict[str, list[Binding]]:
        """Return the bindings of every account that has one, the newest first. Raises
        `KamailioSilent`.
        """
        return _parsed(self._ask("ul.dump"))

    def seen(self) -> list[RegisterSeen]:
        """Return every REGISTER that came in, with monotonic times."""
        return list(self._read_log())

    def _read_log(self) -> Iterator[RegisterSeen]:
        with self._log_file.open(encoding="utf-8", errors="replace") as log:
            for line in log:
                if found := _LINE.search(line):
                    at = float(found[2]) - self._wall_minus_monotonic
                    yield RegisterSeen(at=at, number=found[3], accepted=found[1] == "accepted")

    def _answers(self) -> bool:
        try:
            return bool(self._ask("core.version"))
        except KamailioSilent:
            return False

    def _ask(self, method: str) -> Any:
        request = urllib.request.Request(
            f"http://{self._rpc}/RPC",
            data=json.dumps({"jsonrpc": "2.0", "method": method, "id": 1}).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=QUESTION_DEADLINE_S) as answer:
                return json.load(answer)["result"]
        except (OSError, ValueError, KeyError) as error:
            raise KamailioSilent(f"kamailio: no answer to {method}") from error


def _parsed(dump: Any) -> dict[str, list[Binding]]:
    """Read the answer to `ul.dump`: accounts, each with its contacts, the newest first."""
    bindings: dict[str, list[Binding]] = {}
    for account in (one["Info"] for one in dump["Domains"][0]["Domain"]["AoRs"]):
        contacts = [one["Contact"] for one in account["Contacts"]]
        found = [
            Binding(one["Address"], float(one["Expires"]))
            for one in contacts
            if isinstance(one["Expires"], int)  # else `deleted` or `expired`
        ]
        if found:
            bindings[account["AoR"].partition("@")[0]] = found
    return bindings
