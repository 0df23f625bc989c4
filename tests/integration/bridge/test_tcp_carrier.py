"""A carrier that serves TCP restarts: its restaurants come back at its pace, not all at once."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from controlplane.local.launch.services import LocalServices
from freeswitch.telephone.sip import NameAddr, SipRequest, SipUri, new_tag, parse
from tests.integration.bridge_under_test import Bridge, open_bridge, tell
from tests.waiting import elapse, until

pytestmark = pytest.mark.integration

RATE = 10
ACCOUNTS = 30


@dataclass
class TcpRegistrar:
    """Takes every REGISTER, and notes when each came."""

    port: int = 0
    bound: set[str] = field(default_factory=set)
    times: list[float] = field(default_factory=list)
    connections: list[asyncio.StreamWriter] = field(default_factory=list)

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        self._server.close()
        for writer in self.connections:
            writer.close()
        self.connections.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections.append(writer)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                request = parse(head)
                assert isinstance(request, SipRequest)
                self._take(request, writer)

    def _take(self, request: SipRequest, writer: asyncio.StreamWriter) -> None:
        user = SipUri.parse(NameAddr.parse(request.headers.required("To")).uri).user
        contact = request.headers.required("Contact")
        expires = request.headers.get("Expires") or "60"
        if expires != "0":
            self.times.append(time.monotonic())
            self.bound.add(user)
        answer = request.response(
            200, to_tag=new_tag(), headers=[("Contact", f"{contact};expires={expires}")]
        )
        writer.write(bytes(answer))

    def per_second(self, *, since: float) -> int:
        times = [at for at in self.times if at >= since]
        return max((sum(at <= other < at + 1.0 for other in times) for at in times), default=0)


@pytest.fixture(scope="module")
def bridge(
    services: LocalServices, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Bridge]:
    """The simulator speaks UDP only."""
    folder: Path = tmp_path_factory.mktemp("tcp")
    with open_bridge("freeswitch", services, migrated_template, folder) as bridge:
        yield bridge


@pytest.fixture
async def registrar() -> AsyncIterator[TcpRegistrar]:
    registrar = TcpRegistrar()
    await registrar.open()
    yield registrar
    await registrar.close()


async def test_after_a_restart_restaurants_come_back_at_the_carriers_pace(
    bridge: Bridge, registrar: TcpRegistrar, redis: Redis
) -> None:
    """
    1. Thirty accounts are registered over TCP.
    2. The carrier's server is away for some seconds: Sofia-SIP tries all of them at once, in vain.
    3. It is back: each registers again, in its turn.
    """
    names = [f"tcp-{uuid4().hex[:8]}" for _ in range(ACCOUNTS)]
    for name in names:
        bridge.place(
            name,
            registrar=f"127.0.0.1:{registrar.port}",
            carrier_id="tcp",
            transport="tcp",
            registers_per_second=RATE,
            expire_seconds=3_600,
        )
    await tell(redis)
    await until(lambda: registrar.bound == set(names))
    await until(lambda: all(bridge.state(name)[0] == "REGED" for name in names))
    await registrar.close()
    registrar.bound.clear()
    await elapse(3.0, because="the carrier restarts")
    again = time.monotonic()
    await registrar.open()
    await until(lambda: registrar.bound == set(names))
    assert registrar.per_second(since=again) <= 2 * RATE  # a 1 s tick apart
