"""`alloresto payment`: how a restaurant's customers may pay, and where their money goes."""

from dataclasses import asdict
from functools import partial

import click
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.commands import environment, record
from controlplane.commands.admin_database import ask_restaurant
from controlplane.commands.options import json_option, restaurant_argument
from controlplane.commands.typed_secret import typed_secret
from controlplane.models.restaurant import MOST_PAYMENT_MINUTES, PaymentPolicy, Restaurant
from controlplane.restaurants.payment_policy import set_account, set_payment

ACTOR = "admin"
EVENTS = ("checkout.session.completed", "checkout.session.expired", "charge.refunded")


@click.command()
@restaurant_argument
@click.option("--policy", type=click.Choice([str(policy) for policy in PaymentPolicy]))
@click.option(
    "--minutes",
    type=click.IntRange(5, MOST_PAYMENT_MINUTES),
    help="So long a customer may pay by the link.",
)
@json_option
def policy(*, restaurant: str, policy: str | None, minutes: int | None, as_json: bool) -> None:
    """Which orders may, or must, be paid by a link; what is given is changed."""
    wanted = PaymentPolicy(policy) if policy else None
    _, now = ask_restaurant(
        restaurant, partial(set_payment, policy=wanted, minutes=minutes, actor=ACTOR)
    )
    values = asdict(now)
    shown = {name: str(value) for name, value in values.items()}
    print(record.as_json(values) if as_json else record.fields(shown))


@click.command()
@restaurant_argument
def account(*, restaurant: str) -> None:
    """Store its Stripe account: API key, then webhook secret, asked for or read from stdin."""
    box = environment.secret_box()
    api_key = typed_secret("Stripe API key (rk_… or sk_…)")
    webhook_secret = typed_secret("Webhook secret (whsec_…)")

    async def store(session: AsyncSession, found: Restaurant) -> None:
        await set_account(
            session, found, box, api_key=api_key, webhook_secret=webhook_secret, actor=ACTOR
        )

    found, _ = ask_restaurant(restaurant, store)
    print(f"stored the account of {found.slug}")
    print(f"its endpoint at Stripe: https://…/place/{found.id}/payments/stripe")
    print(f"with the events {', '.join(EVENTS)}")
    print(f"then: alloresto payment policy {found.slug} --policy {PaymentPolicy.LINK_OPTIONAL}")
