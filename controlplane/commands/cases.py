"""`alloresto cases`: what restaurants found wrong in calls, for the assistant to be tried on."""

import click

from controlplane.commands import record
from controlplane.commands.admin_database import ask_restaurant
from controlplane.commands.options import restaurant_argument
from controlplane.restaurants.call_cases import export_cases


@click.command()
@restaurant_argument
def cases(*, restaurant: str) -> None:
    """What a restaurant found wrong in its calls, one JSON object a line, with the transcript."""
    _, found = ask_restaurant(restaurant, export_cases)
    for case in found:
        print(record.as_json(case))
