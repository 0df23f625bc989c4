"""`alloresto sip add` and `sip set`: a restaurant's SIP account. The password is asked for on the
terminal or read from standard input: never an argument, which others on the machine could read.
"""

import argparse
import getpass
import secrets
import sys
from typing import TYPE_CHECKING, Any
from uuid import UUID

from controlplane.commands import environment
from controlplane.errors import AlloRestoError

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from controlplane.models.carrier import Carrier


class AccountRefused(AlloRestoError):
    """The account cannot be given; says why and what to do."""


def add_to(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Two actions of the group `sip`."""
    adding = actions.add_parser("add", help=add.__doc__)
    adding.add_argument("restaurant", metavar="RESTAURANT", help="slug or restaurant id")
    adding.add_argument("--carrier", required=True, metavar="ID", help="see `carrier list`")
    adding.add_argument("--username", required=True, help="the line's user name, as given")
    adding.set_defaults(command=add)
    setting = actions.add_parser("set", help=set_.__doc__)
    setting.add_argument("name", metavar="NAME", help="gateway name, slug or restaurant id")
    setting.add_argument("--carrier", metavar="ID")
    setting.add_argument("--username")
    setting.add_argument("--password", action="store_true", help="ask for a new one")
    setting.set_defaults(command=set_)


def add(arguments: argparse.Namespace) -> int:
    """Give a restaurant its SIP account; the password is asked for, or read from stdin."""
    from sqlalchemy import insert, select

    from controlplane.commands.admin_database import admin_connection
    from controlplane.models.sip_registration import SipRegistration
    from controlplane.restaurants.caller_lists import owner_called

    box = environment.secret_box()
    with admin_connection() as connection:
        restaurant = owner_called(connection, arguments.restaurant)
        carrier = _carrier(connection, arguments.carrier)
        query = select(SipRegistration.gateway_name)
        known = connection.scalar(query.where(SipRegistration.restaurant_id == restaurant.id))
        if known is not None:
            raise AccountRefused(f"it has the account {known} already: alloresto sip set {known}")
    gateway = f"{restaurant.slug}-{secrets.token_hex(4)}"
    _check(gateway, restaurant.id, carrier, username=arguments.username)
    password = _password()
    _check(gateway, restaurant.id, carrier, username=arguments.username, password=password)
    with admin_connection() as connection:
        connection.execute(
            insert(SipRegistration).values(
                restaurant_id=restaurant.id,
                gateway_name=gateway,
                carrier_id=carrier.id,
                username=arguments.username,
                password_encrypted=box.seal(password, owner=restaurant.id),
            )
        )
    print(f"added {gateway}")
    print(f"watch: alloresto sip trace {gateway} --follow")
    return 0


def set_(arguments: argparse.Namespace) -> int:
    """Change an account: its carrier, user name or password. It is registered anew."""
    from sqlalchemy import update

    from controlplane.commands.admin_database import admin_connection
    from controlplane.models.sip_registration import SipRegistration
    from controlplane.registrations.report import account

    if not (arguments.carrier or arguments.username or arguments.password):
        raise AccountRefused("nothing to change: give --carrier, --username or --password")
    with admin_connection() as connection:
        found = account(connection, arguments.name)
        carrier = _carrier(connection, arguments.carrier or found.carrier)
    username = arguments.username or found.username
    _check(found.gateway, found.restaurant_id, carrier, username=username)
    values: dict[str, Any] = {"carrier_id": carrier.id, "username": username}
    if arguments.password:
        box, password = environment.secret_box(), _password()
        _check(found.gateway, found.restaurant_id, carrier, username=username, password=password)
        values["password_encrypted"] = box.seal(password, owner=found.restaurant_id)
    with admin_connection() as connection:
        row = SipRegistration
        connection.execute(update(row).where(row.id == found.registration_id).values(**values))
    print(f"changed {found.gateway}: it is registered anew")
    return 0


def _check(
    gateway: str, restaurant_id: UUID, carrier: "Carrier", *, username: str, password: str = "x"
) -> None:
    """Raises `InvalidGateway`, which names the field: what no gateway file takes, nobody stores."""
    from controlplane.bridge.gateways.gateway_xml import GatewaySettings, gateway_xml

    gateway_xml(
        GatewaySettings(
            gateway_name=gateway,
            registrar=carrier.registrar,
            username=username,
            password=password,
            restaurant_id=restaurant_id,
            transport=carrier.transport,
            expire_seconds=carrier.expire_seconds,
        )
    )


def _carrier(connection: "Connection", carrier_id: str) -> "Carrier":
    from sqlalchemy.orm import Session

    from controlplane.models.carrier import Carrier

    with Session(connection, expire_on_commit=False) as session:
        found = session.get(Carrier, carrier_id)
    if found is None:
        raise AccountRefused(f"no carrier is called {carrier_id!r}: alloresto carrier list")
    return found


def _password() -> str:
    """Typed without echo, or the first line of standard input."""
    if sys.stdin.isatty():
        return getpass.getpass("SIP password: ")
    return sys.stdin.readline().rstrip("\r\n")
