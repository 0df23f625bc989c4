"""`alloresto carrier`: the operators restaurants register with, and what each of them wants."""

import argparse
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from controlplane.errors import AlloRestoError

if TYPE_CHECKING:
    from sqlalchemy import RowMapping

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
"""What is known of operators, for `add --like`; the networks calls come from are on their pages."""
BOUNDS: Final = {
    "expire_seconds": (60, 86_400),
    "registers_per_second": (1, 100),
    "max_auth_failures": (1, 10),
}
"""The table's own."""
MAX_CODECS: Final = 8
_ID: Final = re.compile(r"[a-z0-9_-]{1,32}")
_HOST: Final = re.compile(r"([A-Za-z0-9-]{1,63}\.)*[A-Za-z0-9-]{1,63}(:(?P<port>[0-9]{1,5}))?")


class InvalidCarrier(AlloRestoError):
    """An option that cannot be; names it and says what to write."""


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The group `carrier`."""
    group = commands.add_parser("carrier", help="the operators restaurants register with")
    actions = group.add_subparsers(required=True, metavar="ACTION")
    adding = actions.add_parser("add", help=add.__doc__)
    adding.add_argument("id", metavar="ID", help="a short name: ovh")
    adding.add_argument("--like", choices=sorted(PROFILES), help="begin with what is known of it")
    _add_options(adding)
    adding.set_defaults(command=add)
    setting = actions.add_parser("set", help=set_.__doc__)
    setting.add_argument("id", metavar="ID")
    _add_options(setting)
    setting.set_defaults(command=set_)
    listing = actions.add_parser("list", help=list_.__doc__)
    listing.set_defaults(command=list_)
    showing = actions.add_parser("show", help=show.__doc__)
    showing.add_argument("id", metavar="ID")
    showing.set_defaults(command=show)
    for parser in (listing, showing):
        parser.add_argument("--json", action="store_true", help="JSON instead of text")


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--name", help="as people write it")
    parser.add_argument("--registrar", metavar="HOST[:PORT]", help="both realm and proxy")
    parser.add_argument("--transport", help="udp or tcp")
    parser.add_argument("--expire-seconds", type=int, metavar="S", help="what REGISTER asks for")
    parser.add_argument(
        "--registers-per-second", type=int, metavar="N", help="of all bridges together"
    )
    parser.add_argument(
        "--max-auth-failures", type=int, metavar="N", help="refusals before an account is left"
    )
    parser.add_argument(
        "--networks",
        dest="source_networks",
        metavar="CIDR,…",
        type=_words,
        help="where its calls come from",
    )
    parser.add_argument("--codecs", metavar="CODEC,…", type=_words, help="in order of preference")
    parser.add_argument("--number-format", help="+e164, 00e164 or national")


def add(arguments: argparse.Namespace) -> int:
    """A new carrier."""
    from sqlalchemy import insert, select

    from controlplane.commands.admin_database import admin_connection
    from controlplane.models.carrier import Carrier

    values = {"name": arguments.id, **PROFILES.get(arguments.like, {}), **_given(arguments)}
    if not _ID.fullmatch(arguments.id):
        raise InvalidCarrier("ID: 1 to 32 of a-z, 0-9, - and _")
    for field, option in {"registrar": "--registrar", "source_networks": "--networks"}.items():
        if field not in values:
            raise InvalidCarrier(f"{option} is missing")
    check(values, carrier_id=arguments.id)
    with admin_connection() as connection:
        if connection.scalar(select(Carrier.id).where(Carrier.id == arguments.id)) is not None:
            raise InvalidCarrier(
                f"ID: there is a carrier {arguments.id} already; change it with set"
            )
        connection.execute(insert(Carrier).values(id=arguments.id, **values))
    print(f"added {arguments.id}")
    return 0


def set_(arguments: argparse.Namespace) -> int:
    """Change a carrier; the gateways of its restaurants are made again, paced."""
    from sqlalchemy import func, select, update

    from controlplane.commands.admin_database import admin_connection
    from controlplane.models.carrier import Carrier
    from controlplane.models.sip_registration import SipRegistration

    values = _given(arguments)
    if not values:
        raise InvalidCarrier("nothing to change: give an option, see --help")
    check(values, carrier_id=arguments.id)
    _found(arguments.id)
    with admin_connection() as connection:
        connection.execute(update(Carrier).where(Carrier.id == arguments.id).values(**values))
        row = SipRegistration
        count = select(func.count()).select_from(row).where(row.carrier_id == arguments.id)
        print(f"changed {arguments.id}: {connection.scalar(count)} registrations are made again")
    return 0


def list_(arguments: argparse.Namespace) -> int:
    """One line per carrier."""
    from controlplane.commands.record import as_json
    from controlplane.text_table import table

    found = _carriers()
    if arguments.json:
        for row in found:
            print(as_json(dict(row)))
        return 0
    titles = ["ID", "REGISTRAR", "TRANSPORT", "EXPIRES", "PER SECOND", "NUMBERS", "ACCOUNTS"]
    fields = ["id", "registrar", "transport", "expire_seconds", "registers_per_second"]
    fields += ["number_format", "accounts"]
    print(table(titles, [[str(row[name]) for name in fields] for row in found]))
    return 0


def show(arguments: argparse.Namespace) -> int:
    """Everything about one carrier."""
    from controlplane.commands.record import as_json, fields

    row = _found(arguments.id)
    if arguments.json:
        print(as_json(dict(row)))
    else:
        shown = {
            name: ", ".join(value) if isinstance(value, list) else str(value)
            for name, value in row.items()
        }
        print(fields(shown))
    return 0


def check(values: Mapping[str, Any], *, carrier_id: str) -> None:
    """Raises `InvalidCarrier`, `InvalidNetwork` or `InvalidGateway`, each naming what to change."""
    from controlplane.bridge.gateways.carrier_networks import list_name, parse_networks
    from controlplane.bridge.gateways.gateway_xml import GatewaySettings, gateway_xml
    from controlplane.contracts.identifiers import new_id
    from controlplane.contracts.phone_numbers import NumberFormat

    if "registrar" in values:
        _check_registrar(values["registrar"])
    for field, (least, most) in BOUNDS.items():
        if field in values and not least <= values[field] <= most:
            raise InvalidCarrier(f"{_option(field)}: between {least} and {most}")
    if values.get("transport", "udp") not in ("udp", "tcp"):
        raise InvalidCarrier("--transport: udp or tcp")
    if "source_networks" in values:
        parse_networks(values["source_networks"])
    if not 1 <= len(values.get("codecs", ["PCMA"])) <= MAX_CODECS:
        raise InvalidCarrier(f"--codecs: 1 to {MAX_CODECS}")
    if values.get("number_format", NumberFormat.PLUS) not in set(NumberFormat):
        raise InvalidCarrier(f"--number-format: {', '.join(NumberFormat)}")
    # What the gateways made of it will be held to.
    into_gateway = ("registrar", "transport", "expire_seconds", "codecs")
    sample = {field: values[field] for field in into_gateway if field in values}
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


def _check_registrar(registrar: str) -> None:
    found = _HOST.fullmatch(registrar)
    if found is None or not 1 <= int(found["port"] or 5060) <= 65_535:
        raise InvalidCarrier(
            "--registrar: a host name or address and a port if it is not 5060, without sip: :"
            " sip.example.net or sip.example.net:5070"
        )


def _given(arguments: argparse.Namespace) -> dict[str, Any]:
    from controlplane.models.carrier import Carrier

    names = [column.name for column in Carrier.__table__.columns if column.name != "id"]
    found = {name: getattr(arguments, name, None) for name in names}
    return {name: value for name, value in found.items() if value is not None}


def _found(carrier_id: str) -> "RowMapping":
    from controlplane.registrations.report import near

    rows = {row["id"]: row for row in _carriers()}
    if carrier_id not in rows:
        names = ", ".join(near(carrier_id, rows) or sorted(rows)[:5]) or "none yet"
        raise InvalidCarrier(f"no carrier is called {carrier_id!r}; carriers: {names}")
    return rows[carrier_id]


def _carriers() -> "list[RowMapping]":
    from sqlalchemy import func, select

    from controlplane.commands.admin_database import admin_connection
    from controlplane.models.carrier import Carrier
    from controlplane.models.sip_registration import SipRegistration

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


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]
