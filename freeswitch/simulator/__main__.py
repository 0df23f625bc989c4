"""`python -m freeswitch.simulator`: a FreeSWITCH for machines that have none."""

import asyncio
import sys

from controlplane.log import configure_logging
from freeswitch.simulator.process import serve
from freeswitch.simulator.settings import SimulatorSettings


def run() -> int:
    """Serve until SIGTERM or SIGINT."""
    settings = SimulatorSettings()
    configure_logging(process="freeswitch-simulator", level=settings.log_level)
    asyncio.run(serve(settings))
    return 0


if __name__ == "__main__":
    sys.exit(run())
