"""Faults told to a simulator that runs: a WebSocket at /faults takes one order a message.

An order is JSON: `{"sessions": "open", "faults": [{"kind": "drop", "on": "response.done"}]}`.
`open`: the faults meet the sessions that are open now, and count their events from now; `new`: they
take the place of the script, for the connections to come. Each order is answered: how many
connections there were and which are open, `{"connections": 3, "open": [2, 3]}`, or
`{"error": "…"}`.
"""

import json
from collections.abc import Mapping
from typing import Final, Literal, Protocol

from pydantic import BaseModel, ConfigDict, ValidationError
from websockets.asyncio.server import ServerConnection

from aiworker.simulator.faults import Fault
from aiworker.simulator.link import Link

FAULTS_PATH: Final = "/faults"


class FaultOrder(BaseModel):
    """What is to go wrong, and for whom."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sessions: Literal["open", "new"]
    faults: tuple[Fault, ...] = ()


class Faulty(Protocol):
    """The server, as far as an order concerns it."""

    faults: tuple[Fault, ...]
    connections: int

    @property
    def open(self) -> Mapping[int, Link]: ...


async def take_orders(socket: ServerConnection, server: Faulty) -> None:
    """Obey orders until the client is gone."""
    async for message in socket:
        try:
            obey(FaultOrder.model_validate_json(message), server)
        except ValidationError as error:
            await socket.send(json.dumps({"error": str(error)}))
            continue
        await socket.send(
            json.dumps({"connections": server.connections, "open": sorted(server.open)})
        )


def obey(order: FaultOrder, server: Faulty) -> None:
    """Let the faults meet the sessions they are for."""
    if order.sessions == "new":
        server.faults = order.faults
        return
    for fault in order.faults:
        for connection, link in server.open.items():
            if fault.connection in (None, connection):
                link.befall(fault)
