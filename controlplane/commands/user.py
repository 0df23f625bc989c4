"""`alloresto user`: a restaurant's owner and people, and links that set a password."""

from collections.abc import Sequence
from datetime import UTC, datetime

import click
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.commands import environment
from controlplane.commands.admin_database import ask_restaurant, in_transaction
from controlplane.commands.options import ACTOR, json_lines_option, restaurant_argument
from controlplane.commands.rows import print_rows
from controlplane.contracts.account_links import reset_link
from controlplane.models.membership import Role
from controlplane.models.restaurant import Restaurant
from controlplane.models.user_account import UserAccount
from controlplane.restaurants import new_owner, team

email_argument = click.argument("email", metavar="EMAIL", help="With it they sign in.")

name_option = click.option("--name", required=True, help='What others see: "Lucia Esposito".')


@click.command()
@restaurant_argument
@email_argument
@name_option
def owner(*, restaurant: str, email: str, name: str) -> None:
    """Have this person own the restaurant, and print the link that sets their password, once."""
    site = environment.public_url()

    async def write(session: AsyncSession, owned: Restaurant) -> str | None:
        return await new_owner.appoint_owner(
            session, owned.id, email=email, name=name, actor=ACTOR, now=datetime.now(UTC)
        )

    owned, token = ask_restaurant(restaurant, write)
    if token is None:
        print(f"{owned.slug}: theirs now; they sign in as before at {site}/login")
    else:
        print(f"{owned.slug}: theirs now. {_HANDED}")
        print(reset_link(site, token))


@click.command()
@email_argument
@name_option
def add(*, email: str, name: str) -> None:
    """Make an account without a restaurant, and print the link that sets its password."""
    site = environment.public_url()

    async def write(session: AsyncSession) -> str:
        now = datetime.now(UTC)
        _, token = await new_owner.open_account(session, email=email, name=name, now=now)
        return token

    token = in_transaction(write)
    print(_HANDED)
    print(reset_link(site, token))


@click.command()
@email_argument
@click.option("--without-codes", is_flag=True, help="Ask for no one-time code any more.")
def link(*, email: str, without_codes: bool) -> None:
    """Print a link that sets this user's password anew, once; earlier ones open nothing."""
    site = environment.public_url()

    async def write(session: AsyncSession) -> str:
        return await new_owner.hand_out_link(
            session, email, without_codes=without_codes, now=datetime.now(UTC)
        )

    token = in_transaction(write)
    print(_HANDED)
    print(reset_link(site, token))


@click.command()
@restaurant_argument
@json_lines_option
def list_(*, restaurant: str, as_json: bool) -> None:
    """Who works for the restaurant, and as what."""

    async def read(session: AsyncSession, owned: Restaurant) -> Sequence[tuple[UserAccount, Role]]:
        return await team.list_members(session, owned.id)

    _, members = ask_restaurant(restaurant, read)
    rows = [(user.email, role, user.name) for user, role in members]
    print_rows(("email", "role", "name"), rows, as_json=as_json)


_HANDED = (
    "Hand this link to nobody but them: it sets their password, works once, and for seven days."
)
