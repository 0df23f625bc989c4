"""`alloresto caller show`, `export`: what a restaurant knows of a customer, or has of a number."""

import sys
from functools import partial

import click
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.commands import record
from controlplane.commands.admin_database import ask_restaurant
from controlplane.commands.caller import number_argument
from controlplane.commands.options import json_option, restaurant_argument
from controlplane.models.restaurant import Restaurant
from controlplane.restaurants.consents import decisions
from controlplane.restaurants.customers import find_customer, usual_of
from controlplane.restaurants.export_caller import export_caller


@click.command()
@restaurant_argument
@number_argument
@json_option
def show(*, restaurant: str, number: str, as_json: bool) -> None:
    """Who a number is to a restaurant: name, what they allowed, what they always order."""

    async def known(session: AsyncSession, owner: Restaurant) -> dict[str, object]:
        customer = await find_customer(session, owner, number)
        return {
            "name": customer.name,
            "language": customer.language,
            "since": customer.created_at,
            "last_order": customer.seen_at,
            "consents": [
                f"{one.purpose}: {one.state}" for one in await decisions(session, customer)
            ],
            "usual": [
                f"{habit.dish.quantity} × {habit.dish.spelt}"
                for habit in await usual_of(session, customer)
            ],
        }

    _, found = ask_restaurant(restaurant, known)
    if as_json:
        print(record.as_json(found))
        return
    print(record.fields({name: _shown(value) for name, value in found.items()}))


@click.command()
@restaurant_argument
@number_argument
def export(*, restaurant: str, number: str) -> None:
    """Everything a restaurant has of a number, as JSON: what a caller may ask for.

    NUMBER may be - to be read from standard input. Rows are grouped by table; recordings are
    hexadecimal.
    """
    written = sys.stdin.readline() if number == "-" else number
    _, rows = ask_restaurant(restaurant, partial(export_caller, number=written))
    print(record.as_json(rows))


def _shown(value: object) -> str:
    return ", ".join(value) or "-" if isinstance(value, list) else record.text(value)
