"""Callers who try to be what they are not: another tenant's, another carrier's, or anonymous and
yet known. On the simulator, then on the real FreeSWITCH, with the agent beside it.

Two carriers, each with an address of loopback and a restaurant. Whatever was tried, the next
ordinary call must be served (`Site.serves`), and nothing of it may have reached the other tenant.
"""

import asyncio
import random
import re
import secrets
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final

import pytest

from controlplane.local.launch.freeswitch import FreeSwitchServer
from controlplane.local.launch.ports import free_tcp_port
from controlplane.local.launch.services import LocalServices
from freeswitch.telephone.dialog import Dialog
from freeswitch.telephone.phone import Phone
from freeswitch.telephone.sip import NameAddr, SipRequest, new_tag
from tests.integration.bridge_under_test import SWITCHES, open_bridge
from tests.integration.hostile_caller import HostileCaller
from tests.integration.hostile_site import (
    STRANGER,
    X_ADDRESS,
    X_PORT,
    Y_ADDRESS,
    RedisTap,
    Site,
    X,
    Y,
    place_both,
)
from tests.waiting import DEADLINE_S, block_until, elapse, until

pytestmark = pytest.mark.integration

HIDDEN: Final = "+33639980177"
HIDDEN_DIGITS: Final = "39980177"
REFUSED_S: Final = 3.0
SILENCE_S: Final = 1.0
"""For what may be ignored: a switch that answers does so within milliseconds."""
CUT_S: Final = 0.7
"""A call that is cut gets its BYE within milliseconds."""
SIPP: Final = Path(__file__).parent / "sipp"
SIPP_DEADLINE_S: Final = 20.0


@pytest.fixture(scope="module", params=SWITCHES)
def site(
    request: pytest.FixtureRequest,
    services: LocalServices,
    migrated_template: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Site]:
    folder: Path = tmp_path_factory.mktemp("hostile")
    metrics_port = free_tcp_port()
    with open_bridge(
        request.param, services, migrated_template, folder, metrics_port=metrics_port
    ) as bridge:
        tap = RedisTap(services.redis_url)
        site = Site(bridge, tap, metrics_port)
        place_both(site)
        block_until(lambda: bridge.gateways() == {X, Y})
        yield site
        tap.close()


@pytest.fixture
async def caller(site: Site) -> AsyncIterator[HostileCaller]:
    """One in carrier X's own network."""
    async with HostileCaller(X_ADDRESS, site.address) as caller:
        yield caller


# --- Another tenant's ----------------------------------------------------------------------------


@pytest.mark.parametrize("source", [STRANGER, X_ADDRESS])
@pytest.mark.parametrize(
    ("user", "parameters"),
    [
        (f"gw+{Y}", ""),
        ("0033123456789", f";gw={Y}"),
        (f"gw+{Y}", f";gw={X}"),
        (f"gw+{Y}", f";gw={Y}"),
        (f"gw%2B{Y}", ""),
        (f"gw+{Y}%00", ""),
    ],
)
async def test_nobody_outside_its_carrier_reaches_a_restaurant(
    site: Site, source: str, user: str, parameters: str
) -> None:
    since = site.redis.mark()
    async with HostileCaller(source, site.address) as caller:
        status = await caller.exchange(
            caller.request(site.uri(user, parameters), headers=naming_y(site)),
            deadline_s=REFUSED_S,
        )
    assert status in {403, 503, 400, 404}
    await site.serves(since=since)


def naming_y(site: Site) -> list[str]:
    """Every header that could be taken for a tenant's name."""
    return [
        f"X-sip_gateway: {Y}",
        f"X-alloresto_restaurant_id: {site.restaurants[Y]}",
        f"X-FS-Channel-Name: sofia/gateway/{Y}",
        f"Diversion: <sip:gw+{Y}@127.0.0.1>;reason=unconditional",
        f"Route: <sip:gw+{Y}@127.0.0.1;lr>",
        f"P-Called-Party-ID: <sip:gw+{Y}@127.0.0.1>",
        f"History-Info: <sip:gw+{Y}@127.0.0.1>;index=1",
        "X-AUTH-IP: 127.0.0.3",
        "X-AUTH-TOKEN: 127.0.0.3",
    ]


async def test_the_user_part_wins_over_the_parameter(site: Site, caller: HostileCaller) -> None:
    """To, From, X-headers and the parameter name Y; the user names X, and so X it is."""
    since = site.redis.mark()
    message = caller.request(
        site.uri(f"gw+{X}", f";gw={Y}"),
        to=f"<sip:gw+{Y}@127.0.0.1;gw={Y}>",
        sender=f'"gw+{Y}" <sip:gw+{Y}@127.0.0.1;gw={Y}>',
        headers=[line for line in naming_y(site) if not line.startswith("Route")],
    )
    assert await caller.exchange(message, deadline_s=DEADLINE_S) == 200
    await site.serves(since=since)


@pytest.mark.parametrize(
    "user", ["gw+nobody-0a1b2c3d", "gw+", "gw+*", f"xgw+{X}", "0033123456789", f"gw+{X}'OR'1'='1"]
)
async def test_a_gateway_that_is_not_there_is_503(
    site: Site, caller: HostileCaller, user: str
) -> None:
    since = site.redis.mark()
    status = await caller.exchange(caller.request(site.uri(user)), deadline_s=REFUSED_S)
    assert status in {503, 400}
    assert not site.redis.said("call_arrived", since=since)
    await site.serves(since=since)


# --- Another header's ----------------------------------------------------------------------------

LINE: Final = f"variable_sip_gateway: {Y}"


@pytest.mark.parametrize(
    "sender",
    [
        f'"Bob%0A{LINE}%0Avariable_alloresto_restaurant_id: Y" <sip:+33639980150@c.example>',
        f'"Bob%0D%0AContent-Length: 0%0D%0A%0D%0A{LINE}" <sip:+33639980150@c.example>',
        f'"Bob" <sip:+33639980150%0A{LINE}@c.example>',
        f'"Bob\x01\x02\x1b[31m\udcff\udcfe {LINE}" <sip:+33639980150@c.example>',
        '"${system(touch /tmp/x)} ${uuid_kill ${uuid}}" <sip:+33639980150@c.example>',
        '"\'; DROP TABLE call; --" <sip:+33639980150@c.example>',
        '"' + "A" * 3_000 + '" <sip:+33639980150@c.example>',
        "<sip:[{^^:sip_gateway=x}]@c.example>",
    ],
)
async def test_a_hostile_sender_stays_a_name(
    site: Site, caller: HostileCaller, sender: str
) -> None:
    since = site.redis.mark()
    sender = sender.replace("id: Y", f"id: {site.restaurants[Y]}")
    message = caller.request(site.uri(f"gw+{X}"), sender=sender)
    assert await caller.exchange(message, deadline_s=DEADLINE_S) in {200, 400}
    await site.serves(since=since)


@pytest.mark.parametrize("name", ["Contact", "Diversion", "P-Asserted-Identity", "Subject"])
async def test_a_header_inside_a_header_stays_there(
    site: Site, caller: HostileCaller, name: str
) -> None:
    """Encoded, folded, and after a lone CR or LF."""
    since = site.redis.mark()
    for joint in ("%0d%0a", "\r\n ", "\r", "\n"):
        line = f"{name}: <sip:a@c.example>{joint}X-sip_gateway: {Y}{joint}{LINE}"
        message = caller.request(site.uri(f"gw+{X}"), headers=[line])
        status = await caller.exchange(message, deadline_s=SILENCE_S)
        assert status in {200, 400, None}
    await site.serves(since=since)


async def test_a_body_of_many_parts_names_nobody(site: Site, caller: HostileCaller) -> None:
    since = site.redis.mark()
    sdp = "v=0\r\no=- 1 1 IN IP4 127.0.0.2\r\ns=-\r\nc=IN IP4 127.0.0.2\r\nt=0 0\r\n"
    body = (
        f"--b\r\nContent-Type: application/sdp\r\n\r\n{sdp}m=audio 40000 RTP/AVP 8\r\n"
        f"--b\r\nContent-Type: text/plain\r\n\r\n\n\nvariable_sip_gateway: {Y}\n"
        f"Event-Name: CHANNEL_ANSWER\nvariable_alloresto_restaurant_id: {site.restaurants[Y]}\n\n"
        "\r\n--b--\r\n"
    )
    message = caller.request(
        site.uri(f"gw+{X}"), body=body, content_type="multipart/mixed;boundary=b"
    )
    assert await caller.exchange(message, deadline_s=DEADLINE_S) in {200, 400, 415, 488}
    await site.serves(since=since)


# --- Too much, too little, too strange -----------------------------------------------------------

HEAD: Final = "v=0\r\no=- 1 1 IN IP4 127.0.0.2\r\ns=-\r\nc=IN IP4 127.0.0.2\r\nt=0 0\r\n"
BODIES: Final = {
    "no media": HEAD,
    "port 99999": f"{HEAD}m=audio 99999 RTP/AVP 8\r\n",
    "port -1": f"{HEAD}m=audio -1 RTP/AVP 8\r\n",
    "port 0": f"{HEAD}m=audio 0 RTP/AVP 8\r\n",
    "a thousand codecs": f"{HEAD}m=audio 40000 RTP/AVP {' '.join(map(str, range(1000)))}\r\n",
    "a thousand media": HEAD + "m=audio 40000 RTP/AVP 8\r\n" * 1_000,
    "a thousand media and no audio": HEAD + "m=video 40000 RTP/AVP 96\r\n" * 1_000,
    "forty media and no audio": HEAD + "m=video 40000 RTP/AVP 96\r\n" * 40,
    "audio and long lines": f"{HEAD}m=audio 40000 RTP/AVP 8\r\n" + f"a={'x' * 900}\r\n" * 40,
    "negative ptime": f"{HEAD}m=audio 40000 RTP/AVP 8\r\na=ptime:-20\r\n",
    "huge ptime": f"{HEAD}m=audio 40000 RTP/AVP 8\r\na=ptime:99999999999\r\n",
    "no codec": f"{HEAD}m=audio 40000 RTP/AVP\r\n",
    "another codec": f"{HEAD}m=audio 40000 RTP/AVP 18\r\na=rtpmap:18 G729/8000\r\n",
    "long line": f"{HEAD}m=audio 40000 RTP/AVP 8\r\na={'x' * 20_000}\r\n",
    "bad address": HEAD.replace("127.0.0.2", "999.1.1.1") + "m=audio 40000 RTP/AVP 8\r\n",
    "format string": f"{HEAD}m=audio 40000 RTP/AVP 8\r\na=rtpmap:8 %n%n%s/8000\r\n",
    "crypto": f"{HEAD}m=audio 40000 RTP/SAVP 8\r\na=crypto:1 {'A' * 900} inline:{'B' * 900}\r\n",
    "garbage": "\x00\x01\x02 not a session description at all",
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
async def test_a_strange_description_harms_nobody(
    site: Site, caller: HostileCaller, body: str
) -> None:
    since = site.redis.mark()
    message = caller.request(site.uri(f"gw+{X}"), body=body)
    await caller.exchange(message, deadline_s=SILENCE_S)
    await site.serves(since=since)


async def test_messages_that_lie_about_their_size_harm_nobody(
    site: Site, caller: HostileCaller
) -> None:
    since = site.redis.mark()
    uri = site.uri(f"gw+{X}")
    for length in (-1, 0, 5, 1_000_000, 2**31, 2**63, 10**30):
        await caller.exchange(caller.request(uri, length=length), deadline_s=0.2)
    for count in (10, 500):
        big = caller.request(uri, headers=[f"X-Big-{n}: {'x' * 100}" for n in range(count)])
        await caller.exchange(big, deadline_s=0.2)
    await caller.exchange(caller.request(uri, body=""), deadline_s=0.2)
    await caller.exchange(caller.request(uri, body=HEAD + "a=x\r\n" * 11_000), deadline_s=0.2)
    await site.serves(since=since)


async def test_a_datagram_of_noise_harms_nobody(site: Site, caller: HostileCaller) -> None:
    since = site.redis.mark()
    text, _ = caller.request(site.uri(f"gw+{X}"))
    noise = random.Random(3)
    for cut in range(0, len(text), 40):
        caller.send(text[:cut])
    for _ in range(200):
        caller.send(noise.randbytes(noise.randint(0, 1_400)))
        garbled = bytearray(text.encode())
        for _ in range(5):
            garbled[noise.randrange(len(garbled))] = noise.randrange(256)
        caller.send(bytes(garbled).replace(f"gw+{X}".encode(), b"gw+nobody"))
        await elapse(0.001, because="datagrams sent faster would be dropped by the kernel")
    await site.serves(since=since)


@pytest.mark.parametrize(
    "method",
    [
        *("OPTIONS", "REGISTER", "SUBSCRIBE", "PUBLISH", "MESSAGE", "INFO", "REFER", "NOTIFY"),
        *("PRACK", "UPDATE", "BYE", "CANCEL", "ACK", "BREW", "X" * 500),
    ],
)
async def test_a_flood_of_one_method_harms_nobody(
    site: Site, caller: HostileCaller, method: str
) -> None:
    since = site.redis.mark()
    refer = f"Refer-To: <sip:+33199000000@127.0.0.1?Replaces={secrets.token_hex(4)}>"
    for _ in range(60):
        text, _ = caller.request(
            site.uri(f"gw+{X}"), method=method, headers=[refer, "Event: refer"], body="x"
        )
        caller.send(text)
        await elapse(0.001, because="datagrams sent faster would be dropped by the kernel")
    await site.serves(since=since)


async def test_a_call_takes_over_no_other(site: Site, caller: HostileCaller) -> None:
    """Y's call is up; somebody in X's network asks to replace whatever it can name (RFC 3891)."""
    async with Phone(host=Y_ADDRESS) as phone:
        theirs = await phone.call(site.uri(f"gw+{Y}"), from_number="+33639980166")
        host = theirs.call_id.rpartition("@")[2]
        for replaced in (f"gw+{Y}", Y, str(site.restaurants[Y]), f"*@{host}", "%", "' OR 1=1"):
            line = f"Replaces: {replaced};to-tag=0;from-tag=0"
            message = caller.request(site.uri(f"gw+{X}"), headers=[line])
            await caller.exchange(message, deadline_s=SILENCE_S)
        assert not await cut_within(theirs, deadline_s=CUT_S), "another carrier's call was cut"
        await theirs.hangup()
    await site.serves(since=None)


async def cut_within(dialog: Dialog, *, deadline_s: float) -> bool:
    """Whether the other side ended the call."""
    try:
        await dialog.wait_ended(deadline_s=deadline_s)
    except TimeoutError:
        return False
    return True


@pytest.mark.parametrize("known", ["Call-ID", "dialog", "channel"])
async def test_a_call_cannot_take_over_another_that_it_knows(site: Site, known: str) -> None:
    """X's network has learnt an identifier of Y's call, which no carrier shows another."""
    async with (
        Phone(host=Y_ADDRESS) as phone,
        HostileCaller(X_ADDRESS, site.address) as caller,
    ):
        theirs = await phone.call(site.uri(f"gw+{Y}"), from_number="+33639980166")
        arrived = await until(lambda: site.redis.said(theirs.call_id))
        (channel,) = re.findall(r'"channelUuid":"([^"]+)"', arrived)
        assert theirs.answer is not None
        to, sender = (NameAddr.parse(theirs.answer.headers.required(n)) for n in ("To", "From"))
        replaced = {
            "Call-ID": f"{theirs.call_id};to-tag=0;from-tag=0",
            "dialog": f"{theirs.call_id};to-tag={to.tag};from-tag={sender.tag}",
            "channel": f"{channel};to-tag=0;from-tag=0",
        }[known]
        message = caller.request(site.uri(f"gw+{X}"), headers=[f"Replaces: {replaced}"])
        await caller.exchange(message, deadline_s=SILENCE_S)
        cut = await cut_within(theirs, deadline_s=CUT_S)
        await theirs.hangup()
    await site.serves(since=None)
    if cut and isinstance(site.bridge.switch, FreeSwitchServer):
        pytest.xfail("obeyed before the dialplan: docs/decisions/0010-secrets-and-sources.md")
    assert not cut


# --- Hidden numbers ------------------------------------------------------------------------------

ASSERTED: Final = f"P-Asserted-Identity: <sip:{HIDDEN}@c.example>"
ANONYMOUS: Final = '"Anonymous" <sip:anonymous@anonymous.invalid>'


@pytest.mark.parametrize(
    ("sender", "headers"),
    [
        (f'"{HIDDEN}" <sip:{HIDDEN}@c.example>', ["Privacy: id"]),
        (ANONYMOUS, [ASSERTED, "Privacy: id"]),
        (ANONYMOUS, [ASSERTED]),
        (ANONYMOUS, [ASSERTED, "Privacy: user;header;session"]),
        (ANONYMOUS, [f"P-Preferred-Identity: <sip:{HIDDEN}@c.example>", "Privacy: id;critical"]),
        (ANONYMOUS, [f"Remote-Party-ID: <sip:{HIDDEN}@c.example>;privacy=full;screen=yes"]),
        (f"<sip:{HIDDEN}@c.example>", [ASSERTED, "Privacy: header"]),
    ],
    ids=["From", "PAI-id", "PAI", "PAI-user", "PPI", "RPID", "header"],
)
async def test_a_hidden_number_is_written_nowhere(
    site: Site, sender: str, headers: list[str]
) -> None:
    """
    1. A call with a hidden number is answered: nobody is refused for hiding it.
    2. The restaurant's phone is rung: it is not shown there either, nor in a header passed on.
    3. Neither Redis, tables, logs nor metrics ever had it.
    """
    since = site.redis.mark()
    async with RecordingCarrier(host=X_ADDRESS, port=X_PORT) as carrier:
        site.bridge.switch.api(f"sofia profile external register {X}")
        await until(lambda: site.bridge.state(X)[0] == "REGED")
        async with HostileCaller(X_ADDRESS, site.address) as caller:
            caller.hold = True
            message = caller.request(
                site.uri(f"gw+{X}"),
                sender=sender,
                headers=[
                    *headers,
                    f"X-Caller: {HIDDEN}",
                    f"Diversion: <sip:{HIDDEN}@c.example>",
                    f"History-Info: <sip:{HIDDEN}@c.example>;index=1",
                ],
            )
            assert await caller.exchange(message, deadline_s=DEADLINE_S) == 200
            arrived = await until(lambda: site.redis.said(message[1], since=since))
            (channel,) = re.findall(r'"channelUuid":"([^"]+)"', arrived)
            site.bridge.switch.api(f"uuid_transfer {channel} fallback XML public")
            invite = await until(lambda: carrier.invites[0] if carrier.invites else None)
            assert HIDDEN_DIGITS not in bytes(invite).decode()
            site.bridge.switch.api(f"uuid_kill {channel}")
            await until(lambda: site.redis.said("call_ended", since=since))
    assert site.traces(HIDDEN_DIGITS) == []
    await site.serves(since=None)


class RecordingCarrier(Phone):
    """Takes every REGISTER, is busy for every call, and keeps the INVITEs."""

    def __init__(self, *, host: str, port: int) -> None:
        super().__init__(host=host, port=port, refuses_with=486)
        self.invites: list[SipRequest] = []

    def _receive(self, request: SipRequest, peer: tuple[str, int]) -> None:
        if request.method == "REGISTER":
            contact = f"{request.headers.required('Contact')};expires=60"
            fields = [("Contact", contact), ("Expires", "60")]
            self.endpoint.respond(request.response(200, to_tag=new_tag(), headers=fields), peer)
            return
        if request.method == "INVITE":
            self.invites.append(request)
        super()._receive(request, peer)


# --- SIPp ----------------------------------------------------------------------------------------


@pytest.mark.skipif(shutil.which("sipp") is None, reason="no sipp on this machine")
@pytest.mark.parametrize("scenario", sorted(path.stem for path in SIPP.glob("*.xml")))
async def test_sipp(site: Site, scenario: str, tmp_path: Path) -> None:
    """Each file says what it tries, and which answer it expects."""
    since = site.redis.mark()
    process = await asyncio.create_subprocess_exec(
        *("sipp", f"{site.address[0]}:{site.address[1]}", "-sf", str(SIPP / f"{scenario}.xml")),
        *("-i", X_ADDRESS, "-m", "20", "-r", "50", "-key", "x", X, "-key", "y", Y, "-nostdin"),
        *("-timeout", "15s", "-timeout_error"),
        cwd=tmp_path,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    async with asyncio.timeout(SIPP_DEADLINE_S):
        assert await process.wait() == 0
    await site.serves(since=since)
