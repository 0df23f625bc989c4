"""`alloresto room`: a restaurant's dining room: areas, tables, combinations and shifts."""

from pathlib import Path

import click
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.commands.admin_database import ask_restaurant
from controlplane.commands.options import ACTOR, restaurant_argument
from controlplane.models.restaurant import Restaurant
from controlplane.restaurants.dining_plan import DiningPlan
from controlplane.restaurants.set_dining_plan import read_plan, write_plan
from controlplane.restaurants.setup_errors import PlanRefused


@click.command()
@restaurant_argument
def show(*, restaurant: str) -> None:
    """The dining plan as JSON, which `room set` reads."""

    async def read(session: AsyncSession, owner: Restaurant) -> DiningPlan:
        return await read_plan(session, owner.id)

    _, plan = ask_restaurant(restaurant, read)
    print(plan.model_dump_json(indent=2))


@click.command(name="set")
@restaurant_argument
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def set_(*, restaurant: str, file: Path) -> None:
    """Make a JSON file's plan the restaurant's; who has a table keeps it."""
    try:
        plan = DiningPlan.model_validate_json(file.read_bytes())
    except ValidationError as error:
        raise PlanRefused(_problems(error)) from None

    async def write(session: AsyncSession, owner: Restaurant) -> None:
        await write_plan(session, owner.id, plan, actor=ACTOR)

    owner, _ = ask_restaurant(restaurant, write)
    print(f"{owner.slug}: {len(plan.tables)} tables, {len(plan.shifts)} shifts")


def _problems(error: ValidationError) -> list[str]:
    """One line a problem: where it is, and what is wrong."""
    return [
        f"{'.'.join(str(step) for step in one['loc']) or 'plan'}: {one['msg']}"
        for one in error.errors(include_input=False, include_url=False)
    ]
