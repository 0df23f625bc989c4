"""`alloresto sip add` and `sip set`: a restaurant's SIP account."""

from functools import partial

import click
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.commands import environment
from controlplane.commands.admin_database import admin_connection, ask_restaurant
from controlplane.commands.options import ACTOR, account_argument
from controlplane.commands.typed_secret import typed_secret
from controlplane.errors import AlloRestoError
from controlplane.models.restaurant import Restaurant
from controlplane.models.sip_registration import SipRegistration
from controlplane.registrations.report import account
from controlplane.restaurants.set_account import Account, SipUser, check_carrier, set_account


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
    ask_restaurant(restaurant_name, partial(_check_first, carrier_id=carrier_id))
    user = SipUser.typed(username, auth_username)
    user.check()
    wanted = Account(carrier_id=carrier_id, user=user, password=typed_secret("SIP password"))
    giving = partial(set_account, account=wanted, box=box, actor=ACTOR, seen=0)
    _, gateway = ask_restaurant(restaurant_name, giving)
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
    user = SipUser(found.username, found.domain, found.auth_username)
    user = user.changed(username, auth_username)
    user.check()
    wanted = Account(
        carrier_id=carrier_id or found.carrier,
        user=user,
        password=typed_secret("SIP password") if new_password else None,
    )
    changing = partial(set_account, account=wanted, box=environment.secret_box(), actor=ACTOR)
    ask_restaurant(str(found.restaurant_id), changing)
    print(f"changed {found.gateway}: it is registered anew")


async def _check_first(session: AsyncSession, restaurant: Restaurant, *, carrier_id: str) -> None:
    """Refuse before a password is typed: a carrier that is none, and a second account, for the one
    that is there is changed. Raises `UnknownCarrier`, `AccountRefused`.
    """
    await check_carrier(session, carrier_id)
    query = select(SipRegistration.gateway_name)
    known = await session.scalar(query.where(SipRegistration.restaurant_id == restaurant.id))
    if known is not None:
        raise AccountRefused(f"it has the account {known} already: alloresto sip set {known}")
