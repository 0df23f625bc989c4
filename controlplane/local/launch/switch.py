"""Opens the switch of a local stack: the real FreeSWITCH with a carrier beside it, or the
simulator.
"""

import contextlib
import secrets
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, Generic, Literal, TypeVar

from controlplane.local.launch.carrier.server import CarrierServer
from controlplane.local.launch.freeswitch import FreeSwitchPorts, FreeSwitchServer
from controlplane.local.launch.installation import find_freeswitch
from controlplane.local.launch.ports import free_udp_port
from controlplane.local.launch.simulator import SimulatorServer

STOP_GRACE_S: Final = 0.5
"""Nobody is left to give a binding back to: the carrier ends too."""

LEGS: Final = 240
"""The switch has ports for this many legs at once."""

SwitchKind = Literal["freeswitch", "simulator"]
_Server = TypeVar("_Server", bound=FreeSwitchServer | SimulatorServer)


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalSwitch:
    """The running switch of one bridge."""

    kind: SwitchKind
    sip_address: str
    esl_port: int
    esl_password: str
    gateway_folder: Path
    sounds_folder: Path
    voicemail_folder: Path
    temp_folder: Path
    """The assistant's speech is kept here until its call ends."""
    registrar: str
    """The demo account registers at this `host:port`."""
    carrier_uri: str | None
    """A caller dials this through the carrier; None when the simulator is its own carrier."""
    registered: Callable[[], bool]
    """Tells whether the registrar itself has the demo account."""
    add_phone: Callable[[str, str], None] | None
    """Makes the carrier ring `number` at `host:port`; None for the simulator, whose carrier rings
    nobody."""
    pid: Callable[[], int]
    """Tells the process that runs now."""
    crash: Callable[[], None]
    """Ends the switch as kill -9 does."""
    start_again: Callable[[], None]
    """Starts another one on the same ports, after a crash."""

    def direct_uri(self, gateway_name: str) -> str:
        """Return the URI that a carrier sends the INVITE to."""
        return f"sip:gw+{gateway_name}@{self.sip_address}"

    def dial_uri(self, gateway_name: str) -> str:
        """Return the URI that a caller dials."""
        return self.carrier_uri or self.direct_uri(gateway_name)


@contextlib.contextmanager
def open_switch(folder: Path, *, number: str, password: str) -> Iterator[LocalSwitch]:
    """Start the switch, with one account at its carrier; stop it at the end.

    Raises `UnusableFreeSwitch` when a FreeSWITCH is there that can't be used: the simulator never
    stands in for it silently.
    """
    program = find_freeswitch()
    if program is None:
        with _one_after_another(_simulators(folder, number=number, password=password)) as switch:
            yield _local(
                switch,
                kind="simulator",
                registrar=switch.server.registrar,
                carrier_uri=None,
                registered=lambda: switch.server.registered(number),
                add_phone=None,
            )
        return
    carrier = CarrierServer(
        program,
        runtime_folder=folder / "carrier",
        ports=FreeSwitchPorts.free(),
        accounts={number: password},
        stop_grace=STOP_GRACE_S,
    )
    with contextlib.ExitStack() as undo:
        undo.callback(carrier.stop)
        with ThreadPoolExecutor(max_workers=1) as beside:
            starting = beside.submit(carrier.start)
            real = undo.enter_context(_one_after_another(_freeswitches(program, folder)))
            starting.result()
        yield _local(
            real,
            kind="freeswitch",
            registrar=carrier.sip_address,
            carrier_uri=f"sip:{number}@{carrier.sip_address}",
            registered=lambda: carrier.registered(number),
            add_phone=carrier.add_phone,
        )


class _Switch(Generic[_Server]):
    """The server that runs now: after a crash another one has its place, on the same ports."""

    def __init__(self, make: Callable[[], _Server]) -> None:
        self._make = make
        self.server = make()

    def crash(self) -> None:
        self.server.process.send_signal(signal.SIGKILL)
        self.server.stop()

    def start_again(self) -> None:
        self.server = self._make()
        self.server.start()


@contextlib.contextmanager
def _one_after_another(make: Callable[[], _Server]) -> Iterator[_Switch[_Server]]:
    switch = _Switch(make)
    try:
        switch.server.start()
        yield switch
    finally:
        switch.server.stop()


def _simulators(folder: Path, *, number: str, password: str) -> Callable[[], SimulatorServer]:
    return partial(
        SimulatorServer,
        runtime_folder=folder / "freeswitch-simulator",
        ports=FreeSwitchPorts.free(legs=LEGS),
        esl_password=secrets.token_urlsafe(24),
        accounts={number: password},
        registrar_port=free_udp_port(),
    )


def _freeswitches(program: Path, folder: Path) -> Callable[[], FreeSwitchServer]:
    return partial(
        FreeSwitchServer,
        program,
        runtime_folder=folder / "freeswitch",
        ports=FreeSwitchPorts.free(legs=LEGS),
        esl_password=secrets.token_urlsafe(24),
        stop_grace=STOP_GRACE_S,
    )


def _local(
    switch: _Switch[_Server],
    *,
    kind: SwitchKind,
    registrar: str,
    carrier_uri: str | None,
    registered: Callable[[], bool],
    add_phone: Callable[[str, str], None] | None,
) -> LocalSwitch:
    server = switch.server
    return LocalSwitch(
        kind=kind,
        sip_address=server.sip_address,
        esl_port=server.ports.esl,
        esl_password=server.esl_password,
        gateway_folder=server.gateway_folder,
        sounds_folder=server.sounds_folder,
        voicemail_folder=server.voicemail_folder,
        temp_folder=server.temp_folder,
        registrar=registrar,
        carrier_uri=carrier_uri,
        registered=registered,
        add_phone=add_phone,
        pid=lambda: switch.server.process.pid,
        crash=switch.crash,
        start_again=switch.start_again,
    )
