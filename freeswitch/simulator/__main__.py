"""`python -m freeswitch.simulator`: a FreeSWITCH for machines that have none."""

import asyncio
import signal
import sys

from controlplane.log import configure_logging
from freeswitch.simulator.settings import SimulatorSettings
from freeswitch.simulator.switch import Switch


def run() -> int:
    """Serve until SIGTERM or SIGINT."""
    settings = SimulatorSettings()
    configure_logging(process="freeswitch-simulator", level=settings.log_level)
    asyncio.run(_serve(settings))
    return 0


async def _serve(settings: SimulatorSettings) -> None:
    switch = Switch(settings)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, switch.stopping.set)
    await switch.run()


if __name__ == "__main__":
    sys.exit(run())
