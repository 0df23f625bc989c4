"""The carrier's registrar of a fleet, whichever program plays it: Kamailio, FreeSWITCH or ours.

It is a real SIP peer in every case. What a benchmark says of a registration is asked here, not of
the bridge that believes it has one.
"""

import asyncio
import secrets
import threading
from collections.abc import Coroutine, Mapping, Sequence
from concurrent.futures import Future
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

from controlplane.local.launch.carrier.bindings import Binding, RegisterSeen
from controlplane.local.launch.carrier.kamailio import KamailioServer, find_kamailio
from controlplane.local.launch.carrier.register_watch import RegisterWatch
from controlplane.local.launch.carrier.server import BindingRule, CarrierServer
from controlplane.local.launch.freeswitch import FreeSwitchPorts
from controlplane.local.launch.installation import find_freeswitch
from controlplane.local.launch.ports import free_udp_port
from freeswitch.simulator.registrar import Registrar

STOP_GRACE_S: Final = 0.5
"""Nobody is left to give a binding back to."""
LOOP_DEADLINE_S: Final = 5.0
"""The simulated registrar's thread has this long to answer."""
_T = TypeVar("_T")


class RegistrarKind(StrEnum):
    """Names the program that plays the carrier."""

    KAMAILIO = "kamailio"
    FREESWITCH = "freeswitch"
    SIMULATOR = "simulator"


class FleetRegistrar(Protocol):
    """Says what all of them can do. Every method blocks."""

    kind: RegistrarKind

    @property
    def address(self) -> str:
        """Return its `host:port`."""

    def password(self, number: str) -> str:
        """Return the password of the account `number`."""

    def start(self) -> None:
        """Take REGISTERs; no binding is there."""

    def stop(self) -> None:
        """Free the port. It may be called twice; `start` begins anew on the same port."""

    def bindings(self) -> Mapping[str, Sequence[Binding]]:
        """Return the bindings by number, the newest first."""

    def seen(self) -> Sequence[RegisterSeen]:
        """Return the REGISTERs that came in since the beginning."""

    def dial_uri(self, number: str) -> str | None:
        """Return what a caller dials now; None while nobody is registered, where the registrar only
        tells where to call.
        """


def open_registrar(
    folder: Path,
    *,
    numbers: Sequence[str],
    kind: RegistrarKind | None = None,
    binding_rule: BindingRule = BindingRule.SEVERAL,
) -> FleetRegistrar:
    """Make a registrar that is not started yet.

    Without `kind` it is the first of the three that is on this machine and can follow
    `binding_rule`; `numbers` are the accounts there may ever be.
    """
    if kind is None:
        kind = _best(binding_rule)
    match kind:
        case RegistrarKind.KAMAILIO:
            return _Kamailio(folder)
        case RegistrarKind.FREESWITCH:
            return _FreeSwitch(folder, numbers, binding_rule)
        case RegistrarKind.SIMULATOR:
            return _Simulator(numbers, binding_rule)


def _best(rule: BindingRule) -> RegistrarKind:
    if find_freeswitch() is None:
        return RegistrarKind.SIMULATOR
    if rule is BindingRule.ONE or not find_kamailio():
        return RegistrarKind.FREESWITCH
    return RegistrarKind.KAMAILIO


class _Kamailio:
    kind = RegistrarKind.KAMAILIO

    def __init__(self, folder: Path) -> None:
        program = find_kamailio()
        if program is None:
            raise FileNotFoundError("kamailio")
        self._server = KamailioServer(program, runtime_folder=folder)
        self.password = self._server.password
        self.stop = self._server.stop
        self.bindings = self._server.bindings
        self.seen = self._server.seen

    @property
    def address(self) -> str:
        return self._server.sip_address

    def start(self) -> None:
        self._server.start()

    def dial_uri(self, number: str) -> str | None:
        return f"sip:{number}@{self.address}"


class _FreeSwitch:
    kind = RegistrarKind.FREESWITCH

    def __init__(self, folder: Path, numbers: Sequence[str], rule: BindingRule) -> None:
        program = find_freeswitch()
        if program is None:
            raise FileNotFoundError("freeswitch")
        self._program, self._folder, self._rule = program, folder, rule
        self._ports = FreeSwitchPorts.free()
        self._accounts = _accounts(numbers)
        self._server: CarrierServer | None = None
        self._watch: RegisterWatch | None = None
        self._seen: list[RegisterSeen] = []

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._ports.sip}"

    def password(self, number: str) -> str:
        return self._accounts[number]

    def start(self) -> None:
        self._server = CarrierServer(
            self._program,
            runtime_folder=self._folder,
            ports=self._ports,
            accounts=self._accounts,
            binding_rule=self._rule,
            stop_grace=STOP_GRACE_S,
        ).start()
        self._watch = RegisterWatch(port=self._ports.esl, password=self._server.esl_password)

    def stop(self) -> None:
        if self._watch is not None:
            self._watch.close()
            self._seen += self._watch.seen
            self._watch = None
        if self._server is not None:
            self._server.stop()
            self._server = None

    def bindings(self) -> Mapping[str, Sequence[Binding]]:
        return self._server.bindings() if self._server is not None else {}

    def seen(self) -> Sequence[RegisterSeen]:
        return [*self._seen, *(self._watch.seen if self._watch is not None else ())]

    def dial_uri(self, number: str) -> str | None:
        return f"sip:{number}@{self.address}"


class _Simulator:
    """Runs `freeswitch/simulator/registrar.py` on a thread. It rings nobody: callers dial the
    Contact it names, as they would after a 302.
    """

    kind = RegistrarKind.SIMULATOR

    def __init__(self, numbers: Sequence[str], rule: BindingRule) -> None:
        self._accounts = _accounts(numbers)
        self._rule = rule
        self._port = free_udp_port()
        self._loop = asyncio.new_event_loop()
        self._thread: threading.Thread | None = None
        self._registrar: Registrar | None = None
        self._seen: list[RegisterSeen] = []

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._port}"

    def password(self, number: str) -> str:
        return self._accounts[number]

    def start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
            self._thread.start()
        one = self._rule is BindingRule.ONE
        self._registrar = Registrar(self._accounts, one_binding=one)
        self._run(self._registrar.open(port=self._port))

    def stop(self) -> None:
        if self._registrar is not None:
            self._run(_closed(self._registrar))
            self._seen += _accepted(self._registrar)
            self._registrar = None

    def bindings(self) -> Mapping[str, Sequence[Binding]]:
        if self._registrar is None:
            return {}
        return self._run(self._all(self._registrar))

    def seen(self) -> Sequence[RegisterSeen]:
        now = _accepted(self._registrar) if self._registrar is not None else []
        return self._seen + now

    def dial_uri(self, number: str) -> str | None:
        bindings = self.bindings().get(number)
        return bindings[0].contact if bindings else None

    async def _all(self, registrar: Registrar) -> dict[str, list[Binding]]:
        found = {number: registrar.bindings(number) for number in self._accounts}
        return {
            number: [Binding(contact, left_s) for contact, left_s in reversed(bindings)]
            for number, bindings in found.items()
            if bindings
        }

    def _run(self, work: Coroutine[Any, Any, _T]) -> _T:
        done: Future[_T] = asyncio.run_coroutine_threadsafe(work, self._loop)
        return done.result(LOOP_DEADLINE_S)


def _accepted(registrar: Registrar) -> list[RegisterSeen]:
    return [
        RegisterSeen(at=at, number=number, accepted=True)
        for at, number, _ in list(registrar.accepted)
    ]


async def _closed(registrar: Registrar) -> None:
    registrar.close()


def _accounts(numbers: Sequence[str]) -> dict[str, str]:
    return {number: secrets.token_hex(8) for number in numbers}
