"""SIP messages, addresses and digest hold to the RFC's own examples and to hostile input."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freeswitch.telephone.digest import Challenge, digest, parse_fields
from freeswitch.telephone.sip import (
    Headers,
    NameAddr,
    SipError,
    SipRequest,
    SipResponse,
    SipUri,
    parse,
)

pytestmark = pytest.mark.unit

INVITE = b"""INVITE sip:bob@biloxi.example.com SIP/2.0\r
Via: SIP/2.0/UDP pc33.atlanta.example.com;branch=z9hG4bKnashds8\r
Via: SIP/2.0/UDP proxy.example.com;branch=z9hG4bKouter\r
Max-Forwards: 70\r
t: Bob <sip:bob@biloxi.example.com>\r
From: "Alice \\"A\\"" <sip:alice@atlanta.example.com>;tag=1928301774\r
i: a84b4c76e66710\r
CSeq: 314159 INVITE\r
Subject: folded\r
 over two lines\r
Content-Type: application/sdp\r
l: 4\r
\r
v=0\r
trailing bytes a datagram may carry"""
"""After RFC 3261 §24.2, with compact forms (§7.3.3) and a folded line (§7.3.1)."""


def test_request_of_the_rfc() -> None:
    request = parse(INVITE)

    assert isinstance(request, SipRequest)
    assert (request.method, request.uri) == ("INVITE", "sip:bob@biloxi.example.com")
    assert request.transaction == ("z9hG4bKnashds8", "INVITE")
    assert request.call_id == "a84b4c76e66710"
    assert request.headers.get("to") == "Bob <sip:bob@biloxi.example.com>"
    assert request.headers.get("Subject") == "folded over two lines"
    assert len(request.headers.get_all("Via")) == 2
    assert request.body == b"v=0\r"


def test_response_copies_what_it_must() -> None:
    request = parse(INVITE)
    assert isinstance(request, SipRequest)

    response = parse(bytes(request.response(180, to_tag="a6c85cf")))

    assert isinstance(response, SipResponse)
    assert (response.status, response.reason) == (180, "Ringing")
    assert response.headers.get_all("Via") == request.headers.get_all("Via")
    assert NameAddr.parse(response.headers.required("To")).tag == "a6c85cf"
    assert response.transaction == request.transaction


def test_display_name_survives_quoting() -> None:
    address = NameAddr("sip:x@h", 'a "quoted\\ name', {"tag": "1"})

    assert NameAddr.parse(str(address)) == address


@pytest.mark.parametrize(
    ("text", "uri"),
    [
        ("sip:gw+luigi-1@127.0.0.1:5070;transport=udp;gw=luigi-1", SipUri(
            "gw+luigi-1", "127.0.0.1", 5070, {"transport": "udp", "gw": "luigi-1"})),
        ("sip:carrier.example", SipUri("", "carrier.example")),
        ("sips:0033@[::1]:5061", SipUri("0033", "[::1]", 5061)),
    ],
)  # fmt: skip
def test_uri(text: str, uri: SipUri) -> None:
    assert SipUri.parse(text) == uri


@pytest.mark.parametrize("text", ["tel:+33612345678", "sip:", "sip:a@b@c", "<sip:a@b>"])
def test_no_uri(text: str) -> None:
    with pytest.raises(SipError):
        SipUri.parse(text)


@pytest.mark.parametrize("value", ["Bob\r\nX-Tenant: 2", "Bob\nX: 2", "Bob\rX: 2"])
def test_a_line_break_never_gets_into_a_header(value: str) -> None:
    with pytest.raises(SipError, match="line break"):
        Headers([("From", value)])


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        b"INVITE sip:a@b SIP/2.0\r\n",
        b"INVITE sip:a@b SIP/2.0\r\n\r\n",
        INVITE.replace(b"l: 4", b"l: 9999"),
        INVITE.replace(b"l: 4", b"l: -1"),
        INVITE.replace(b"CSeq: 314159 INVITE", b"CSeq 314159"),
        INVITE.replace(b"SIP/2.0\r", b"SIP/3.0\r", 1),
    ],
)
def test_no_message(datagram: bytes) -> None:
    with pytest.raises(SipError):
        parse(datagram)


@given(st.binary(max_size=400))
def test_any_datagram_parses_or_is_refused(noise: bytes) -> None:
    for datagram in (noise, INVITE + noise, INVITE[: len(noise)] + noise + INVITE[len(noise) :]):
        try:
            message = parse(datagram)
        except SipError:
            continue
        assert bytes(message)


def test_digest_of_the_rfc() -> None:
    """RFC 2617 §3.5."""
    response = digest(
        user="Mufasa",
        password="Circle Of Life",
        realm="testrealm@host.com",
        nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093",
        method="GET",
        uri="/dir/index.html",
        extra="00000001:0a4f113b:auth",
    )

    assert response == "6629fae49393a05397450978507c4ef1"


def test_a_challenge_is_answered() -> None:
    challenge = Challenge.parse('Digest realm="carrier", nonce="abc", qop="auth,auth-int"')

    fields = parse_fields(
        challenge.authorization(user="u", password="p", method="REGISTER", uri="sip:carrier")
    )

    assert (fields["username"], fields["realm"], fields["qop"]) == ("u", "carrier", "auth")
    assert fields["response"] == digest(
        user="u",
        password="p",
        realm="carrier",
        nonce="abc",
        method="REGISTER",
        uri="sip:carrier",
        extra=f"{fields['nc']}:{fields['cnonce']}:auth",
    )
