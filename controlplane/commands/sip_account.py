"""`alloresto sip add` and `sip set`: a restaurant's SIP account."""

import dataclasses
import secrets
from dataclasses import dataclass, replace
from typing import Any, Self
from uuid import UUID

import click
from sqlalchemy import Connection, insert, select, update
from sqlalchemy.orm import Session

from controlplane.bridge.gateways.gateway_xml import GatewaySettings, gateway_xml
from controlplane.commands import environment
from controlplane.commands.admin_database import admin_connection, in_transaction
from controlplane.commands.options import account_argument
from controlplane.commands.typed_secret import typed_secret
from controlplane.errors import AlloRestoError
from controlplane.models.carrier import Carrier
from controlplane.models.sip_registration import SipRegistration
from controlplane.registrations.report import account
from controlplane.restaurants.find_restaurant import find_restaurant


@dataclass(frozen=True, slots=True)
class SipUser:
    """Whom an account registers, in the columns of `sip_registration`."""

    username: str
    domain: str | None
    auth_username: str | None

    @classmethod
    def typed(cls, username: str, auth_username: str | None) -> Self:
        """Take a carrier's user name apart. One with a domain is the digest's user as a whole, for
        that is what the carrier gave, unless another is given.
        """
        if "@" not in username:
            return cls(username, None, auth_username)
        user, _, domain = username.rpartition("@")
        return cls(user, domain, auth_username or username)

    def changed(self, username: str | None, auth_username: str | None) -> Self:
        """Return what `sip set` makes of it; what is not given stays, a dash is none of its own."""
        auth = None if auth_username == "-" else auth_username
        if username:
            return self.typed(username, auth)
        return replace(self, auth_username=auth) if auth_username else self


class AccountRefused(AlloRestoError):
    """The account cannot be given; says why and what to do."""


@click.command()
@click.argument("restaurant_name", metavar="RESTAURANT", help="Slug or restaurant id.")
@click.option("--carrier", "carrier_id", required=True, metavar="ID", help="See `carrier list`.")
@click.option("--username", required=True, help="As the carrier gives it: USER or USER@DOMAIN.")
@click.option("--auth-username", help="The user of authentication, if another.")
def add(*, restaurant_name: str, carrier_id: str, username: str, auth_username: str | None) -> None:
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
    user = SipUser.typed(username, auth_username)
    _check(gateway, restaurant.id, carrier, user)
    password = typed_secret("SIP password")
    _check(gateway, restaurant.id, carrier, user, password=password)
    with admin_connection() as connection:
        connection.execute(
            insert(SipRegistration).values(
                restaurant_id=restaurant.id,
                gateway_name=gateway,
                carrier_id=carrier.id,
                password_encrypted=box.seal(password, owner=restaurant.id),
                **dataclasses.asdict(user),
            )
        )
    print(f"added {gateway}")
    print(f"watch: alloresto sip trace {gateway} --follow")


@click.command()
@account_argument
@click.option("--carrier", "carrier_id", metavar="ID")
@click.option("--username", help="USER or USER@DOMAIN; takes the old domain and user away.")
@click.option("--auth-username", help="The user of authentication; - for that of --username.")
@click.option("--password", "new_password", is_flag=True, help="Ask for a new one.")
def set_(
    *,
    name: str,
    carrier_id: str | None,
    username: str | None,
    auth_username: str | None,
    new_password: bool,
) -> None:
    """Change an account: its carrier, users or password. It is registered anew."""
    if not (carrier_id or username or auth_username or new_password):
        raise AccountRefused(
            "nothing to change: give --carrier, --username, --auth-username or --password"
        )
    with admin_connection() as connection:
        found = account(connection, name)
        carrier = _carrier(connection, carrier_id or found.carrier)
    user = SipUser(found.username, found.domain, found.auth_username)
    user = user.changed(username, auth_username)
    _check(found.gateway, found.restaurant_id, carrier, user)
    values: dict[str, Any] = {"carrier_id": carrier.id, **dataclasses.asdict(user)}
    if new_password:
        box, password = environment.secret_box(), typed_secret("SIP password")
        _check(found.gateway, found.restaurant_id, carrier, user, password=password)
        values["password_encrypted"] = box.seal(password, owner=found.restaurant_id)
    with admin_connection() as connection:
        row = SipRegistration
        connection.execute(update(row).where(row.id == found.registration_id).values(**values))
    print(f"changed {found.gateway}: it is registered anew")


def _check(
    gateway: str, restaurant_id: UUID, carrier: Carrier, user: SipUser, *, password: str = "x"
) -> None:
    """Raises `InvalidGateway`, which names the field: what no gateway file takes, nobody stores."""
    gateway_xml(
        GatewaySettings(
            gateway_name=gateway,
            registrar=carrier.registrar,
            username=user.username,
            domain=carrier.domain if user.domain is None else user.domain,
            auth_username=user.auth_username,
            outbound_proxy=carrier.outbound_proxy,
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
