"""A restaurant's SIP account as the file FreeSWITCH reads its gateway from.

What FreeSWITCH's preprocessor reacts to is refused (`controlplane/contracts/sip_credentials.py`),
and the rest is escaped. No I/O.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final
from uuid import UUID
from xml.sax.saxutils import escape

from controlplane.contracts.channel_variables import ChannelVariable
from controlplane.contracts.sip_credentials import (
    DOMAIN,
    USER,
    InvalidGateway,
    check_credentials,
    matching,
)

CARRIER_ACL: Final = "carriers"
"""The list in `conf/autoload_configs/acl.conf.xml`: every carrier's networks."""
DIALPLAN_CONTEXT: Final = "public"
DIALPLAN_EXTENSION: Final = "incoming_call"
"""Where `conf/dialplan/public.xml` begins; the caller cannot choose another."""
RETRY_SECONDS: Final = 300
"""FreeSWITCH by itself waits this long after a refused REGISTER, times the number of failures. It
keeps no carrier's pace, so the agent's own retries come before (`gateway.py`); it is alone only
while no agent runs."""
EXPIRE_SECONDS_RANGE: Final = range(60, 86_401)
MAX_NAME: Final = 128
SUFFIX: Final = ".xml"

CODECS: Final = ("PCMA", "PCMU")
"""What `conf/autoload_configs/modules.conf.xml` loads; the agent's speech is made for 8 kHz."""

_NAME = re.compile(r"[A-Za-z0-9_.\-]+")
_HOST = re.compile(DOMAIN.pattern + r"(?::[0-9]{1,5})?")
_LIST = re.compile(r"carriers|carrier_[a-z0-9_\-]{1,32}")
_NUMBER = re.compile(r"\+?[0-9]*([0-9]{9})")
_FOLDER = re.compile(r"/[\w./ \-]+")
_DIAL = re.compile(
    # Six digits at least: no emergency number, no short one.
    r"sofia/(?:gateway/[A-Za-z0-9_.\-]+/\+?[0-9]{6,20}"
    r"|[A-Za-z0-9_.\-]+/[A-Za-z0-9_.+\-]+@[A-Za-z0-9.\-]+(?::[0-9]{1,5})?)"
)


class Transport(StrEnum):
    UDP = "udp"
    TCP = "tcp"
    TLS = "tls"


class Srtp(StrEnum):
    """Says whether a carrier's calls are encrypted (RFC 4568)."""

    OFF = "off"
    """The carrier is not known for it, so nothing is said to FreeSWITCH."""
    OPTIONAL = "optional"
    """Where the carrier offers it; calls we make there are in clear."""
    REQUIRED = "required"


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewaySettings:
    """One SIP account, and what its calls carry."""

    gateway_name: str
    """It is made of the slug: `slug-<8 hex>`."""
    registrar: str
    """`host[:port]`: what REGISTER is for."""
    username: str
    """The user of From and To."""
    password: str = field(repr=False)
    restaurant_id: UUID
    domain: str | None = None
    """The host of From and To; None: the registrar, port included."""
    auth_username: str | None = None
    """The digest's user, which may hold a domain; None: `username`."""
    outbound_proxy: str | None = None
    """`host[:port]` that every request goes through; None: the registrar."""
    transport: str = Transport.UDP
    srtp: str = Srtp.OFF
    expire_seconds: int = 60
    epoch: int = 0
    config_version: int = 1
    prompts: Path | None = None
    """The folder of the restaurant's own prompts; absolute."""
    fallback_dial: str = ""
    """`sofia/gateway/NAME/NUMBER` or `sofia/PROFILE/USER@HOST[:PORT]`; empty: no phone to ring."""
    carrier_acl: str = CARRIER_ACL
    """Network list its INVITEs, and its registrar's answers, must come from."""
    codecs: Sequence[str] = CODECS
    """In the carrier's order of preference; no other is offered to it, nor accepted from it."""
    caller_id_number: str | None = None
    """What the restaurant's own phone shows when we ring it; None: the account's user."""


def gateway_xml(settings: GatewaySettings) -> str:
    """Write the file's text. Raises InvalidGateway on a value that must not be in it."""
    name = matching("gateway_name", settings.gateway_name, _NAME, limit=MAX_NAME)
    params = {
        **_account(settings),
        **_carrier(settings),
        "register": "true",
        "retry-seconds": str(RETRY_SECONDS),
        "caller-id-in-from": "true",
        "context": DIALPLAN_CONTEXT,
        "extension": DIALPLAN_EXTENSION,
    }
    lines = [
        "<include>",
        f"<gateway name={quoted(name)}>",
        *(f"<param name={quoted(key)} value={quoted(text)}/>" for key, text in params.items()),
        "<variables>",
        *_written("inbound", _variables(settings) | _media(settings, incoming=True)),
        *_written("outbound", _media(settings, incoming=False)),
        "</variables>",
        "</gateway>",
        "</include>",
    ]
    return "\n".join(lines) + "\n"


def gateway_file_name(gateway_name: str) -> str:
    """Name the gateway's file. Raises InvalidGateway when the name is not one."""
    return matching("gateway_name", gateway_name, _NAME, limit=MAX_NAME) + SUFFIX


def _account(settings: GatewaySettings) -> dict[str, str]:
    """Say who registers. FreeSWITCH answers whatever realm the challenge names."""
    check_credentials(
        username=settings.username,
        password=settings.password,
        domain=settings.domain,
        auth_username=settings.auth_username,
    )
    params = {"username": settings.username, "password": settings.password}
    if settings.auth_username is not None:
        params["auth-username"] = settings.auth_username
    return params


def _carrier(settings: GatewaySettings) -> dict[str, str]:
    """Say where REGISTER goes, and for which domain (sofia.c, `parse_gateways`)."""
    registrar = matching("registrar", settings.registrar, _HOST, limit=253)
    if settings.expire_seconds not in EXPIRE_SECONDS_RANGE:
        raise InvalidGateway("expire_seconds", "must be between 60 and 86400")
    if settings.transport not in set(Transport):
        raise InvalidGateway("transport", "must be udp, tcp or tls")
    params = {
        "realm": registrar.partition(":")[0],
        "proxy": registrar,
        "register-transport": settings.transport,
        "expire-seconds": str(settings.expire_seconds),
        # Without it a 401 makes FreeSWITCH resolve the proxy's name while every other call waits.
        "gw-auth-acl": matching("carrier_acl", settings.carrier_acl, _LIST),
    }
    if settings.domain is not None:
        params |= {"realm": settings.domain, "from-domain": settings.domain}
    if settings.outbound_proxy is not None:
        proxy = matching("outbound_proxy", settings.outbound_proxy, _HOST, limit=253)
        route = f"sip:{proxy};transport={settings.transport}"
        params |= {"register-proxy": route, "outbound-proxy": route}
    return params


def _media(settings: GatewaySettings, *, incoming: bool) -> dict[str, str]:
    """Say how a call's sound is carried. It stands before the profile's `inbound-codec-prefs`: late
    negotiation reads the channel first.
    """
    if settings.srtp not in set(Srtp):
        raise InvalidGateway("srtp", "must be off, optional or required")
    variables = {"absolute_codec_string": _codecs(settings.codecs)}
    if settings.srtp == Srtp.REQUIRED:
        variables["rtp_secure_media"] = "mandatory"
    elif settings.srtp == Srtp.OPTIONAL and incoming:
        # The second is for keys in an offer of RTP/AVP, which is refused without it.
        variables |= {"rtp_secure_media": "optional", "rtp_allow_crypto_in_avp": "true"}
    return variables


def _written(direction: str, variables: dict[str, str]) -> list[str]:
    return [
        f"<variable name={quoted(key)} value={quoted(text)} direction={quoted(direction)}/>"
        for key, text in variables.items()
    ]


def _variables(settings: GatewaySettings) -> dict[str, str]:
    """What every call to this gateway carries. FreeSWITCH expands these values again when the
    dialplan uses them, so each has a pattern without dollar, brace, comma or quote.
    """
    caller_id = settings.caller_id_number or settings.username
    variables = {
        ChannelVariable.RESTAURANT_ID: str(UUID(str(settings.restaurant_id))),
        ChannelVariable.EPOCH: str(int(settings.epoch)),
        ChannelVariable.CONFIG_VERSION: str(int(settings.config_version)),
        ChannelVariable.CARRIER_ACL: settings.carrier_acl,
        ChannelVariable.OWN_NUMBERS: _own_numbers(settings),
        # FreeSWITCH's own, for the leg to the restaurant's phone: carriers cut or mask a call that
        # shows the guest's number.
        "effective_caller_id_number": matching("caller_id_number", caller_id, USER),
        "effective_caller_id_name": caller_id,
    }
    if settings.prompts is not None:
        prompts = matching("prompts", str(settings.prompts), _FOLDER, limit=1024)
        if ".." in Path(prompts).parts:
            raise InvalidGateway("prompts", "must not climb out of its folder")
        variables[ChannelVariable.PROMPTS] = prompts
    if settings.fallback_dial:
        variables[ChannelVariable.FALLBACK_DIAL] = matching(
            "fallback_dial", settings.fallback_dial, _DIAL, limit=512
        )
    return variables


def _own_numbers(settings: GatewaySettings) -> str:
    """Write what shows the restaurant as the caller, as alternatives of the dialplan's pattern: an
    account's name, or a number's last nine digits, which +33…, 0033… and 0… have in common.
    """
    rung = settings.fallback_dial.rpartition("/")[2].partition("@")[0]
    shown = {settings.username, settings.caller_id_number or "", rung} - {""}
    return "|".join(sorted({_NUMBER.sub(r"\1", one) for one in shown}))


def _codecs(codecs: Sequence[str]) -> str:
    if not codecs or len(set(codecs)) != len(codecs) or not set(codecs) <= set(CODECS):
        raise InvalidGateway("codecs", f"must be some of {', '.join(CODECS)}, each once")
    return ",".join(codecs)


def quoted(text: str) -> str:
    """Quote an XML attribute's value: escaped, always in double quotes."""
    return '"' + escape(text, {'"': "&quot;"}) + '"'
