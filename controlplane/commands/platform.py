"""`alloresto platform`: who may open the back office. The site itself can let nobody in."""

from datetime import UTC, datetime

import click

from controlplane.commands.admin_database import in_transaction
from controlplane.restaurants.platform_views import (
    add_platform_member,
    list_platform_members,
    remove_platform_member,
)

email_argument = click.argument("email", metavar="EMAIL", help="They sign in with it.")


@click.command()
@email_argument
def add(*, email: str) -> None:
    """Let somebody in who has an account."""
    user = in_transaction(lambda session: add_platform_member(session, email))
    print(f"{user.email}: may open the back office")


@click.command()
@email_argument
def remove(*, email: str) -> None:
    """Let somebody in no more."""
    now = datetime.now(UTC)
    user = in_transaction(lambda session: remove_platform_member(session, email, now=now))
    print(f"{user.email}: may not open the back office")


@click.command()
def list_() -> None:
    """The people who may, by address."""
    for user in in_transaction(list_platform_members):
        print(user.email)
