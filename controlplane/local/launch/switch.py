"""Opens the switch of a local stack: the real FreeSWITCH with a carrier beside it, or the
simulator.
"""

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from controlplane.local.launch.carrier.server import CarrierServer
from controlplane.local.launch.freeswitch import FreeSwitchPorts, FreeSwitchServer
from controlplane.local.launch.installation import find_freeswitch
from controlplane.local.launch.simulator import SimulatorServer

STOP_GRACE_S: Final = 0.5
"""Nobody is left to give a binding back to: the carrier ends too."""

SwitchKind = Literal["freeswitch", "simulator"]


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
    registrar: str
    """The demo account registers at this `host:port`."""
    carrier_uri: str | None
    """A caller dials this through the carrier; None when the simulator is its own carrier."""
    registered: Callable[[], bool]
    """Tells whether the registrar itself has the demo account."""
    add_phone: Callable[[str, str], None] | None
    """Makes the carrier ring `number` at `host:port`; None for the simulator, whose carrier rings
    nobody."""

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
        with SimulatorServer(
            runtime_folder=folder / "freeswitch-simulator",
            ports=FreeSwitchPorts.free(legs=120),
            accounts={number: password},
        ) as simulator:
            yield _local(
                simulator,
                kind="simulator",
                registrar=simulator.registrar,
                carrier_uri=None,
                registered=lambda: simulator.registered(number),
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
    switch = FreeSwitchServer(
        program,
        runtime_folder=folder / "freeswitch",
        ports=FreeSwitchPorts.free(legs=120),
        stop_grace=STOP_GRACE_S,
    )
    with contextlib.ExitStack() as undo:
        undo.callback(carrier.stop)
        undo.callback(switch.stop)
        with ThreadPoolExecutor(max_workers=1) as beside:
            starting = beside.submit(carrier.start)
            switch.start()
            starting.result()
        yield _local(
            switch,
            kind="freeswitch",
            registrar=carrier.sip_address,
            carrier_uri=f"sip:{number}@{carrier.sip_address}",
            registered=lambda: carrier.registered(number),
            add_phone=carrier.add_phone,
        )


def _local(
    switch: FreeSwitchServer | SimulatorServer,
    *,
    kind: SwitchKind,
    registrar: str,
    carrier_uri: str | None,
    registered: Callable[[], bool],
    add_phone: Callable[[str, str], None] | None,
) -> LocalSwitch:
    return LocalSwitch(
        kind=kind,
        sip_address=switch.sip_address,
        esl_port=switch.ports.esl,
        esl_password=switch.esl_password,
        gateway_folder=switch.gateway_folder,
        sounds_folder=switch.sounds_folder,
        voicemail_folder=switch.voicemail_folder,
        registrar=registrar,
        carrier_uri=carrier_uri,
        registered=registered,
        add_phone=add_phone,
    )
