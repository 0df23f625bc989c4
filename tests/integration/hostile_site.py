"""A bridge between two carriers, and all that is ever written about the calls it gets."""

import random
import threading
import urllib.request
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import insert

from controlplane.contracts import redis_keys
from controlplane.database import sync_engine
from controlplane.models.nodes import SipBridgeNode
from freeswitch.telephone.phone import Phone
from tests.accounts import add_account, add_carrier
from tests.integration.bridge_under_test import BRIDGE_ID, LOOK, Bridge
from tests.waiting import DEADLINE_S, until

X, Y = "xavier-0a1b2c3d", "yvonne-4e5f6071"
X_ADDRESS, Y_ADDRESS, STRANGER = "127.0.0.2", "127.0.0.3", "127.0.0.4"
X_PORT: Final = random.randint(20_000, 29_999)
"""Where carrier X's registrar listens when a test starts one."""


@dataclass
class Site:
    """The bridge under attack, and everything that is written about its calls."""

    bridge: Bridge
    redis: "RedisTap"
    metrics_port: int
    restaurants: dict[str, UUID] = field(default_factory=dict)

    @property
    def address(self) -> tuple[str, int]:
        host, _, port = self.bridge.switch.sip_address.rpartition(":")
        return host, int(port)

    def uri(self, user: str, parameters: str = "") -> str:
        return f"sip:{user}@{self.bridge.switch.sip_address}{parameters}"

    async def serves(self, *, since: int | None) -> None:
        """An ordinary call of X is answered, offered and ends; Y heard nothing since `since`."""
        number = f"+3363998{random.randint(1000, 9999)}"
        async with Phone(host=X_ADDRESS) as phone:
            dialog = await phone.call(
                self.uri(f"gw+{X}"), from_number=number, deadline_s=DEADLINE_S
            )
            offer = await until(lambda: self.redis.said(number))
            assert str(self.restaurants[X]) in offer
            await dialog.hangup()
        assert self.bridge.switch.alive
        assert self.bridge.agent.alive
        if since is not None:
            assert not self.redis.said(str(self.restaurants[Y]), since=since)

    def traces(self, needle: str) -> list[str]:
        """Where `needle` is written: Redis, the agent's and the switch's logs, metrics, tables."""
        url = f"http://127.0.0.1:{self.metrics_port}/metrics"
        places = {"redis": self.redis.text(), "agent's log": self.bridge.log_file.read_text()}
        with urllib.request.urlopen(url, timeout=5) as answer:
            places["metrics"] = answer.read().decode()
        for file in self.bridge.switch.runtime_folder.rglob("*.log*"):
            places[f"switch's {file.name}"] = file.read_text(errors="replace")
        for table in ("event_outbox", "sip_registration_event", "voice_message"):
            places[table] = str(self.bridge.query(f"SELECT {table}::text FROM {table}"))
        return [place for place, text in places.items() if needle in text]


class RedisTap:
    """Every command anybody sends to Redis, as MONITOR shows it."""

    def __init__(self, url: str) -> None:
        self._client = Redis.from_url(url, socket_timeout=None)
        self._lines: list[str] = []
        self._stopping = False
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def mark(self) -> int:
        return len(self._lines)

    def said(self, needle: str, *, since: int = 0) -> str:
        """The first command that holds `needle`."""
        return next((line for line in self._lines[since:] if needle in line), "")

    def text(self) -> str:
        return "\n".join(self._lines)

    def close(self) -> None:
        self._stopping = True
        with Redis(connection_pool=self._client.connection_pool) as waker:
            waker.ping()
        self._thread.join(timeout=5)
        self._client.close()

    def _listen(self) -> None:
        try:
            with self._client.monitor() as monitor:  # type: ignore[no-untyped-call]  # redis-py
                for command in monitor.listen():
                    self._lines.append(str(command["command"]))
                    if self._stopping:
                        return
        except (RedisError, OSError) as error:
            self._lines.append(f"the tap is shut: {error!r}")


def place_both(site: Site) -> None:
    engine = sync_engine(site.bridge.database_url, application_name="test", pool_size=1)
    with engine.begin() as connection:
        connection.execute(
            insert(SipBridgeNode).values(id=BRIDGE_ID, last_seen_at=datetime.now(UTC))
        )
        for carrier, name, address in (("x", X, X_ADDRESS), ("y", Y, Y_ADDRESS)):
            add_carrier(
                connection,
                carrier,
                registrar=f"{address}:{X_PORT}",
                source_networks=[f"{address}/32"],
            )
            site.restaurants[name] = add_account(
                connection, name, carrier_id=carrier, bridge_id=BRIDGE_ID, epoch=1
            )
    engine.dispose()
    with Redis.from_url(site.bridge.redis_url) as redis:
        redis.publish(redis_keys.bridge_assignments(BRIDGE_ID), LOOK)
