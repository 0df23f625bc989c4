"""`alloresto sip add` and `sip set`: a restaurant's SIP account. The password is asked for on the
terminal or read from standard input: never an argument, which others on the machine could read.
"""

import getpass
import secrets
import sys
from typing import Any
from uuid import UUID

import click
from sqlalchemy import Connection, insert, select, update
from sqlalchemy.orm import Session

from controlplane.bridge.gateways.gateway_xml import GatewaySettings, gateway_xml
from controlplane.commands import environment
from controlplane.commands.admin_database import admin_connection, in_transaction
from controlplane.commands.options import account_argument
from controlplane.errors import AlloRestoError
from controlplane.models.carrier import Carrier
from controlplane.models.sip_registration import SipRegistration
from controlplane.registrations.report import account
from controlplane.restaurants.find_restaurant import find_restaurant


class AccountRefused(AlloRestoError):
    """The account cannot be given; says why and what to do."""


@click.command()
@click.argument("restaurant_name", metavar="RESTAURANT", help="Slug or restaurant id.")
@click.option("--carrier", "carrier_id", required=True, metavar="ID", help="See `carrier list`.")
@click.option("--username", required=True, help="The line's user name, as given.")
def add(*, restaurant_name: str, carrier_id: str, username: str) -> None:
    """Give a restaurant its SIP account; the password is asked for, or read from stdin."""
    box = environment.secret_box()
    restaurant = in_transaction(lambda session: find_restaurant(session, restaurant_name))
    with admin_connection() as connection:
        carrier = _carrier(connection, carrier_id)
        query = select(SipRegistration.gateway_name)
        known = connection.scalar(query.where(SipRegistration.restaurant_id == restaurant.id))
        if known is not None:
            raise AccountRefused(f"it has the account {known} already: alloresto sip set {known}")
    gateway = f"{restaurant.slug}-{secrets.token_hex(4)}"
    _check(gateway, restaurant.id, carrier, username=username)
    password = _password()
    _check(gateway, restaurant.id, carrier, username=username, password=password)
    with admin_connection() as connection:
        connection.execute(
            insert(SipRegistration).values(
                restaurant_id=restaurant.id,
                gateway_name=gateway,
                carrier_id=carrier.id,
                username=username,
                password_encrypted=box.seal(password, owner=restaurant.id),
            )
        )
    print(f"added {gateway}")
    print(f"watch: alloresto sip trace {gateway} --follow")


@click.command()
@account_argument
@click.option("--carrier", "carrier_id", metavar="ID")
@click.option("--username")
@click.option("--password", "new_password", is_flag=True, help="Ask for a new one.")
def set_(*, name: str, carrier_id: str | None, username: str | None, new_password: bool) -> None:
    """Change an account: its carrier, user name or password. It is registered anew."""
    if not (carrier_id or username or new_password):
        raise AccountRefused("nothing to change: give --carrier, --username or --password")
    with admin_connection() as connection:
        found = account(connection, name)
        carrier = _carrier(connection, carrier_id or found.carrier)
    username = username or found.username
    _check(found.gateway, found.restaurant_id, carrier, username=username)
    values: dict[str, Any] = {"carrier_id": carrier.id, "username": username}
    if new_password:
        box, password = environment.secret_box(), _password()
        _check(found.gateway, found.restaurant_id, carrier, username=username, password=password)
        values["password_encrypted"] = box.seal(password, owner=found.restaurant_id)
    with admin_connection() as connection:
        row = SipRegistration
        connection.execute(update(row).where(row.id == found.registration_id).values(**values))
    print(f"changed {found.gateway}: it is registered anew")


def _check(
    gateway: str, restaurant_id: UUID, carrier: Carrier, *, username: str, password: str = "x"
) -> None:
    """Raises `InvalidGateway`, which names the field: what no gateway file takes, nobody stores."""
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


def _carrier(connection: Connection, carrier_id: str) -> Carrier:
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
