"""A carrier whose answers to a refresh are strange costs a restaurant seconds, not half a minute:
what the registrar holds is what counts, not what FreeSWITCH shows.
"""

import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from controlplane.local.launch.services import LocalServices
from freeswitch.simulator.registrar import Registrar
from freeswitch.telephone.sip import NameAddr, SipRequest, SipResponse, SipUri, new_tag
from tests.integration.binding_watch import BindingWatch
from tests.integration.bridge_under_test import (
    ACCOUNT_PASSWORD,
    SWITCHES,
    Bridge,
    open_bridge,
    tell,
)
from tests.waiting import until

pytestmark = pytest.mark.integration

RATE = 100
"""REGISTERs a second: nothing here is about the pace."""
GIVEN_BACK_BY_FREESWITCH = (404, 408, 480, 500, 502, 503, 504, 600)
KEPT_BY_FREESWITCH = (403, 486, 491)
HOLE_S = 3.0
"""FreeSWITCH REGISTERs at its next 1 s tick; by itself it waited 32 s."""


class FickleRegistrar(Registrar):
    """Refuses a REGISTER when told to, and may write another Contact than it was given."""

    def __init__(self) -> None:
        super().__init__({})
        self.refusals: defaultdict[str, deque[int]] = defaultdict(deque)
        """Statuses for an account's next REGISTERs; un-REGISTERs are served."""
        self.grants_s: int | None = None
        """With it, it grants so little, to a Contact behind a NAT that only it sees."""
        self.retry_after_s: int | None = None

    def _register(self, request: SipRequest) -> SipResponse | None:
        refusals = self.refusals[_user(request)]
        if not refusals or request.headers.get("Expires") == "0":
            return super()._register(request)
        wait = [("Retry-After", str(self.retry_after_s))] if self.retry_after_s else []
        return request.response(refusals.popleft(), to_tag=new_tag(), headers=wait)

    def _bind(self, request: SipRequest, user: str) -> SipResponse:
        response = super()._bind(request, user)
        if self.grants_s is None or request.headers.get("Expires") == "0":
            return response
        for binding in self._bindings[user].values():
            binding.expires_at = min(binding.expires_at, time.monotonic() + self.grants_s)
        contact = f"<sip:gw+{user}@203.0.113.9:40000>;expires={self.grants_s}"
        return request.response(200, to_tag=new_tag(), headers=[("Contact", contact)])


def _user(request: SipRequest) -> str:
    return SipUri.parse(NameAddr.parse(request.headers.required("To")).uri).user


@pytest.fixture(scope="module", params=SWITCHES)
def bridge(
    request: pytest.FixtureRequest,
    services: LocalServices,
    migrated_template: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Bridge]:
    folder: Path = tmp_path_factory.mktemp("refreshes")
    with open_bridge(request.param, services, migrated_template, folder) as bridge:
        yield bridge


@pytest.fixture
async def registrar() -> AsyncIterator[FickleRegistrar]:
    registrar = FickleRegistrar()
    await registrar.open()
    yield registrar
    registrar.close()


async def registered(
    bridge: Bridge, registrar: FickleRegistrar, redis: Redis, *slugs: str, **carrier: object
) -> list[str]:
    """Restaurants with a binding; `carrier`: its columns."""
    names = [f"{slug}-{uuid4().hex[:8]}" for slug in slugs]
    carrier = {"registrar": f"127.0.0.1:{registrar.port}", "registers_per_second": RATE, **carrier}
    for name in names:
        registrar.set_password(name, ACCOUNT_PASSWORD)
        bridge.place(name, **carrier)  # type: ignore[arg-type]  # a test's builder
    await tell(redis)
    await until(lambda: all(bridge.state(name)[0] == "REGED" for name in names))
    return names


def refresh(bridge: Bridge, *names: str) -> None:
    """Have FreeSWITCH do now what it would do at half of the expiry."""
    for name in names:
        bridge.switch.api(f"sofia profile external register {name}")


async def test_a_refresh_refused_once_costs_seconds(
    bridge: Bridge, registrar: FickleRegistrar, redis: Redis
) -> None:
    """
    1. FreeSWITCH refreshes; the carrier answers each account with another status, once.
    2. After most of them FreeSWITCH gives the binding back, at once.
    3. The agent has each REGISTER again.
    """
    codes = [*GIVEN_BACK_BY_FREESWITCH, *KEPT_BY_FREESWITCH]
    names = await registered(
        bridge, registrar, redis, *(f"refused-{code}" for code in codes), carrier_id="fickle"
    )
    async with AsyncExitStack() as stack:
        watches = {
            code: await stack.enter_async_context(BindingWatch(registrar, name))
            for code, name in zip(codes, names, strict=True)
        }
        for code, name in zip(codes, names, strict=True):
            registrar.refusals[name].append(code)
        refresh(bridge, *names)
        await until(lambda: not any(registrar.refusals.values()))
        await until(lambda: all(registrar.contacts(name) for name in names))
    gaps = {code: round(watch.longest_gap_s, 2) for code, watch in watches.items()}
    assert max(gaps.values()) < HOLE_S, gaps


async def test_retry_after_is_honoured(
    bridge: Bridge, registrar: FickleRegistrar, redis: Redis
) -> None:
    _with_copies(bridge)
    registrar.retry_after_s = 4
    [name] = await registered(bridge, registrar, redis, "later", carrier_id="later")
    registrar.refusals[name].append(503)
    async with BindingWatch(registrar, name) as watch:
        refresh(bridge, name)
        await until(lambda: not registrar.refusals[name] and not registrar.contacts(name))
        await until(lambda: registrar.contacts(name))
    assert 3.5 < watch.longest_gap_s < 4 + HOLE_S


async def test_a_short_grant_to_a_rewritten_contact_is_renewed_in_time(
    bridge: Bridge, registrar: FickleRegistrar, redis: Redis
) -> None:
    """FreeSWITCH does not know its own Contact in it, and believes in the hour it asked for."""
    _with_copies(bridge)
    registrar.grants_s = 7
    [name] = await registered(
        bridge, registrar, redis, "natted", carrier_id="natted", expire_seconds=3_600
    )
    seen = len(registrar.accepted)
    async with BindingWatch(registrar, name) as watch:
        await until(lambda: len(registrar.accepted) > seen)
    assert watch.longest_gap_s == 0


def _with_copies(bridge: Bridge) -> None:
    if not bridge.switch.api("sofia profile external capture on").startswith("Enabled"):
        pytest.skip("this switch sends no copies of its SIP messages")
