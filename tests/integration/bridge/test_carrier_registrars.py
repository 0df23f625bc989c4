"""The carriers a fleet registers with behave alike: Kamailio, a second FreeSWITCH, the simulator.

And both FreeSWITCH and the simulator can be the simple carrier that keeps one binding an account.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from controlplane.local.bench.registrar import FleetRegistrar, RegistrarKind, open_registrar
from controlplane.local.launch.carrier.kamailio import find_kamailio
from controlplane.local.launch.carrier.server import BindingRule
from controlplane.local.launch.installation import find_freeswitch
from freeswitch.telephone.digest import Challenge
from freeswitch.telephone.phone import Phone
from freeswitch.telephone.sip import (
    SIP_VERSION,
    Headers,
    SipRequest,
    SipResponse,
    new_branch,
    new_tag,
)
from tests.waiting import until

pytestmark = pytest.mark.integration

NUMBER, OTHER_NUMBER = "0033199000001", "0033199000002"
ANSWER_DEADLINE_S = 3.0


def skip_unless_found(kind: RegistrarKind) -> None:
    if kind is RegistrarKind.KAMAILIO and find_kamailio() is None:
        pytest.skip("no kamailio on PATH")
    if kind is RegistrarKind.FREESWITCH and find_freeswitch() is None:
        pytest.skip("no FreeSWITCH: set FREESWITCH_PREFIX")


@pytest.fixture(scope="module", params=list(RegistrarKind))
def running(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FleetRegistrar]:
    """One registrar for all tests of this module."""
    skip_unless_found(request.param)
    folder = tmp_path_factory.mktemp("registrar")
    registrar = open_registrar(folder, numbers=[NUMBER, OTHER_NUMBER], kind=request.param)
    registrar.start()
    yield registrar
    registrar.stop()


@pytest.fixture
async def registrar(running: FleetRegistrar) -> AsyncIterator[FleetRegistrar]:
    """Without a binding, before and after each test."""
    yield running
    async with Phone() as phone:
        for number, bindings in running.bindings().items():
            for binding in bindings:
                await register(phone, running, number, contact=binding.contact, expires_s=0)


async def register(
    phone: Phone,
    registrar: FleetRegistrar,
    number: str,
    *,
    contact: str,
    expires_s: int = 60,
    password: str | None = None,
) -> SipResponse:
    """REGISTER as a bridge does: challenged, then with the digest. The last response."""
    host, _, port = registrar.address.partition(":")
    target, peer = f"sip:{registrar.address}", (host, int(port))
    own_host, own_port = phone.endpoint.address
    fields = [
        ("Max-Forwards", "70"),
        ("From", f"<sip:{number}@{registrar.address}>;tag={new_tag()}"),
        ("To", f"<sip:{number}@{registrar.address}>"),
        ("Call-ID", f"{secrets.token_hex(8)}@{own_host}"),
        ("Contact", f"<{contact}>"),
        ("Expires", str(expires_s)),
    ]

    async def send(sequence: int) -> SipResponse:
        via = f"{SIP_VERSION}/UDP {own_host}:{own_port};rport;branch={new_branch()}"
        headers = Headers([("Via", via), *fields, ("CSeq", f"{sequence} REGISTER")])
        request = SipRequest("REGISTER", target, headers)
        return await phone.endpoint.request(request, peer, deadline_s=ANSWER_DEADLINE_S)

    challenged = await send(1)
    assert challenged.status == 401
    challenge = Challenge.parse(challenged.headers.required("WWW-Authenticate"))
    fields.append(
        (
            "Authorization",
            challenge.authorization(
                user=number,
                password=password or registrar.password(number),
                method="REGISTER",
                uri=target,
            ),
        )
    )
    return await send(2)


def contact_of(phone: Phone, name: str) -> str:
    """As a FreeSWITCH gateway of that name writes it."""
    host, port = phone.endpoint.address
    return f"sip:gw+{name}@{host}:{port};transport=udp;gw={name}"


def bound(registrar: FleetRegistrar, number: str = NUMBER) -> list[str]:
    """The contacts of an account, the newest first."""
    return [binding.contact for binding in registrar.bindings().get(number, ())]


async def test_two_bridges_are_bound_at_once_and_the_newest_comes_first(
    registrar: FleetRegistrar,
) -> None:
    async with Phone() as one, Phone() as other:
        for phone in (one, other):
            answer = await register(phone, registrar, NUMBER, contact=contact_of(phone, "r"))
            assert answer.status == 200
        assert bound(registrar) == [contact_of(other, "r"), contact_of(one, "r")]
        addresses = [found.address for found in registrar.bindings()[NUMBER]]
        assert addresses == ["{}:{}".format(*phone.endpoint.address) for phone in (other, one)]
        assert all(0 < found.expires_s <= 130 for found in registrar.bindings()[NUMBER])
        assert OTHER_NUMBER not in registrar.bindings()


async def test_unregistering_one_contact_leaves_the_other(registrar: FleetRegistrar) -> None:
    async with Phone() as one, Phone() as other:
        for phone in (one, other):
            await register(phone, registrar, NUMBER, contact=contact_of(phone, "r"))
        await register(one, registrar, NUMBER, contact=contact_of(one, "r"), expires_s=0)
        assert bound(registrar) == [contact_of(other, "r")]


async def test_a_wrong_password_binds_nothing(registrar: FleetRegistrar) -> None:
    async with Phone() as phone:
        contact = contact_of(phone, "r")
        answer = await register(phone, registrar, NUMBER, contact=contact, password="wrong")
    assert answer.status in (401, 403)
    assert bound(registrar) == []


def accepted(registrar: FleetRegistrar) -> int:
    return sum(one.accepted for one in registrar.seen() if one.number == NUMBER)


async def test_every_register_is_counted(registrar: FleetRegistrar) -> None:
    before = accepted(registrar)
    async with Phone() as phone:
        for _ in range(3):
            await register(phone, registrar, NUMBER, contact=contact_of(phone, "r"))
    await until(lambda: accepted(registrar) == before + 3)


async def test_a_call_reaches_the_newest_binding_and_can_be_ended_by_its_caller(
    registrar: FleetRegistrar,
) -> None:
    async with Phone() as one, Phone() as other, Phone() as caller:
        for bridge in (one, other):
            await register(bridge, registrar, NUMBER, contact=contact_of(bridge, "r"))
        uri = registrar.dial_uri(NUMBER)
        assert uri is not None
        ringing = asyncio.create_task(other.listen(deadline_s=ANSWER_DEADLINE_S))
        dialog = await caller.call(uri, from_number="+33639980001")
        answered = await ringing
        assert not dialog.ended.is_set()
        await dialog.hangup()
        await answered.wait_ended(deadline_s=ANSWER_DEADLINE_S)


async def test_restarted_it_has_forgotten_everything(registrar: FleetRegistrar) -> None:
    async with Phone() as phone:
        address = registrar.address
        await register(phone, registrar, NUMBER, contact=contact_of(phone, "r"))
        await asyncio.to_thread(registrar.stop)
        await asyncio.to_thread(registrar.start)
        assert registrar.address == address
        assert bound(registrar) == []
        answer = await register(phone, registrar, NUMBER, contact=contact_of(phone, "r"))
        assert answer.status == 200
        assert bound(registrar) == [contact_of(phone, "r")]


@pytest.mark.parametrize("kind", [RegistrarKind.FREESWITCH, RegistrarKind.SIMULATOR])
async def test_with_one_binding_any_unregister_drops_it(
    kind: RegistrarKind, tmp_path: Path
) -> None:
    """What makes the owner register once more after the former bridge has left."""
    skip_unless_found(kind)
    rule = BindingRule.ONE
    registrar = open_registrar(tmp_path, numbers=[NUMBER], kind=kind, binding_rule=rule)
    await asyncio.to_thread(registrar.start)
    try:
        async with Phone() as former, Phone() as owner:
            for phone in (former, owner):
                await register(phone, registrar, NUMBER, contact=contact_of(phone, "r"))
            assert bound(registrar) == [contact_of(owner, "r")]
            await register(former, registrar, NUMBER, contact=contact_of(former, "r"), expires_s=0)
            assert bound(registrar) == []
    finally:
        await asyncio.to_thread(registrar.stop)
