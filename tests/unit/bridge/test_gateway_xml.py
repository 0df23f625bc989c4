"""Nothing people type can become FreeSWITCH configuration."""

import re
from pathlib import Path
from uuid import UUID
from xml.etree import ElementTree

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from controlplane.bridge.gateways.gateway_xml import GatewaySettings, gateway_xml
from controlplane.contracts.channel_variables import ChannelVariable
from controlplane.contracts.sip_credentials import InvalidGateway

pytestmark = pytest.mark.unit

RESTAURANT = UUID("01900000-0000-7000-8000-000000000001")
TEXT_FIELDS = (
    *("gateway_name", "registrar", "username", "password", "fallback_dial", "prompts"),
    *("domain", "auth_username", "outbound_proxy", "transport", "srtp"),
)
MORE_PARAMS = {"domain": 1, "auth_username": 1, "outbound_proxy": 2}


def settings(**changes: object) -> GatewaySettings:
    values: dict[str, object] = {
        "gateway_name": "bella-napoli-0a1b2c3d",
        "registrar": "siptrunk.example.net:5060",
        "username": "0033123456789",
        "password": "un secret",
        "restaurant_id": RESTAURANT,
        "epoch": 7,
        "config_version": 3,
    }
    return GatewaySettings(**(values | changes))  # type: ignore[arg-type]  # a test's builder


def as_freeswitch_reads(text: str) -> ElementTree.Element:
    """switch_xml.c's preprocessor, as far as it drops lines; then the XML."""
    kept = [
        line
        for line in text.splitlines()
        if not any(mark in line for mark in ("<include>", "</include>", "<?"))
    ]
    return ElementTree.fromstring("\n".join(kept))


def params(text: str) -> dict[str, str]:
    return {p.attrib["name"]: p.attrib["value"] for p in as_freeswitch_reads(text).iter("param")}


def variables(text: str, direction: str = "inbound") -> dict[str, str]:
    found = list(as_freeswitch_reads(text).iter("variable"))
    assert {v.attrib["direction"] for v in found} == {"inbound", "outbound"}
    return {v.attrib["name"]: v.attrib["value"] for v in found if v.get("direction") == direction}


def test_a_gateway_says_who_is_called_and_where_the_call_goes() -> None:
    text = gateway_xml(
        settings(
            prompts=Path("/srv/prompts/bella"),
            fallback_dial="sofia/gateway/bella-napoli-0a1b2c3d/+33612345678",
        )
    )
    assert as_freeswitch_reads(text).attrib == {"name": "bella-napoli-0a1b2c3d"}
    assert params(text) == {
        "username": "0033123456789",
        "password": "un secret",
        "realm": "siptrunk.example.net",
        "proxy": "siptrunk.example.net:5060",
        "register": "true",
        "register-transport": "udp",
        "expire-seconds": "60",
        "retry-seconds": "300",
        "caller-id-in-from": "true",
        "context": "public",
        "extension": "incoming_call",
        "gw-auth-acl": "carriers",
    }
    assert variables(text) == {
        ChannelVariable.RESTAURANT_ID: str(RESTAURANT),
        ChannelVariable.EPOCH: "7",
        ChannelVariable.CONFIG_VERSION: "3",
        ChannelVariable.CARRIER_ACL: "carriers",
        ChannelVariable.OWN_NUMBERS: "123456789|612345678",
        ChannelVariable.PROMPTS: "/srv/prompts/bella",
        ChannelVariable.FALLBACK_DIAL: "sofia/gateway/bella-napoli-0a1b2c3d/+33612345678",
        "effective_caller_id_number": "0033123456789",
        "effective_caller_id_name": "0033123456789",
        "absolute_codec_string": "PCMA,PCMU",
    }
    assert variables(text, "outbound") == {"absolute_codec_string": "PCMA,PCMU"}


def test_an_account_of_another_shape_says_so_to_freeswitch() -> None:
    text = gateway_xml(
        settings(
            domain="trunk.example",
            auth_username="0033123456789@trunk.example",
            outbound_proxy="sbc.example.net:5061",
            transport="tls",
            srtp="required",
        )
    )
    assert (
        params(text).items()
        >= {
            "username": "0033123456789",
            "auth-username": "0033123456789@trunk.example",
            "realm": "trunk.example",
            "from-domain": "trunk.example",
            "proxy": "siptrunk.example.net:5060",
            "register-proxy": "sip:sbc.example.net:5061;transport=tls",
            "outbound-proxy": "sip:sbc.example.net:5061;transport=tls",
            "register-transport": "tls",
        }.items()
    )
    for direction in ("inbound", "outbound"):
        assert variables(text, direction)["rtp_secure_media"] == "mandatory"


def test_optional_encryption_is_taken_and_not_offered() -> None:
    text = gateway_xml(settings(srtp="optional"))
    assert variables(text)["rtp_secure_media"] == "optional"
    assert "rtp_secure_media" not in variables(text, "outbound")


def test_credentials_that_freeswitch_would_cut_are_refused() -> None:
    with pytest.raises(InvalidGateway, match="auth_username: with the password over 192 bytes"):
        gateway_xml(settings(auth_username="u" * 100, password="p" * 100))


def test_without_prompts_and_phone_their_variables_are_absent() -> None:
    names = set(variables(gateway_xml(settings())))
    assert ChannelVariable.PROMPTS not in names
    assert ChannelVariable.FALLBACK_DIAL not in names


@pytest.mark.parametrize("codecs", [(), ("PCMA", "PCMA"), ("G729",), ("PCMA,G729",)])
def test_codecs_freeswitch_does_not_load_are_refused(codecs: tuple[str, ...]) -> None:
    with pytest.raises(InvalidGateway, match="codecs"):
        gateway_xml(settings(codecs=codecs))


def test_one_element_a_line_and_includes_on_their_own() -> None:
    lines = gateway_xml(settings(password="&\"'>")).splitlines()
    assert lines[0] == "<include>"
    assert lines[-1] == "</include>"
    assert all(line.count("<param") + line.count("<variable ") <= 1 for line in lines)


@given(st.text(max_size=140))
@example("$${core_uuid}")
@example('"/><X-PRE-PROCESS cmd="exec" data="touch /tmp/x"/>')
@example("x-PRE-process")
@example("<include>")
@example("<?xml?>")
@example("</gateway>")
@example("<!--#exec touch-->")
@example("a\nb")
@example("a\u2028b")
@example("a\x85b")
@example("\ud800")
@example("a:b")
@example("é&'\">%20;{}[]|$1")
def test_a_password_is_read_back_whole_or_refused(password: str) -> None:
    text, refused = outcome(password=password)
    if refused is not None:
        assert refused.field == "password"
        assert len(password) < 6 or password not in str(refused)
        return
    assert params(text)["password"] == password
    assert_inert(text)


@given(st.sampled_from(TEXT_FIELDS), st.text(max_size=60))
@example("gateway_name", "bella;gw=other")
@example("gateway_name", "../../etc/passwd")
@example("username", 'x" onload')
@example("username", "a@b")
@example("registrar", "host;transport=tcp")
@example("registrar", "host$${x}")
@example("registrar", "host\n")
@example("domain", "trunk.example>;x=<sip:y")
@example("domain", "trunk.example:5060")
@example("auth_username", "user:realm")
@example("auth_username", 'user@trunk.example" x="')
@example("outbound_proxy", "proxy;lr")
@example("outbound_proxy", "proxy\n<param/>")
@example("fallback_dial", "sofia/external/a@b,loopback/9999")
@example("fallback_dial", "{api_on_answer=system}sofia/external/a@b")
@example("fallback_dial", "sofia/gateway/x/${caller_id_name}")
@example("prompts", "/etc/../${system(id)}")
@example("prompts", "shell_stream://id")
@example("prompts", "/a/../../b")
def test_any_field_yields_the_same_document_shape_or_is_refused(name: str, value: str) -> None:
    changed: object = Path(value) if name == "prompts" else value
    text, refused = outcome(**{name: changed})
    if refused is not None:
        assert refused.field in {name, "caller_id_number"}
        return
    root = as_freeswitch_reads(text)
    parameters = 12 + MORE_PARAMS.get(name, 0)
    assert [child.tag for child in root] == ["param"] * parameters + ["variables"]
    assert_inert(text)
    for key, variable in variables(text).items():
        if key == "absolute_codec_string":
            continue  # nothing of a person's
        assert not re.search(r"[$`{}\[\]|,'\"\\]", variable)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("gateway_name", ""),
        ("gateway_name", "x" * 129),
        ("registrar", ""),
        ("username", ""),
        ("password", ""),
        ("password", "a--b"),
        ("password", "é" * 65),
        ("expire_seconds", 59),
        ("expire_seconds", 86_401),
        ("transport", "sctp"),
        ("srtp", "maybe"),
        ("domain", ""),
        ("domain", "sip:trunk.example"),
        ("auth_username", ""),
        ("auth_username", "u" * 128 + "@"),
        ("outbound_proxy", "sip:proxy.example"),
        ("fallback_dial", "sofia/gateway/x/0612345678;ext=1"),
        ("fallback_dial", "sofia/gateway/x/112"),
        ("fallback_dial", "sofia/gateway/x/3949"),
        ("prompts", Path("relative")),
        ("caller_id_number", "a b"),
    ],
)
def test_what_freeswitch_would_misread_is_refused_by_field(name: str, value: object) -> None:
    with pytest.raises(InvalidGateway) as refused:
        gateway_xml(settings(**{name: value}))
    assert refused.value.field == name


def test_neither_repr_nor_refusal_shows_the_password() -> None:
    assert "motdepasse" not in repr(settings(password="motdepasse"))
    with pytest.raises(InvalidGateway) as refused:
        gateway_xml(settings(password="motdepasse\n"))
    assert "motdepasse" not in str(refused.value)


def outcome(**changes: object) -> tuple[str, InvalidGateway | None]:
    try:
        return gateway_xml(settings(**changes)), None
    except InvalidGateway as refused:
        return "", refused


def assert_inert(text: str) -> None:
    """Nothing left for the preprocessor but our own include lines."""
    lines = text.splitlines()
    assert "$${" not in text
    assert "x-pre-process" not in text.lower()
    assert not any(mark in text for mark in ("<?", "<!", "--"))
    assert [line for line in lines if "include>" in line and "<" in line[:2]] == [
        "<include>",
        "</include>",
    ]
