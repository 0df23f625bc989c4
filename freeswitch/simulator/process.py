"""The simulated FreeSWITCH's life, from start to stop: it hands the switch its parts."""

import asyncio
import contextlib
import signal
import time
from typing import Final

from freeswitch.simulator.api_commands import VERSION, run_command
from freeswitch.simulator.applications import APPLICATIONS
from freeswitch.simulator.event_socket import EventSocket
from freeswitch.simulator.settings import SimulatorSettings
from freeswitch.simulator.switch import Switch
from freeswitch.simulator.user_agent import UserAgent

HEARTBEAT_S: Final = 5.0
"""This is `event-heartbeat-interval` of `conf/autoload_configs/switch.conf.xml`."""


async def serve(settings: SimulatorSettings) -> None:
    """Serve until SIGTERM, SIGINT or `fsctl shutdown`."""
    switch = Switch(settings, applications=APPLICATIONS, run_command=run_command)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, switch.stopping.set)
    await _run(switch)


async def _run(switch: Switch) -> None:
    """Run the switch. SIP is opened first and the event socket last, because it says "ready"."""
    settings = switch.settings
    for folder in (settings.gateway_folder, settings.temp_folder, settings.voicemail_folder):
        folder.mkdir(parents=True, exist_ok=True)
    if switch.registrar is not None:
        await switch.registrar.open(settings.sip_ip, port=settings.registrar_port)
    switch.networks.load()
    user_agent = UserAgent(switch)
    await user_agent.open()
    switch.gateways.register_through(user_agent.register)
    switch.gateways.add()
    event_socket = EventSocket(switch)
    await event_socket.open()
    tasks = [
        asyncio.create_task(switch.gateways.run()),
        asyncio.create_task(switch.scheduler.run()),
        asyncio.create_task(_heartbeat(switch)),
    ]
    try:
        await switch.stopping.wait()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await switch.gateways.unregister_all()
        await user_agent.close()
        await event_socket.close()
        if switch.registrar is not None:
            switch.registrar.close()
        for file in settings.temp_folder.glob("*.tmp.*"):
            with contextlib.suppress(OSError):
                file.unlink()


async def _heartbeat(switch: Switch) -> None:
    while True:
        await asyncio.sleep(HEARTBEAT_S * switch.settings.simulator_time_factor)
        switch.bus.fire(
            "HEARTBEAT",
            {
                "Event-Info": "System Ready",
                "FreeSWITCH-Version": VERSION,
                "Uptime-msec": str(int((time.monotonic() - switch.started_at) * 1_000)),
                "Session-Count": str(len(switch.sessions)),
                "Max-Sessions": str(switch.max_sessions),
                "Session-Per-Sec": "60",
                "Session-Since-Startup": str(switch.sessions_total),
                "Idle-CPU": "99.000000",
            },
        )
