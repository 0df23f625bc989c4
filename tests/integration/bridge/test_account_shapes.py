"""Accounts of every shape carriers give them register, and their calls are known by their gateway.

On the real FreeSWITCH, at a real registrar (Kamailio) whose domain is no address of its own.
"""

import base64
import datetime
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from redis.asyncio import Redis

from controlplane.bridge.gateways.gateway_xml import Srtp
from controlplane.database import sync_engine
from controlplane.local.launch.carrier.kamailio import find_kamailio
from controlplane.local.launch.freeswitch import FreeSwitchPorts, FreeSwitchServer, find_freeswitch
from controlplane.local.launch.ports import free_tcp_port, free_udp_port
from controlplane.local.launch.process import ManagedProcess
from controlplane.local.launch.services import LocalServices
from freeswitch.telephone.phone import Phone
from tests.accounts import add_account, add_carrier
from tests.integration.bridge_under_test import (
    BRIDGE_ID,
    CALLER_NUMBER,
    Bridge,
    fresh_database,
    run_bridge,
    short_prompts,
    tell,
)
from tests.integration.hostile_caller import SDP, HostileCaller
from tests.waiting import stays_true, until

pytestmark = pytest.mark.integration

CONFIGURATION: Final = Path(__file__).with_name("carrier.cfg")
TLS_MODULES: Final = "/usr/lib/*/kamailio/modules/tls.so"
LOOPBACK: Final = "127.0.0.1"
DOMAIN: Final = "trunk.example"
NUMBER: Final = "0033199001234"
NOT_REGISTERED_S: Final = 4.0
"""A REGISTER at this registrar takes 1 to 2 s."""


@dataclass(frozen=True)
class Shape:
    """What a carrier's page says, and what of it the registrar must see."""

    name: str
    auth_user: str = NUMBER
    carrier: dict[str, Any] = field(default_factory=dict)
    account: dict[str, Any] = field(default_factory=dict)


SHAPES: Final = (
    Shape("realm-apart-from-the-proxy", carrier={"domain": DOMAIN}),
    Shape("user-with-a-domain", f"{NUMBER}@{DOMAIN}", account={"domain": DOMAIN}),
    Shape("authentication-user-apart", "trunk-42", carrier={"domain": DOMAIN}),
    Shape("outbound-proxy", carrier={"registrar": DOMAIN, "outbound_proxy": "127.0.0.1:{udp}"}),
    Shape(
        "outbound-proxy-over-tcp",
        f"{NUMBER}@{DOMAIN}",
        carrier={"registrar": DOMAIN, "outbound_proxy": "127.0.0.1:{udp}", "transport": "tcp"},
    ),
    Shape(
        "tls",
        carrier={"registrar": "127.0.0.1:{tls}", "domain": DOMAIN, "transport": "tls"},
    ),
    Shape(
        "outbound-proxy-over-tls",
        "trunk-42",
        carrier={"registrar": DOMAIN, "outbound_proxy": "127.0.0.1:{tls}", "transport": "tls"},
    ),
)


@dataclass
class Registrar:
    """Kamailio as a carrier, with what it logs of each REGISTER it took."""

    udp: int
    tls: int
    log_file: Path

    def place(self, text: str) -> str:
        return text.format(udp=self.udp, tls=self.tls)

    def accepted(self, user: str) -> list[str]:
        """Return protocol, To, request URI and digest user of the account's REGISTERs."""
        return [line for line in self.logged("accepted") if f"sip:{user}@" in line]

    def logged(self, word: str) -> list[str]:
        text = self.log_file.read_text(encoding="utf-8")
        return re.findall(rf"<script>: {word} (.+)", text)


@dataclass
class Site:
    registrar: Registrar
    bridge: Bridge
    redis: Redis

    async def place(self, shape: Shape, user: str) -> str:
        """Give a restaurant an account of that shape."""
        name = f"{shape.name}-{uuid4().hex[:8]}"
        auth_user = shape.auth_user.replace(NUMBER, user)
        carrier = {"registrar": f"127.0.0.1:{self.registrar.udp}", **shape.carrier}
        hosts = ("registrar", "outbound_proxy")
        carrier |= {key: self.registrar.place(carrier[key]) for key in hosts if key in carrier}
        engine = sync_engine(self.bridge.database_url, application_name="test", pool_size=1)
        with engine.begin() as connection:
            add_account(
                connection,
                name,
                carrier_id=add_carrier(connection, shape.name, **carrier),
                username=user,
                auth_username=None if auth_user == user else auth_user,
                password=f"{auth_user}-secret",
                bridge_id=BRIDGE_ID,
                epoch=1,
                **shape.account,
            )
        engine.dispose()
        await tell(self.redis)
        return name

    async def registered(self, name: str) -> None:
        await until(lambda: self.bridge.state(name)[0] == "REGED")


def certificate(folder: Path, name: str, *, host: str, signer: str | None = None) -> Path:
    """Write NAME.pem (certificate, key), signed by SIGNER's key or by its own; the path."""
    now = datetime.datetime.now(datetime.UTC)
    key = ec.generate_private_key(ec.SECP256R1())
    subject = issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    signing_key: Any = key
    if signer is not None:
        pem = (folder / f"{signer}.pem").read_bytes()
        issuer = x509.load_pem_x509_certificate(pem).subject
        signing_key = serialization.load_pem_private_key(pem, password=None)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=signer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(signing_key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path = folder / f"{name}.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + private)
    return path


@contextmanager
def registrar(folder: Path, certificate_file: Path) -> Iterator[Registrar]:
    program = find_kamailio()
    if program is None:
        pytest.skip("no kamailio on PATH")
    if not list(Path("/").glob(TLS_MODULES.removeprefix("/"))):
        pytest.skip("no kamailio-tls-modules")
    udp, tls = free_udp_port(), free_tcp_port()
    runtime = folder / f"carrier-{udp}"
    runtime.mkdir()
    log_file = runtime / "carrier.log"
    process = ManagedProcess(
        [
            *(program, "-DD", "-E", "-m", "32", "-M", "8", "-f", CONFIGURATION),
            *("-Y", runtime, "-w", runtime),
            *("-A", f"SIP_UDP=udp:127.0.0.1:{udp}", "-A", f"SIP_TCP=tcp:127.0.0.1:{udp}"),
            *("-A", f"SIP_TLS=tls:127.0.0.1:{tls}", "-A", f'TLS_KEY="{certificate_file}"'),
            *("-A", f'TLS_CERTIFICATE="{certificate_file}"'),
            *("-A", f'NONCE_SECRET="{secrets.token_hex(16)}"'),
        ],
        name="carrier",
        log_file=log_file,
        stop_grace=2.0,
    )
    with process:
        yield Registrar(udp, tls, log_file)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shapes")


@pytest.fixture(scope="module")
def running(
    services: LocalServices, migrated_template: str, folder: Path
) -> Iterator[tuple[Registrar, Bridge]]:
    """The carrier, and a bridge that trusts who signed the carrier's certificate."""
    program = find_freeswitch()
    if program is None:
        pytest.skip("no FreeSWITCH: set FREESWITCH_PREFIX")
    tls = folder / "tls"
    tls.mkdir()
    certificate(folder, "authority", host="authority.example")
    certificate(folder, "carrier", host="127.0.0.1", signer="authority")
    (tls / "agent.pem").write_bytes(certificate(folder, "bridge", host="bridge").read_bytes())
    (tls / "cafile.pem").write_bytes((folder / "authority.pem").read_bytes())
    switch = FreeSwitchServer(
        program,
        runtime_folder=folder / "freeswitch",
        ports=FreeSwitchPorts.free(legs=20),
        sounds_folder=short_prompts(folder / "sounds"),
        extra_settings={
            "ALLORESTO_SIP_TLS": "true",
            "ALLORESTO_SIP_TLS_PORT": str(free_tcp_port()),
            "ALLORESTO_SIP_TLS_FOLDER": str(tls),
        },
    )
    with (
        fresh_database(services, migrated_template) as database_url,
        registrar(folder, folder / "carrier.pem") as carrier,
        switch,
        run_bridge(
            switch, database_url=database_url, redis_url=services.redis_url, folder=folder
        ) as bridge,
    ):
        bridge.query(
            "INSERT INTO sip_bridge_node (id, capacity, last_seen_at) VALUES (%s, 200, now())",
            BRIDGE_ID,
        )
        yield carrier, bridge


@pytest.fixture
def site(running: tuple[Registrar, Bridge], redis: Redis) -> Site:
    return Site(*running, redis)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
async def test_an_account_registers_and_its_call_is_known_by_its_gateway(
    site: Site, shape: Shape
) -> None:
    user = f"00331990{secrets.randbelow(10**6):06d}"
    name = await site.place(shape, user)
    await site.registered(name)
    proto = shape.carrier.get("transport", "udp")
    auth_user = shape.auth_user.replace(NUMBER, user)
    seen = site.registrar.accepted(user)[-1]
    assert seen.startswith(f"{proto} sip:{user}@{DOMAIN} sip:")
    assert seen.endswith(f" as {auth_user}")
    async with Phone() as phone:
        uri = f"sip:{user}@127.0.0.1:{site.registrar.udp}"
        dialog = await phone.call(uri, from_number=CALLER_NUMBER)
        await until(lambda: name in {one["gateway"] for one in site.bridge.log("call_started")})
        await dialog.hangup()
    site.bridge.switch.api(f"originate sofia/gateway/{name}/0639980001 &park")
    called = site.registrar.logged("called")
    assert any(line.startswith(f"{proto} 0639980001 ") and DOMAIN in line for line in called)


@pytest.mark.parametrize(
    ("host", "signer"),
    [("other.example", "authority"), ("127.0.0.1", None)],
    ids=["name", "signer"],
)
async def test_a_carrier_whose_certificate_is_wrong_is_told_nothing(
    site: Site, folder: Path, host: str, signer: str | None
) -> None:
    """Neither one of another name, nor one that a stranger signed."""
    name = f"wrong-{uuid4().hex[:8]}"
    with registrar(folder, certificate(folder, name, host=host, signer=signer)) as impostor:
        there = {"registrar": f"127.0.0.1:{impostor.tls}", "domain": DOMAIN, "transport": "tls"}
        gateway = await site.place(Shape(name, carrier=there), NUMBER)
        await until(lambda: site.bridge.state(gateway)[0] not in ("DOWN", "UNREGED"))
        await stays_true(lambda: site.bridge.state(gateway)[0] != "REGED", for_s=NOT_REGISTERED_S)
        assert impostor.accepted(NUMBER) == []


@pytest.mark.parametrize(
    ("srtp", "statuses"), [(Srtp.OPTIONAL, [200, 200, 200]), (Srtp.REQUIRED, [488, 488, 200])]
)
async def test_calls_are_encrypted_as_the_carrier_says(
    site: Site, srtp: Srtp, statuses: list[int]
) -> None:
    """Offers without keys, with keys one may leave, with keys one must take (RFC 4568)."""
    key = base64.b64encode(bytes(range(30))).decode()
    keys = f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{key}\r\n"
    shape = Shape(f"srtp-{srtp}", carrier={"domain": DOMAIN, "srtp": srtp})
    name = await site.place(shape, f"00331990{secrets.randbelow(10**6):06d}")
    await site.registered(name)
    host, port = site.bridge.switch.sip_address.split(":")
    found = []
    async with HostileCaller(LOOPBACK, (host, int(port))) as caller:
        for offer in (SDP, SDP + keys, SDP.replace("RTP/AVP", "RTP/SAVP") + keys):
            body = offer.format(host=LOOPBACK, port=40_000)
            invite = caller.request(site.bridge.uri(name), body=body)
            found.append(await caller.exchange(invite, deadline_s=3.0))
    assert found == statuses
