"""Gateways: their files, their state machine with a tick of 1 s, their events (sofia_reg.c)."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from enum import StrEnum
from pathlib import Path
from typing import Final

from freeswitch.simulator.events import CUSTOM, EventBus
from freeswitch.simulator.gateway_file import GatewaySettings, read_gateways
from freeswitch.telephone.rtp_session import Address
from freeswitch.telephone.sip import SipResponse
from freeswitch.telephone.sip_endpoint import NoAnswer

TICK_S: Final = 1.0
"""FreeSWITCH looks at its gateways once a second."""
NO_ANSWER_S: Final = 10.0
"""A REGISTER waits this long here; FreeSWITCH itself waits `timeout-seconds`."""
DEFAULT_EXPIRE_S: Final = 3_600
DEFAULT_RETRY_S: Final = 30
NO_RESPONSE: Final = 908
"""FreeSWITCH gives this status to a registrar that says nothing."""
FLAT_RETRY: Final = frozenset({503, NO_RESPONSE})
"""After these statuses the wait does not grow with the number of failures."""

Register = Callable[[GatewaySettings, int], Awaitable[SipResponse]]


class GatewayState(StrEnum):
    """Repeats `reg_state_t` as events and `sofia status` spell it."""

    UNREGED = "UNREGED"
    TRYING = "TRYING"
    REGISTER = "REGISTER"
    REGED = "REGED"
    UNREGISTER = "UNREGISTER"
    FAILED = "FAILED"
    FAIL_WAIT = "FAIL_WAIT"
    NOREG = "NOREG"
    DOWN = "DOWN"


class Gateway:
    """One gateway and how its registration stands."""

    def __init__(self, settings: GatewaySettings, state: GatewayState) -> None:
        self.settings, self.state = settings, state
        self.up_since: float | None = None
        self.deleted = False
        self.failures = 0
        self.failure_status = 0
        self.has_handle = False
        """Between its first REGISTER and its un-REGISTER (`nh` in sofia_reg.c)."""
        self.due_at = 0.0
        self.task: asyncio.Task[None] | None = None
        self.calls_in = 0

    @property
    def name(self) -> str:
        """Return its name, which is unique over all profiles."""
        return self.settings.name

    @property
    def registrar(self) -> Address:
        """Return the host and port its REGISTERs go to."""
        return registrar_of(self.settings)

    @property
    def ping_status(self) -> str:
        """Return UP while it is registered, or when it needs no registration."""
        return "UP" if self.up_since is not None else "DOWN"


def registrar_of(settings: GatewaySettings) -> Address:
    """Return host and port of `register-proxy`, else of `proxy`, else of `realm`."""
    text = settings.get("register-proxy") or settings.get("proxy") or settings.get("realm")
    host, _, port = text.removeprefix("sip:").partition(":")
    return host, int(port) if port.isdigit() else 5060


class GatewayTable:
    """Holds every gateway of the profile. The first is added once `register_through` was called."""

    def __init__(self, bus: EventBus, folder: Path, *, time_factor: float) -> None:
        self._bus, self._folder = bus, folder
        self._register: Register
        self._tick_s = TICK_S * time_factor
        self._time_factor = time_factor
        self._gateways: dict[str, Gateway] = {}

    def register_through(self, register: Register) -> None:
        """Give the function that sends a REGISTER with so many seconds of expiry."""
        self._register = register

    def get(self, name: str) -> Gateway | None:
        """Return the gateway of that name, unless it is being deleted."""
        gateway = self._gateways.get(name)
        return None if gateway is None or gateway.deleted else gateway

    def all(self) -> list[Gateway]:
        """Return every gateway, the ones being deleted too."""
        return list(self._gateways.values())

    def add(self, name: str | None = None) -> None:
        """Do `startgw NAME` or, without a name, `rescan`. Raises `GatewayFileError`."""
        for settings in read_gateways(self._folder).values():
            if name in (None, settings.name) and settings.name not in self._gateways:
                registers = settings.get("register", "true") == "true"
                state = GatewayState.UNREGED if registers else GatewayState.NOREG
                gateway = Gateway(settings, state)
                if not registers:
                    gateway.up_since = time.monotonic()
                self._gateways[settings.name] = gateway
                self._bus.fire(
                    CUSTOM,
                    {"Gateway": settings.name, "profile-name": "external"},
                    subclass="sofia::gateway_add",
                )

    def delete(self, name: str) -> bool:
        """Do `killgw`: the gateway is un-REGISTERed at the next tick and gone at the one after."""
        gateway = self.get(name)
        if gateway is None:
            return False
        gateway.deleted = True
        if gateway.state is not GatewayState.NOREG:
            gateway.state = GatewayState.UNREGISTER
        return True

    def unregister(self, name: str) -> bool:
        """Do `sofia profile P unregister NAME`."""
        return self._set_state(name, GatewayState.UNREGISTER)

    def register_again(self, name: str) -> bool:
        """Do `sofia profile P register NAME`."""
        return self._set_state(name, GatewayState.UNREGED)

    def _set_state(self, name: str, state: GatewayState) -> bool:
        gateway = self.get(name)
        if gateway is None or gateway.state is GatewayState.NOREG:
            return False
        gateway.state = state
        return True

    async def run(self) -> None:
        """Tick until cancelled."""
        while True:
            await asyncio.sleep(self._tick_s)
            for gateway in self.all():
                self._tick(gateway)

    async def unregister_all(self) -> None:
        """Give every binding back, at the end of the process."""
        registered = [
            gateway
            for gateway in self.all()
            if gateway.state is not GatewayState.NOREG
            and (gateway.up_since is not None or gateway.state is GatewayState.REGISTER)
        ]
        for gateway in registered:
            self._start(gateway, expires_s=0)
        tasks = [gateway.task for gateway in registered if gateway.task is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=TICK_S)

    def _tick(self, gateway: Gateway) -> None:
        under_way = gateway.task is not None and not gateway.task.done()
        if under_way and gateway.state is not GatewayState.UNREGISTER:
            return
        match gateway.state:
            case GatewayState.UNREGED:
                self._enter(gateway, GatewayState.TRYING)
                self._start(
                    gateway, expires_s=gateway.settings.seconds("expire-seconds", DEFAULT_EXPIRE_S)
                )
            case GatewayState.REGISTER:
                gateway.up_since = gateway.up_since or time.monotonic()
                gateway.failures = 0
                expires_s = gateway.settings.seconds("expire-seconds", DEFAULT_EXPIRE_S)
                gateway.due_at = time.monotonic() + expires_s / 2
                self._enter(gateway, GatewayState.REGED)
            case GatewayState.REGED if time.monotonic() >= gateway.due_at:
                gateway.state = GatewayState.UNREGED
                self._enter(gateway, GatewayState.UNREGED)
            case GatewayState.UNREGISTER:
                if gateway.has_handle:
                    self._start(gateway, expires_s=0)
                gateway.up_since = None
                self._enter(gateway, GatewayState.DOWN)
            case GatewayState.FAILED:
                gateway.failures += 1
                retry_s = gateway.settings.seconds("retry-seconds", DEFAULT_RETRY_S)
                retry_s = DEFAULT_RETRY_S if retry_s < 5 else retry_s
                times = 1 if gateway.failure_status in FLAT_RETRY else gateway.failures
                gateway.due_at = time.monotonic() + retry_s * times * self._time_factor
                self._enter(gateway, GatewayState.FAIL_WAIT)
            case GatewayState.FAIL_WAIT if time.monotonic() >= gateway.due_at:
                gateway.state = GatewayState.UNREGED
            case GatewayState.DOWN | GatewayState.NOREG if gateway.deleted:
                del self._gateways[gateway.name]
                self._bus.fire(
                    CUSTOM,
                    {"profile-name": "external", "Gateway": gateway.name},
                    subclass="sofia::gateway_delete",
                )

    def _start(self, gateway: Gateway, *, expires_s: int) -> None:
        gateway.has_handle = expires_s > 0
        gateway.task = asyncio.create_task(self._exchange(gateway, expires_s))

    async def _exchange(self, gateway: Gateway, expires_s: int) -> None:
        try:
            response = await self._register(gateway.settings, expires_s)
        except (NoAnswer, OSError):
            if expires_s and self._counts(gateway):
                gateway.up_since = None
                gateway.failure_status = NO_RESPONSE
                self._enter(
                    gateway, GatewayState.FAILED, status=str(NO_RESPONSE), phrase="No Response"
                )
            return
        if not expires_s or not self._counts(gateway):
            return
        status, phrase = str(response.status), response.reason
        if response.status == 200:
            self._enter(gateway, GatewayState.REGISTER, status=status, phrase=phrase)
        else:
            gateway.up_since = None
            gateway.failure_status = response.status
            self._enter(gateway, GatewayState.FAILED, status=status, phrase=phrase)

    def _counts(self, gateway: Gateway) -> bool:
        """Tell whether an answer still counts: one that comes after `killgw` or `unregister` finds
        no gateway (sofia_reg.c).
        """
        return gateway.state is GatewayState.TRYING and not gateway.deleted

    def _enter(
        self, gateway: Gateway, state: GatewayState, *, status: str = "", phrase: str = ""
    ) -> None:
        gateway.state = state
        headers = {
            "Gateway": gateway.name,
            "State": state.value,
            "Ping-Status": gateway.ping_status,
        }
        if state in (GatewayState.REGISTER, GatewayState.REGED, GatewayState.DOWN):
            host, port = gateway.registrar
            headers |= {"Register-Network-IP": host, "Register-Network-Port": str(port)}
        if status:
            headers |= {"Phrase": phrase, "Status": status}
        self._bus.fire(CUSTOM, headers, subclass="sofia::gateway_state")
