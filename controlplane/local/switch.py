"""The switch of a local stack: the real FreeSWITCH with a carrier beside it, or the simulator."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from freeswitch.carrier.server import CarrierServer
from freeswitch.installation import find_freeswitch
from freeswitch.server import FreeSwitchPorts, FreeSwitchServer

SwitchKind = Literal["freeswitch", "simulator"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalSwitch:
    """One bridge's switch, running."""

    kind: SwitchKind
    sip_address: str
    esl_port: int
    esl_password: str
    gateway_folder: Path
    sounds_folder: Path
    registrar: str
    """`host:port` the demo account registers at."""
    carrier_uri: str | None
    """What a caller dials through the carrier; None: the simulator is its own carrier."""
    registered: Callable[[], bool]
    """Whether the registrar itself has the demo account."""

    def direct_uri(self, gateway_name: str) -> str:
        """The URI a carrier sends the INVITE to."""
        return f"sip:gw+{gateway_name}@{self.sip_address}"

    def dial_uri(self, gateway_name: str) -> str:
        """What a caller dials."""
        return self.carrier_uri or self.direct_uri(gateway_name)


@contextlib.contextmanager
def open_switch(folder: Path, *, number: str, password: str) -> Iterator[LocalSwitch]:
    """Start it, with one account at its carrier; stop it at the end.

    Raises `UnusableFreeSwitch` when a FreeSWITCH is there that can't be used: the simulator never
    stands in for it silently.
    """
    program = find_freeswitch()
    with contextlib.ExitStack() as undo:
        if program is None:
            yield _simulator(undo, folder)
        else:
            yield _freeswitch(undo, program, folder, number=number, password=password)


def _freeswitch(
    undo: contextlib.ExitStack, program: Path, folder: Path, *, number: str, password: str
) -> LocalSwitch:
    carrier = undo.enter_context(
        CarrierServer(
            program,
            runtime_folder=folder / "carrier",
            ports=FreeSwitchPorts.free(),
            accounts={number: password},
        )
    )
    switch = undo.enter_context(
        FreeSwitchServer(
            program, runtime_folder=folder / "freeswitch", ports=FreeSwitchPorts.free(legs=120)
        )
    )
    return LocalSwitch(
        kind="freeswitch",
        sip_address=switch.sip_address,
        esl_port=switch.ports.esl,
        esl_password=switch.esl_password,
        gateway_folder=switch.gateway_folder,
        sounds_folder=switch.sounds_folder,
        registrar=carrier.sip_address,
        carrier_uri=f"sip:{number}@{carrier.sip_address}",
        registered=lambda: carrier.registered(number),
    )


def _simulator(undo: contextlib.ExitStack, folder: Path) -> LocalSwitch:
    raise NotImplementedError
