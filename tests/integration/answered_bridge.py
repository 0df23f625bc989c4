"""One restaurant's bridge, its calls, and workers that take them with the workers' own code."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from redis.asyncio import Redis

from controlplane.contracts import redis_keys
from controlplane.contracts.messages import (
    CallEnded,
    GreetingEnded,
    parse_call_event,
)
from controlplane.local.launch.freeswitch import FreeSwitchPorts
from controlplane.local.launch.services import LocalServices
from controlplane.local.launch.simulator import SimulatorServer
from freeswitch.telephone.dialog import Dialog
from freeswitch.telephone.phone import Phone
from tests.integration.bridge_under_test import (
    ACCOUNT_PASSWORD,
    CALLER_NUMBER,
    Bridge,
    Stream,
    Worker,
    fresh_database,
    run_bridge,
    short_prompts,
)
from tests.waiting import DEADLINE_S, until

GATEWAY = "chez-luigi-3f9a1c2b"


@contextmanager
def running_bridge(
    redis_url: str, services: LocalServices, template: str, folder: Path
) -> Iterator[Bridge]:
    """Switch, agent and one restaurant whose gateway is up."""
    with (
        fresh_database(services, template) as database_url,
        SimulatorServer(
            runtime_folder=folder / "switch",
            ports=FreeSwitchPorts.free(legs=20),
            sounds_folder=short_prompts(folder / "sounds"),
            accounts={GATEWAY: ACCOUNT_PASSWORD},
            time_factor=0.1,
        ) as switch,
        run_bridge(switch, database_url=database_url, redis_url=redis_url, folder=folder) as bridge,
    ):
        bridge.place(GATEWAY, registrar=switch.registrar)
        bridge.agent.wait_for(lambda: bridge.state(GATEWAY)[0] == "REGED", deadline=DEADLINE_S)
        yield bridge


async def dial(bridge: Bridge, phone: Phone) -> Dialog:
    return await phone.call(
        bridge.uri(GATEWAY), from_number=CALLER_NUMBER, display_name="Jean Dupont"
    )


@asynccontextmanager
async def talking(
    bridge: Bridge, worker: Worker, phone: Phone
) -> AsyncIterator[tuple[Dialog, Stream]]:
    """A call past its greeting, with its worker."""
    dialog = await dial(bridge, phone)
    async with worker.take() as stream:
        await until(lambda: said_that_the_greeting_is_over(stream))
        yield dialog, stream


def said_that_the_greeting_is_over(stream: Stream) -> bool:
    return any(
        isinstance(message, GreetingEnded)
        or getattr(message, "greeting", "") in {"ended", "waited"}
        for message in stream.messages
    )


async def call_ended(redis: Redis, call_id: UUID) -> CallEnded:
    """The last fact of a call's record."""

    async def end() -> CallEnded | None:
        entries: list[Any] = await redis.xrange(redis_keys.CALL_EVENTS) or []
        for _, fields in entries:
            event = parse_call_event(fields["event"])
            if isinstance(event, CallEnded) and event.call_id == call_id:
                return event
        return None

    return await until(end)
