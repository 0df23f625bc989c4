"""Registrars and accounts in trouble: what the bridge tells, when it stops asking, and that nobody
else notices. On the simulator (its clock runs ten times faster) and on the real FreeSWITCH.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import uuid4

import pytest
from redis.asyncio import Redis
from sqlalchemy import Engine

from controlplane.controller.lease import Lease
from controlplane.controller.outages import Outages
from controlplane.database import sync_engine
from controlplane.local.launch.services import LocalServices
from controlplane.local.launch.simulator import SimulatorServer
from freeswitch.simulator.registrar import SILENCE, Registrar
from freeswitch.telephone.g711 import Codec
from freeswitch.telephone.phone import CallRefused, Phone
from freeswitch.telephone.sip import SipRequest, SipResponse
from tests.accounts import SECRETS
from tests.integration.bridge_under_test import (
    ACCOUNT_PASSWORD,
    CALLER_NUMBER,
    SWITCHES,
    Bridge,
    open_bridge,
    tell,
)
from tests.waiting import stays_true, until

pytestmark = pytest.mark.integration

ON_THE_SIMULATOR = pytest.mark.parametrize("bridge", ["simulator"], indirect=True)
"""Where it takes retries: FreeSWITCH's come after 30 s."""


@pytest.fixture(scope="module", params=SWITCHES)
def bridge(
    request: pytest.FixtureRequest,
    services: LocalServices,
    migrated_template: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Bridge]:
    folder: Path = tmp_path_factory.mktemp("refusals")
    with open_bridge(request.param, services, migrated_template, folder) as bridge:
        yield bridge


class Leader:
    """The controller's watch over refused accounts; the bridge is told by the test."""

    def __init__(self, engine: Engine) -> None:
        self.lease = Lease(engine, holder="test")
        self._outages = Outages(engine, lease=self.lease)

    def look(self) -> None:
        self.lease.renew()
        self._outages.turn()


@dataclass
class Carrier:
    """A registrar, the bridge it belongs to, and how one tells the bridge."""

    registrar: Registrar
    address: str
    bridge: Bridge
    redis: Redis

    async def tell(self) -> None:
        await tell(self.redis)

    async def place(self, slug: str, **changes: object) -> str:
        """An account; its carrier has its own row."""
        name = f"{slug}-{uuid4().hex[:8]}"
        self.registrar.set_password(name, ACCOUNT_PASSWORD)
        values = {"registrar": self.address, "carrier_id": slug, **changes}
        self.bridge.place(name, **values)  # type: ignore[arg-type]  # a test's builder
        await self.tell()
        return name

    async def until(self, name: str, *states: str) -> None:
        await until(lambda: self.bridge.state(name)[0] in states)

    def events(self, name: str) -> list[tuple[object, ...]]:
        return self.bridge.query(
            "SELECT e.event, e.sip_code FROM sip_registration_event e JOIN sip_registration r"
            " ON r.id = e.registration_id WHERE r.gateway_name = %s ORDER BY e.id",
            name,
        )

    async def outage_goes_on(self, leader: Leader, *, minutes: int) -> dict[str, int]:
        """Let minutes pass, and the leader look; who is tried again, by reason."""
        self.bridge.query(
            "UPDATE sip_registration SET state_at = state_at - make_interval(mins => %s)", minutes
        )
        self.bridge.query("DELETE FROM sip_registration_event WHERE event = 'tried_again'")
        leader.look()
        await self.tell()
        rows = self.bridge.query(
            "SELECT detail, count(*) FROM sip_registration_event WHERE event = 'tried_again'"
            " GROUP BY 1"
        )
        return dict(rows)

    def refuses(self, carrier_id: str) -> bool:
        query = "SELECT refuses_since IS NOT NULL FROM carrier WHERE id = %s"
        return bool(self.bridge.query(query, carrier_id)[0][0])

    def retry_in_s(self, name: str) -> float:
        """From the report of the failure to the next attempt."""
        state_at, retry_at = self.bridge.query(
            "SELECT state_at, next_retry_at FROM sip_registration WHERE gateway_name = %s", name
        )[0]
        assert isinstance(state_at, datetime)
        assert isinstance(retry_at, datetime)
        return (retry_at - state_at).total_seconds()


@pytest.fixture
async def carrier(bridge: Bridge, redis: Redis) -> AsyncIterator[Carrier]:
    registrar = Registrar({})
    host, port = await registrar.open()
    carrier = Carrier(registrar, f"{host}:{port}", bridge, redis)
    yield carrier
    await asyncio.to_thread(bridge.query, "UPDATE sip_registration SET bridge_id = NULL")
    await carrier.tell()
    await until(lambda: not bridge.gateways())
    registrar.close()


@pytest.fixture
def leader(bridge: Bridge) -> Iterator[Leader]:
    engine = sync_engine(bridge.database_url, application_name="test", pool_size=2)
    leader = Leader(engine)
    yield leader
    leader.lease.close()
    engine.dispose()


async def test_a_carrier_that_asks_again_has_refused(carrier: Carrier) -> None:
    """It answers a wrong password with another challenge, as Kamailio does; FreeSWITCH gives up
    with a code of its own. Counted like any refusal: such a carrier locks accounts too.
    """
    asking = Registrar({}, asks_again=True)
    host, port = await asking.open()
    try:
        name = await carrier.place(
            "asking", registrar=f"{host}:{port}", password="wrong", max_auth_failures=1
        )
        asking.set_password(name, ACCOUNT_PASSWORD)
        await carrier.until(name, "SUSPENDED")
        assert carrier.bridge.state(name) == ("SUSPENDED", 904)
    finally:
        asking.close()


class Sha256Too(Registrar):
    """Challenges with MD5, then SHA-256 (RFC 8760): FreeSWITCH takes the last, and cannot."""

    def _challenge(self, request: SipRequest) -> SipResponse:
        response = super()._challenge(request)
        md5 = response.headers.required("WWW-Authenticate")
        response.headers.add("WWW-Authenticate", md5.replace("algorithm=MD5", "algorithm=SHA-256"))
        return response


async def test_a_challenge_freeswitch_cannot_answer_is_named(carrier: Carrier) -> None:
    if isinstance(carrier.bridge.switch, SimulatorServer):
        pytest.skip("the simulator answers the first challenge")
    registrar = Sha256Too({})
    host, port = await registrar.open()
    try:
        name = await carrier.place("sha256", registrar=f"{host}:{port}", max_auth_failures=1)
        registrar.set_password(name, ACCOUNT_PASSWORD)
        await carrier.until(name, "SUSPENDED")
        assert carrier.bridge.state(name) == ("SUSPENDED", 900)
    finally:
        registrar.close()


async def test_an_account_refused_once_too_often_is_left_alone(carrier: Carrier) -> None:
    """
    1. The carrier refuses the account, and wants no second try: SUSPENDED, the gateway is gone.
    2. Somebody asks for another try: refused again, suspended again.
    3. The account's password is put right: registered.
    """
    name = await carrier.place("strict", password="wrong", max_auth_failures=1)
    await carrier.until(name, "SUSPENDED")
    await until(lambda: name not in carrier.bridge.gateways())
    assert carrier.bridge.state(name) == ("SUSPENDED", 403)
    assert ("SUSPENDED", 403) in carrier.events(name)

    asked = carrier.registrar.registers_seen
    carrier.bridge.query(
        "UPDATE sip_registration SET auth_failures = 0, state = 'DOWN' WHERE gateway_name = %s",
        name,
    )
    await carrier.tell()
    await carrier.until(name, "SUSPENDED")
    assert carrier.registrar.registers_seen > asked
    await until(lambda: name not in carrier.bridge.gateways())

    restaurant_id = carrier.bridge.query(
        "SELECT restaurant_id FROM sip_registration WHERE gateway_name = %s", name
    )[0][0]
    carrier.bridge.query(
        "UPDATE sip_registration SET password_encrypted = %s WHERE gateway_name = %s",
        SECRETS.seal(ACCOUNT_PASSWORD, owner=restaurant_id),
        name,
    )
    await carrier.tell()
    await carrier.until(name, "REGED")
    assert carrier.registrar.contact(name)


@ON_THE_SIMULATOR
async def test_refusals_are_counted_up_to_the_carriers_limit(carrier: Carrier) -> None:
    name = await carrier.place("counting", password="wrong", max_auth_failures=2)
    await carrier.until(name, "FAIL_WAIT")
    count = "SELECT auth_failures FROM sip_registration WHERE gateway_name = %s"
    assert carrier.bridge.query(count, name) == [(1,)]
    assert carrier.retry_in_s(name) == pytest.approx(30, abs=0.5)
    carrier.bridge.switch.api(f"sofia profile external register {name}")
    await carrier.until(name, "SUSPENDED")
    assert carrier.bridge.query(count, name) == [(2,)]
    await until(lambda: name not in carrier.bridge.gateways())
    heard = carrier.registrar.registers_seen  # the gateway's own end sent an un-REGISTER
    await carrier.tell()
    # Ten of the simulator's seconds.
    await stays_true(lambda: carrier.registrar.registers_seen == heard, for_s=1.0)


async def test_a_bridge_without_tls_says_so_of_an_account_that_needs_it(carrier: Carrier) -> None:
    name = await carrier.place("tls", transport="tls")
    await carrier.until(name, "INVALID")
    details = carrier.bridge.query("SELECT detail FROM sip_registration_event")
    assert ("transport: this bridge has no TLS (ALLORESTO_SIP_TLS)",) in details


@ON_THE_SIMULATOR
async def test_a_lowered_limit_removes_no_gateway_that_is_not_refused_again(
    carrier: Carrier,
) -> None:
    """The row says what the bridge does: SUSPENDED, and only then no gateway."""
    name = await carrier.place("lowered", password="wrong", max_auth_failures=3)
    await carrier.until(name, "FAIL_WAIT")
    carrier.bridge.query("UPDATE carrier SET max_auth_failures = 1 WHERE id = 'lowered'")
    await carrier.tell()
    await stays_true(
        lambda: carrier.bridge.state(name)[0] == "SUSPENDED" or name in carrier.bridge.gateways(),
        for_s=1.0,
    )
    await carrier.until(name, "SUSPENDED")
    await until(lambda: name not in carrier.bridge.gateways())


async def test_after_a_carriers_outage_all_its_accounts_are_back(
    carrier: Carrier, leader: Leader
) -> None:
    """1. Every REGISTER of five accounts is refused: all suspended, no gateway is left. 2. The
    leader has one of them ask for all, in vain. 3. The carrier heals: the next one is taken, and
    the others follow by themselves. Only the minutes between are the test's.
    """
    carrier.registrar.answer_with(403)
    names = [await carrier.place("outage", max_auth_failures=1) for _ in range(5)]
    for name in names:
        await carrier.until(name, "SUSPENDED")
    await until(lambda: not carrier.bridge.gateways())
    leader.look()
    assert await carrier.outage_goes_on(leader, minutes=2) == {"probe": 1}
    await until(lambda: {carrier.bridge.state(name)[0] for name in names} == {"SUSPENDED"})
    assert carrier.refuses("outage")

    carrier.registrar.answer_with(None)
    assert await carrier.outage_goes_on(leader, minutes=5) == {"probe": 1}
    await until(lambda: "REGED" in {carrier.bridge.state(name)[0] for name in names})
    assert await carrier.outage_goes_on(leader, minutes=0) == {"sibling": 4}
    for name in names:
        await carrier.until(name, "REGED")
    leader.look()
    assert not carrier.refuses("outage")


async def test_a_carrier_in_trouble_is_tried_again_and_again(carrier: Carrier) -> None:
    """503 to one account, nothing to another, a third is registered meanwhile."""
    good = await carrier.place("good")
    await carrier.until(good, "REGED")
    carrier.registrar.answer_with(503)
    busy = await carrier.place("busy", max_auth_failures=1)
    await carrier.until(busy, "FAIL_WAIT")
    assert carrier.bridge.state(busy) == ("FAIL_WAIT", 503)
    assert 0 < carrier.retry_in_s(busy) < 5
    assert carrier.bridge.state(good)[0] == "REGED"
    carrier.registrar.answer_with(None)
    await carrier.until(busy, "REGED")
    states = [event for event, _ in carrier.events(busy)]
    assert states == ["TRYING", "FAIL_WAIT", "REGED"]


async def test_a_silent_carrier_delays_no_other(carrier: Carrier) -> None:
    """Its gateways take the longest to be added, tried and removed; a good one does not wait."""
    silent = Registrar({})
    host, port = await silent.open()
    silent.answer_with(SILENCE)
    for n in range(5):
        name = f"silent-{n}-{uuid4().hex[:8]}"
        carrier.bridge.place(name, registrar=f"{host}:{port}", carrier_id="silent")
    good = await carrier.place("lively")
    await carrier.until(good, "REGED")
    await asyncio.to_thread(
        carrier.bridge.query,
        "UPDATE sip_registration SET bridge_id = NULL WHERE carrier_id = 'silent'",
    )
    other = await carrier.place("livelier")
    await carrier.until(other, "REGED")
    assert silent.registers_seen >= 5
    silent.close()


async def test_only_the_carriers_codecs_are_spoken(carrier: Carrier) -> None:
    name = await carrier.place("ulaw", codecs=["PCMU"])
    await carrier.until(name, "REGED")
    async with Phone() as phone:
        dialog = await phone.call(
            carrier.bridge.uri(name), from_number=CALLER_NUMBER, codec=Codec.PCMU
        )
        await dialog.hangup()
        with pytest.raises(CallRefused) as refused:
            await phone.call(carrier.bridge.uri(name), from_number=CALLER_NUMBER)
    assert refused.value.status == 488


@ON_THE_SIMULATOR
async def test_an_account_that_cannot_be_written_says_why(carrier: Carrier) -> None:
    name = await carrier.place("broken", password="$${domain}-secret")
    await carrier.until(name, "INVALID")
    detail = carrier.bridge.query(
        "SELECT e.detail FROM sip_registration_event e"
        " JOIN sip_registration r ON r.id = e.registration_id"
        " WHERE e.event = 'INVALID' AND r.gateway_name = %s",
        name,
    )
    assert len(detail) == 1
    assert str(detail[0][0]).startswith("password: holds")
    assert "secret" not in str(detail[0][0])
