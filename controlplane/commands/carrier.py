"""`alloresto carrier`: the carriers restaurants register with, and what each of them wants."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import click
from sqlalchemy import RowMapping, func, insert, select, update

from controlplane.bridge.gateways.carrier_networks import list_name, parse_networks
from controlplane.bridge.gateways.gateway_xml import GatewaySettings, Srtp, Transport, gateway_xml
from controlplane.commands import record
from controlplane.commands.admin_database import admin_connection
from controlplane.commands.options import json_option
from controlplane.contracts.identifiers import new_id
from controlplane.contracts.phone_numbers import NumberFormat
from controlplane.errors import AlloRestoError
from controlplane.models.carrier import Carrier
from controlplane.models.sip_registration import SipRegistration
from controlplane.registrations.report import near
from controlplane.text_table import table

PROFILES: Final[Mapping[str, Mapping[str, Any]]] = {
    "ovh": {
        "name": "OVHcloud",
        "registrar": "siptrunk.ovh.net",
        "transport": "udp",
        # It asks for half an hour at least, and bans addresses that register more often.
        "expire_seconds": 1800,
        "codecs": ["PCMA", "PCMU"],
        "number_format": "00e164",
    },
}
"""This is known of carriers, for `add --like`; the networks calls come from are on their pages."""
BOUNDS: Final = {
    "expire_seconds": (60, 86_400),
    "registers_per_second": (1, 100),
    "max_auth_failures": (1, 10),
}
"""The table's own."""
INTO_GATEWAY: Final = (
    "registrar",
    "domain",
    "outbound_proxy",
    "transport",
    "expire_seconds",
    "codecs",
    "srtp",
)
"""Gateways are made of these columns."""
CLEARABLE: Final = ("domain", "outbound_proxy")
"""A dash takes these away again."""
MAX_CODECS: Final = 8
_ID: Final = re.compile(r"[a-z0-9_-]{1,32}")
_HOST: Final = re.compile(r"([A-Za-z0-9-]{1,63}\.)*[A-Za-z0-9-]{1,63}(:(?P<port>[0-9]{1,5}))?")


class InvalidCarrier(AlloRestoError):
    """An option that cannot be; names it and says what to write."""


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


_OPTIONS: Final = (
    click.option("--name", help="As people write it."),
    click.option("--registrar", metavar="HOST[:PORT]", help="What REGISTER is for."),
    click.option(
        "--domain", metavar="HOST", help="Of From and To, or realm, if another; - clears."
    ),
    click.option(
        "--outbound-proxy", metavar="HOST[:PORT]", help="Everything goes there; - clears."
    ),
    click.option("--transport", help="udp, tcp or tls."),
    click.option("--expire-seconds", type=int, metavar="S", help="What REGISTER asks for."),
    click.option("--registers-per-second", type=int, metavar="N", help="Of all bridges together."),
    click.option(
        "--max-auth-failures", type=int, metavar="N", help="Refusals before an account is left."
    ),
    click.option(
        "--networks",
        "source_networks",
        metavar="CIDR,…",
        type=_words,
        help="Where its calls come from.",
    ),
    click.option("--codecs", metavar="CODEC,…", type=_words, help="In order of preference."),
    click.option("--srtp", help="off, optional or required."),
    click.option("--number-format", help="+e164, 00e164 or national."),
)


def _carrier_options(command: Callable[..., None]) -> Callable[..., None]:
    """A carrier's columns; what is not given is None."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.command()
@click.argument("carrier_id", metavar="ID", help="A short name: ovh.")
@click.option("--like", type=click.Choice(sorted(PROFILES)), help="Begin with what is known of it.")
@_carrier_options
def add(*, carrier_id: str, like: str | None, **columns: Any) -> None:
    """A new carrier."""
    values = {"name": carrier_id, **PROFILES.get(like or "", {}), **_given(columns)}
    if not _ID.fullmatch(carrier_id):
        raise InvalidCarrier("ID: 1 to 32 of a-z, 0-9, - and _")
    for field, option in {"registrar": "--registrar", "source_networks": "--networks"}.items():
        if field not in values:
            raise InvalidCarrier(f"{option} is missing")
    check(values, carrier_id=carrier_id)
    with admin_connection() as connection:
        if connection.scalar(select(Carrier.id).where(Carrier.id == carrier_id)) is not None:
            raise InvalidCarrier(f"ID: there is a carrier {carrier_id} already; change it with set")
        connection.execute(insert(Carrier).values(id=carrier_id, **values))
    print(f"added {carrier_id}")


@click.command()
@click.argument("carrier_id", metavar="ID")
@_carrier_options
def set_(*, carrier_id: str, **columns: Any) -> None:
    """Change a carrier; the gateways of its restaurants are made again, paced."""
    values = _given(columns)
    if not values:
        raise InvalidCarrier("nothing to change: give an option, see --help")
    check(values, carrier_id=carrier_id)
    _found(carrier_id)
    with admin_connection() as connection:
        connection.execute(update(Carrier).where(Carrier.id == carrier_id).values(**values))
        row = SipRegistration
        count = select(func.count()).select_from(row).where(row.carrier_id == carrier_id)
        print(f"changed {carrier_id}: {connection.scalar(count)} registrations are made again")


@click.command()
@json_option
def list_(*, as_json: bool) -> None:
    """One line per carrier."""
    found = _carriers()
    if as_json:
        for row in found:
            print(record.as_json(dict(row)))
        return
    titles = ["ID", "REGISTRAR", "TRANSPORT", "EXPIRES", "PER SECOND", "NUMBERS", "ACCOUNTS"]
    fields = ["id", "registrar", "transport", "expire_seconds", "registers_per_second"]
    fields += ["number_format", "accounts"]
    print(table(titles, [[str(row[name]) for name in fields] for row in found]))


@click.command()
@click.argument("carrier_id", metavar="ID")
@json_option
def show(*, carrier_id: str, as_json: bool) -> None:
    """Everything about one carrier."""
    row = _found(carrier_id)
    if as_json:
        print(record.as_json(dict(row)))
        return
    shown = {
        name: ", ".join(value) if isinstance(value, list) else record.text(value)
        for name, value in row.items()
    }
    print(record.fields(shown))


def check(values: Mapping[str, Any], *, carrier_id: str) -> None:
    """Raises `InvalidCarrier`, `InvalidNetwork` or `InvalidGateway`, each naming what to change."""
    for field in ("registrar", "outbound_proxy"):
        if values.get(field) is not None:
            _check_host(_option(field), values[field])
    if values.get("domain") is not None:
        _check_domain(values["domain"])
    for field, (least, most) in BOUNDS.items():
        if field in values and not least <= values[field] <= most:
            raise InvalidCarrier(f"{_option(field)}: between {least} and {most}")
    if values.get("transport", Transport.UDP) not in set(Transport):
        raise InvalidCarrier(f"--transport: {', '.join(Transport)}")
    if values.get("srtp", Srtp.OFF) not in set(Srtp):
        raise InvalidCarrier(f"--srtp: {', '.join(Srtp)}")
    if "source_networks" in values:
        parse_networks(values["source_networks"])
    if not 1 <= len(values.get("codecs", ["PCMA"])) <= MAX_CODECS:
        raise InvalidCarrier(f"--codecs: 1 to {MAX_CODECS}")
    if values.get("number_format", NumberFormat.PLUS) not in set(NumberFormat):
        raise InvalidCarrier(f"--number-format: {', '.join(NumberFormat)}")
    # What the gateways made of it will be held to.
    sample = {field: values[field] for field in INTO_GATEWAY if field in values}
    gateway_xml(
        GatewaySettings(
            gateway_name="check",
            username="check",
            password="check",
            restaurant_id=new_id(),
            carrier_acl=list_name(carrier_id),
            **{"registrar": "sip.example", **sample},
        )
    )


def _check_host(option: str, typed: str) -> None:
    found = _HOST.fullmatch(typed)
    if found is None or not 1 <= int(found["port"] or 5060) <= 65_535:
        raise InvalidCarrier(
            f"{option}: a host name or address, with its port unless that is the usual one, without"
            " sip: : sip.example.net or sip.example.net:5070"
        )


def _check_domain(typed: str) -> None:
    found = _HOST.fullmatch(typed)
    if found is None or found["port"]:
        raise InvalidCarrier(
            "--domain: a host name or address, without port and sip: : example.net"
        )


def _given(columns: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was typed, a dash as None: where that is no value, the table says so."""
    given = {name: value for name, value in columns.items() if value is not None}
    return given | {name: None for name in CLEARABLE if given.get(name) == "-"}


def _found(carrier_id: str) -> RowMapping:
    rows = {row["id"]: row for row in _carriers()}
    if carrier_id not in rows:
        names = ", ".join(near(carrier_id, rows) or sorted(rows)[:5]) or "none yet"
        raise InvalidCarrier(f"no carrier is called {carrier_id!r}; carriers: {names}")
    return rows[carrier_id]


def _carriers() -> list[RowMapping]:
    count = (
        select(func.count())
        .select_from(SipRegistration)
        .where(SipRegistration.carrier_id == Carrier.id)
        .scalar_subquery()
        .label("accounts")
    )
    with admin_connection() as connection:
        query = select(Carrier.__table__, count).order_by(Carrier.id)
        return list(connection.execute(query).mappings())


def _option(field: str) -> str:
    return f"--{field.replace('_', '-')}"
